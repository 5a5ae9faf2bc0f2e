package engine

import (
	"math/bits"
	"time"
)

// pace is how fast this model runs on this machine, as measured by the steps so far.
// Times are in nanoseconds.
type pace struct {
	decode []mean                     // of steps that read nothing, by the tokens they decode
	read   [readWays][readDepths]mean // of a token that is read, by how and how deep
	most   float64                    // tokens that were read beside decoding, of late
	last   float64                    // of a token that was read, of late
}

// The ways of reading: a step that does nothing else, and one that decodes, too; there,
// fewer tokens than a tile of vectors take longer each.
const (
	readAlone = iota
	readBeside
	readFew
	readWays
	fewTokens = 16
)

// mean is a running mean; 0: nothing is known.
type mean struct {
	of float64
	at time.Time // of the last one
	n  uint64    // number of the step of the last one
}

func (m *mean) add(x, weight float64, at time.Time, n uint64) {
	if m.of == 0 {
		weight = 1
	}
	m.of += (x - m.of) * weight
	m.at, m.n = at, n
}

// readDepths is how many depths are told apart: they double from one to the next.
const readDepths = 24

// way returns how so many tokens are read.
func way(tokens int, beside bool) int {
	switch {
	case !beside:
		return readAlone
	case tokens < fewTokens:
		return readFew
	}
	return readBeside
}

// depth returns the second index of read.
func depth(position int) int { return min(bits.Len(uint(position)>>9), readDepths-1) }

// decodes returns what a step takes that decodes so many tokens and reads none; 0 where
// that was not measured, or too long ago.
func (p *pace) decodes(tokens int, now time.Time, step uint64) float64 {
	for n := min(tokens, len(p.decode)-1); n > 0 && 5*n >= 4*tokens; n-- {
		m := &p.decode[n]
		if m.of > 0 && (now.Sub(m.at) < fresh || step-m.n < freshSteps) {
			return m.of
		}
	}
	return 0
}

// How long a measure of decoding holds: sequences grow.
const (
	fresh      = 2 * time.Second
	freshSteps = 32
)

// reads returns what a token takes that is read at a position in a way, from the nearest
// measure there is; 0: nothing was measured. Beside decoding it is not believed to take
// much less than alone: a few tokens may hide behind what the step takes anyway, and more
// would not.
func (p *pace) reads(position, way int) float64 {
	alone, care := p.nearest(position, readAlone)
	beside, careBeside := p.nearest(position, readBeside)
	few, careFew := p.nearest(position, readFew)
	switch {
	case way == readAlone && alone > 0:
		return alone * care
	case way == readFew && few > 0:
		return max(few*careFew, hiding*alone)
	case beside > 0:
		return max(beside*careBeside, hiding*alone)
	case few > 0:
		return max(few*careFew, hiding*alone)
	case way == readFew:
		return 2 * alone * care
	}
	return alone * care
}

// hiding is the least part of its time alone that a token is believed to take.
const hiding = 0.75

// nearest returns what a token takes in a way at the nearest depth that was measured, 0
// where none was, and by how much more it should be believed to take here.
func (p *pace) nearest(position, way int) (token, care float64) {
	d := depth(position)
	care = 1
	for k := d; k >= 0; k-- {
		if m := p.read[way][k].of; m > 0 {
			return m, care
		}
		care *= 1.5
	}
	for k := d + 1; k < readDepths; k++ {
		if m := p.read[way][k].of; m > 0 {
			return m, 1
		}
	}
	return 0, 1
}

// mostBeside returns how many tokens may be read beside decoding, whatever they seem to
// take: some more than before.
func (p *pace) mostBeside() int {
	if p.most == 0 {
		return MaxChunk
	}
	return max(firstTokens, int(1.25*p.most))
}

// token returns what a token took that was read of late, for comparing prompts.
func (p *pace) token() float64 { return p.last }

// decoded notes what a step took that decoded so many tokens and read none.
func (p *pace) decoded(tokens int, took float64, now time.Time, step uint64) {
	for len(p.decode) <= tokens {
		p.decode = append(p.decode, mean{})
	}
	p.decode[tokens].add(took, 0.25, now, step)
}

// readAt notes what reading took at a position. Growing is believed at once, falling
// slowly.
func (p *pace) readAt(position, tokens int, took float64, beside bool, now time.Time, step uint64) {
	m := &p.read[way(tokens, beside)][depth(position)]
	if !beside && tokens < leastAlone && m.of > 0 {
		return // the weights were read for few
	}
	x, weight := max(took/float64(tokens), 1), 1.0/8
	switch {
	case x > 1.5*m.of:
		weight = 1
	case x > m.of:
		weight = 1.0 / 2
	}
	m.add(x, weight, now, step)
	p.last = m.of
	if beside {
		p.most = max(float64(tokens), 0.9*p.most)
	}
}
