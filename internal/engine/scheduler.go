package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
)

// stepOnce admits what has room, runs one step over the running sequences, and hands
// out what comes of it. It returns false where none runs.
func (e *Engine) stepOnce() bool {
	e.keeper.turn()
	e.dropCancelled()
	e.admit()
	if len(e.running) == 0 {
		e.publish()
		return false
	}
	e.fillBatch()
	e.threads.take(e.turn)
	began := time.Now()
	e.stepping = true
	e.compute()
	e.stepping = false
	e.account(time.Since(began))
	e.threads.give()
	e.removeFinished()
	e.publish()
	return true
}

// account tells the sequences of a step how far they are and what share of its time is
// theirs, by their tokens; and those that ended, that they did.
func (e *Engine) account(took time.Duration) {
	tokens := time.Duration(e.batch.Tokens())
	e.counts.Steps++
	for i, s := range e.batched {
		g := &e.batch.Segments[i]
		n := len(g.Tokens)
		if n == 1 && g.Pos >= len(s.tokens) {
			e.counts.DecodedTokens++
		} else {
			e.counts.PromptTokens += uint64(n)
		}
		s.work.computed(g.Pos+n, took*time.Duration(n)/tokens)
	}
	for _, x := range e.ended {
		x.work.end(x.finish)
	}
	clear(e.ended)
	e.ended = e.ended[:0]
}

// dropCancelled ends sequences whose callers gave up.
func (e *Engine) dropCancelled() {
	waiting := e.waiting[:0]
	for _, s := range e.waiting {
		if s.ctx.Err() != nil {
			s.finish(Finish{FinishCancel, context.Cause(s.ctx)})
			continue
		}
		waiting = append(waiting, s)
	}
	clear(e.waiting[len(waiting):])
	e.waiting = waiting
	for _, s := range e.running {
		if s.ctx.Err() != nil {
			s.finish(Finish{FinishCancel, context.Cause(s.ctx)})
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
	for i := 0; i < len(e.waiting) && len(e.running) < e.options.Sequences; {
		s := e.waiting[i]
		if e.keeper.fetching(s) {
			i++
			continue
		}
		claim := e.cache.Bytes(s.most, e.options.Chunk)
		if claim > e.room && len(e.running) > 0 {
			return
		}
		e.waiting = slices.Delete(e.waiting, i, i+1)
		if claim > e.room {
			s.fail(fmt.Errorf("engine: a request of %d tokens takes %d bytes of cache, there are %d: %w", s.most, claim, e.room, ErrNoRoom))
			continue
		}
		s.claim = claim
		e.room -= claim
		err := s.begin()
		switch {
		case s.cache == nil: // it is over
			continue
		case err != nil:
			s.fail(err)
			continue
		case len(s.pending) == 0:
			s.finish(Finish{Reason: FinishDone})
			continue
		}
		e.running = append(e.running, s)
	}
}

// fillBatch takes the next tokens of the running sequences: those that decode
// first, then as much of the others as the step has room for.
func (e *Engine) fillBatch() {
	e.sortDecodingFirst()
	e.batch.Segments, e.batched = e.batch.Segments[:0], e.batched[:0]
	left := e.options.Chunk
	for _, s := range e.running {
		n := s.next(left)
		if n == 0 {
			continue
		}
		if err := s.cache.Reserve(n); err != nil { // admit left room for it
			panic(err)
		}
		g := model.Segment{Seq: s.cache, Pos: s.cache.Len(), Tokens: s.pending[:n]}
		s.pending = s.pending[n:]
		g.Logits = min(n, max(0, s.wanted-len(s.pending)))
		s.wanted -= g.Logits
		e.batch.Segments = append(e.batch.Segments, g)
		e.batched = append(e.batched, s)
		left -= n
	}
}

// sortDecodingFirst puts sequences that draw before those that are read, each kind in
// the order it came.
func (e *Engine) sortDecodingFirst() {
	at := 0
	for i, s := range e.running {
		if s.decodes {
			copy(e.running[at+1:i+1], e.running[at:i])
			e.running[at] = s
			at++
		}
	}
}

// layerPassed tells, within a step, how far prompts are: a long step of a large model
// takes its time.
func (e *Engine) layerPassed() {
	layers := e.model.Config.NumHiddenLayers
	if e.passed++; e.passed >= layers {
		return // the step tells itself
	}
	for i, s := range e.batched {
		if g := &e.batch.Segments[i]; len(g.Tokens) > 1 {
			s.work.computed(g.Pos+len(g.Tokens)*e.passed/layers, 0)
		}
	}
}

// compute runs the batch and hands out its rows.
func (e *Engine) compute() {
	e.passed = 0
	hidden := e.model.Forward(&e.step, &e.batch)
	e.rows = e.rows[:0]
	drafting := false
	for i, s := range e.batched {
		g := &e.batch.Segments[i]
		for k := range g.Logits {
			e.rows = append(e.rows, row{sequence: s, pos: g.Pos + len(g.Tokens) - g.Logits + k})
		}
		if s.drafts != nil {
			drafting = true // its module still writes to these positions
			continue
		}
		g.Seq.Append(g.Tokens)
	}
	e.handOut(hidden)
	if drafting {
		e.draft(hidden)
	}
	for _, s := range e.batched {
		if s.cache != nil && len(s.pending) == 0 {
			s.finish(Finish{Reason: FinishDone})
		}
	}
}
