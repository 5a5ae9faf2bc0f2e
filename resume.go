package blitz

import (
	"context"
	"slices"

	"github.com/blitz-r1/blitz/chat/output"
)

// resume goes on with an answer that was cut: with its prompt and tokens as the prompt,
// and a reader that stands where that of the answer stood.
func (e *Engine) resume(ctx context.Context, r Request, cut *Answer) (*Answer, error) {
	tools, calls := r.Tools, r.Calls
	r.Messages, r.Tools, r.Variables, r.Continue, r.Calls = nil, nil, nil, false, output.Calls{}
	r.Tokens, r.Rendered = slices.Concat(cut.prompt, cut.ids), true
	a, err := e.newAnswer(&r)
	if err != nil {
		return nil, err
	}
	a.prior = slices.Concat(cut.prior, cut.ids)
	p := prompt{ids: r.Tokens, chat: true, open: cut.open}
	r.Tools, r.Calls = tools, calls // they tell the types of values
	if err := a.reader(&r, p); err != nil {
		return nil, err
	}
	if err := a.constrain(&r, p); err != nil {
		return nil, err
	}
	if err := a.replay(); err != nil {
		return nil, err
	}
	return a, e.start(ctx, &r, p, a)
}

// replay reads the tokens of the prompt that are the beginning of the answer.
func (a *Answer) replay() error {
	if a.tokens == nil {
		return nil
	}
	var forced []int32 // by the budget, and not come yet
	for _, id := range a.prior {
		piece, _ := a.text.Next(id) // an id that only pads the vocabulary is no text
		text, found := a.stop.before(piece)
		if found != "" { // what was said is said
			text = piece
		}
		a.split(text)
		if a.budget == nil {
			continue
		}
		if len(forced) > 0 {
			forced = forced[1:]
		}
		if err := a.budget.Accept(id); err != nil {
			return err
		}
		forced = append(forced, a.budget.Forced()...)
	}
	if a.budget != nil {
		a.budget.forced = forced
		a.guided = true // its count began before
	}
	return nil
}
