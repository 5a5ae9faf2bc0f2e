package train

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Batch is some samples packed into rows. A sample is a run of one segment number other
// than 0 within a row: it attends to itself only, and its positions begin at 0. Segment 0
// is padding, which may hold anything.
type Batch struct {
	Rows, Cols int
	IDs        []int32 // [Rows, Cols]
	Segments   []int32 // [Rows, Cols]
	// Weights are of the predictions of each id from those before it, [Rows, Cols]; that of
	// the first id of a sample does not count.
	Weights []float32
	// Divisor divides the weighted sum of losses. 0: the sum of the weights does.
	Divisor float32
	// Routes are the experts that the tokens of its samples go to, one behind the other: of a
	// layer that it does not know the router chooses, and it knows them then. nil: routers choose.
	Routes *model.Routes
}

// sample is one of a batch.
type sample struct {
	at      int // of its first id in the batch
	ids     []int32
	weights []float32
}

// samples returns the samples of a batch in their order.
func (b *Batch) samples() (list []sample) {
	for row := range b.Rows {
		end := (row + 1) * b.Cols
		for at := row * b.Cols; at < end; {
			to := at + 1
			for to < end && b.Segments[to] == b.Segments[at] {
				to++
			}
			if b.Segments[at] != 0 {
				list = append(list, sample{at, b.IDs[at:to], b.Weights[at:to]})
			}
			at = to
		}
	}
	return list
}

// sum returns the sum of the weights that count.
func (b *Batch) sum() (sum float64) {
	for _, s := range b.samples() {
		for _, w := range s.weights[1:] {
			sum += float64(w)
		}
	}
	return sum
}

// wrong returns an error about one of a batch's tensors.
func wrong(name, format string, args ...any) error {
	return fmt.Errorf("train: %s: %s: %w", name, fmt.Sprintf(format, args...), ErrBatch)
}

// check returns an error where the batch does not hold together, or is none of a model of
// that many tokens.
func (b *Batch) check(vocab int) error {
	n, ok := tensor.Elements([]int{b.Rows, b.Cols})
	switch {
	case !ok || n == 0:
		return wrong("ids", "shape [%d, %d], want one row or more of one id or more", b.Rows, b.Cols)
	case len(b.IDs) != n:
		return wrong("ids", "%d numbers, want %d", len(b.IDs), n)
	case len(b.Segments) != n:
		return wrong("segments", "%d numbers, want %d, as many as ids", len(b.Segments), n)
	case len(b.Weights) != n:
		return wrong("weights", "%d numbers, want %d, as many as ids", len(b.Weights), n)
	case b.Divisor != 0 && !(b.Divisor > 0 && b.Divisor <= math.MaxFloat32):
		return wrong("divisor", "%v, want a positive number", b.Divisor)
	}
	samples := b.samples()
	if len(samples) == 0 {
		return wrong("segments", "all 0, want a sample")
	}
	for _, s := range samples {
		for i, id := range s.ids {
			if id < 0 || int(id) >= vocab {
				return wrong("ids", "row %d, column %d is %d, want 0 to %d", (s.at+i)/b.Cols, (s.at+i)%b.Cols, id, vocab-1)
			}
			if w := s.weights[i]; i > 0 && w-w != 0 {
				return wrong("weights", "row %d, column %d is %v, want a number", (s.at+i)/b.Cols, (s.at+i)%b.Cols, w)
			}
		}
	}
	return nil
}

// divisor returns what divides the losses of batches that are one step together, and how
// many samples they have.
func divisor(batches []*Batch) (d float64, samples int, err error) {
	for i, b := range batches {
		samples += len(b.samples())
		if (b.Divisor != 0) != (batches[0].Divisor != 0) || b.Divisor != batches[0].Divisor {
			return 0, 0, wrong("divisor", "%v in batch %d, %v in the first of the step, want one", b.Divisor, i, batches[0].Divisor)
		}
		d += b.sum()
	}
	if b := batches[0]; b.Divisor != 0 {
		return float64(b.Divisor), samples, nil
	}
	if d == 0 {
		return 0, 0, wrong("weights", "their sum is 0, want another one or a divisor")
	}
	return d, samples, nil
}
