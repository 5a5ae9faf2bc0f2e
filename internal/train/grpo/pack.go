package grpo

import (
	"math"

	"github.com/blitz-r1/blitz/internal/train"
)

// packed are prompts with their answers as a trainer takes them: one behind the other in rows of
// about as many tokens as are computed together.
type packed struct {
	batches []*train.Batch // of one row
	places  []place        // of the answers, in their order
	tokens  int
}

// place is where an answer lies.
type place struct {
	batch, at int // its first id in the batch
	all       int // and in all batches, one behind the other
	n         int
}

// pack packs the answers of groups, with weights of 1.
func pack(groups []Group, atOnce int) *packed {
	k := &packed{}
	var b *train.Batch
	for _, g := range groups {
		for i := range g.Answers {
			ids := g.Answers[i].IDs
			n := len(g.Prompt) + len(ids)
			if b == nil || len(b.IDs)+n > atOnce {
				b = &train.Batch{Rows: 1, Divisor: 1}
				k.batches = append(k.batches, b)
			}
			segment := int32(1)
			if len(b.Segments) > 0 {
				segment = b.Segments[len(b.Segments)-1] + 1
			}
			k.places = append(k.places, place{len(k.batches) - 1, len(b.IDs) + len(g.Prompt), k.tokens + len(g.Prompt), len(ids)})
			b.IDs = append(append(b.IDs, g.Prompt...), ids...)
			for at := range n {
				w := float32(0)
				if at >= len(g.Prompt) {
					w = 1
				}
				b.Segments, b.Weights = append(b.Segments, segment), append(b.Weights, w)
			}
			b.Cols = len(b.IDs)
			k.tokens += n
		}
	}
	return k
}

// rollout returns the log-probabilities that the answers were drawn with, as the batches lie.
func (k *packed) rollout(groups []Group) []float32 {
	all := make([]float32, k.tokens)
	at := 0
	for _, g := range groups {
		for i := range g.Answers {
			copy(all[k.places[at].all:], g.Answers[i].LogP)
			at++
		}
	}
	return all
}

// rows returns the log-probabilities of each answer.
func (k *packed) rows(all []float32) [][]float64 {
	if all == nil {
		return nil
	}
	rows := make([][]float64, len(k.places))
	for i, p := range k.places {
		rows[i] = make([]float64, p.n)
		for t, v := range all[p.all:][:p.n] {
			rows[i][t] = float64(v)
		}
	}
	return rows
}

// weigh gives the tokens the weights by which a trainer's loss has the gradient dlogp [answer]
// [token].
func (k *packed) weigh(dlogp [][]float64) {
	for i, p := range k.places {
		w := k.batches[p.batch].Weights[p.at:]
		for t, d := range dlogp[i] {
			w[t] = float32(-d)
		}
	}
}

// differ returns the greatest difference between log-probabilities of answers; infinity where
// one is no number.
func (k *packed) differ(a, b []float32) (most float64) {
	for _, p := range k.places {
		for t := range p.n {
			x, y := a[p.all+t], b[p.all+t]
			if math.Float32bits(x) == math.Float32bits(y) {
				continue
			}
			d := math.Abs(float64(x) - float64(y))
			if d-d != 0 || d == 0 {
				d = math.Inf(1) // no numbers, or zeros of different signs
			}
			most = max(most, d)
		}
	}
	return most
}
