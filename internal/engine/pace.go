package engine

import (
	"math"
	"math/bits"
	"time"
)

// pace is how fast this model runs on this machine, as measured by the steps so far.
// Times are in nanoseconds.
type pace struct {
	decode []mean                      // of steps that read nothing, by the tokens they decode
	jitter float64                     // how far such a step is from their mean
	read   [readWays][readDepths]ratio // of a token that is read, by how and how deep
	most   float64                     // tokens that were read beside decoding, of late
	last   float64                     // of a token that was read, of late
}

// mean is a running mean; 0: nothing is known.
type mean struct {
	of float64
	at time.Time // of the last one
	n  uint64    // number of the step of the last one
}

// ratio is what tokens took, those of late counting most: the sum of times by that of
// tokens, so that what disturbs a step of few tokens does not count for much.
type ratio struct{ time, tokens, positions float64 }

func (r *ratio) add(position, tokens int, took float64) {
	const kept = 0.8
	n := float64(tokens)
	r.time, r.tokens, r.positions = r.time*kept+took, r.tokens*kept+n, r.positions*kept+n*float64(position)
}

// of returns what a token took; 0: nothing is known.
func (r *ratio) of() float64 {
	if r.tokens == 0 {
		return 0
	}
	return max(r.time/r.tokens, 1)
}

// at returns the position that it took that at.
func (r *ratio) at() float64 { return r.positions / r.tokens }

// The ways of reading: a step that does nothing else, and one that decodes, too; there,
// fewer tokens than a tile of vectors take longer each.
const (
	readAlone = iota
	readBeside
	readFew
	readWays
	fewTokens = 16
)

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

// decoded notes what a step took that decoded so many tokens and read none.
func (p *pace) decoded(tokens int, took float64, now time.Time, step uint64) {
	for len(p.decode) <= tokens {
		p.decode = append(p.decode, mean{})
	}
	m := &p.decode[tokens]
	if m.of == 0 {
		m.of = took
	}
	p.jitter += (math.Abs(took-m.of) - p.jitter) / 8
	m.of += (took - m.of) / 4
	m.at, m.n = now, step
}

// reads returns what a token takes that is read at a position in a way, from the nearest
// measure there is; 0: nothing was measured.
func (p *pace) reads(position, way int) float64 {
	alone, beside, few := p.nearest(position, readAlone), p.nearest(position, readBeside), p.nearest(position, readFew)
	var known [readWays]float64 // the best first
	switch way {
	case readAlone:
		known = [readWays]float64{alone, beside, few}
	case readBeside:
		if own := p.read[readFew][depth(position)].of(); own > 0 && p.read[readBeside][depth(position)].of() == 0 {
			beside = min(beside, own) // more at once take no more each
		}
		known = [readWays]float64{beside, few, alone}
	case readFew:
		known = [readWays]float64{few, 2 * beside, 2 * alone}
	}
	for _, x := range known {
		if x > 0 {
			return x
		}
	}
	return 0
}

// nearest returns what a token takes in a way, from the depths that were measured; 0: none
// was. Deeper than all of them it goes on as it grew between the last two: attention looks
// at each position once. Where only one is known it may take half as much again for each
// doubling.
func (p *pace) nearest(position, way int) float64 {
	d := depth(position)
	own := p.read[way][d].of()
	var known [2]*ratio // less deep: the nearest, and the next
	found, care := 0, 1.0
	for k := d - 1; k >= 0 && found < len(known); k-- {
		if found == 0 {
			care *= 1.5
		}
		if r := &p.read[way][k]; r.of() > 0 {
			known[found] = r
			found++
		}
	}
	switch {
	case own > 0 && found > 0: // no less than a little below where it is less deep
		return max(own, 0.75*known[0].of())
	case own > 0:
		return own
	case found == 2:
		grew := max(known[0].of()-known[1].of(), 0) / (known[0].at() - known[1].at())
		return min(1.1*(known[0].of()+grew*(float64(position)-known[0].at())), care*known[0].of())
	case found == 1:
		return care * known[0].of()
	}
	for k := d + 1; k < readDepths; k++ {
		if x := p.read[way][k].of(); x > 0 {
			return x
		}
	}
	return 0
}

// readAlone notes what a step took that only read, at a position.
func (p *pace) readAlone(position, tokens int, took float64) {
	r := &p.read[readAlone][depth(position)]
	r.add(position, tokens, took)
	p.last = r.of()
}

// readBeside notes what reading took beside decoding. Where it was more than was believed,
// half as many tokens are read at once, and more again step by step: a few
// may have hidden behind what the step takes anyway.
func (p *pace) readBeside(position, tokens int, took float64) {
	way := way(tokens, true)
	believed := float64(tokens) * p.reads(position, way)
	r := &p.read[way][depth(position)]
	r.add(position, tokens, took)
	p.last = r.of()
	if took > 1.5*believed+2*p.jitter {
		p.most = float64(tokens) / (2 * growth)
		return
	}
	p.most = max(float64(tokens), 0.9*p.most)
}

// likely returns what reading probably took beside decoding, of which so much was seen:
// what it is believed to take, where other programs disturb steps by more than both are
// apart.
func (p *pace) likely(position, tokens int, took float64) float64 {
	believed := float64(tokens) * p.reads(position, way(tokens, true))
	if math.Abs(took-believed) < 2*p.jitter {
		return believed
	}
	return max(took, 0)
}

// growth is how many more tokens than before are read beside decoding, at most.
const growth = 1.25

// mostBeside returns how many tokens may be read beside decoding, whatever they seem to
// take.
func (p *pace) mostBeside() int {
	if p.most == 0 {
		return MaxChunk
	}
	return max(firstTokens, int(math.Ceil(growth*p.most)))
}
