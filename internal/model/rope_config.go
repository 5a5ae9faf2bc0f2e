package model

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// RopeConfig describes rotary position embedding (Su et al. 2021) and how its
// frequencies are scaled beyond the trained context.
type RopeConfig struct {
	Type   string // default, linear, llama3, yarn, dynamic, longrope, proportional
	Theta  float64
	Factor float64 // how many times the context grows, where scaled
	// Partial is the share of a head that turns, its first numbers.
	Partial float64
	Pairs   bool // rotates neighbours (2i, 2i+1), else halves (i, i+d/2)

	OriginalMaxPositionEmbeddings float64
	LowFreqFactor, HighFreqFactor float64 // llama3
	BetaFast, BetaSlow            float64 // yarn
	MScale, MScaleAllDim          float64 // yarn, DeepSeek's; 0: not given
	AttentionFactor               float64 // yarn; 0: computed
	NoTruncate                    bool    // yarn: the range is not rounded to whole dimensions

	Divisors []float32 // of the frequencies, from a GGUF's rope_freqs, or nil
	// Short and Long are longrope's divisors for sequences of up to
	// OriginalMaxPositionEmbeddings positions, and for longer ones.
	Short, Long []float64

	lengthens bool // a user's setting, which makes the context longer by Factor
}

// limited says whether the frequencies depend on how long a sequence may become.
func (r *RopeConfig) limited() bool { return r.Type == "dynamic" || r.Type == "longrope" }

// class returns one limit for all those that have the same frequencies: 0 up to the
// original context.
func (r *RopeConfig) class(limit int) int {
	switch {
	case !r.limited() || float64(limit) <= r.OriginalMaxPositionEmbeddings:
		return 0
	case r.Type == "longrope":
		return maxContext
	}
	return limit
}

// RopeReach returns one limit for all those whose sequences turn alike, 0 where limits do
// not matter.
func (c *Config) RopeReach(limit int) int {
	r := &c.Rope
	switch {
	case !r.limited():
		return 0
	case r.class(limit) == 0:
		return int(r.OriginalMaxPositionEmbeddings)
	case r.Type == "longrope":
		return int(r.OriginalMaxPositionEmbeddings) + 1
	}
	return limit
}

// check returns the first parameter that is out of range, or nil.
func (r *RopeConfig) check() *conflict {
	if !(r.Theta > 1) || math.IsInf(r.Theta, 0) {
		return clash("%s, want a number above 1", fact{"rope_theta", r.Theta})
	}
	original := fact{"original_max_position_embeddings", r.OriginalMaxPositionEmbeddings}
	switch r.Type {
	case "default":
		return nil
	case "longrope":
		if !(r.Factor > 0 && r.Factor <= maxScale) {
			return clash("%s, want a positive number up to %d", fact{"rope factor", r.Factor}, maxScale)
		}
		if !(r.OriginalMaxPositionEmbeddings > 1 && r.OriginalMaxPositionEmbeddings <= maxContext) {
			return clash("%s, want a number above 1, up to %d", original, maxContext)
		}
		if !(r.AttentionFactor >= 0 && r.AttentionFactor <= maxScale) {
			return clash("%s, want a positive number, or 0 for none", fact{"attention_factor", r.AttentionFactor})
		}
		return nil
	case "linear", "llama3", "yarn", "dynamic", "proportional":
		if !(r.Factor >= 1 && r.Factor <= maxScale) {
			return clash("%s, want a number from 1 to %d", fact{"rope factor", r.Factor}, maxScale)
		}
		if (r.Type == "llama3" || r.Type == "yarn") && !(r.OriginalMaxPositionEmbeddings > 0 && r.OriginalMaxPositionEmbeddings <= maxContext) {
			return clash("%s, want a positive number up to %d", original, maxContext)
		}
		if r.Type == "llama3" && !(r.LowFreqFactor > 0 && r.HighFreqFactor > r.LowFreqFactor && r.HighFreqFactor <= maxScale) {
			return clash("%s and %s, want positive ones in that order", fact{"low_freq_factor", r.LowFreqFactor}, fact{"high_freq_factor", r.HighFreqFactor})
		}
		if r.Type == "yarn" {
			return r.checkYarn()
		}
		return nil
	}
	return clash("%s, want default, linear, llama3, yarn, dynamic, longrope or proportional", fact{"rope_type", fmt.Sprintf("%.40q", r.Type)})
}

// checkYarn is check for what YaRN has beyond other scaling.
func (r *RopeConfig) checkYarn() *conflict {
	if !(r.BetaFast > 0 && r.BetaFast <= maxScale && r.BetaSlow > 0 && r.BetaSlow <= maxScale) {
		return clash("%s and %s, want positive numbers", fact{"beta_fast", r.BetaFast}, fact{"beta_slow", r.BetaSlow})
	}
	for _, x := range []struct {
		name  string
		value float64
	}{{"mscale", r.MScale}, {"mscale_all_dim", r.MScaleAllDim}, {"attention_factor", r.AttentionFactor}} {
		if !(x.value >= 0 && x.value <= maxScale) {
			return clash("%s, want a positive number, or 0 for none", fact{x.name, x.value})
		}
	}
	return nil
}

