package engine

import "time"

// What reading, and answers of batches, may take of the time beside answers that go on. A
// step is cut by what was measured before, so the bounds it is cut by leave a margin to
// those that hold: 40 % of any window, and 100 ms of a step.
const (
	window      = 250 * time.Millisecond
	windowShare = 0.33
	mostBeside  = 50 * time.Millisecond     // what a step takes longer than decoding alone
	mostAlone   = 120 * time.Millisecond    // a step that only reads: how long who comes or leaves may have to wait
	leastAlone  = 2 * fewTokens             // tokens of it, however long they take
	burst       = 30 * time.Millisecond     // worth reading for, or fewTokens
	firstTokens = 4                         // beside decoding, while nothing is known
	readingPart = 3                         // times as much for what is read as for answers of batches, where both wait
	leastPart   = float64(time.Millisecond) // that a step counts for there: what hides behind the weights seems to take nothing
)

// ledger is when what was done beside decoding: the steps that reach into the last
// window, in order.
type ledger struct{ steps []entry }

// entry is a step: what it did beside decoding took that share of its time.
type entry struct {
	from, to time.Time
	beside   float64 // nanoseconds
}

// note adds a step that did something beside decoding.
func (l *ledger) note(from time.Time, took time.Duration, beside float64) {
	old := 0
	for old < len(l.steps) && from.Sub(l.steps[old].to) >= window {
		old++
	}
	l.steps = append(l.steps[:0], l.steps[old:]...)
	if took > 0 {
		l.steps = append(l.steps, entry{from, from.Add(took), beside})
	}
}

// empty says whether nothing was done beside decoding in the window before now.
func (l *ledger) empty(now time.Time) bool {
	n := len(l.steps)
	return n == 0 || now.Sub(l.steps[n-1].to) >= window
}

// allows says whether a step may begin now that decodes for some nanoseconds and does
// something beside for some more: no window that ends within it has too much of that.
func (l *ledger) allows(now time.Time, decode, beside float64) bool {
	const most = windowShare * float64(window)
	density := beside / (decode + beside)
	within := min(beside, density*float64(window)) // of the last window, which ends with the step
	last := now.Add(time.Duration(decode+beside) - window)
	sum, whole := 0.0, false // from a step on; the last window is whole
	for i := len(l.steps) - 1; i >= 0; i-- {
		x := &l.steps[i]
		if !whole && x.from.Before(last) {
			whole = true
			if behind := float64(x.to.Sub(last)) / float64(x.to.Sub(x.from)); sum+x.beside*max(behind, 0)+within > most {
				return false
			}
		}
		sum += x.beside
		// A window that begins with an earlier step may hold more.
		if end := x.from.Add(window); end.After(now) && whole && sum+density*float64(end.Sub(now)) > most {
			return false
		}
	}
	return whole || sum+within <= most
}

// mode is what a step does besides going on with the answers that go on in each step.
type mode uint8

// The modes.
const (
	alone   mode = iota // nothing goes on: it only reads
	reading             // it reads
	drawing             // it goes on with answers of batches
	modes
)

// allowance is what a step may spend on what it does in a mode.
type allowance struct {
	mode     mode
	decoding int     // tokens that the step decodes
	tokens   int     // at most
	time     float64 // nanoseconds
	least    int     // tokens that are computed whatever they take
	taken    int     // tokens so far
}

