package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/clipperhouse/displaywidth"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/fault"
)

// metadataEntry is a pair of the metadata. Of a long array the first elements stand
// in Value.
type metadataEntry struct {
	Key    string `json:"key"`
	Kind   string `json:"kind"` // of the elements, for an array
	Array  bool   `json:"array,omitempty"`
	Length int    `json:"length,omitempty"` // of an array
	Value  any    `json:"value"`
	text   string // for people
}

func (m *metadataEntry) kind() string {
	if m.Array {
		return fmt.Sprintf("%s[%d]", m.Kind, m.Length)
	}
	return m.Kind
}

const (
	maxShownElements = 64 // of an array, in JSON
	maxShownCells    = 72 // of a value, for people
)

// metadataOf returns the metadata in the order of the file: of a GGUF its keys, of
// safetensors those of the header and of config.json.
func metadataOf(files *blitz.Files) ([]metadataEntry, error) {
	if f := files.GGUF(); f != nil {
		var list []metadataEntry
		for _, kv := range f.KeyValues() {
			list = append(list, newMetadataEntry(kv))
		}
		return list, nil
	}
	f, err := files.Safetensors()
	if errors.Is(err, blitz.ErrNoWeights) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := configMetadata(files)
	if err != nil {
		return nil, err
	}
	header := f.Metadata()
	var keys []string
	for key := range header {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		list = append(list, metadataEntry{Key: key, Kind: "string", Value: header[key], text: shownText(header[key])})
	}
	return list, nil
}

// configMetadata returns the keys of a model's config.json, none where there is no such
// file.
func configMetadata(files *blitz.Files) ([]metadataEntry, error) {
	b, err := files.Config()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(b, &config); err != nil {
		return nil, fault.Refusal(fmt.Errorf("config.json: %w", err))
	}
	var list []metadataEntry
	for key, raw := range config {
		list = append(list, metadataEntry{Key: key, Kind: "json", Value: raw, text: shownText(string(raw))})
	}
	slices.SortFunc(list, func(a, b metadataEntry) int { return strings.Compare(a.Key, b.Key) })
	return list, nil
}

func newMetadataEntry(kv gguf.KeyValue) metadataEntry {
	v := kv.Value
	m := metadataEntry{Key: kv.Key, Kind: v.Elem().String(), text: shownText(v.String())}
	if v.Kind() != gguf.Array {
		m.Value = plainValue(v)
		return m
	}
	m.Array, m.Length = true, v.Len()
	elements := []any{}
	for e := range v.Elements() {
		if len(elements) == maxShownElements {
			break
		}
		elements = append(elements, plainValue(e))
	}
	m.Value = elements
	return m
}

// plainValue returns a value as JSON has it.
func plainValue(v gguf.Value) any {
	if b, ok := v.Bool(); ok {
		return b
	}
	if u, ok := v.Uint(); ok {
		return u
	}
	if i, ok := v.Int(); ok {
		return i
	}
	if x, ok := v.Float(); ok {
		return finite(x)
	}
	return strings.ToValidUTF8(v.String(), "\uFFFD")
}

// finite returns a number that JSON has, or its name.
func finite(x float64) any {
	if _, err := json.Marshal(x); err != nil {
		return fmt.Sprint(x)
	}
	return x
}

// shownText returns text for one line of a table.
func shownText(s string) string {
	if len(s) > 8*maxShownCells {
		s = strings.ToValidUTF8(s[:8*maxShownCells], "")
	}
	return displaywidth.TruncateString(printable(s), maxShownCells, "…")
}
