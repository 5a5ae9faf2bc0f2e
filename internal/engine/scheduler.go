package engine

import (
	"context"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
)

// stepOnce runs one step. Sequences whose callers left make room first; those that
// waited begin where there is room; each of those that run gets its share of the step,
// and the cache the pages for it; then the step is computed, and what came of it is
// handed out. It returns false where none runs.
func (e *Engine) stepOnce() bool {
	e.keeper.turn()
	e.headroom.giveBack(e.now())
	e.dropCancelled()
	e.admit()
	if len(e.running) == 0 {
		e.publish()
		return false
	}
	e.shareOut()
	e.reserve()
	e.fillBatch()
	if len(e.batched) == 0 {
		e.removeFinished()
		e.publish()
		return true
	}
	e.threads.take(e.turn)
	crew := e.muster(e.batch.Tokens(), e.content.beside > 0)
	began := e.now()
	e.stepping = true
	e.compute()
	e.stepping = false
	took := e.now().Sub(began)
	e.threads.give()
	if crew != nil {
		crew.note(float64(took))
	}
	aside := e.aside()
	e.guessing = max(0, e.guessing-aside)
	e.measure(began, took-aside)
	e.removeFinished()
	e.publish() // first, so that who is told of an end finds it in Load
	e.account(took)
	return true
}

// shareOut says how many tokens of each running sequence the next step computes. Those
// that are drawn from go on. Beside them there is an allowance for what is read, and for
// answers of batches while somebody waits for other answers.
func (e *Engine) shareOut() {
	limited := e.limits()
	decoding := 0
	for _, s := range e.running {
		switch s.share = 0; {
		case s.goesOn(limited):
			s.share = len(s.pending)
			decoding += s.share
		case !s.reads():
			s.unsuppose() // what guesses would take is others'
		}
	}
	reader := e.reader(0)
	if reader == nil {
		reader = e.reader(1)
	}
	var batch *sequence
	if limited {
		batch = e.longestLeft()
	}
	e.contended = reader != nil && batch != nil
	switch {
	case batch != nil && (reader == nil || e.owed > 0):
		e.shareDrawn(decoding, batch)
	case reader != nil:
		e.shareRead(decoding, reader)
	}
}

// shareRead gives what is to be read its shares, s first: what somebody waits for before
// what is of a batch.
func (e *Engine) shareRead(decoding int, s *sequence) {
	budget := e.allowance(reading, decoding, s, len(s.pending))
	for kind := range 2 {
		for s := e.reader(kind); s != nil; s = e.reader(kind) {
			if s.share = budget.take(s, &e.pace); s.share == 0 {
				break
			}
			e.level[kind] = max(e.level[kind], s.tenant.read[kind])
			s.tenant.read[kind] += s.share
		}
	}
}

// shareDrawn gives answers of batches their shares, s first.
func (e *Engine) shareDrawn(decoding int, s *sequence) {
	pending := 0
	for _, x := range e.running {
		if x.owner.Batch && !x.reads() {
			pending += len(x.pending)
		}
	}
	budget := e.allowance(drawing, decoding, s, pending)
	for ; s != nil; s = e.longestLeft() {
		if s.share = budget.take(s, &e.pace); s.share == 0 {
			break
		}
		e.turns++
		s.turn = e.turns
	}
}

// limits says whether somebody waits for an answer that is drawn, so that those of batches
// are not to hold it up.
func (e *Engine) limits() bool {
	for _, s := range e.running { // in the order of urgent
		if s.owner.Batch {
			break
		}
		if s.cache != nil && !s.reads() {
			return true
		}
	}
	return false
}

// goesOn says whether each step computes what is pending of a sequence.
func (s *sequence) goesOn(limited bool) bool { return !s.reads() && !(limited && s.owner.Batch) }

// longestLeft returns the answer of a batch whose last turn is longest ago, and which has no
// share of the next step yet; nil: there is none.
func (e *Engine) longestLeft() *sequence {
	var best *sequence
	for _, s := range e.running {
		if s.owner.Batch && s.share == 0 && !s.reads() && (best == nil || s.turn < best.turn) {
			best = s
		}
	}
	return best
}