// maxAngle is what the sines of tables are made up to (CANON section 1).
const maxAngle = 1 << 24

// checkTable computes the frequencies for heads of d and returns a conflict where they
// are no numbers, or turn further within the context than tables go: parameters that
// are in range each may still not go together.
func (r *RopeConfig) checkTable(d, context int) *conflict {
	if r.Type == "longrope" {
		if err := r.checkDivisors(d); err != nil {
			return err
		}
	}
	for _, limit := range []int{0, context} {
		if err := r.checkLimit(d, context, limit); err != nil {
			return err
		}
	}
	return nil
}

// checkDivisors is check for longrope's divisors, of which a head of d has d/2.
func (r *RopeConfig) checkDivisors(d int) *conflict {
	for _, x := range []struct {
		name string
		list []float64
	}{{"short_factor", r.Short}, {"long_factor", r.Long}} {
		if len(x.list) != d/2 {
			return &conflict{[]string{x.name}, fmt.Sprintf("%s has %d numbers, want %d, one for each two numbers of a head that turn", x.name, len(x.list), d/2)}
		}
		for _, v := range x.list {
			if !(v > 0) || math.IsInf(v, 0) {
				return &conflict{[]string{x.name}, fmt.Sprintf("%s has %v, want positive numbers", x.name, v)}
			}
		}
	}
	return nil
}

// checkLimit is checkTable for sequences of up to limit positions.
func (r *RopeConfig) checkLimit(d, context, limit int) *conflict {
	freq, factor := r.frequencies(d, limit)
	for _, f := range freq {
		if f >= 0 && f*float64(context) <= maxAngle {
			continue
		}
		if r.Type == "longrope" {
			return &conflict{[]string{"short_factor", "long_factor"}, fmt.Sprintf("short_factor and long_factor give the frequency %v, want at most %d within %d positions", f, maxAngle, context)}
		}
		if r.Divisors != nil {
			return clash("rope_freqs.weight gives the frequency %v, want at most %d within %d positions", f, maxAngle, context)
		}
		if r.Type == "yarn" {
			return clash("%s, %s and %s give the rope frequency %v", fact{"beta_fast", r.BetaFast}, fact{"beta_slow", r.BetaSlow},
				fact{"original_max_position_embeddings", r.OriginalMaxPositionEmbeddings}, f)
		}
		return clash("%s gives the rope frequency %v", fact{"rope_theta", r.Theta}, f)
	}
	if !(factor > 0 && float32(factor) <= math.MaxFloat32) {
		return clash("%s gives sine and cosine the factor %v", fact{"attention_factor", r.AttentionFactor}, factor)
	}
	return nil
}

// frequencies returns the d/2 scaled frequencies and the factor on sine and
// cosine, float64, in the order of Hugging Face's formulas, for sequences of up to limit
// positions.
func (r *RopeConfig) frequencies(d, limit int) (freq []float64, factor float64) {
	factor = 1
	if r.Type == "dynamic" {
		return kernel.RopeFrequencies(d, r.dynamicTheta(d, limit)), 1
	}
	freq = kernel.RopeFrequencies(d, r.Theta)
	switch r.Type {
	case "longrope":
		divisors := r.Short
		if r.class(limit) > 0 {
			divisors = r.Long
		}
		for i := range freq {
			freq[i] /= divisors[i]
		}
		factor = r.LongFactor()
	case "linear":
		for i := range freq {
			freq[i] /= r.Factor
		}
	case "proportional": // those of the whole head, of which the first turn (Gemma 4)
		for i := range freq {
			if freq[i] /= r.Factor; i >= int(float64(d)*r.Partial)/2 {
				freq[i] = 0
			}
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

// dynamicTheta returns the base that grows with the length of a sequence, so that the
// slowest frequencies turn as far within it as they did in the trained context ("dynamic
// NTK", as transformers has it).
func (r *RopeConfig) dynamicTheta(d, limit int) float64 {
	length := max(float64(limit), r.OriginalMaxPositionEmbeddings)
	ratio := float64(r.Factor*length)/r.OriginalMaxPositionEmbeddings - (r.Factor - 1)
	if d <= 2 || ratio == 1 { // one frequency, which is 1, or nothing to grow
		return r.Theta
	}
	return float64(r.Theta * kernel.Exp64(float64(float64(d)/float64(d-2)*kernel.Log64(ratio))))
}

// LongFactor is what longrope multiplies sine and cosine with (Ding et al. 2024, as
// transformers has it).
func (r *RopeConfig) LongFactor() float64 {
	switch {
	case r.AttentionFactor != 0:
		return r.AttentionFactor
	case r.Factor <= 1:
		return 1
	}
	return math.Sqrt(1 + kernel.Log64(r.Factor)/kernel.Log64(r.OriginalMaxPositionEmbeddings))
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
