package model

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// RopeConfig describes rotary position embedding (Su et al. 2021) and how its
// frequencies are scaled beyond the trained context.
type RopeConfig struct {
	Type   string // default, linear, llama3, yarn
	Theta  float64
	Factor float64 // how many times the context grows, where scaled
	Pairs  bool    // rotates neighbours (2i, 2i+1), else halves (i, i+d/2)

	OriginalMaxPositionEmbeddings float64
	LowFreqFactor, HighFreqFactor float64 // llama3
	BetaFast, BetaSlow            float64 // yarn
	MScale, MScaleAllDim          float64 // yarn, DeepSeek's; 0: not given
	AttentionFactor               float64 // yarn; 0: computed
	NoTruncate                    bool    // yarn: the range is not rounded to whole dimensions

	Divisors []float32 // of the frequencies, from a GGUF's rope_freqs, or nil
}

func (r *RopeConfig) check() error {
	bad := func(format string, a ...any) error { return fmt.Errorf(format+": %w", append(a, ErrConfig)...) }
	if !(r.Theta > 1) || math.IsInf(r.Theta, 0) {
		return bad("rope_theta %v, want a number above 1", r.Theta)
	}
	switch r.Type {
	case "default":
		return nil
	case "linear", "llama3", "yarn":
		if !(r.Factor >= 1 && r.Factor <= maxScale) {
			return bad("rope factor %v, want a number from 1 to %d", r.Factor, maxScale)
		}
		if r.Type != "linear" && !(r.OriginalMaxPositionEmbeddings > 0 && r.OriginalMaxPositionEmbeddings <= maxContext) {
			return bad("original_max_position_embeddings %v, want a positive number up to %d", r.OriginalMaxPositionEmbeddings, maxContext)
		}
		if r.Type == "llama3" && !(r.LowFreqFactor > 0 && r.HighFreqFactor > r.LowFreqFactor && r.HighFreqFactor <= maxScale) {
			return bad("low_freq_factor %v and high_freq_factor %v, want positive ones in that order", r.LowFreqFactor, r.HighFreqFactor)
		}
		if r.Type == "yarn" {
			return r.checkYarn()
		}
		return nil
	}
	return bad("rope_type %.40q, want default, linear, llama3 or yarn", r.Type)
}

// checkYarn is check for what YaRN has beyond other scaling.
func (r *RopeConfig) checkYarn() error {
	bad := func(format string, a ...any) error { return fmt.Errorf(format+": %w", append(a, ErrConfig)...) }
	if !(r.BetaFast > 0 && r.BetaFast <= maxScale && r.BetaSlow > 0 && r.BetaSlow <= maxScale) {
		return bad("beta_fast %v and beta_slow %v, want positive numbers", r.BetaFast, r.BetaSlow)
	}
	for i, v := range []float64{r.MScale, r.MScaleAllDim, r.AttentionFactor} {
		if !(v >= 0 && v <= maxScale) {
			return bad("%s %v, want a positive number, or 0 for none", []string{"mscale", "mscale_all_dim", "attention_factor"}[i], v)
		}
	}
	return nil
}

// frequencies returns the d/2 scaled frequencies and the factor on sine and
// cosine, float64, in the order of Hugging Face's formulas.
func (r *RopeConfig) frequencies(d int) (freq []float64, factor float64) {
	freq, factor = kernel.RopeFrequencies(d, r.Theta), 1
	switch r.Type {
	case "linear":
		for i := range freq {
			freq[i] /= r.Factor
		}
	case "llama3":
		r.llama3(freq)
	case "yarn":
		r.yarn(freq, d)
		factor = r.attentionFactor()
	}
	for i, div := range r.Divisors {
		freq[i] /= float64(div)
	}
	return freq, factor
}

