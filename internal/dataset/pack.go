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

// Pack lays samples into rows of length tokens, each sample whole in one row, and the two of
// a preference behind each other in the same. The order is drawn from seed and epoch: the
// same two give the same rows. No unit may be longer than a row.
func Pack(s *Samples, length int, seed, epoch uint64) *Packing {
	p := &Packing{Samples: s, Length: length}
	rng := rand.New(rand.NewPCG(seed, epoch))
	order := make([]int32, s.Units())
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

// window lays units out: the longest first, each into the row in which it leaves the
// least room (best fit decreasing).
func (p *Packing) window(units []int32) {
	slices.SortStableFunc(units, func(a, b int32) int {
		return cmp.Compare(p.Samples.UnitSize(int(b)), p.Samples.UnitSize(int(a)))
	})
	first, k := len(p.Rows), int32(p.Samples.together())
	var room []int // of the rows from first on
	for _, i := range units {
		size, best := p.Samples.UnitSize(int(i)), -1
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
		for j := range k {
			p.Rows[first+best] = append(p.Rows[first+best], i*k+j)
		}
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
	Index    []int32  // of each sample of the batch, in their order: which one it is
	Of       *Samples // of those
}

// Batch returns rows from and up to, as one batch.
func (p *Packing) Batch(from, to int) *Batch {
	t := p.Length
	b := &Batch{B: to - from, T: t, Of: p.Samples}
	b.IDs, b.Segments, b.Weights = make([]int32, b.B*t), make([]int32, b.B*t), make([]float32, b.B*t)
	for r, row := range p.Rows[from:to] {
		at := r * t
		b.Index = append(b.Index, row...)
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

// Spans calls each for every sample of the batch: which one it is, and where in IDs it lies.
func (b *Batch) Spans(each func(sample int32, from, to int)) {
	k := 0
	for row := 0; row < len(b.IDs); row += b.T {
		for from := row; from < row+b.T && b.Segments[from] != 0; k++ {
			to := from
			for to < row+b.T && b.Segments[to] == b.Segments[from] {
				to++
			}
			each(b.Index[k], from, to)
			from = to
		}
	}
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
