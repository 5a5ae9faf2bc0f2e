package engine

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// pace is how fast this model runs on this machine, as measured by the steps so far.
// Times are in nanoseconds.
type pace struct {
	decode []mean              // of steps that read nothing, by the tokens they decode
	jitter float64             // how far such a step is from their mean
	other  [ways][depths]ratio // of other tokens, by how and how deep
	most   [modes]float64      // of them in a step that decodes, of late
	last   float64             // of a token that was read, of late
}

// mean is a running mean; 0: nothing is known.
type mean struct {
	of     float64
	at     time.Time // of the last one
	n      uint64    // number of the step of the last one
	lately [5]float64
	count  uint // of those that there were; 0: none that is believed
}

// usual returns the median of the last few, of two the lesser: what is compared must not
// follow a step that another program disturbed.
func (m *mean) usual() float64 {
	n := min(int(m.count), len(m.lately))
	last := m.lately
	slices.Sort(last[:n])
	return last[(n-1)/2]
}

// ratio is what tokens took, those of late counting most: the sum of times by that of
// tokens, so that what disturbs a step of few tokens does not count for much.
type ratio struct{ time, tokens, positions float64 }

func (r *ratio) add(position int, n, took float64) {
	const kept = 0.8
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
// fewer tokens than a tile of vectors take longer each. And that of answers of batches in a
// step that goes on with others.
const (
	readAlone = iota
	readBeside
	readFew
	drawBeside
	ways
	fewTokens = 16
)

// few returns as how many tokens so many count, fewer than fewTokens, that are read in a step
// which decodes others. Products go through vectors in fours: a token that begins a four takes
// most of what four take in products, and its own part in attention.
func few(decoding, tokens int) float64 {
	const four = 4
	fours := func(n int) int { return (n + four - 1) / four * four }
	computed := max(tokens, fours(decoding+tokens)-fours(decoding))
	return float64(tokens+computed) / 2
}

// filled returns the least number of tokens from n on, at most `most`, behind which one more counts
// as more than half a token: no row of a four that is computed anyway is left for it.
func filled(decoding, n, most int) int {
	for n < most && few(decoding, n+1) == few(decoding, n)+0.5 {
		n++
	}
	return n
}

// counts returns as how many tokens so many count in a way.
func counts(way, decoding, tokens int) float64 {
	if way == readFew {
		return few(decoding, tokens)
	}
	return float64(tokens)
}

// depths is how many depths are told apart: they double from one to the next.
const depths = 24

// way returns how so many tokens of a step are computed in a mode.
func (m mode) way(tokens int) int {
	switch {
	case m == drawing:
		return drawBeside
	case m == alone:
		return readAlone
	case tokens < fewTokens:
		return readFew
	}
	return readBeside
}

// first returns the way that has to have a measure before more than a few tokens are
// computed in a mode.
func (m mode) first() int {
	if m == drawing {
		return drawBeside
	}
	return readAlone
}

// depth returns the second index of other.
func depth(position int) int { return min(bits.Len(uint(position)>>9), depths-1) }

// decodes returns what a step takes that decodes so many tokens and no others; 0 where
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

// decoded notes what a step took that decoded so many tokens and computed no others.
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
	m.lately[m.count%uint(len(m.lately))] = took
	m.count++
}

// takes returns what a token takes that is computed at a position in a way, from the nearest
// measure there is; 0: nothing was measured. What is read in one way tells of the others.
func (p *pace) takes(position, way int) float64 {
	if way == drawBeside {
		return p.nearest(position, drawBeside)
	}
	alone, beside, few := p.nearest(position, readAlone), p.nearest(position, readBeside), p.nearest(position, readFew)
	var known [3]float64 // the best first
	switch way {
	case readAlone:
		known = [...]float64{alone, beside, few}
	case readBeside:
		if own := p.other[readFew][depth(position)].of(); own > 0 && p.other[readBeside][depth(position)].of() == 0 {
			beside = max(min(beside, own), 0.75*beside) // more at once take no more each, but where few hide
		}
		known = [...]float64{beside, few, alone}
	case readFew:
		known = [...]float64{few, 2 * beside, 2 * alone}
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
	own := p.other[way][d].of()
	var known [2]*ratio // less deep: the nearest, and the next
	found, care := 0, 1.0
	for k := d - 1; k >= 0 && found < len(known); k-- {
		if found == 0 {
			care *= 1.5
		}
		if r := &p.other[way][k]; r.of() > 0 {
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
	for k := d + 1; k < depths; k++ {
		if x := p.other[way][k].of(); x > 0 {
			return x
		}
	}
	return 0
}

// alone notes what a step took that only read, at a position.
func (p *pace) alone(position, tokens int, took float64) {
	r := &p.other[readAlone][depth(position)]
	r.add(position, float64(tokens), took)
	p.last = r.of()
}

// beside notes what other tokens took in a step that decoded. Where it was more than was
// believed, half as many are computed at once, and more again step by step: a few may have
// hidden behind what the step takes anyway.
func (p *pace) beside(m mode, position, decoding, tokens int, took float64) {
	way := m.way(tokens)
	n := counts(way, decoding, tokens)
	believed := n * p.takes(position, way)
	r := &p.other[way][depth(position)]
	r.add(position, n, took)
	if m == reading {
		p.last = r.of()
	}
	if took > 1.5*believed+2*p.jitter {
		p.most[m] = float64(tokens) / (2 * growth)
		return
	}
	p.most[m] = max(float64(tokens), 0.9*p.most[m])
}

// likely returns what other tokens probably took in a step that decoded, of which so much
// was seen: what they are believed to take, where other programs disturb steps by more than
// both are apart.
func (p *pace) likely(m mode, position, decoding, tokens int, took float64) float64 {
	way := m.way(tokens)
	believed := counts(way, decoding, tokens) * p.takes(position, way)
	if math.Abs(took-believed) < 2*p.jitter {
		return believed
	}
	return max(took, 0)
}

// growth is how many more other tokens than before a step that decodes computes, at most.
const growth = 1.25

// mostOf returns how many tokens may be computed beside decoding in a mode, whatever they
// seem to take.
func (p *pace) mostOf(m mode) int {
	if p.most[m] == 0 {
		return MaxChunk
	}
	return max(firstTokens, int(math.Ceil(growth*p.most[m])))
}
