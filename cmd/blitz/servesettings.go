package main

import (
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/settings"
)

// reloadable are the settings that SIGHUP has read anew; see reload.
var reloadable = map[string]bool{"require-keys": true, "hosts": true, "trusted-proxies": true, "cors": true, "log-level": true}

// sourceVariables say where sources are and who asks them; the values of secret ones are
// shown to nobody.
var sourceVariables = []struct {
	name   string
	secret bool
}{
	{"HF_ENDPOINT", false},
	{"HF_TOKEN", true},
	{"HF_TOKEN_PATH", false},
	{"HF_HOME", false},
	{"HF_HUB_OFFLINE", false},
	{"BLITZ_OLLAMA_REGISTRY", false},
	{"MODELSCOPE_ENDPOINT", false},
	{"MODELSCOPE_API_TOKEN", true},
	{"DOCKER_CONFIG", false},
	{catalogueVariable, false},
}

// hiddenValue stands for a secret that is set.
const hiddenValue = "set, and not shown"

// settings returns the settings that the server runs with, and where each comes from.
func (f *serveFlags) settings() []ui.Setting {
	var list []ui.Setting
	next := f.reloaded.Load()
	visitFlags(f.cmd, func(p *pflag.Flag) {
		if next != nil && reloadable[p.Name] && settings.Origin(p) != settings.CommandLine {
			if q := next.cmd.Flags().Lookup(p.Name); q != nil {
				p = q
			}
		}
		one := ui.Setting{Name: p.Name, Value: strings.Trim(p.Value.String(), "[]")}
		one.From, one.Where = origin(settings.Origin(p))
		if p.Name == "addr" && one.From == ui.FromDefault && os.Getenv("OLLAMA_HOST") != "" {
			one.From, one.Where = ui.FromEnvironment, "OLLAMA_HOST"
		}
		list = append(list, one)
	})
	if dir, from, err := homeFolder(os.Getenv); err == nil {
		one := ui.Setting{Name: settings.HomeKey, Value: dir}
		one.From, one.Where = origin(from)
		list = append(list, one)
	}
	for _, v := range sourceVariables {
		value := os.Getenv(v.name)
		if value == "" {
			continue
		}
		if v.secret {
			value = hiddenValue
		} else if u, err := url.Parse(value); err == nil && u.User != nil {
			value = u.Redacted()
		}
		list = append(list, ui.Setting{Name: v.name, Value: value, From: ui.FromEnvironment, Where: v.name})
	}
	return list
}

// origin returns what the page says of where a setting comes from: a variable, a key of the
// settings file, the command line, or nowhere.
func origin(from string) (kind, where string) {
	switch {
	case from == settings.CommandLine:
		return ui.FromFlag, ""
	case from == settings.Default:
		return ui.FromDefault, ""
	case strings.HasPrefix(from, "BLITZ_"):
		return ui.FromEnvironment, from
	}
	return ui.FromFile, from
}
