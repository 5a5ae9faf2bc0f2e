package inference

import (
	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/tokenizer"
)

// score notes the tokens of a prompt with their log-probabilities, and has the answer go
// on from these tokens. The first has none before it, and so no log-probability.
func (a *Answers) score(r *blitz.Request, top int) error {
	e := a.begun.engine()
	t := e.Model().Tokenizer()
	if r.Tokens == nil {
		ids, err := encode(e.Model(), r.Prompt)
		if err != nil {
			return err
		}
		r.Tokens, r.Prompt = ids, ""
	}
	if len(r.Tokens) == 0 {
		return blitz.ErrPrompt
	}
	scores, err := e.Score(a.ctx, r.Tokens, &blitz.ScoreOptions{TopTokens: top, Tenant: r.Tenant, Batch: r.Batch, Adapter: a.begun.lease.Adapter()})
	if err != nil {
		return err
	}
	all := append([]blitz.Token{{ID: r.Tokens[0]}}, scores...)
	if t != nil { // the texts anew: a character may begin in the first token
		text := t.NewStream()
		for i := range all {
			all[i].Text, _ = text.Next(all[i].ID) // an id that only pads the vocabulary is no text
		}
		all[len(all)-1].Text += text.Flush()
	}
	a.echo = append(a.echo, all)
	return nil
}

// encode returns the tokens of a text as a model takes them.
func encode(m *blitz.Model, text string) ([]int32, error) {
	t := m.Tokenizer()
	if t == nil {
		return nil, tokenizer.ErrNoTokenizer
	}
	return t.Encode(text, tokenizer.AddSpecial)
}
