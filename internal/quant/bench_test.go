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
	for t := tensor.Q4_0; t <= tensor.Q2_0; t++ { // package ik has vectors of those behind
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

// BenchmarkEncode encodes one row, with and without importances.
func BenchmarkEncode(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	row, importance := make([]float32, benchWeights), make([]float32, benchWeights)
	for i := range row {
		row[i] = float32(rng.NormFloat64())
		importance[i] = float32(rng.ExpFloat64())
	}
	for t := tensor.F32; t == tensor.F32 || t <= tensor.Bool || t.IsQuantised(); t++ {
		if !Encodes(t) {
			continue
		}
		run := func(name string, importance []float32) {
			b.Run(name, func(b *testing.B) {
				dst := make([]byte, t.RowBytes(benchWeights))
				b.SetBytes(4 * benchWeights)
				for b.Loop() {
					if err := EncodeRow(dst, t, row, importance); err != nil {
						b.Fatal(err)
					}
				}
				weightRate(b)
			})
		}
		run(t.String(), nil)
		if t.IsQuantised() {
			run(t.String()+"+importance", importance)
		}
	}
}

func weightRate(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchWeights/1e6/b.Elapsed().Seconds(), "Mweights/s")
}
