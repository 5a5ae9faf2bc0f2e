package inference

import (
	"context"
	"slices"

	"github.com/blitz-r1/blitz"
)

// Turn returns the tokens of the prompt and of an answer that is over, and what the
// template of a conversation writes behind it: what a next turn goes on with
// (Request.Before).
func (a *Answers) Turn(ctx context.Context, i int) []int32 {
	answer := a.answers[i]
	ids := slices.Concat(answer.PromptIDs(), answer.IDs())
	m := a.begun.lease.Model()
	tokens := m.Tokenizer()
	if reason := answer.Finish().Reason; tokens == nil || reason != blitz.FinishStopToken && reason != blitz.FinishToolCalls {
		return ids
	}
	t := a.template
	if t == nil {
		var err error
		if t, err = m.Template(); err != nil {
			return ids
		}
	}
	end, err := tokens.Encode(t.TurnEnd(ctx, blitz.TemplateVariables(tokens)), 0)
	if err != nil || len(end) == 0 || end[0] != ids[len(ids)-1] {
		return ids
	}
	return append(ids, end[1:]...)
}
