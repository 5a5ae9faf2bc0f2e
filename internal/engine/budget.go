package engine

import "time"

// What reading may take of the time while sequences decode. A step is cut by what was
// measured before, so the bounds it is cut by leave a margin to those that hold: 40 %
// of any window, and 100 ms of a step.
const (
	window      = 250 * time.Millisecond
	windowShare = 0.33
	mostBeside  = 50 * time.Millisecond  // what a step takes longer than decoding alone
	mostAlone   = 120 * time.Millisecond // a step that only reads: how long who comes or leaves may have to wait
	leastAlone  = 2 * fewTokens          // tokens of it, however long they take
	burst       = 30 * time.Millisecond  // worth reading for, or fewTokens
	firstTokens = 4                      // beside decoding, while nothing is known
)

// ledger is when what was read beside decoding: the steps that reach into the last
// window, in order.
type ledger struct{ steps []entry }

// entry is a step: reading took that share of its time.
type entry struct {
	from, to time.Time
	read     float64 // nanoseconds
}

// note adds a step that read beside decoding.
func (l *ledger) note(from time.Time, took time.Duration, read float64) {
	old := 0
	for old < len(l.steps) && from.Sub(l.steps[old].to) >= window {
		old++
	}
	l.steps = append(l.steps[:0], l.steps[old:]...)
	if took > 0 {
		l.steps = append(l.steps, entry{from, from.Add(took), read})
	}
}

// empty says whether nothing was read in the window before now.
func (l *ledger) empty(now time.Time) bool {
	n := len(l.steps)
	return n == 0 || now.Sub(l.steps[n-1].to) >= window
}

// allows says whether a step may begin now that decodes for some nanoseconds and reads
// for some more: no window that ends within it has too much reading.
func (l *ledger) allows(now time.Time, decode, read float64) bool {
	const most = windowShare * float64(window)
	density := read / (decode + read)
	within := min(read, density*float64(window)) // of the last window, which ends with the step
	last := now.Add(time.Duration(decode+read) - window)
	sum, whole := 0.0, false // read from a step on; the last window is whole
	for i := len(l.steps) - 1; i >= 0; i-- {
		x := &l.steps[i]
		if !whole && x.from.Before(last) {
			whole = true
			if behind := float64(x.to.Sub(last)) / float64(x.to.Sub(x.from)); sum+x.read*max(behind, 0)+within > most {
				return false
			}
		}
		sum += x.read
		// A window within which reading begins with an earlier step may hold more.
		if end := x.from.Add(window); end.After(now) && whole && sum+density*float64(end.Sub(now)) > most {
			return false
		}
	}
	return whole || sum+within <= most
}

// reading is what a step may spend on reading.
type reading struct {
	tokens int     // at most
	time   float64 // nanoseconds
	least  int     // tokens that are read whatever they take
	beside bool    // of sequences that are decoded
	taken  int     // tokens so far
}

// readingTime returns what the next step, which decodes so many tokens, may spend on
// reading s first. No tokens: nothing, this time.
func (e *Engine) readingTime(decoding int, s *sequence) reading {
	position := s.cache.Len()
	known := e.pace.reads(position, readAlone) > 0
	switch {
	case decoding == 0 && known:
		return reading{tokens: e.options.Chunk, time: float64(mostAlone), least: leastAlone}
	case decoding == 0:
		return reading{tokens: e.options.Chunk, least: e.options.Chunk}
	}
	now := e.now()
	decode := e.pace.decodes(decoding, now, e.counts.Steps)
	switch {
	case decode == 0:
		return reading{} // first of all, measure that alone
	case !known:
		return reading{tokens: min(e.options.Chunk, firstTokens), least: firstTokens, beside: true}
	}
	most := min(e.options.Chunk, e.pace.mostBeside())
	token := max(e.pace.reads(position, readFew), e.pace.reads(position, readBeside))
	n := max(1, min(fewTokens, len(s.pending), most, int(float64(burst)/token)))
	worth := float64(n) * token
	for time := max(float64(mostBeside), worth); ; time = max(0.8*time, worth) {
		if e.ledger.allows(now, decode, time) {
			return reading{tokens: most, time: time, least: 1, beside: true}
		}
		if time == worth {
			break
		}
	}
	if e.ledger.empty(now) { // a machine so slow that a token at a time must do
		return reading{tokens: 1, least: 1, beside: true}
	}
	return reading{}
}

// take returns how many tokens of s the step reads, and takes them from what is left.
func (r *reading) take(s *sequence, p *pace) int {
	n := s.next(min(r.tokens, max(r.least, r.affords(s.cache.Len(), p))))
	r.tokens -= n
	r.taken += n
	r.least = max(r.least-n, 0)
	r.time -= float64(n) * p.reads(s.cache.Len(), way(r.taken, r.beside))
	return n
}

// affords returns how many tokens there is time for, at a position.
func (r *reading) affords(position int, p *pace) int {
	many := p.reads(position, way(fewTokens, r.beside))
	if many == 0 || r.time <= 0 {
		return 0
	}
	if n := int(min(r.time/many, MaxChunk)); r.taken+n >= fewTokens || !r.beside {
		return n
	}
	return min(fewTokens-1-r.taken, int(r.time/p.reads(position, readFew)))
}

// content is what a step computes.
type content struct {
	decoded, read int // tokens
	depth         int // sum of the positions that reading begins at, by tokens
}

// add adds a sequence's share.
func (c *content) add(s *sequence) {
	if !s.reads() {
		c.decoded += s.share
		return
	}
	c.read += s.share
	c.depth += s.share * s.cache.Len()
}

// measure learns from the step that was computed.
func (e *Engine) measure(began time.Time, took time.Duration) {
	c := &e.content
	at, n := began.Add(took), e.counts.Steps
	position := c.depth / max(c.read, 1)
	switch {
	case c.read == 0:
		took := float64(took - e.guessing + e.guessed)
		e.earn(took)
		e.pace.decoded(c.decoded, took, at, n)
	case c.decoded == 0:
		e.pace.readAlone(position, c.read, float64(took))
	default:
		decode := e.pace.decodes(c.decoded, began, n)
		read := float64(took) - decode
		e.ledger.note(began, took, e.pace.likely(position, c.read, read))
		e.pace.readBeside(position, c.read, read)
	}
	e.guessed, e.guessing = e.guessing, 0
}
