package train

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestRefusedBatches wants the tensor named, and what was not wrong taken.
func TestRefusedBatches(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Batch)
	}{
		{"ids", func(b *Batch) { b.IDs[3] = 100 }},
		{"ids", func(b *Batch) { b.IDs[3] = -1 }},
		{"ids", func(b *Batch) { b.Rows = 0 }},
		{"ids", func(b *Batch) { b.Cols = math.MaxInt }},
		{"segments", func(b *Batch) { b.Segments = b.Segments[1:] }},
		{"segments", func(b *Batch) { clear(b.Segments) }},
		{"weights", func(b *Batch) { b.Weights = nil }},
		{"weights", func(b *Batch) { b.Weights[3] = float32(math.Inf(1)) }},
		{"divisor", func(b *Batch) { b.Divisor = -1 }},
		{"divisor", func(b *Batch) { b.Divisor = float32(math.NaN()) }},
	} {
		b := someBatch(100)
		c.change(b)
		if err := b.check(100); !errors.Is(err, ErrBatch) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want ErrBatch and %s", err, c.want)
		}
	}
	b := someBatch(100)
	b.IDs[47], b.Weights[47] = -1, float32(math.NaN())            // padding
	b.Weights[0], b.Weights[15] = float32(math.NaN()), float32(5) // first ids
	if err := b.check(100); err != nil {
		t.Error(err)
	}
	if n := len(b.samples()); n != 3 {
		t.Errorf("%d samples, want 3", n)
	}
	if _, _, err := divisor([]*Batch{{Rows: 1, Cols: 1, IDs: []int32{1}, Segments: []int32{1}, Weights: []float32{1}}}); !errors.Is(err, ErrBatch) || !strings.Contains(err.Error(), "weights") {
		t.Errorf("nothing predicted: got %v, want ErrBatch and weights", err)
	}
}

// TestPredictions counts rows over samples of all short lengths.
func TestPredictions(t *testing.T) {
	var list []sample
	at := 0
	for _, n := range []int{1, 2, 3} {
		list = append(list, sample{at, make([]int32, n), make([]float32, n)})
		at += n
	}
	for ahead, want := range map[int][][2]int32{1: {{1, 2}, {3, 4}, {4, 5}}, 2: {{1, 5}}} {
		got := predictions(list, ahead)
		if len(got) != len(want) {
			t.Fatalf("%d ahead: %d predictions, want %d", ahead, len(got), len(want))
		}
		for i, w := range want {
			if got[i].row != w[0] || got[i].at != int(w[1]) {
				t.Errorf("%d ahead: prediction %d is of row %d for id %d, want %d, %d", ahead, i, got[i].row, got[i].at, w[0], w[1])
			}
		}
	}
}
