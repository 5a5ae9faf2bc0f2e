package engine

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/model"
)

// stepOnce admits what has room, runs one step over the running sequences, and
// draws their next tokens.
func (e *Engine) stepOnce() {
	e.dropCancelled()
	e.admit()
	if len(e.running) == 0 {
		return
	}
	e.fillBatch()
	hidden := e.model.Forward(&e.step, &e.batch)
	for i := range e.batch.Segments {
		e.batch.Segments[i].Seq.Append(e.batch.Segments[i].Tokens)
	}
	if hidden.T == 0 {
		return
	}
	logits := e.model.Logits(&e.step, hidden, 0, hidden.T)
	row := 0
	for i, s := range e.scheduled() {
		if e.batch.Segments[i].Logits == 0 {
			continue
		}
		if !s.draw(logits.Row(row)) {
			e.room += s.claim
		}
		row++
	}
	e.removeFinished()
}

// scheduled returns the sequences of the batch, in its order: the running ones from
// the front.
func (e *Engine) scheduled() []*sequence { return e.running[:len(e.batch.Segments)] }

// dropCancelled ends sequences whose callers gave up.
func (e *Engine) dropCancelled() {
	waiting := e.waiting[:0]
	for _, s := range e.waiting {
		if s.ctx.Err() != nil {
			s.finish(FinishCancel, s.ctx.Err())
			continue
		}
		waiting = append(waiting, s)
	}
	e.waiting = waiting
	for _, s := range e.running {
		if s.ctx.Err() != nil {
			s.finish(FinishCancel, s.ctx.Err())
			e.room += s.claim
		}
	}
	e.removeFinished()
}

func (e *Engine) removeFinished() {
	running := e.running[:0]
	for _, s := range e.running {
		if s.cache != nil {
			running = append(running, s)
		}
	}
	clear(e.running[len(running):])
	e.running = running
}

// admit starts waiting sequences, in the order they came, while there is room for
// all that each may come to take; so that no running sequence ever lacks room.
func (e *Engine) admit() {
	for len(e.waiting) > 0 && len(e.running) < e.options.Sequences {
		s := e.waiting[0]
		s.claim = e.cache.Bytes(len(s.request.Tokens)+s.request.MaxTokens, e.options.Chunk)
		if s.claim > e.room {
			if len(e.running) > 0 {
				return
			}
			s.finish(FinishError, fmt.Errorf("engine: a request of %d tokens takes %d bytes of cache, there are %d: %w",
				len(s.request.Tokens)+s.request.MaxTokens, s.claim, e.room, ErrNoRoom))
			e.waiting = e.waiting[1:]
			continue
		}
		e.waiting = e.waiting[1:]
		e.room -= s.claim
		s.cache = e.cache.Match(s.request.Tokens)
		s.stream.setCached(s.cache.Len())
		s.pending = s.request.Tokens[s.cache.Len():]
		e.running = append(e.running, s)
	}
}

// fillBatch takes the next tokens of the running sequences: those that decode
// first, then as much of the prompts as the step has room for.
func (e *Engine) fillBatch() {
	e.sortDecodingFirst()
	e.batch.Segments = e.batch.Segments[:0]
	left := e.options.Chunk
	for _, s := range e.running {
		n := min(len(s.pending), max(left, 0))
		if n == 0 {
			break
		}
		if err := s.cache.Reserve(n); err != nil { // admit left room for it
			panic(err)
		}
		g := model.Segment{Seq: s.cache, Pos: s.cache.Len(), Tokens: s.pending[:n]}
		s.pending = s.pending[n:]
		if len(s.pending) == 0 {
			g.Logits = 1
		}
		e.batch.Segments = append(e.batch.Segments, g)
		left -= n
	}
}

// sortDecodingFirst puts sequences with one pending token before the others, each
// kind in the order it came.
func (e *Engine) sortDecodingFirst() {
	at := 0
	for i, s := range e.running {
		if len(s.pending) == 1 {
			copy(e.running[at+1:i+1], e.running[at:i])
			e.running[at] = s
			at++
		}
	}
}
