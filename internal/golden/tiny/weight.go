package tiny

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// Noise returns n numbers of mean 0 and deviation 1: sums of four 16-bit parts of
// splitmix64 started from the SHA-256 of seed and name.
func Noise(seed int, name string, n int) []float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s", seed, name))
	state := binary.LittleEndian.Uint64(sum[:8])
	x := make([]float64, n)
	for i := range x {
		z := state + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		parts := int64(z&0xffff) + int64(z>>16&0xffff) + int64(z>>32&0xffff) + int64(z>>48)
		x[i] = float64(parts-131070) / math.Sqrt((1<<32-1)/3.0)
	}
	return x
}

// Law returns mean and deviation of a tensor's values.
func (m *Model) Law(t Tensor) (mean, dev float64) {
	c := m.Config.text()
	if c.recurrent() {
		return c.deltaLaw(t)
	}
	if c.ModelType == "deepseek_v4" {
		return entriesLaw(t)
	}
	if c.gemma4() {
		return c.gemma4Law(t)
	}
	if later[c.ModelType] != nil {
		return c.laterLaw(t)
	}
	gemma := strings.HasPrefix(c.ModelType, "gemma") && !strings.Contains(t.Name, "vision")
	root := math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
	switch {
	case strings.HasSuffix(t.Name, "e_score_correction_bias"):
		return 0, 0.05
	case strings.HasSuffix(t.Name, ".bias"):
		return 0, 0.1
	case len(t.Shape) == 1 && gemma && strings.HasSuffix(t.Name, "model.norm.weight"):
		return 5, 0.1
	case len(t.Shape) == 1 && gemma:
		return 0, 0.1
	case len(t.Shape) == 1:
		return 1, 0.1
	case strings.HasSuffix(t.Name, "embed_tokens.weight") && gemma:
		return 0, 0.5 / root
	case strings.HasSuffix(t.Name, "embed_tokens.weight") && c.tied(false):
		return 0, 3 / root
	case strings.HasSuffix(t.Name, "embed_tokens.weight"):
		return 0, 1
	case strings.HasSuffix(t.Name, "lm_head.weight"), strings.HasSuffix(t.Name, "shared_head.head.weight"):
		return 0, 3 / root
	}
	return 0, 1.2 / root
}

// copyName finds the tensors of a module of multi-token prediction that are copies of
// the model's.
var copyName = regexp.MustCompile(`^model\.layers\.\d+\.(embed_tokens|shared_head\.head)\.`)

// source returns the name that a tensor's values are made from.
func source(name string) string {
	switch p := copyName.FindStringSubmatch(name); {
	case p == nil:
		return name
	case p[1] == "embed_tokens":
		return "model.embed_tokens.weight"
	}
	return "lm_head.weight"
}

// Weight returns the values of a tensor: bfloat16 numbers that float16 holds too.
func (m *Model) Weight(t Tensor) []float32 {
	if w, ok := m.made.Load(t.Name); ok {
		return slices.Clone(w.([]float32))
	}
	w := m.weight(t)
	m.made.Store(t.Name, slices.Clone(w))
	return w
}

func (m *Model) weight(t Tensor) []float32 {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	mean, dev := m.Law(t)
	w := make([]float32, n)
	for i, v := range Noise(m.Seed, source(t.Name), n) {
		bits := math.Float32bits(float32(mean + float64(dev*v)))
		bits = (bits + 0x7fff + bits>>16&1) &^ 0xffff
		if w[i] = math.Float32frombits(bits); math.Abs(float64(w[i])) < 0x1p-14 {
			w[i] = 0
		}
	}
	return w
}
