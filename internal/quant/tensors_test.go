package quant

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"testing"
)

const (
	seededColumns = 1024
	seededRows    = 12
)

// seededNames are the tensors of testdata/encoders.json.
var seededNames = []string{"normal", "heavy", "tiny", "channels", "scales", "signs", "grid", "holes", "experts"}

// noise returns numbers of mean 0 and deviation 1, at most 3.47 away: the four
// 16-bit parts of words of splitmix64, summed.
func noise(seed int, name string, n int) []float64 {
	digest := sha256.Sum256(fmt.Appendf(nil, "%d:%s", seed, name))
	h := binary.LittleEndian.Uint64(digest[:])
	deviation := math.Sqrt((1<<32 - 1) / 3.0)
	out := make([]float64, n)
	for i := range out {
		z := h + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		parts := z&0xffff + z>>16&0xffff + z>>32&0xffff + z>>48
		out[i] = (float64(parts) - 131070) / deviation
	}
	return out
}

// seeded returns a tensor [n, 1024] of one kind.
func seeded(seed int, name string) []float32 {
	n := seededRows * seededColumns
	if name == "experts" {
		n = 4 * 4 * seededColumns
	}
	z, pick := noise(seed, name, n), noise(seed, "pick", seededColumns)
	out := make([]float32, n)
	for i, v := range z {
		r, c := i/seededColumns, i%seededColumns
		switch name {
		case "heavy":
			v = 0.01 * (v * v * v)
		case "tiny":
			v *= 1e-7
		case "channels": // a few columns of great weights
			v *= 0.02
			if pick[c] > 1.8 {
				v *= 16
			}
		case "scales": // every row another size
			v = math.Ldexp(v, r-seededRows)
		case "signs": // rows of one sign
			v = math.Abs(0.02*v) * float64(1-2*(r%2))
		case "grid": // few distinct values
			v = math.RoundToEven(v*4) / 64
		case "holes":
			v = hole(r, c, 0.02*v)
		default:
			v *= 0.02
		}
		out[i] = float32(v)
	}
	return out
}

// hole replaces v in rows that have nothing, one value, spikes, half a row, and two
// values.
func hole(r, c int, v float64) float64 {
	switch {
	case r == 0 || r == 3 && c < seededColumns/2:
		return 0
	case r == 1:
		return 0.03125
	case r == 2 && c%97 == 0:
		return 1
	case r == 2:
		return 0
	case r == 4:
		return float64(c%2) - 0.5
	}
	return v
}

// seededImportance returns the importances [n] of a tensor's weights: mean squares
// of activations, by column, or by expert and column.
func seededImportance(seed int, name string, n int) []float32 {
	experts := 1
	if name == "experts" {
		experts = 4
	}
	z := noise(seed, "importance "+name, experts*seededColumns)
	loud := noise(seed, "loud "+name, seededColumns)
	out := make([]float32, n)
	for i := range out {
		c := i % seededColumns
		v := z[i/(n/experts)*seededColumns+c]
		v *= v
		if loud[c] > 1.5 {
			v *= 25
		}
		out[i] = float32(0.05 + v)
	}
	return out
}

// floatsDigest is how testdata/encoders.json names the content of tensors.
func floatsDigest(x []float32) string {
	b := make([]byte, 4*len(x))
	for i, v := range x {
		le.PutUint32(b[4*i:], math.Float32bits(v))
	}
	digest := sha256.Sum256(b)
	return hex.EncodeToString(digest[:8])
}

func TestSeededTensors(t *testing.T) {
	ref := loadEncoderErrors(t)
	for _, name := range seededNames {
		x := seeded(ref.Seed, name)
		if got := floatsDigest(x); got != ref.Tensors[name].SHA {
			t.Errorf("tensor %s: digest %s, want %s", name, got, ref.Tensors[name].SHA)
		}
		w := seededImportance(ref.Seed, name, len(x))
		if name == "experts" { // four rows of an expert share their importances
			for e := range 4 {
				copy(w[e*seededColumns:(e+1)*seededColumns], w[4*e*seededColumns:])
			}
			w = w[:4*seededColumns]
		} else {
			w = w[:seededColumns]
		}
		if got := floatsDigest(w); got != ref.Tensors[name].Weights {
			t.Errorf("importances of %s: digest %s, want %s", name, got, ref.Tensors[name].Weights)
		}
	}
}
