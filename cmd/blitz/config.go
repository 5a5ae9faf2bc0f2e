package main

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// setting is a line of what config prints: a flag, its value, what set it, and for
// which verbs.
type setting struct {
	Key      string   `json:"key"`
	Value    string   `json:"value"`
	Default  string   `json:"default,omitempty"` // in words, what holds where there is no value
	From     string   `json:"from"`
	Verbs    []string `json:"verbs"`
	Variable string   `json:"variable"`
}

func newConfig() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting, its value and where it comes from",
		Long: `Every flag is a setting. Its value comes from the command line, else from the
environment (BLITZ_ and the flag in capitals, dashes as underscores:
BLITZ_TOP_P), else from the settings file, else it is the flag's default.

The settings file is config.toml in $XDG_CONFIG_HOME/blitz (~/.config/blitz).
Its keys are spelled as the flags and hold for every verb that has the flag; in
a table with the name of a verb they hold for that verb alone:

  threads = 8
  home = "/big/disk/models"   # the folder of the store, as BLITZ_HOME

  [run]
  temp = 0.6
  hide-thinking = true

MCP servers, whose tools models may call in run --mcp and in the server's page,
are tables below mcp: a program that is started and spoken with over its
standard input and output, or an address of streamable HTTP. NAME has letters,
digits, _ and -; a tool is called NAME__TOOL.

  [mcp.files]
  command = ["mcp-files", "--root", "/home/me/notes"]
  env = {KEY = "…"}           # beside PATH, HOME and the like, all it gets

  [mcp.search]
  url = "https://example.org/mcp"
  headers = {Authorization = "Bearer …"}
  tools = ["search"]          # only these; all where it is left out
  timeout = "20s"             # of a call; 60s where it is left out

What a person always allows is kept in mcp-allowed.json beside the file.`,
		Example: `  blitz config
  BLITZ_TEMP=0 blitz config get run.temp`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := allSettings(cmd.Root())
			if err != nil {
				return err
			}
			for _, m := range unknownVariables(list, os.Environ()) {
				fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s\n", m)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			return writeTable(cmd.OutOrStdout(), settingRows(list)...)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the settings as JSON")
	cmd.AddCommand(newConfigGet(), newConfigPath())
	return cmd
}

func newConfigGet() *cobra.Command {
	return &cobra.Command{
		Use:   "get KEY",
		Short: "Print the value of one setting, KEY or VERB.KEY",
		Example: `  blitz config get threads
  blitz config get run.temp`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := allSettings(cmd.Root())
			if err != nil {
				return err
			}
			value, err := findSetting(list, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), value)
			return err
		},
	}
}

func newConfigPath() *cobra.Command {
	return &cobra.Command{
		Use:   "path",
		Short: "Print the path of the settings file",
		Example: `  blitz config path
  $EDITOR "$(blitz config path)"`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := settings.Open(os.Getenv)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), file.Path())
			return err
		},
	}
}

// allSettings returns all settings, in the order of their keys. Verbs with the same
// value from the same place share one.
func allSettings(root *cobra.Command) ([]setting, error) {
	file, err := settings.Open(os.Getenv)
	if err != nil {
		return nil, err
	}
	var list []setting
	add := func(s setting) {
		for i, o := range list {
			if o.Key == s.Key && o.Value == s.Value && o.Default == s.Default && o.From == s.From {
				list[i].Verbs = dedupe(append(o.Verbs, s.Verbs...))
				return
			}
		}
		list = append(list, s)
	}
	for _, verb := range root.Commands() {
		for _, cmd := range append(verb.Commands(), verb) {
			visitFlags(cmd, func(f *pflag.Flag) {
				if err == nil && !f.Changed {
					err = settings.Set(f, verb.Name(), os.Getenv, file)
				}
				add(setting{Key: f.Name, Value: f.Value.String(), Default: defaultText(f), From: settings.Origin(f), Verbs: []string{verb.Name()}, Variable: settings.Variable(f.Name)})
			})
		}
	}
	if err != nil {
		return nil, err
	}
	home, from, err := homeFolder(os.Getenv)
	if err != nil && fault.Of(err) == fault.Usage {
		return nil, err
	} else if err != nil {
		from = "default" // there is no home folder: models are run by their paths
	}
	add(setting{Key: settings.HomeKey, Value: home, From: from, Variable: settings.Variable(settings.HomeKey)})
	slices.SortStableFunc(list, func(a, b setting) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func settingRows(list []setting) [][]string {
	var all []string
	for _, s := range list {
		all = append(all, s.Verbs...)
	}
	all = dedupe(all)
	rows := [][]string{{"KEY", "VALUE", "FROM", "VERBS"}}
	for _, s := range list {
		value, verbs := orDash(cmp.Or(s.Value, s.Default)), strings.Join(s.Verbs, " ")
		if len(s.Verbs) == len(all) || len(s.Verbs) == 0 {
			verbs = "all"
		}
		rows = append(rows, []string{s.Key, value, s.From, verbs})
	}
	return rows
}

// findSetting returns the value of KEY or VERB.KEY.
func findSetting(list []setting, key string) (string, error) {
	verb, name, dotted := strings.Cut(key, ".")
	if !dotted {
		verb, name = "", key
	}
	var found []setting
	var names []string
	for _, s := range list {
		names = append(names, s.Key)
		if s.Key == name && (verb == "" || slices.Contains(s.Verbs, verb)) {
			found = append(found, s)
		}
	}
	switch {
	case len(found) == 0:
		return "", fault.Missing(fmt.Errorf("config: no setting %q%s", key, spelling.Text(name, dedupe(names))))
	case len(found) > 1:
		return "", fault.Misuse(fmt.Errorf("config: %s has %d values, want VERB.%s, such as %s.%s", key, len(found), key, found[0].Verbs[0], key))
	}
	return cmp.Or(found[0].Value, found[0].Default), nil
}

// defaultNote is how the help of a flag says its default where that is no value.
var defaultNote = regexp.MustCompile(`\(default ([^()]*)\)`)

// defaultText returns in words what holds where a flag has no value, "" for nothing.
func defaultText(f *pflag.Flag) string {
	if m := defaultNote.FindStringSubmatch(f.Usage); m != nil {
		return m[1]
	}
	return ""
}

// unknownVariables returns a message for each variable that is spelled like a setting
// and is none.
func unknownVariables(list []setting, environ []string) []string {
	var known, messages []string
	for _, s := range list {
		known = append(known, s.Variable)
	}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "BLITZ_") && !strings.HasPrefix(name, "BLITZ_TEST_") && !slices.Contains(known, name) {
			messages = append(messages, fmt.Sprintf("%s: no such setting%s", name, spelling.Text(name, dedupe(known))))
		}
	}
	return messages
}

// dedupe returns names in order, each once.
func dedupe(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
