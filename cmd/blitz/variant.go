package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/settings"
)

// vary takes what the variant of a stored name says as the values of flags that nobody
// set.
func (f *runFlags) vary(m *hub.Model) error {
	if m.Variant == nil {
		return nil
	}
	p := m.Variant.Parameters
	values := map[string]string{"system": m.Variant.System}
	for name, x := range map[string]*float64{"temp": p.Temperature, "top-p": p.TopP, "min-p": p.MinP, "repeat-penalty": p.RepeatPenalty} {
		if x != nil {
			values[name] = strconv.FormatFloat(*x, 'g', -1, 64)
		}
	}
	if r := p.RepeatPenalty; r != nil && *r == 0 { // off
		values["repeat-penalty"] = "1"
	}
	context := p.Context
	if context != nil && m.Facts.Context > 0 {
		context = new(min(*context, m.Facts.Context))
	}
	maxTokens := p.MaxTokens
	if maxTokens != nil && *maxTokens <= 0 { // as many as there is room for
		maxTokens = nil
	}
	for name, x := range map[string]*int64{"top-k": topK(p.TopK), "ctx": context, "max-tokens": maxTokens} {
		if x != nil {
			values[name] = strconv.FormatInt(*x, 10)
		}
	}
	if p.Seed != nil { // of 64 bits, as the flag has it
		values["seed"] = strconv.FormatUint(uint64(*p.Seed), 10)
	}
	for name, text := range values {
		flag := f.cmd.Flags().Lookup(name)
		if text == "" || settings.Origin(flag) != settings.Default {
			continue
		}
		if err := flag.Value.Set(text); err != nil {
			return fmt.Errorf("%s: its variant has %s %s: %w", m.Name.Short(), name, text, err)
		}
	}
	return nil
}

// topK returns the flag's word for all tokens where a variant wants them.
func topK(k *int64) *int64 {
	if k == nil {
		return nil
	}
	return new(max(*k, 0))
}

// readTemplate reads the template of the variant.
func (o *running) readTemplate() error {
	if o.variant == nil || o.variant.Template == "" {
		return nil
	}
	t, err := chat.NewTemplate(o.variant.Template)
	if err != nil {
		return fmt.Errorf("%s: chat template: %w", o.name, err)
	}
	o.template = t
	return nil
}

// vary adds to a request what a variant has and no flag.
func (o *running) vary(r *blitz.Request) {
	r.Template = o.template
	if o.variant == nil {
		return
	}
	p := o.variant.Parameters
	r.Stop = p.Stop
	if p.FrequencyPenalty != nil {
		r.Sampling.FrequencyPenalty = float32(*p.FrequencyPenalty)
	}
	if p.PresencePenalty != nil {
		r.Sampling.PresencePenalty = float32(*p.PresencePenalty)
	}
}

// variantRows are the lines of show about a variant.
func variantRows(v *hub.Variant) [][2]string {
	if v == nil {
		return nil
	}
	var rows [][2]string
	if v.System != "" {
		rows = append(rows, [2]string{"system", shownText(v.System)})
	}
	if v.Template != "" {
		rows = append(rows, [2]string{"its template", fmt.Sprintf("%d characters, in place of the file's", len([]rune(v.Template)))})
	}
	if text, err := json.Marshal(v.Parameters); err == nil && string(text) != "{}" {
		rows = append(rows, [2]string{"settings", shownText(string(text))})
	}
	return rows
}
