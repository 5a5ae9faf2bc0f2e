package inference

import (
	"errors"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// fill has a request fill in what is missing between two texts. The answer ends where the
// model begins another file or gap.
func fill(r *blitz.Request, m *blitz.Model, p *Prompt) error {
	t := m.Tokenizer()
	if t == nil {
		return tokenizer.ErrNoTokenizer
	}
	ids, err := t.EncodeGap(*p.Gap)
	if errors.Is(err, tokenizer.ErrUnsupported) {
		return &wire.Error{Kind: wire.Invalid, Param: p.Param, Message: "the model has no tokens to fill in the middle of a text with", Err: err}
	}
	if err != nil {
		return err
	}
	r.Prompt, r.Tokens = "", ids
	in, _ := t.Infill()
	r.Stop = r.Stop[:len(r.Stop):len(r.Stop)]
	for _, id := range in.Ends() {
		if text, err := t.Decode([]int32{id}); err == nil && text != "" {
			r.Stop = append(r.Stop, text)
		}
	}
	return nil
}
