package dataset

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Packing is samples laid into rows of one length: row i holds the samples of
// Rows[i], one behind the other.
type Packing struct {
	Samples *Samples
	Length  int // tokens of a row
	Rows    [][]int32
}

// packWindow is how many samples are laid out together. Within a window the longest are
// placed first; which window a sample is in is drawn.
const packWindow = 1024

// Pack lays samples into rows of length tokens, each sample whole in one row. The order is
// drawn from seed and epoch: the same two give the same rows. No sample may be longer than
// a row.
func Pack(s *Samples, length int, seed, epoch uint64) *Packing {
	p := &Packing{Samples: s, Length: length}
	rng := rand.New(rand.NewPCG(seed, epoch))
	order := make([]int32, s.Len())
	for i := range order {
		order[i] = int32(i)
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for from := 0; from < len(order); from += packWindow {
		p.window(order[from:min(len(order), from+packWindow)])
	}
	rng.Shuffle(len(p.Rows), func(i, j int) { p.Rows[i], p.Rows[j] = p.Rows[j], p.Rows[i] })
	return p
}

// window lays samples out: the longest first, each into the row in which it leaves the
// least room (best fit decreasing).
func (p *Packing) window(samples []int32) {
	slices.SortStableFunc(samples, func(a, b int32) int { return cmp.Compare(p.Samples.Size(int(b)), p.Samples.Size(int(a))) })
	first := len(p.Rows)
	var room []int // of the rows from first on
	for _, i := range samples {
		size, best := p.Samples.Size(int(i)), -1
		for r, free := range room {
			if free >= size && (best < 0 || free < room[best]) {
				best = r
			}
		}
		if best < 0 {
			best = len(room)
			room = append(room, p.Length)
			p.Rows = append(p.Rows, nil)
		}
		room[best] -= size
		p.Rows[first+best] = append(p.Rows[first+best], i)
	}
}

// Batch is rows of tokens, in which samples stand behind each other.
//
//	IDs, Segments, Weights [B, T]
//
// A sample is a run of one number other than 0 in Segments; it attends to itself only. A
// weight belongs to the prediction of its token from those of the sample before it.
type Batch struct {
	B, T     int
	IDs      []int32
	Segments []int32
	Weights  []float32
}

// Batch returns rows from and up to, as one batch.
func (p *Packing) Batch(from, to int) *Batch {
	t := p.Length
	b := &Batch{B: to - from, T: t}
	b.IDs, b.Segments, b.Weights = make([]int32, b.B*t), make([]int32, b.B*t), make([]float32, b.B*t)
	for r, row := range p.Rows[from:to] {
		at := r * t
		for k, i := range row {
			s := p.Samples.At(int(i))
			for j, id := range s.IDs {
				b.IDs[at], b.Segments[at] = id, int32(k+1)
				if s.Learned[j] && j > 0 {
					b.Weights[at] = 1
				}
				at++
			}
		}
	}
	return b
}

// Targets returns the sum of the weights: how many tokens are predicted.
func (b *Batch) Targets() float64 {
	sum := 0.0
	for _, w := range b.Weights {
		sum += float64(w)
	}
	return sum
}

// Tokens returns how many tokens of the batch are those of samples.
func (b *Batch) Tokens() int {
	n := 0
	for _, s := range b.Segments {
		if s != 0 {
			n++
		}
	}
	return n
}
