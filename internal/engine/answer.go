package engine

import (
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/sample"
)

// answer is the work of a request: it draws the next token of each last row.
type answer struct {
	request  Request
	stream   *Stream
	sampler  *sample.Sampler
	guidance guidance
	most     int       // tokens
	full     Reason    // why it ends with that many
	taken    int       // tokens, drawn and forced
	over     Finish    // what ends it once all tokens were handed out
	forced   []int32   // by the guides behind the last token that was drawn
	owed     []int32   // of them, those that are handed out with their rows
	next     []int32   // memory of pending
	spare    []int32   // and of the pending tokens before, which the step is of
	scratch  []float32 // for logprobs
	drawn    drawn

	guessed, confirmed int // tokens, ever
}

// drawn is a token that was drawn and not taken yet.
type drawn struct {
	token Token
	err   error
	there bool
}

func (a *answer) begin(s *sequence) error {
	a.stream.update(func(p *Progress) {
		p.Cached, p.Computed, p.Admitted = s.cache.Len(), s.cache.Len(), s.engine.now()
	})
	if err := a.guidance.begin(a.request.Tokens); err != nil {
		return err
	}
	if err := a.force(); err != nil || len(a.forced) == 0 {
		return err
	}
	s.pending = slices.Concat(s.pending, a.forced)
	a.give(s)
	return nil
}

func (a *answer) computed(positions int, took time.Duration) {
	a.stream.update(func(p *Progress) {
		p.Computed = max(p.Computed, min(positions, p.Prompt)) // it may be read again
		p.Compute += took
		p.Guessed, p.Confirmed = a.guessed, a.confirmed
	})
}

func (a *answer) end(f Finish) { a.stream.end(f) }

// row takes the next token from the logits of the last one, or hands out a forced one
// with what is asked for of its logits.
func (a *answer) row(s *sequence, _ int, logits []float32) error {
	s.drawing, s.drew = true, true
	if len(a.owed) > 0 {
		a.show(a.owed[0], logits)
		t := a.token(a.owed[0], logits)
		t.Forced = true
		a.owed = a.owed[1:]
		a.hand(s, t, len(a.owed) == 0)
		return nil
	}
	if !a.drawn.there {
		a.guidance.mask()
		a.draw(logits)
	}
	x := a.drawn
	a.drawn = drawn{}
	if x.err != nil {
		return x.err
	}
	id := x.token.ID
	if err := a.take(id); err != nil {
		return err
	}
	a.show(id, logits)
	a.hand(s, x.token, true)
	if a.over.Reason != FinishNone {
		return nil
	}
	if err := a.force(); err != nil {
		return err
	}
	if len(a.forced) == 0 && s.confirms(id) {
		return nil
	}
	s.guesses = nil
	a.next, a.spare = append(append(a.spare[:0], id), a.forced...), a.next
	s.pending, s.wanted = a.next, 1
	a.give(s)
	return nil
}

// draws says whether the next row is to be drawn from, and asks the guides what may come.
func (a *answer) draws() bool {
	if len(a.owed) > 0 {
		return false
	}
	a.guidance.mask()
	return true
}

// draw draws from the next row. Any thread may call it.
func (a *answer) draw(logits []float32) {
	id, err := a.sampler.Next(logits, a.guidance.allowed)
	a.drew(id, err, logits)
}

// drew notes what was drawn. Any thread may call it.
func (a *answer) drew(id int32, err error, logits []float32) {
	a.drawn.there, a.drawn.err = true, err
	if err == nil {
		a.drawn.token = a.token(id, logits)
	}
}

// show lets the request's own observer see a token.
func (a *answer) show(id int32, logits []float32) {
	if a.request.Observe != nil {
		a.request.Observe(id, logits)
	}
}

// take makes a token part of the answer.
func (a *answer) take(id int32) error {
	a.taken++
	switch {
	case slices.Contains(a.request.Stop, id):
		a.over.Reason = FinishStop
	case a.taken == a.most:
		a.over.Reason = a.full
	}
	return a.guidance.accept(id)
}

// force takes the tokens that guides force next.
func (a *answer) force() error {
	a.forced = a.forced[:0]
	for a.over.Reason == FinishNone {
		ids, err := a.guidance.forced()
		if len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			a.sampler.Accept(id)
			a.forced = append(a.forced, id)
			if err := a.take(id); err != nil {
				return err
			}
			if a.over.Reason != FinishNone {
				break
			}
		}
	}
	return nil
}

// give hands out forced tokens, which are the last of those that are pending: at once,
// or with their rows where those are asked for.
func (a *answer) give(s *sequence) {
	n := len(a.forced)
	if a.request.Logprobs < 0 && a.request.Observe == nil {
		for i, id := range a.forced {
			a.hand(s, Token{ID: id, Forced: true}, i == n-1)
		}
		return
	}
	a.owed, s.wanted = a.forced, 1+n
	if a.over.Reason != FinishNone { // nothing comes behind the last
		s.pending, s.wanted = s.pending[:len(s.pending)-1], n
	}
}

// hand hands out a token. The newest of all ends the sequence where it is over.
func (a *answer) hand(s *sequence, t Token, newest bool) {
	over := newest && a.over.Reason != FinishNone
	t.Last, t.End = over, over && a.over.Reason == FinishStop
	a.stream.put(t)
	s.engine.counts.AnswerTokens++
	if over {
		s.finish(a.over)
	}
}

// token adds what was asked for to a token.
func (a *answer) token(id int32, logits []float32) Token {
	t := Token{ID: id}
	if a.request.Logprobs < 0 {
		return t
	}
	t.Logprob, t.Top = rate(&a.scratch, logits, id, a.request.Logprobs)
	return t
}

// rate returns the log-probability of a token among logits [V], and the best ones.
func rate(scratch *[]float32, logits []float32, id int32, top int) (logprob float32, best []Candidate) {
	if len(*scratch) < len(logits) {
		*scratch = make([]float32, len(logits))
	}
	y := (*scratch)[:len(logits)]
	if top == 0 {
		return sample.Logprob(y, logits, id), nil
	}
	sample.Logprobs(y, logits)
	for _, id := range kernel.TopK(nil, logits, top) {
		best = append(best, Candidate{id, y[id]})
	}
	return y[id], best
}
