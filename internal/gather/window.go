package gather

import (
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// seen is what a matrix saw in a window.
type seen struct {
	of   target
	rows int
	sums []float64 // [columns], shared by those that saw the same
}

// window collects what the matrices of a step see.
type window struct {
	seen []seen

	inputs []*model.Act // of the products of one operation, each once
	sums   [][]float64  // of inputs
	items  []columns
}

// columns is a piece of work: some columns of an input.
type columns struct{ input, from, to int }

// columnRun is how many columns a piece has.
const columnRun = 256

func (w *window) begin() { w.seen = w.seen[:0] }

// watch adds up the squares of the inputs of products that are about to be computed.
func (w *window) watch(workers *kernel.Workers, list []model.Multiplied, of func(*model.Param) (target, bool)) {
	w.inputs, w.sums, w.items = w.inputs[:0], w.sums[:0], w.items[:0]
	for _, p := range list {
		t, ok := of(p.W)
		if !ok {
			continue
		}
		w.seen = append(w.seen, seen{of: t, rows: p.X.T, sums: w.sumsOf(p.X)})
	}
	workers.Run(w, len(w.items))
}

// sumsOf returns the sums of an input, which are made once for all that read it.
func (w *window) sumsOf(x *model.Act) []float64 {
	for i, other := range w.inputs {
		if other == x {
			return w.sums[i]
		}
	}
	for from := 0; from < x.D; from += columnRun {
		w.items = append(w.items, columns{len(w.inputs), from, min(from+columnRun, x.D)})
	}
	w.inputs, w.sums = append(w.inputs, x), append(w.sums, make([]float64, x.D))
	return w.sums[len(w.sums)-1]
}

// Do adds up some columns, row by row.
func (w *window) Do(item int, _ *kernel.Thread) {
	c := w.items[item]
	x, sums := w.inputs[c.input], w.sums[c.input][c.from:c.to]
	for t := range x.T {
		for j, v := range x.Row(t)[c.from:c.to] {
			sums[j] += float64(float64(v) * float64(v))
		}
	}
}

// check returns an error where a sum is no number, or none that a file holds.
func (w *window) check() error {
	for i := range w.seen {
		for j, v := range w.seen[i].sums {
			if !(v <= math.MaxFloat32) {
				return damaged(w.seen[i].of.name, j, v)
			}
		}
	}
	return nil
}
