package blitz

import (
	"context"

	"github.com/blitz-r1/blitz/internal/engine"
)

// Replayed is what came of a request that was asked again with the tokens that it once got.
type Replayed struct {
	First  int    // the first of the tokens that does not come again; -1: all do
	Finish Finish // why the answer ends behind the last of them; FinishNone: it goes on
}

// Replay asks a request again, whose Tokens are the prompt, together with the tokens that
// it once got: both are computed in one prefill, and each token is drawn again from its
// row, as Generate would have. each is shown every token that comes, from 0, with the raw
// logits [V] that it came from; the engine's goroutine calls it. Settings are those of the
// answer's own, its seed included. The error is one of Generate's.
func (e *Engine) Replay(ctx context.Context, r Request, tokens []int32, each func(i int, id int32, logits []float32)) (Replayed, error) {
	if e.run == nil {
		return Replayed{}, errFar
	}
	a, err := e.newAnswer(&r)
	if err != nil {
		return Replayed{}, err
	}
	p, err := e.prompt(ctx, &r)
	if err != nil {
		return Replayed{}, err
	}
	if err := a.reader(&r, p); err != nil {
		return Replayed{}, err
	}
	if err := a.constrain(&r, p); err != nil {
		return Replayed{}, err
	}
	x := a.request(ctx, &r, p)
	defer a.cancel(errLeft)
	x.Logprobs, x.Observe, x.Done = -1, nil, nil
	again, err := e.run.Replay(ctx, x, tokens, each)
	if err != nil {
		return Replayed{}, err
	}
	return a.reread(tokens, again), nil
}

// reread reads tokens that came again as their text: a stop text may have ended the answer.
func (a *Answer) reread(tokens []int32, again engine.Replayed) Replayed {
	came := len(tokens)
	if again.First >= 0 {
		came = again.First
	}
	for i, id := range tokens[:came] {
		last := i == len(tokens)-1
		a.ids = append(a.ids, id)
		if a.tokens == nil || last && again.Over == engine.FinishStop {
			continue
		}
		var t Token
		t.ID = id
		if a.decode(&t); a.over && !last {
			return Replayed{First: i + 1}
		}
	}
	if again.First >= 0 {
		return Replayed{First: again.First}
	}
	if again.Over != engine.FinishNone && !a.over {
		a.ended(engine.Finish{Reason: again.Over})
	}
	if a.over {
		var rest Token
		a.addRest(&rest)
	}
	return Replayed{First: -1, Finish: a.finish}
}