// allowance returns what the next step, which decodes so many tokens, may spend on s first,
// where so many tokens are pending. No tokens: nothing, this time.
func (e *Engine) allowance(m mode, decoding int, s *sequence, pending int) allowance {
	if decoding == 0 {
		m = alone
	}
	position := s.cache.Len()
	known := e.pace.takes(position, m.first()) > 0
	switch {
	case m == alone && known:
		return allowance{mode: m, tokens: e.options.Chunk, time: float64(mostAlone), least: leastAlone}
	case m == alone:
		return allowance{mode: m, tokens: e.options.Chunk, least: e.options.Chunk}
	}
	now := e.now()
	decode := e.pace.decodes(decoding, now, e.counts.Steps)
	switch {
	case decode == 0:
		return allowance{} // first of all, measure that alone
	case !known:
		return allowance{mode: m, decoding: decoding, tokens: min(e.options.Chunk, firstTokens), least: firstTokens}
	}
	most := min(e.options.Chunk, e.pace.mostOf(m))
	token := max(e.pace.takes(position, m.way(1)), e.pace.takes(position, m.way(fewTokens)))
	n := max(1, min(fewTokens, pending, most, int(float64(burst)/token)))
	if m == reading {
		n = filled(decoding, n, min(fewTokens, pending, most))
	}
	for n > 1 && counts(m.way(n), decoding, n)*token > windowShare*float64(window) {
		n-- // so many are never allowed
	}
	worth := counts(m.way(n), decoding, n) * token
	for time := max(float64(mostBeside), worth); ; time = max(0.8*time, worth) {
		if e.ledger.allows(now, decode, time) {
			return allowance{mode: m, decoding: decoding, tokens: most, time: time, least: 1}
		}
		if time == worth {
			break
		}
	}
	if e.ledger.empty(now) { // a machine so slow that a token at a time must do
		return allowance{mode: m, decoding: decoding, tokens: 1, least: 1}
	}
	return allowance{}
}

// take returns how many tokens of s the step computes, and takes them from what is left.
func (r *allowance) take(s *sequence, p *pace) int {
	most := min(r.tokens, max(r.least, r.affords(s.cache.Len(), p)))
	if s.isWhole() && r.taken == 0 { // a step of its own, however long
		most = len(s.pending)
	}
	n := s.next(most)
	r.tokens -= n
	r.taken += n
	r.least = max(r.least-n, 0)
	way := r.mode.way(r.taken)
	r.time -= (counts(way, r.decoding, r.taken) - counts(way, r.decoding, r.taken-n)) * p.takes(s.cache.Len(), way)
	return n
}

// affords returns how many tokens there is time for, at a position.
func (r *allowance) affords(position int, p *pace) int {
	many := p.takes(position, r.mode.way(fewTokens))
	if many == 0 || r.time <= 0 {
		return 0
	}
	if n := int(min(r.time/many, MaxChunk)); r.taken+n >= fewTokens || r.mode != reading {
		return n
	}
	n, token := 0, p.takes(position, readFew)
	for r.taken+n+1 < fewTokens && (few(r.decoding, r.taken+n+1)-few(r.decoding, r.taken))*token <= r.time {
		n++
	}
	return n
}

// content is what a step computes.
type content struct {
	decoded int // tokens of answers that go on in each step
	beside  int // other tokens
	mode    mode
	depth   int // sum of the positions that those begin at, by tokens
}

// add adds a sequence's share.
func (c *content) add(s *sequence, limited bool) {
	if s.goesOn(limited) {
		c.decoded += s.share
		if c.mode == alone {
			c.mode = reading
		}
		return
	}
	if !s.reads() {
		c.mode = drawing
	}
	c.beside += s.share
	c.depth += s.share * s.cache.Len()
}

// measure learns from the step that was computed.
func (e *Engine) measure(began time.Time, took time.Duration) {
	c := &e.content
	at, n := began.Add(took), e.counts.Steps
	position := c.depth / max(c.beside, 1)
	switch {
	case c.beside == 0:
		took := float64(took - e.guessing + e.guessed)
		e.pace.decoded(c.decoded, took, at, n)
		e.settleBets()
	case c.decoded == 0:
		e.pace.alone(position, c.beside, float64(took))
	default:
		decode := e.pace.decodes(c.decoded, began, n)
		if e.purse.plain >= plainSteps {
			e.purse.earn(decode)
		}
		more := float64(took) - decode
		likely := e.pace.likely(c.mode, position, c.decoded, c.beside, more)
		e.ledger.note(began, took, likely)
		e.owe(c.mode, likely)
		e.pace.beside(c.mode, position, c.decoded, c.beside, more)
	}
	e.guessed, e.guessing = e.guessing, 0
}

// owe notes what a step took beside decoding. Answers of batches are owed their part of what
// reading takes while they wait, and nothing else: nobody saves up.
func (e *Engine) owe(m mode, took float64) {
	took = max(took, leastPart)
	switch {
	case !e.contended:
		e.owed = 0
	case m == drawing:
		e.owed -= readingPart * took
	default:
		e.owed += took
	}
}
