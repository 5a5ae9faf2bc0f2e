package catalogue

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/blitz-r1/blitz/internal/hub"
)

// ErrFormat says that a text is no catalogue.
var ErrFormat = errors.New("no catalogue")

// Bounds of a catalogue.
const (
	version    = 1
	maxFile    = 4 << 20 // bytes
	maxModels  = 4096
	maxSources = 64  // of a model
	maxText    = 500 // bytes of a text
	maxNumber  = 1 << 53
)

// Catalogue is a list of models by their names. It does not change; any goroutine may use
// it.
type Catalogue struct {
	Models []*Model
	byName map[string]*Model // by key
}

// Model is what a catalogue says of one model. A fact that it does not have is zero.
type Model struct {
	Name         hub.Name   `json:"name"`
	Also         []hub.Name `json:"also,omitempty"` // further names of it
	Title        string     `json:"title,omitempty"`
	Architecture string     `json:"architecture,omitempty"` // as GGUF files call it
	Parameters   int64      `json:"parameters,omitempty"`
	Active       int64      `json:"active_parameters,omitempty"` // that one token uses, of a mixture of experts
	Context      int64      `json:"context,omitempty"`           // positions
	License      string     `json:"license,omitempty"`
	GoodAt       string     `json:"good_at,omitempty"`
	Sources      []Source   `json:"sources"` // the first is taken where nothing else is asked for
	// Confirmed has an https address for each other fact, by its name: where it was read.
	Confirmed map[string]string `json:"confirmed,omitempty"`
}

// Source is one place that a model comes from, in one quantisation.
type Source struct {
	Source Place `json:"source"`
	Size   int64 `json:"size,omitempty"` // bytes, as far as the place says: often rounded
	// Confirmed is an https address where it was read that this place has the model.
	Confirmed string `json:"confirmed,omitempty"`
}

// Place is a source as the command line has it.
type Place struct{ hub.Source }

// UnmarshalText reads a source that is fetched: no path and no stored name.
func (p *Place) UnmarshalText(text []byte) error {
	src, err := hub.ParseSource(string(text))
	if err != nil {
		return err
	}
	if !src.Remote() {
		return fmt.Errorf("source %q is fetched from nowhere, want such as hf.co/USER/REPO:QUANT or ollama:NAME:TAG", string(text))
	}
	p.Source = src
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

//go:embed catalogue.json
var builtin []byte

// Builtin returns the catalogue in the program.
var Builtin = sync.OnceValue(func() *Catalogue {
	c, err := Parse(builtin)
	if err != nil {
		panic("the catalogue in the program: " + err.Error()) // a test reads it
	}
	return c
})

// Open returns the catalogue of a file, for "" the one in the program. The error names the
// file, and is ErrFormat, or that of the system.
func Open(path string) (*Catalogue, error) {
	if path == "" {
		return Builtin(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("catalogue %s: not a file: %w", path, ErrFormat)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", path, err)
	}
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("catalogue %s: %w", path, err)
	}
	return c, nil
}

// file is the form of a catalogue.
type file struct {
	Version int               `json:"version"`
	Models  []json.RawMessage `json:"models"`
}

// Parse reads the text of a catalogue. The error is ErrFormat, and names the model.
func Parse(text []byte) (*Catalogue, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("more than %d bytes: %w", maxFile, ErrFormat)
	}
	var f file
	if err := decode(text, &f); err != nil {
		return nil, err
	}
	switch {
	case f.Version != version:
		return nil, fmt.Errorf("version %d, want %d: %w", f.Version, version, ErrFormat)
	case len(f.Models) > maxModels:
		return nil, fmt.Errorf("%d models, %d at most: %w", len(f.Models), maxModels, ErrFormat)
	}
	c := &Catalogue{byName: map[string]*Model{}}
	for i, text := range f.Models {
		m := new(Model)
		if err := decode(text, m); err != nil {
			return nil, fmt.Errorf("model %d%s: %w", i+1, called(text), err)
		}
		if err := m.check(); err != nil {
			return nil, fmt.Errorf("model %d (%s): %w: %w", i+1, m.Name.Short(), err, ErrFormat)
		}
		if err := c.add(m); err != nil {
			return nil, fmt.Errorf("model %d: %w", i+1, err)
		}
	}
	return c, nil
}

// add takes a model under all its names.
func (c *Catalogue) add(m *Model) error {
	c.Models = append(c.Models, m)
	for _, n := range append([]hub.Name{m.Name}, m.Also...) {
		if other, ok := c.byName[key(n)]; ok {
			return fmt.Errorf("the name %s is that of %s, too: %w", n.Short(), other.Name.Short(), ErrFormat)
		}
		c.byName[key(n)] = m
	}
	return nil
}

// decode reads one JSON value and nothing behind it; a member that v does not have is an
// error.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the JSON text ends early")
		}
		return fmt.Errorf("%w: %w", err, ErrFormat)
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there is more behind the end of the JSON value: %w", ErrFormat)
	}
	return nil
}

// called returns the name of a model that cannot be read, as far as it says one.
func called(text []byte) string {
	var m struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(text, &m) != nil || m.Name == "" {
		return ""
	}
	return fmt.Sprintf(" (%.80q)", m.Name)
}