// llama3 slows frequencies down whose wave is longer than the trained context,
// with a smooth passage (Llama 3.1's rope scaling).
func (r *RopeConfig) llama3(freq []float64) {
	long, short := r.OriginalMaxPositionEmbeddings/r.LowFreqFactor, r.OriginalMaxPositionEmbeddings/r.HighFreqFactor
	for i, f := range freq {
		wave := 2 * math.Pi / f
		switch {
		case wave > long:
			freq[i] = f / r.Factor
		case wave >= short:
			smooth := (r.OriginalMaxPositionEmbeddings/wave - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
			freq[i] = float64((1-smooth)*f)/r.Factor + float64(smooth*f)
		}
	}
}

// yarn interpolates slow frequencies and keeps fast ones (Peng et al. 2023, §3.2).
func (r *RopeConfig) yarn(freq []float64, d int) {
	dimension := func(rotations float64) float64 {
		return float64(d) * kernel.Log64(r.OriginalMaxPositionEmbeddings/(rotations*2*math.Pi)) / (2 * kernel.Log64(r.Theta))
	}
	low, high := dimension(r.BetaFast), dimension(r.BetaSlow)
	if !r.NoTruncate {
		low, high = math.Floor(low), math.Ceil(high)
	}
	low, high = max(low, 0), min(high, float64(d-1))
	if low == high {
		high += 0.001 // as the reference prevents the division by zero
	}
	for i, f := range freq {
		ramp := min(max((float64(i)-low)/(high-low), 0), 1)
		keep := 1 - ramp
		freq[i] = float64(f/r.Factor*(1-keep)) + float64(f*keep)
	}
}

// yarnScale is the paper's attention temperature, 0.1 ln s + 1.
func yarnScale(factor, mscale float64) float64 {
	if factor <= 1 {
		return 1
	}
	return float64(0.1*mscale*kernel.Log64(factor)) + 1
}

// roundDecimal takes the noise out of a number that a float32 stored, such as 0.707
// as a tenth of it.
func roundDecimal(x float64) float64 { return math.Round(x*1e6) / 1e6 }

// softmaxScale returns what YaRN multiplies the scale of scores with, its
// temperature once for queries and once for keys (DeepSeek's form of it).
func (r *RopeConfig) softmaxScale() float64 {
	if r.Type == "default" || r.MScaleAllDim == 0 {
		return 1
	}
	m := yarnScale(r.Factor, r.MScaleAllDim)
	return m * m
}

// attentionFactor multiplies sine and cosine.
func (r *RopeConfig) attentionFactor() float64 {
	switch {
	case r.AttentionFactor != 0:
		return r.AttentionFactor
	case r.MScale != 0 && r.MScaleAllDim != 0:
		return yarnScale(r.Factor, r.MScale) / yarnScale(r.Factor, r.MScaleAllDim)
	}
	return yarnScale(r.Factor, 1)
}

// Rope holds the tables of one RopeConfig, made as far as positions were asked for.
// All steps of a model read them, whichever goroutines run them, and grow them.
type Rope struct {
	Dim    int
	pairs  bool
	freq   []float64
	factor float64
	// tables of ropeChunk positions each: for a position two rows, [2, Dim] for
	// pairs (see kernel.RopePairs), cosines and sines [2, Dim/2] for halves. Those that
	// are there stay as they are.
	tables atomic.Pointer[[][]float32]
	mu     sync.Mutex // of those who add tables
}

// ropeChunk is how many positions a table has.
const ropeChunk = 256

func newRope(c *RopeConfig, dim int) *Rope {
	r := &Rope{Dim: dim, pairs: c.Pairs}
	r.freq, r.factor = c.frequencies(dim)
	r.tables.Store(new([][]float32))
	return r
}

// row returns the length of a row of a table.
func (r *Rope) row() int {
	if r.pairs {
		return r.Dim
	}
	return r.Dim / 2
}

// grow makes the tables of positions below n.
func (r *Rope) grow(n int) {
	if len(*r.tables.Load())*ropeChunk >= n {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tables := *r.tables.Load()
	for len(tables)*ropeChunk < n {
		tables = append(tables, r.table(len(tables)*ropeChunk))
	}
	r.tables.Store(&tables)
}

// table makes the table of ropeChunk positions from first on.
func (r *Rope) table(first int) []float32 {
	cos, sin := make([]float32, r.Dim/2), make([]float32, r.Dim/2)
	table := make([]float32, ropeChunk*2*r.row())
	for p := range ropeChunk {
		for i, f := range r.freq {
			s, c := kernel.SinCos64(float64(float64(first+p) * f))
			cos[i], sin[i] = float32(float64(c*r.factor)), float32(float64(s*r.factor))
		}
		a, b := r.rows(table, p)
		if r.pairs {
			kernel.InterleaveRope(a, b, cos, sin)
		} else {
			copy(a, cos)
			copy(b, sin)
		}
	}
	return table
}

// rows returns the two rows of a position in its table.
func (r *Rope) rows(table []float32, p int) (a, b []float32) {
	n := r.row()
	return table[2*p*n:][:n], table[(2*p+1)*n:][:n]
}

// rotate turns one head's vector x [Dim] to its position.
func (r *Rope) rotate(x []float32, pos int) {
	a, b := r.rows((*r.tables.Load())[pos/ropeChunk], pos%ropeChunk)
	if r.pairs {
		kernel.RopePairs(x, a, b)
	} else {
		kernel.RopeHalves(x, a, b)
	}
}

// Rope turns every head of x to its row's position. Only the last Dim elements of a
// head turn. x is not read again.
//
//	x [T, heads*D] → [T, heads*D]   Su et al. 2021, eq. 34
func (s *Step) Rope(x *Act, heads int, r *Rope) *Act {
	return s.turn(x, heads, x.D/heads-r.Dim, r)
}

// ropeFirst is Rope on the first Dim elements of each head.
func (s *Step) ropeFirst(x *Act, heads int, r *Rope) *Act { return s.turn(x, heads, 0, r) }

// turn turns Dim elements of each head, from element at on.
func (s *Step) turn(x *Act, heads, at int, r *Rope) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.rope, ropeRows{x, y, heads, at, r, s.positions}), x.T, x.D)
	return y
}

type ropeRows struct {
	x, y      *Act
	heads, at int
	rope      *Rope
	positions []int32 // [T]
}

func (o *ropeRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *ropeRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	if o.y != o.x {
		copy(y, o.x.Row(t))
	}
	for D := o.y.D / o.heads; len(y) > 0; y = y[D:] {
		o.rope.rotate(y[o.at:][:o.rope.Dim], int(o.positions[t]))
	}
}
