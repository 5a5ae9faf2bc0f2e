package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"github.com/blitz-r1/blitz/internal/spelling"
)

// maxFile bounds the settings file, in bytes.
const maxFile = 1 << 20

// File is config.toml: keys are flags, and hold for every verb that has the flag; a
// table with the name of a verb holds for that verb, and before the others. ServersTable
// is neither.
type File struct {
	path   string
	values map[string]any
	keys   []toml.Key // in the order of the file
}

// Open reads the settings file; one that is not there is empty. The error is an Error, or
// that of the system.
func Open(getenv func(string) string) (*File, error) {
	dir, err := Folder(getenv)
	if err != nil {
		return &File{}, nil // no home, no file
	}
	f := &File{path: filepath.Join(dir, "config.toml")}
	text, err := read(f.path)
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
			return nil, &Error{fmt.Errorf("%s: line %d: %s", f.path, parse.Position.Line, parse.Message)}
		}
		return nil, &Error{fmt.Errorf("%s: %w", f.path, err)}
	}
	f.keys = meta.Keys()
	return f, nil
}

// read returns what a file holds, which is no more than maxFile.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = &Error{fmt.Errorf("%s: is longer than %d bytes", path, maxFile)}
	}
	return text, err
}

// Path returns the path of the file, which need not be there; "" where there is no home
// folder.
func (f *File) Path() string { return f.path }

// Lookup returns the text of a setting, and where it stands.
func (f *File) Lookup(verb, name string) (text, origin string, ok bool, err error) {
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
	text, ok = valueText(v)
	if !ok {
		return "", "", false, &Error{fmt.Errorf("%s: want a text, a number, true or false, or a list of these", origin)}
	}
	return text, origin, true, nil
}

// valueText writes a value as the command line spells it.
func valueText(v any) (string, bool) {
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
			s, ok := valueText(x)
			if !ok {
				return "", false
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ","), true
	}
	return "", false
}

// ServersTable is the table of MCP servers, which is no verb's: who reads them checks it.
const ServersTable = "mcp"

// TrustTable is the table of whom models are trusted from, AuditTable that of the log of
// receipts, which are no verb's either.
const (
	TrustTable = "trust"
	AuditTable = "audit"
)

// RequireKey is the key of TrustTable that has unsigned models refused.
const RequireKey = "require"

// Table returns a table that is no verb's, empty where there is none.
func (f *File) Table(name string) map[string]any {
	table, _ := f.values[name].(map[string]any)
	return table
}

// Known are the settings of each verb, and under "" those of all.
type Known map[string][]string

// Unknown returns a message for each key that is no setting, with the nearest.
func (f *File) Unknown(known Known) []string {
	var messages []string
	for _, k := range f.keys {
		table, name := "", k[0]
		if _, isTable := f.values[k[0]].(map[string]any); isTable {
			if k[0] == ServersTable || k[0] == AuditTable || k[0] == TrustTable && (len(k) == 1 || k[1] == RequireKey) {
				continue
			}
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
			near := slices.Clone(known[table])
			if table == "" { // a table may stand there
				near = append(near, slices.Collect(maps.Keys(known))...)
			}
			slices.Sort(near)
			messages = append(messages, fmt.Sprintf("%s: unknown key %s%s", f.path, k, spelling.Text(name, slices.Compact(near))))
		}
	}
	return messages
}
