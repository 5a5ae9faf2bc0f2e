package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Gradient is that of a weight.
type Gradient struct {
	Weight *Weight
	X      []float32 // [Len], as Weight.Values lie
	// Touched says that something was added since Reset. Otherwise the gradient is zero,
	// and X holds anything.
	Touched bool
}

// Gradients are those of the weights that are trained. What runs back adds to them, so that
// several batches may.
type Gradients struct {
	All   []*Gradient
	of    map[Param]*Gradient
	again []*Gradient // of weights that are others once more
}

// NewGradients returns the gradients of weights, all zero. Those without one are left out.
func NewGradients(weights []*Weight) *Gradients {
	g := &Gradients{of: map[Param]*Gradient{}}
	for _, w := range weights {
		if w.Trained() {
			x := &Gradient{Weight: w, X: kernel.FloatsOf(tensor.Aligned(4 * w.Len()))}
			if g.of[w.Param] = x; w.Of == nil {
				g.All = append(g.All, x)
			} else {
				g.again = append(g.again, x)
			}
		}
	}
	return g
}

// fold adds the gradients of weights that are others once more to those of the others.
func (g *Gradients) fold() {
	for _, x := range g.again {
		to := g.of[x.Weight.Of.Param]
		if !x.Touched || to == nil {
			continue
		}
		whole := make([]float32, x.Weight.Of.Rows*x.Weight.Of.Cols)
		x.Weight.Unpack(whole, x.X)
		sum := to.begin()
		x.Weight.Of.each(func(at, packed int) { sum[packed] += whole[at] })
		x.Touched = false
	}
}

// Reset makes all of them zero.
func (g *Gradients) Reset() {
	for _, list := range [][]*Gradient{g.All, g.again} {
		for _, x := range list {
			x.Touched = false
		}
	}
}

// gradient returns the gradient of a weight, nil of one that is not trained.
func (t *Tape) gradient(p *Param) *Gradient { return t.Gradients.of[*p] }

// begin makes a gradient ready to be added to.
func (g *Gradient) begin() []float32 {
	if !g.Touched {
		clear(g.X)
		g.Touched = true
	}
	return g.X
}

// block returns the gradient of row block b of a matrix.
func (g *Gradient) block(b int) []float32 {
	n := kernel.RowBlock * g.Weight.Matrix.Cols
	return g.X[b*n : (b+1)*n]
}

// partialRows is how many rows a partial sum of a vector's gradient is over.
const partialRows = 64

// sumRows adds to the gradient of a vector what add adds to a sum of T rows: partial sums
// of runs of rows, then those in ascending order, so that the bits are those of one thread.
func (t *Tape) sumRows(g *Gradient, T int, add func(row int, sum []float32, th *kernel.Thread)) {
	D := len(g.X)
	runs := (T + partialRows - 1) / partialRows
	sums := t.take(runs * D)
	t.run(runs, func(i int, th *kernel.Thread) {
		for row := i * partialRows; row < min((i+1)*partialRows, T); row++ {
			add(row, sums[i*D:(i+1)*D], th)
		}
	})
	x := g.begin()
	for i := range runs {
		kernel.Add(x, x, sums[i*D:(i+1)*D])
	}
	t.give(sums)
}
