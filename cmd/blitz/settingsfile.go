package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxSettings bounds the settings file, in bytes.
const maxSettings = 1 << 20

// settingsFile is config.toml: keys are flags, and hold for every verb that has the
// flag; a table with the name of a verb holds for that verb, and before the others.
type settingsFile struct {
	path   string
	values map[string]any
	keys   []toml.Key // in the order of the file
}

// openSettings reads the settings file; one that is not there is empty.
func openSettings(getenv func(string) string) (*settingsFile, error) {
	dir, err := configFolder(getenv)
	if err != nil {
		return &settingsFile{}, nil // no home, no file
	}
	f := &settingsFile{path: filepath.Join(dir, "config.toml")}
	text, err := readFile(f.path, maxSettings)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) { // /dev/null is a folder without settings
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	meta, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&f.values)
	if err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) && parse.Message != "" {
			return nil, usageError{fmt.Errorf("%s: line %d: %s", f.path, parse.Position.Line, parse.Message)}
		}
		return nil, usageError{fmt.Errorf("%s: %w", f.path, err)}
	}
	f.keys = meta.Keys()
	return f, nil
}

// lookup returns the text of a setting, and where it stands.
func (f *settingsFile) lookup(verb, name string) (text, origin string, ok bool, err error) {
	table, _ := f.values[verb].(map[string]any)
	v, ok := table[name]
	origin = f.path + ":" + verb + "." + name
	if !ok {
		v, ok = f.values[name]
		origin = f.path + ":" + name
		if _, isTable := v.(map[string]any); !ok || isTable {
			return "", "", false, nil
		}
	}
	text, ok = settingText(v)
	if !ok {
		return "", "", false, usageError{fmt.Errorf("%s: want a text, a number, true or false, or a list of these", origin)}
	}
	return text, origin, true, nil
}

// settingText writes a value as the command line spells it.
func settingText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case []any:
		var parts []string
		for _, x := range v {
			if _, nested := x.([]any); nested {
				return "", false
			}
			s, ok := settingText(x)
			if !ok {
				return "", false
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}

// unknown returns a message for each key that is no setting, with the nearest.
func (f *settingsFile) unknown(root *cobra.Command) []string {
	if len(f.keys) == 0 {
		return nil
	}
	known := knownSettings(root)
	var messages []string
	for _, k := range f.keys {
		table, name := "", k[0]
		if _, isTable := f.values[k[0]].(map[string]any); isTable {
			_, isVerb := known[k[0]]
			if isVerb == (len(k) == 1) {
				continue // a verb's table, or a key of a table that was named already
			}
			if isVerb {
				table, name = k[0], k[1]
			}
		}
		_, isVerb := known[name]
		switch {
		case slices.Contains(known[table], name):
		case table == "" && name != "" && isVerb:
			messages = append(messages, fmt.Sprintf("%s: %s is a verb, want a table of its settings: [%s]", f.path, name, name))
		default:
			near := append(slices.Clone(known[table]), verbNames(root, table)...)
			messages = append(messages, fmt.Sprintf("%s: unknown key %s%s", f.path, k, nearestText(name, dedupe(near))))
		}
	}
	return messages
}

// knownSettings returns the settings of each verb, and under "" those of all.
func knownSettings(root *cobra.Command) map[string][]string {
	known := map[string][]string{"": {homeKey}}
	for _, cmd := range root.Commands() {
		known[cmd.Name()] = nil
		for _, s := range append(cmd.Commands(), cmd) {
			visitFlags(s, func(p *pflag.Flag) {
				known[cmd.Name()] = append(known[cmd.Name()], p.Name)
				known[""] = append(known[""], p.Name)
			})
		}
	}
	return known
}

// verbNames returns the names of the verbs where a key may be a table, at the top.
func verbNames(root *cobra.Command, table string) []string {
	var names []string
	if table == "" {
		for _, cmd := range root.Commands() {
			names = append(names, cmd.Name())
		}
	}
	return names
}

func dedupe(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// warn writes a warning for each unknown key.
func (f *settingsFile) warn(cmd *cobra.Command) {
	for _, m := range f.unknown(cmd.Root()) {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: warning: %s\n", m)
	}
}

// visitFlags calls visit for every setting of a command, with those of all commands.
func visitFlags(cmd *cobra.Command, visit func(*pflag.Flag)) {
	for _, set := range []*pflag.FlagSet{cmd.NonInheritedFlags(), cmd.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if isSetting(f) && !f.Hidden {
				visit(f)
			}
		})
	}
}