// fillBatch makes a batch of the shares.
func (e *Engine) fillBatch() {
	e.content = content{mode: alone}
	limited := e.limits()
	e.batch.Segments, e.batched = e.batch.Segments[:0], e.batched[:0]
	for _, s := range e.running {
		n := s.share
		if n == 0 || s.cache == nil {
			continue
		}
		e.content.add(s, limited)
		g := model.Segment{Seq: s.cache, Pos: s.cache.Len(), Tokens: s.pending[:n], Second: s.second, Adapter: s.owner.Adapter, Limit: s.reach()}
		s.pending = s.pending[n:]
		g.Logits = min(n, max(0, s.wanted-len(s.pending)))
		s.wanted -= g.Logits
		s.fresh, s.sure, s.shown = g.Tokens, n-len(s.guesses), g.Logits
		g.Guessed = len(s.guesses)
		if e.followed(s) {
			g.Logits = n // its module goes on from every position
		}
		e.batch.Segments = append(e.batch.Segments, g)
		e.batched = append(e.batched, s)
	}
}

// compute runs the batch and hands out its rows.
func (e *Engine) compute() {
	e.passed = 0
	hidden := e.net.Forward(&e.step, &e.batch)
	if e.failed() {
		return
	}
	e.rows = e.rows[:0]
	drafting := false
	for i, s := range e.batched {
		g := &e.batch.Segments[i]
		for k := range g.Logits {
			e.rows = append(e.rows, row{sequence: s, pos: g.Pos + len(g.Tokens) - g.Logits + k, unseen: k < g.Logits-s.shown})
		}
		if e.writesLate(s) {
			drafting = drafting || s.drafts != nil
			continue
		}
		s.settle()
		e.promptRead(i)
	}
	e.handOut(hidden)
	if e.module != nil {
		e.module.gather(hidden)
	}
	if drafting {
		e.draft(hidden)
	}
	if e.module != nil {
		e.module.follow()
	}
	if e.failed() {
		return
	}
	e.speculate()
	for i, s := range e.batched {
		if s.cache != nil && e.writesLate(s) {
			s.settle()
			e.promptRead(i)
		}
		if s.cache != nil && len(s.pending) == 0 {
			s.finish(Finish{Reason: FinishDone})
		}
	}
}

// failed says whether the step is not what it should be, since weights that are not in
// memory could not be read, and ends its sequences then: nothing of the step is kept.
func (e *Engine) failed() bool {
	err := e.step.Err()
	if err == nil {
		return false
	}
	e.verdicts = e.verdicts[:0]
	for _, s := range e.batched {
		e.verdicts = append(e.verdicts, verdict{guessed: s.guessed})
		s.guesses, s.guessed = nil, 0
		if s.cache != nil {
			s.sure = 0
			s.cache.Spoil()
			s.fail(err)
		}
	}
	return true
}

// promptRead has the prompt of a segment kept, where that was its last part.
func (e *Engine) promptRead(i int) {
	s, g := e.batched[i], &e.batch.Segments[i]
	if s.drafts == nil && g.Pos < len(s.tokens) && g.Pos+len(g.Tokens) >= len(s.tokens) {
		e.keeper.promptRead(s)
	}
}

// account tells the sequences of a step how far they are and what share of its time is
// theirs, by their tokens; and those that ended, that they did.
func (e *Engine) account(took time.Duration) {
	tokens := time.Duration(e.batch.Tokens())
	e.counts.Steps++
	for i, s := range e.batched {
		g := &e.batch.Segments[i]
		v := e.verdicts[i]
		n := len(g.Tokens) - v.wrong
		if len(g.Tokens) == 1+v.guessed && g.Pos >= len(s.tokens) {
			e.counts.DecodedTokens += uint64(n)
		} else {
			e.counts.PromptTokens += uint64(n)
		}
		s.work.computed(g.Pos+n, took*time.Duration(len(g.Tokens))/tokens)
		s.fresh, s.sure = nil, 0
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

// layerPassed tells, within a step, how far prompts are: a long step of a large model
// takes its time.
func (e *Engine) layerPassed() {
	layers := e.config.NumHiddenLayers
	if e.passed++; e.passed >= layers {
		return // the step tells itself
	}
	for i, s := range e.batched {
		if g := &e.batch.Segments[i]; len(g.Tokens) > 1 {
			s.work.computed(g.Pos+len(g.Tokens)*e.passed/layers, 0)
		}
	}
}
