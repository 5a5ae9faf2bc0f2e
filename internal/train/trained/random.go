package trained

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
)

// Deviation is that of random matrices: Radford and others, "Language Models are Unsupervised
// Multitask Learners", 2019, and what follows GPT-2.
const Deviation = 0.02

// Randomize gives a model random weights: matrices normal numbers, norms ones, biases zeros.
// The numbers of a tensor depend on the seed and on its place among the tensors alone.
func Randomize(weights []*model.Weight, seed int64) {
	of := map[string][]*model.Weight{}
	for _, w := range weights {
		of[w.Tensor] = append(of[w.Tensor], w)
	}
	for i, t := range train.Tensors(weights) {
		n, _ := tensor.Elements(t.Shape)
		values := make([]float32, n)
		rng := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		for k := range values {
			values[k] = float32(Deviation * normal(rng))
		}
		for _, w := range of[t.Name] {
			if w.Matrix != nil {
				w.Pack(w.Values(), values)
				continue
			}
			for k := range w.Vector {
				w.Vector[k] = 0
				if strings.Contains(t.Name, "norm") {
					w.Vector[k] = 1
				}
			}
		}
	}
}

// normal returns about a normal number: the sum of twelve even ones (Irwin and Hall), which
// every machine adds up to the same bits.
func normal(rng *rand.Rand) float64 {
	sum := -6.0
	for range 12 {
		sum += rng.Float64()
	}
	return sum
}

// RandomizeByWidth gives a model random weights: matrices such that what comes out of them is
// about as large as what goes in, those that add to the stream of so many layers smaller by
// √(2 layers), as GPT-2's, and embeddings small, since they are the head too.
func RandomizeByWidth(weights []*model.Weight, layers int, seed int64) {
	Randomize(weights, seed)
	for _, w := range weights {
		if w.Matrix == nil || strings.Contains(w.Tensor, "embed") {
			continue
		}
		by := 1 / (Deviation * math.Sqrt(float64(w.Cols)))
		if strings.Contains(w.Tensor, "o_proj") || strings.Contains(w.Tensor, "down_proj") {
			by /= math.Sqrt(float64(2 * layers))
		}
		for i, v := range w.Values() {
			w.Values()[i] = float32(by * float64(v))
		}
	}
}
