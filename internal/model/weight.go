package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Weight is a weight of a model, as its operations read it: what an optimiser changes and
// a file of a trained model holds. A tensor of the file may be several of them, as the
// experts of a GGUF file are.
type Weight struct {
	Param
	Shape    []int          // of the tensor
	Matrix   *kernel.Matrix // of all but vectors; float32 where Options.Masters says so
	Table    bool           // its rows are looked up, not multiplied with
	Vector   []float32
	Shift    float32 // is added to what the file has: 1 of Gemma's norms
	Of       *Weight // that this is once more, with rows and columns changed places; nil: it is itself
	Corrects int     // the layer of the router that it corrects, which has no gradient; -1: none
}

// Weights returns the weights of a model, in the order in which they were bound.
func (m *Model) Weights() []*Weight { return m.weights }

// last returns what was bound last.
func (b *binder) last() *Weight {
	if len(b.weights) == 0 { // only behind an error
		return new(Weight)
	}
	return b.weights[len(b.weights)-1]
}

// Trained says whether the weight has a gradient.
func (w *Weight) Trained() bool { return w.Corrects < 0 }

// Values returns the numbers themselves, in the order in which they lie: of a matrix in row
// blocks (kernel.Matrix), with zeros behind the last row.
func (w *Weight) Values() []float32 {
	if w.Matrix != nil {
		return w.Matrix.Floats()
	}
	return w.Vector
}

// Len returns how many numbers Values has.
func (w *Weight) Len() int {
	if w.Matrix != nil {
		return w.Matrix.Blocks() * kernel.RowBlock * w.Matrix.Cols
	}
	return len(w.Vector)
}

// Unpack writes numbers that lie as Values do to their places in the tensor.
//
//	dst [all of the tensor]   values [Len]
func (w *Weight) Unpack(dst, values []float32) {
	w.each(func(at, packed int) { dst[at] = values[packed] })
}

// Pack is the inverse of Unpack.
func (w *Weight) Pack(values, src []float32) {
	w.each(func(at, packed int) { values[packed] = src[at] })
}

// each calls move for every number: its place in the tensor, and among Values.
func (w *Weight) each(move func(at, packed int)) {
	first := w.First * w.Cols
	if w.Matrix == nil {
		for i := range w.Vector {
			move(first+i, i)
		}
		return
	}
	across, down := w.Cols, 1 // the distance of rows and columns of the matrix in the tensor
	if w.Turned {
		across, down = 1, w.Cols
	}
	cols := w.Matrix.Cols
	for r := range w.Matrix.Rows {
		packed := r/kernel.RowBlock*kernel.RowBlock*cols + r%kernel.RowBlock
		for c := range cols {
			move(first+r*across+c*down, packed+c*kernel.RowBlock)
		}
	}
}
