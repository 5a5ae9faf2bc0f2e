package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Description is what can be known of a model without its weights.
type Description struct {
	Entry
	Variant      *hub.Variant // nil: nothing beside the files
	Template     string       // the source of the chat template, "" where there is none
	Reasons      bool         // the template has to do with reasoning
	Calls        bool         // and with tools
	Encodes      bool         // it makes vectors of texts and writes nothing
	Infill       bool         // it can fill in what is missing between two texts
	LicenseTexts []string     // of the variant, or of the files
	Metadata     []Metadata
	Tensors      []Tensor
}

// Metadata is a pair of what a model's files say of it.
type Metadata struct {
	Key   string
	Value any // as JSON has it; nil for a list, unless all was asked for
	List  bool
}

// Tensor is one of a model's weights.
type Tensor struct {
	Name  string
	Type  string
	Shape []int
}

// maxListed bounds the elements of a list that Describe returns.
const maxListed = 1 << 20

// Describe looks into the files of a model. all: long lists of the metadata and the
// tensors, too. The error is that of Acquire's name, or says what is wrong with a file.
func (h *Host) Describe(ctx context.Context, name string, all bool) (*Description, error) {
	e, err := h.Entry(ctx, name)
	if err != nil {
		return nil, err
	}
	t, err := h.resolve(name)
	if err != nil {
		return nil, err
	}
	path := t.path
	if t.model != nil {
		if path, err = h.store.Path(t.model); err != nil {
			return nil, fmt.Errorf("host: %w", err)
		}
	}
	files, err := blitz.OpenFiles(path)
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	defer files.Close()
	d := &Description{Entry: e, Variant: t.variant()}
	d.Encodes, _ = files.Encodes() // of a model that is refused, opening it says why
	if err := d.readText(files); err != nil {
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	if err := d.readMetadata(files, all); err != nil {
		return nil, fmt.Errorf("host: %s: %w", t.name, err)
	}
	return d, nil
}

// readText reads template and tokenizer. A model without them takes ids only.
func (d *Description) readText(files *blitz.Files) error {
	tokens, err := files.Tokenizer()
	if err != nil && !errors.Is(err, tokenizer.ErrNoTokenizer) {
		return err
	}
	if tokens != nil {
		_, d.Infill = tokens.Infill()
	}
	if template := readTemplate(files, d.Variant); template != nil {
		d.Template = template.Source()
		d.Reasons, d.Calls = template.Reasons(), callsTools(template)
	}
	if d.Variant != nil {
		d.LicenseTexts = d.Variant.License
	}
	if d.LicenseTexts == nil && d.License != "" {
		d.LicenseTexts = []string{d.License}
	}
	return nil
}

// readTemplate returns the template of a variant, or else of the files; nil where there is
// none. A broken one matters only to those who chat.
func readTemplate(files *blitz.Files, v *hub.Variant) *chat.Template {
	template, err := files.Template()
	if v != nil && v.Template != "" {
		template, err = chat.NewTemplate(v.Template)
	}
	if err != nil {
		return nil
	}
	return template
}

func callsTools(t *chat.Template) bool {
	return t.ToolUse() != nil || strings.Contains(t.Source(), "tools")
}

// templateOf says what the template of a model has to do with.
func templateOf(files *blitz.Files, v *hub.Variant) (reasons, calls bool) {
	t := readTemplate(files, v)
	return t != nil && t.Reasons(), t != nil && callsTools(t)
}

// readMetadata reads the metadata of a GGUF file, or what config.json says in its place.
func (d *Description) readMetadata(files *blitz.Files, all bool) error {
	f := files.GGUF()
	if f == nil {
		return d.readConfig(files, all)
	}
	for _, kv := range f.KeyValues() {
		d.Metadata = append(d.Metadata, ggufMetadata(kv, all))
	}
	if all {
		for _, t := range f.Tensors() {
			d.Tensors = append(d.Tensors, Tensor{t.Name, t.Type.String(), t.Shape})
		}
	}
	return nil
}

func ggufMetadata(kv gguf.KeyValue, all bool) Metadata {
	m := Metadata{Key: strings.ToValidUTF8(kv.Key, "\uFFFD"), List: kv.Value.Kind() == gguf.Array}
	switch {
	case !m.List:
		m.Value = plainValue(kv.Value)
	case all && kv.Value.Len() <= maxListed:
		list := []any{}
		for e := range kv.Value.Elements() {
			list = append(list, plainValue(e))
		}
		m.Value = list
	}
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
		if _, err := json.Marshal(x); err != nil {
			return fmt.Sprint(x)
		}
		return x
	}
	return strings.ToValidUTF8(v.String(), "\uFFFD")
}

// readConfig puts what a config.json says under the keys of its architecture.
func (d *Description) readConfig(files *blitz.Files, all bool) error {
	d.Metadata = []Metadata{
		{Key: "general.architecture", Value: d.Architecture}, {Key: "general.parameter_count", Value: d.Parameters},
	}
	text, err := files.Config()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return fmt.Errorf("config.json: %w: %w", err, blitz.ErrConfig)
	}
	var keys []string
	for key := range config {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		m := Metadata{Key: d.Architecture + "." + key, Value: config[key]}
		switch m.Value.(type) {
		case []any, map[string]any:
			m.List = true
			if !all {
				m.Value = nil
			}
		}
		d.Metadata = append(d.Metadata, m)
	}
	if !all {
		return nil
	}
	f, err := files.Safetensors()
	if err != nil {
		return err
	}
	for _, t := range f.Tensors() {
		d.Tensors = append(d.Tensors, Tensor{t.Name, string(t.DType), t.Shape})
	}
	return nil
}
