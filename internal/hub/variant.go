package hub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/chat"
)

// Variant is what a stored model has beside its files: how it behaves where nobody says
// otherwise. Names that differ in it alone share the files.
type Variant struct {
	System     string     `json:"system,omitempty"`   // of a conversation that has no system message
	Template   string     `json:"template,omitempty"` // Jinja, in place of the files' own
	License    []string   `json:"license,omitempty"`
	Parameters Parameters `json:"parameters,omitzero"`
}

// Parameters are the settings of a variant; nil ones are the model's own.
type Parameters struct {
	Temperature      *float64 `json:"temperature,omitempty"`
	TopK             *int64   `json:"top_k,omitempty"`
	TopP             *float64 `json:"top_p,omitempty"`
	MinP             *float64 `json:"min_p,omitempty"`
	RepeatPenalty    *float64 `json:"repeat_penalty,omitempty"`
	FrequencyPenalty *float64 `json:"frequency_penalty,omitempty"`
	PresencePenalty  *float64 `json:"presence_penalty,omitempty"`
	Seed             *int64   `json:"seed,omitempty"`
	Context          *int64   `json:"num_ctx,omitempty"`     // the most positions of prompt and answer
	MaxTokens        *int64   `json:"num_predict,omitempty"` // of an answer
	Stop             []string `json:"stop,omitempty"`
}

// Identity tells a model by its files and its variant; it is Digest where there is none.
func (m *Model) Identity() Digest {
	d := m.Digest()
	if m.Variant.IsZero() {
		return d
	}
	text, err := json.Marshal(m.Variant)
	if err != nil { // numbers that JSON does not have, which no manifest holds
		return d
	}
	return sha256.Sum256(append(d[:], text...))
}

// maxVariant bounds the text of a variant, in bytes.
const maxVariant = 1 << 20

// IsZero says whether there is nothing in the variant.
func (v *Variant) IsZero() bool {
	return v == nil || v.System == "" && v.Template == "" && v.License == nil && v.Parameters.fields() == nil
}

// fields returns the parameters that are set, as JSON by their names.
func (p Parameters) fields() (set map[string]json.RawMessage) {
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &set)
	}
	if err != nil || len(set) == 0 { // numbers that JSON does not have, which check refuses
		return nil
	}
	return set
}

// check holds a variant to what a manifest may hold. The error is ErrFormat.
func (v *Variant) check() error {
	if v == nil {
		return nil
	}
	text, err := json.Marshal(v)
	switch {
	case err != nil:
		return fmt.Errorf("variant: %w: %w", err, ErrFormat)
	case len(text) > maxVariant:
		return fmt.Errorf("variant of %d bytes, %d at most: %w", len(text), maxVariant, ErrFormat)
	}
	for _, text := range slices.Concat([]string{v.System, v.Template}, v.License, v.Parameters.Stop) {
		if !utf8.ValidString(text) {
			return fmt.Errorf("variant: a text is not UTF-8: %w", ErrFormat)
		}
	}
	return nil
}

// checkTemplate says why a template cannot be used. The error is ErrFormat.
func (v *Variant) checkTemplate() error {
	if v.Template == "" {
		return nil
	}
	if _, err := chat.NewTemplate(v.Template); err != nil {
		return fmt.Errorf("variant: template: %w: %w", err, ErrFormat)
	}
	return nil
}

// over returns the variant with what it leaves open taken from base.
func (v Variant) over(base *Variant) *Variant {
	if base == nil {
		return &v
	}
	if v.System == "" {
		v.System = base.System
	}
	if v.Template == "" {
		v.Template = base.Template
	}
	if v.License == nil {
		v.License = base.License
	}
	v.Parameters = v.Parameters.over(base.Parameters)
	return &v
}

func (p Parameters) over(base Parameters) Parameters {
	number := func(to **float64, from *float64) {
		if *to == nil {
			*to = from
		}
	}
	whole := func(to **int64, from *int64) {
		if *to == nil {
			*to = from
		}
	}
	number(&p.Temperature, base.Temperature)
	number(&p.TopP, base.TopP)
	number(&p.MinP, base.MinP)
	number(&p.RepeatPenalty, base.RepeatPenalty)
	number(&p.FrequencyPenalty, base.FrequencyPenalty)
	number(&p.PresencePenalty, base.PresencePenalty)
	whole(&p.TopK, base.TopK)
	whole(&p.Seed, base.Seed)
	whole(&p.Context, base.Context)
	whole(&p.MaxTokens, base.MaxTokens)
	if p.Stop == nil {
		p.Stop = base.Stop
	}
	return p
}

// Derive stores a model under a name with the files of another one and a variant over
// that of the other. A model that had this name loses it. The error is that of Get,
// ErrSyntax for a name and ErrFormat for a variant that cannot be.
func (s *Store) Derive(ctx context.Context, from, to string, v Variant) (*Model, error) {
	if err := v.checkTemplate(); err != nil {
		return nil, fmt.Errorf("%s: %w", clip(to), err)
	}
	return s.derive(ctx, from, to, func(m *Model) error {
		over := v.over(m.Variant)
		if m.Variant = over; over.IsZero() {
			m.Variant = nil
		}
		return m.Variant.check()
	})
}
