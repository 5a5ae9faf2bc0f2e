package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// A Header is the first line of a log: all that its results depend on.
type Header struct {
	Version int    `json:"blitz_eval,omitempty"` // of the file's form
	Model   string `json:"model"`                // as the user called it
	Root    string `json:"root"`                 // the digest that names its files
	Adapter string `json:"adapter,omitempty"`    // the digest of all that the adapter does; "": none

	// Suite says what is asked: a kind of generated problems, data or text; Source what it was
	// made of: size and seed of generated ones, else the SHA-256 of the file.
	Suite  string `json:"suite"`
	Name   string `json:"name"` // of the file; not compared
	Source string `json:"source"`
	Parts  int    `json:"parts"` // problems, or windows of a text

	Settings Settings `json:"settings"`
}

// Settings are what results depend on beside the model and what it is asked.
type Settings struct {
	Samples       int     `json:"samples,omitempty"` // answers to each problem
	Seed          uint64  `json:"seed,string,omitempty"`
	Temperature   float32 `json:"temperature"`
	TopK          int     `json:"top_k,omitempty"`
	TopP          float32 `json:"top_p,omitempty"`
	MinP          float32 `json:"min_p,omitempty"`
	RepeatPenalty float32 `json:"repeat_penalty,omitempty"`
	MaxTokens     int     `json:"max_tokens,omitempty"` // 0: what the context has room for
	Think         string  `json:"think,omitempty"`
	System        string  `json:"system,omitempty"`
	Prompt        string  `json:"prompt,omitempty"` // {question} or {short} in it; "": the model's template
	Context       int     `json:"ctx"`
	Rope          string  `json:"rope,omitempty"` // of rotary embedding, where something was set
	Cache         string  `json:"cache"`
	MLA           string  `json:"mla,omitempty"`

	TextBytes int `json:"text_bytes,omitempty"`
}

// version is the Version of the logs that this package writes.
const version = 1

// SuiteText is the suite of a text that is predicted.
const SuiteText = "text"

// line returns the header as it stands in a log. Reports have no version.
func (h Header) line() ([]byte, error) {
	h.Version = version
	b, err := json.Marshal(h)
	return append(b, '\n'), err
}

// parseHeader reads the first line of a log.
func parseHeader(line []byte) (*Header, error) {
	h := &Header{}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil || h.Version == 0 {
		return nil, fmt.Errorf("the first line is not that of results of blitz eval")
	}
	switch {
	case h.Version != version:
		return nil, fmt.Errorf("its form is %d, want %d", h.Version, version)
	case h.Parts < 1 || h.Settings.Samples < 0 || h.Suite != SuiteText && h.Settings.Samples < 1:
		return nil, fmt.Errorf("it has %d parts and %d samples", h.Parts, h.Settings.Samples)
	}
	return h, nil
}

// differs names a setting in which two headers differ, with both values, "" where their
// results are of the same measurement. Names do not count.
func (h *Header) differs(other *Header) (string, error) {
	a, err := h.fields()
	if err != nil {
		return "", err
	}
	b, err := other.fields()
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if x, y := string(a[name]), string(b[name]); x != y {
			return fmt.Sprintf("%s: %s there, %s here", name, orNone(x), orNone(y)), nil
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b)) {
		if a[name] == nil {
			return fmt.Sprintf("%s: none there, %s here", name, b[name]), nil
		}
	}
	return "", nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// fields returns what is compared, by name.
func (h *Header) fields() (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	for _, v := range []any{h, h.Settings} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(b, &all); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"blitz_eval", "settings", "model", "name"} {
		delete(all, name)
	}
	return all, nil
}
