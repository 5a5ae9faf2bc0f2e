package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestCutProducts holds float products of many rows, which are cut both ways into items, and
// their gradients to whole products: two matrices of one input, of shapes whose last items are
// smaller than the others.
func TestCutProducts(t *testing.T) {
	for _, c := range []struct{ T, in, out, other int }{
		{1, 70, 33, 5}, {129, 33, 17, 40}, {530, 300, 290, 131}, {1040, 67, 300, 16},
	} {
		for threads := 1; threads <= 3; threads += 2 {
			t.Run(fmt.Sprint(c, " ", threads), func(t *testing.T) { holdCut(t, c.T, c.in, [2]int{c.out, c.other}, threads) })
		}
	}
}

func holdCut(t *testing.T, T, in int, outs [2]int, threads int) {
	rng := rand.New(rand.NewPCG(uint64(T), uint64(in)))
	random := func(x []float32) []float32 {
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	w := kernel.NewWorkers(threads)
	defer w.Close()
	s := &Step{Workers: w}
	var linears [2]Linear
	var list []*Weight
	for i, out := range outs {
		l := &linears[i]
		l.Matrix = floatMatrix(out, in, func(r, k int) float32 { return float32(rng.NormFloat64()) })
		l.Param = Param{Tensor: fmt.Sprint("weight ", i), Rows: out, Cols: in}
		list = append(list, &Weight{Param: l.Param, Matrix: &l.Matrix, Corrects: -1})
	}
	g := NewGradients(list)
	tape := NewTape(s, g)
	s.begin(&Batch{})
	x := s.act(T, in)
	random(x.X)
	p := s.products()
	var ys [2]*Act
	for i, out := range outs {
		ys[i] = s.act(T, out)
		s.multiply(p, ys[i], x, &linears[i])
	}
	s.runProducts(OpLinear, p)
	dx := make([]float32, T*in)
	for i, out := range outs {
		want := make([]float32, T*out)
		wholeProduct(want, x.X, &linears[i].Matrix, T, false)
		sameNumbers(t, fmt.Sprint("product ", i), ys[i].X, want)
		dy := random(tape.Grad(ys[i]).X)
		turned := floatMatrix(in, out, func(r, k int) float32 { return at(&linears[i].Matrix, k, r) })
		wholeProduct(dx, dy, &turned, T, i > 0)
	}
	var dw [2][]float32
	for i, out := range outs {
		dw[i] = make([]float32, in*out) // [in, out]
		dy := tape.Grad(ys[i]).X
		for from := 0; from < T; from += weightRows {
			n := min(weightRows, T-from)
			columns := floatMatrix(out, n, func(r, k int) float32 { return dy[(from+k)*out+r] })
			inputs := make([]float32, in*n)
			for c := range in {
				for k := range n {
					inputs[c*n+k] = x.X[(from+k)*in+c]
				}
			}
			wholeProduct(dw[i], inputs, &columns, in, from > 0)
		}
	}
	tape.Back(Mark{})
	sameNumbers(t, "gradient of the input", tape.Grad(x).X, dx)
	for i, out := range outs {
		m := kernel.NewFloatMatrix(out, in, tensor.F32, kernel.BytesOf(g.All[i].X))
		got := make([]float32, in*out)
		for r := range out {
			for c := range in {
				got[c*out+r] = at(&m, r, c)
			}
		}
		sameNumbers(t, fmt.Sprint("gradient of weight ", i), got, dw[i])
	}
}

// floatMatrix returns a matrix of float32.
func floatMatrix(rows, cols int, of func(r, k int) float32) kernel.Matrix {
	m := kernel.NewFloatMatrix(rows, cols, tensor.F32, nil)
	m.Data = tensor.Aligned(m.Bytes())
	x := m.Floats()
	for r := range rows {
		for k := range cols {
			x[(r/kernel.RowBlock*cols+k)*kernel.RowBlock+r%kernel.RowBlock] = of(r, k)
		}
	}
	return m
}

// at returns an element of a matrix of float32.
func at(m *kernel.Matrix, r, k int) float32 {
	return m.Floats()[(r/kernel.RowBlock*m.Cols+k)*kernel.RowBlock+r%kernel.RowBlock]
}

// wholeProduct multiplies all rows of x at once.
//
//	x [T, m.Cols]   y [T, m.Rows]
func wholeProduct(y, x []float32, m *kernel.Matrix, T int, add bool) {
	var f kernel.F32
	f.Reset(T, m.Cols)
	for t := range T {
		f.Set(t, x[t*m.Cols:])
	}
	if add {
		kernel.AddFloatProduct(y, m.Rows, &f, m, 0, m.Blocks(), new(kernel.Scratch))
	} else {
		kernel.FloatProduct(y, m.Rows, &f, m, 0, m.Blocks(), new(kernel.Scratch))
	}
}

func sameNumbers(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, v := range want {
		if math.Float32bits(got[i]) != math.Float32bits(v) {
			t.Fatalf("%s: number %d of %d is %v, want %v", what, i, len(want), got[i], v)
		}
	}
}
