package engine

import (
	"math/bits"
	"time"
)

// pace is how fast this model runs on this machine, as measured by the steps so far.
// Times are in nanoseconds.
type pace struct {
	decode []mean              // of steps that read nothing, by the tokens they decode
	read   [2][readDepths]mean // of a token that is read, by how many at once and how deep
	last   float64             // of a token that was read, of late
}

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

const (
	readDepths = 24 // depths double from one to the next
	fewTokens  = 16 // below that many at once, a token takes longer: a tile of vectors
)

// few returns the first index of read.
func few(tokens int) int {
	if tokens < fewTokens {
		return 1
	}
	return 0
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

// reads returns what a token takes that is read at a position among so many: from the
// nearest measure there is, with some care where that is not near. 0: nothing was
// measured.
func (p *pace) reads(position, tokens int) float64 {
	d, f := depth(position), few(tokens)
	for _, other := range [2]int{f, 1 - f} {
		care := 1.0
		if other != f && f == 1 {
			care = 2
		}
		for k := d; k >= 0; k-- {
			if m := p.read[other][k].of; m > 0 {
				return m * care
			}
			care *= 1.5
		}
		for k := d + 1; k < readDepths; k++ {
			if m := p.read[other][k].of; m > 0 {
				return m
			}
		}
	}
	return 0
}

// knows says whether reading so many tokens at a position was measured.
func (p *pace) knows(position, tokens int) bool { return p.read[few(tokens)][depth(position)].of > 0 }

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
// slowly; and not at all where it was far less beside decoding: a few tokens hid behind
// what the step took anyway, and more would not.
func (p *pace) readAt(position, tokens int, took float64, beside bool, now time.Time, step uint64) {
	m := &p.read[few(tokens)][depth(position)]
	x := max(took/float64(tokens), 1)
	switch {
	case x > m.of:
		m.add(x, 1.0/2, now, step)
	case !beside || x > m.of/2:
		m.add(x, 1.0/8, now, step)
	}
	p.last = m.of
}
