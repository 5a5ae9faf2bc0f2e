package engine

import (
	"github.com/blitz-r1/blitz/internal/model"
)

// row is a row of hidden states that a sequence wants to see: itself, or as logits.
type row struct {
	sequence *sequence
	pos      int  // of the token that it is behind
	draft    bool // the row is the draft module's
	unseen   bool // of a module alone: nobody wants its logits
}

// logitRows is how many rows of logits are computed at a time: a long prompt's would
// take as many times the vocabulary as it has tokens.
const logitRows = 64

// handOut gives the rows of hidden [rows, D] to the sequences that want them.
func (e *Engine) handOut(hidden *model.Act) {
	mark := e.step.Mark()
	for from := 0; from < len(e.rows); {
		if e.rows[from].unseen {
			from++
			continue
		}
		if e.rows[from].sequence.hidden {
			e.rows[from].give(hidden.Row(from))
			from++
			continue
		}
		to := from + 1
		for to < len(e.rows) && to-from < e.together && !e.rows[to].sequence.hidden && !e.rows[to].unseen {
			to++
		}
		var logits *model.Act
		if e.rows[from].draft {
			logits = e.net.DraftLogits(&e.step, hidden, from, to)
		} else {
			logits = e.net.Logits(&e.step, hidden, from, to)
		}
		e.draw(e.rows[from:to], logits)
		for k := range to - from {
			e.rows[from+k].give(logits.Row(k))
		}
		e.step.Release(mark)
		from = to
	}
}

// isWanted says whether the row is to be seen: its sequence goes on, was not told of it, and
// nothing that was guessed before it was wrong.
func (r *row) isWanted() bool {
	s := r.sequence
	return s.cache != nil && r.pos >= s.told && (r.draft || r.pos < s.cache.Len()+s.sure)
}

// give hands the row to its sequence, if it is wanted.
func (r *row) give(x []float32) {
	if !r.isWanted() {
		return
	}
	s := r.sequence
	var err error
	if r.draft {
		err = s.drafts(r.pos, x)
	} else {
		err = s.work.row(s, r.pos, x)
	}
	if err != nil {
		s.fail(err)
	}
}

// draft runs the module of multi-token prediction on the rows of the step that belong
// to sequences with drafts and whose next token is known, and hands out its logits.
// All rows of such a sequence are in hidden.
func (e *Engine) draft(hidden *model.Act) {
	var next model.Batch
	e.rows = e.rows[:0]
	at := 0 // row of hidden
	for i, s := range e.batched {
		g := &e.batch.Segments[i]
		if n := min(len(g.Tokens), len(s.tokens)-1-g.Pos); s.drafts != nil && s.cache != nil && n > 0 {
			copy(hidden.X[len(e.rows)*hidden.D:], hidden.X[at*hidden.D:(at+n)*hidden.D])
			next.Segments = append(next.Segments, model.Segment{Seq: g.Seq, Pos: g.Pos, Tokens: s.tokens[g.Pos+1:][:n], Logits: n, Adapter: s.owner.Adapter, Limit: s.reach()})
			for k := range n {
				e.rows = append(e.rows, row{sequence: s, pos: g.Pos + k, draft: true})
			}
		}
		at += g.Logits
	}
	if n := len(e.rows); n > 0 {
		guesses := e.net.Draft(&e.step, &next, &model.Act{T: n, D: hidden.D, X: hidden.X[:n*hidden.D]})
		if e.step.Err() == nil {
			e.handOut(guesses)
		}
	}
}
