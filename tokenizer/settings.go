package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Settings are the members of a JSON file beside a tokenizer. Published files
// have values of all kinds under the same keys: what has a clear meaning is
// taken, what has none is passed over with a note.
type settings struct {
	file   string
	values map[string]json.RawMessage
	keys   []string // in the order of the file
	notes  *notes
}

// maxConfigFile is the longest file of settings, in bytes.
const maxConfigFile = 64 << 20

// readSettings reads a file. One that is not there, or empty, holds nothing.
func readSettings(s source, file string, n *notes) (settings, error) {
	into := settings{file: file, values: map[string]json.RawMessage{}, notes: n}
	data, err := s.read(file, maxConfigFile)
	if errors.Is(err, fs.ErrNotExist) {
		return into, nil
	}
	if err != nil {
		return into, err
	}
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if len(data) == 0 {
		n.add("%s is empty", file)
		return into, nil
	}
	scan := jsonScan{data: data}
	err = scan.object(func(key []byte) error {
		name := string(key)
		raw, err := scan.raw()
		if _, twice := into.values[name]; !twice {
			into.keys = append(into.keys, name)
		}
		into.values[name] = raw
		return err
	})
	if err == nil && scan.peek() != 0 {
		err = scan.fail("the end")
	}
	if err != nil {
		return into, fmt.Errorf("%s: %w", file, err)
	}
	return into, nil
}

// has reports whether a key is there with a value that is not null.
func (s settings) has(key string) bool {
	raw, ok := s.values[key]
	return ok && string(raw) != "null"
}

// odd notes that the value of a key is passed over.
func (s settings) odd(key, want string) {
	s.notes.add("%s: %s: got %.40s, want %s: passed over", s.file, key, s.values[key], want)
}

// text returns a string, "" if there is none.
func (s settings) text(key string) string {
	var v string
	if s.has(key) && json.Unmarshal(s.values[key], &v) != nil {
		s.odd(key, "a string")
	}
	return v
}

// flag returns a setting that is on or off; nil if the file does not say.
func (s settings) flag(key string) *bool {
	if !s.has(key) {
		return nil
	}
	on := true
	switch strings.ToLower(strings.Trim(string(s.values[key]), `"`)) {
	case "true", "1", "1.0":
	case "false", "0", "0.0":
		on = false
	default:
		s.odd(key, "true or false")
		return nil
	}
	return &on
}

// token returns the token that a key names. Of a list, it is the first.
func (s settings) token(key string) (token addedEntry, ok bool) {
	if !s.has(key) {
		return token, false
	}
	list := tokensOf(s.values[key])
	if len(list) == 0 {
		s.odd(key, "a token")
		return token, false
	}
	return list[0], true
}

// tokens returns the tokens that a key lists.
func (s settings) tokens(key string) []addedEntry {
	if !s.has(key) {
		return nil
	}
	list := tokensOf(s.values[key])
	if list == nil {
		s.odd(key, "a list of tokens")
	}
	return list
}

// tokensOf reads one token, a list of tokens, or an object of tokens by name. A
// token is a string, or an object with a content. It returns nil where there is
// none of that, and leaves out what is none in a list.
func tokensOf(raw json.RawMessage) []addedEntry {
	switch {
	case len(raw) == 0:
		return nil
	case raw[0] == '"':
		var content string
		if json.Unmarshal(raw, &content) != nil || content == "" {
			return nil
		}
		return []addedEntry{{Content: content}}
	}
	list := []addedEntry{}
	scan := jsonScan{data: raw}
	switch raw[0] {
	case '[':
		if scan.array(func() error {
			item, err := scan.raw()
			list = append(list, oneToken(item)...)
			return err
		}) != nil {
			return nil
		}
	case '{':
		if one := oneToken(raw); one != nil {
			return one
		}
		if scan.object(func([]byte) error {
			item, err := scan.raw()
			list = append(list, oneToken(item)...)
			return err
		}) != nil {
			return nil
		}
	default:
		return nil
	}
	return list
}

// oneToken reads a string, or an object with a content.
func oneToken(raw json.RawMessage) []addedEntry {
	if len(raw) == 0 || raw[0] == '"' {
		return tokensOf(raw)
	}
	if raw[0] != '{' {
		return nil
	}
	var fields struct {
		Content    json.RawMessage `json:"content"`
		SingleWord json.RawMessage `json:"single_word"`
		LStrip     json.RawMessage `json:"lstrip"`
		RStrip     json.RawMessage `json:"rstrip"`
		Normalized json.RawMessage `json:"normalized"`
		Special    json.RawMessage `json:"special"`
	}
	var content string
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(fields.Content, &content) != nil || content == "" {
		return nil
	}
	on := func(raw json.RawMessage) bool { return slices.Contains([]string{"true", "1"}, string(raw)) }
	token := addedEntry{
		Content: content, SingleWord: on(fields.SingleWord), LStrip: on(fields.LStrip), RStrip: on(fields.RStrip), Special: on(fields.Special),
	}
	if len(fields.Normalized) > 0 && string(fields.Normalized) != "null" {
		normalized := on(fields.Normalized)
		token.Normalized = &normalized
	}
	return []addedEntry{token}
}
