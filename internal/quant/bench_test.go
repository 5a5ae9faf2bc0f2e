package quant

import (
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// benchWeights is one wide row: 64 kB of integers stay in the cache, as a tile
// does while it is packed.
const benchWeights = 1 << 14

// blockTypes returns every type that has a form, in order.
func blockTypes() []tensor.DType {
	var types []tensor.DType
	for t := tensor.Q4_0; t.IsQuantised(); t++ {
		types = append(types, t)
	}
	return types
}

// randomBlocks returns n elements of t with random bits, but scales that are
// finite numbers of middling size.
func randomBlocks(t tensor.DType, n int) []byte {
	rng := rand.New(rand.NewPCG(1, uint64(t)))
	b := make([]byte, t.RowBytes(n))
	for i := range b {
		b[i] = byte(rng.Uint32()) & 0xbf
	}
	return b
}

func BenchmarkInts(b *testing.B) {
	for _, t := range blockTypes() {
		b.Run(t.String(), func(b *testing.B) {
			f, _ := FormOf(t)
			src := randomBlocks(t, benchWeights)
			w, s, m := make([]int8, benchWeights), make([]float32, benchWeights/f.B), make([]float32, benchWeights/f.B)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Ints(w, s, m, t, src)
			}
			weightRate(b)
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for t := tensor.F64; t == tensor.F64 || t <= tensor.Bool || t.IsQuantised(); t++ {
		b.Run(t.String(), func(b *testing.B) {
			src, dst := randomBlocks(t, benchWeights), make([]float32, benchWeights)
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if err := Decode(dst, t, src); err != nil {
					b.Fatal(err)
				}
			}
			weightRate(b)
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]float32, benchWeights)
	for i := range src {
		src[i] = float32(rng.NormFloat64())
	}
	for _, t := range []tensor.DType{tensor.F16, tensor.BF16, tensor.Q8_0} {
		b.Run(t.String(), func(b *testing.B) {
			dst := make([]byte, t.RowBytes(benchWeights))
			b.SetBytes(4 * benchWeights)
			for b.Loop() {
				if err := Encode(dst, t, src); err != nil {
					b.Fatal(err)
				}
			}
			weightRate(b)
		})
	}
}

func weightRate(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchWeights/1e6/b.Elapsed().Seconds(), "Mweights/s")
}
