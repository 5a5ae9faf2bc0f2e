package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"time"
)

// settingsFile is a file of a tool's settings, JSON with comments, and what has to stand
// in it.
type settingsFile struct {
	path  []string // below the folder of all programs' settings
	merge map[string]any
}

// name returns the path of the file.
func (f *settingsFile) name() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(append([]string{dir}, f.path...)...), nil
}

// write puts the settings into the file, whose others stay. It returns the path of the
// copy that it keeps of what was there: "" where nothing was, or nothing changes.
func (f *settingsFile) write(now time.Time) (kept string, err error) {
	name, err := f.name()
	if err != nil {
		return "", err
	}
	before, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	there := map[string]any{}
	if text := bytes.TrimSpace(plainJSON(before)); len(text) > 0 {
		if err := json.Unmarshal(text, &there); err != nil {
			return "", fmt.Errorf("%s cannot be read, and is left as it is: %w", name, err)
		}
	}
	if !mergeInto(there, f.merge) {
		return "", nil
	}
	after, err := json.MarshalIndent(there, "", "  ")
	if err != nil {
		return "", err
	}
	if len(before) > 0 {
		kept = name + ".before-blitz-" + now.UTC().Format("20060102-150405")
		if err := os.WriteFile(kept, before, 0o600); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return "", err
	}
	return kept, replaceFile(name, append(after, '\n'))
}

// mergeInto puts settings into those that are there, objects by their keys, and says
// whether anything changed.
func mergeInto(there, from map[string]any) bool {
	changed := false
	for key, v := range from {
		inner, isObject := v.(map[string]any)
		old, wasObject := there[key].(map[string]any)
		if isObject && wasObject {
			changed = mergeInto(old, inner) || changed
			continue
		}
		if !reflect.DeepEqual(normal(there[key]), normal(v)) {
			there[key] = v
			changed = true
		}
	}
	return changed
}

// normal returns a value as JSON reads it back.
func normal(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	if json.Unmarshal(text, &out) != nil {
		return v
	}
	return out
}

// plainJSON returns JSON without the comments, and the commas behind last values, that
// editors allow.
func plainJSON(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := stringEnd(text, i)
			out = append(out, text[i:end]...)
			i = end
		case bytes.HasPrefix(text[i:], []byte("//")):
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case bytes.HasPrefix(text[i:], []byte("/*")):
			if end := bytes.Index(text[i:], []byte("*/")); end >= 0 {
				i += end + 2
			} else {
				i = len(text)
			}
		case c == '}' || c == ']':
			out = append(bytes.TrimRight(out, " \t\r\n,"), c)
			i++
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// stringEnd returns where a string ends that begins at from.
func stringEnd(text []byte, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
