package weights

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// reference is the product of CANON sections 3 and 4 written from the stored
// blocks, without any packing.
func reference(t *testing.T, dt tensor.DType, raw []byte, rows, cols int, x [][]float32, bias []float32) [][]float32 {
	y := make([][]float32, len(x))
	form, quantised := quant.FormOf(dt)
	for v := range x {
		y[v] = make([]float32, rows)
		var q kernel.Q8
		q.Reset(1, cols)
		q.Quantise(0, x[v])
		ints, scale, xsum := q.Groups()
		for r := range rows {
			src := raw[r*dt.RowBytes(cols) : (r+1)*dt.RowBytes(cols)]
			if !quantised {
				w := make([]float32, cols)
				if err := quant.Decode(w, dt, src); err != nil {
					t.Fatal(err)
				}
				for k := range w {
					y[v][r] = kernel.FMA(w[k], x[v][k], y[v][r])
				}
			} else {
				y[v][r] = referenceRow(dt, form, src, cols, ints, scale, xsum)
			}
			if bias != nil {
				y[v][r] += bias[r]
			}
		}
	}
	return y
}

func referenceRow(dt tensor.DType, form quant.Form, src []byte, cols int, q []int8, scale, xsum []float32) float32 {
	w, s := make([]int8, cols), make([]float32, cols/form.B)
	var m []float32
	if form.Min {
		m = make([]float32, cols/form.B)
	}
	quant.Ints(w, s, m, dt, src)
	var acc, accm float32
	for b := range s {
		g := b * form.B / 32
		var isum, qsum int32
		for k := b * form.B; k < (b+1)*form.B; k++ {
			isum += int32(w[k]) * int32(q[k])
			qsum += int32(q[k])
		}
		acc = kernel.FMA(float32(isum), float32(s[b]*scale[g]), acc)
		if form.Min {
			xs := xsum[g]
			if form.B == 16 {
				xs = float32(scale[g] * float32(qsum))
			}
			accm = kernel.FMA(m[b], xs, accm)
		}
	}
	if form.Min {
		return acc - accm
	}
	return acc
}

// TestProducts holds the product of every type, on every implementation, to the
// definition: odd numbers of rows, more vectors than a tile, any range of row
// blocks, nothing written outside.
func TestProducts(t *testing.T) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	types := []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.IQ6_K}
	for dt := range formats {
		types = append(types, dt)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for _, dt := range types {
		for i, T := range []int{1, 2, 4, 7, 12, 16, 21, 1, 1, 1} {
			rows := []int{1, 16, 31, 50, 160}[i%5]
			cols := max(256, dt.Block()) * (1 + i%2)
			if dt.IsFloat() {
				cols = []int{1, 7, 33, 300}[i%4]
			}
			raw := randomBlocks(rng, dt, rows, cols)
			x := make([][]float32, T)
			for v := range x {
				x[v] = make([]float32, cols)
				for k := range x[v] {
					x[v][k] = float32(rng.NormFloat64())
				}
			}
			m, err := FromBlocks(dt, rows, cols, raw)
			if err != nil {
				t.Fatal(err)
			}
			if i%2 == 1 {
				m.Bias = make([]float32, m.Blocks()*kernel.RowBlock)
				for r := range m.Bias {
					m.Bias[r] = float32(rng.NormFloat64())
				}
			}
			want := reference(t, dt, raw, rows, cols, x, m.Bias)
			for _, impl := range kernel.Implementations() {
				kernel.UseImpl(impl)
				checkProduct(t, fmt.Sprintf("%s %s [%d %d] × %d", impl, dt, rows, cols, T), &m, x, want)
			}
			kernel.UseImpl(before)
		}
	}
}

// TestFloatMXFP4 holds the product of MXFP4 that is float, on every implementation, to that of
// its numbers: the least and the greatest powers among them.
func TestFloatMXFP4(t *testing.T) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	rng := rand.New(rand.NewPCG(11, 12))
	for T := 1; T <= 35; T++ {
		rows, cols := []int{1, 16, 31, 50, 160, 131}[T%6], kernel.Group*[]int{1, 2, 5, 9}[T%4]
		raw := make([]byte, rows*tensor.MXFP4.RowBytes(cols))
		for i := range raw {
			raw[i] = byte(rng.Uint32())
		}
		for i := 0; i < len(raw); i += tensor.MXFP4.BlockBytes() {
			raw[i] = []byte{0, 1, 2, 100, 127, 130, 252}[rng.IntN(7)]
		}
		w := make([]float32, rows*cols)
		if err := quant.Decode(w, tensor.MXFP4, raw); err != nil {
			t.Fatal(err)
		}
		m, err := NewFloat("test", tensor.MXFP4, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		Pack(&m, Source{Type: tensor.MXFP4, Data: raw, Factor: 1})
		x, want := make([][]float32, T), make([][]float32, T)
		for v := range x {
			x[v], want[v] = make([]float32, cols), make([]float32, rows)
			for k := range x[v] {
				x[v][k] = float32(rng.NormFloat64())
			}
			for r := range rows {
				for k := range cols {
					want[v][r] = kernel.FMA(w[r*cols+k], x[v][k], want[v][r])
				}
			}
		}
		for _, impl := range kernel.Implementations() {
			kernel.UseImpl(impl)
			checkProduct(t, fmt.Sprintf("%s float MXFP4 [%d %d] × %d", impl, rows, cols, T), &m, x, want)
		}
		kernel.UseImpl(before)
	}
	if _, err := NewFloat("test", tensor.MXFP4, 16, 48); err == nil {
		t.Error("rows that are no whole blocks have a form")
	}
}

// checkProduct multiplies in two calls that share the row blocks, and compares.
func checkProduct(t *testing.T, what string, m *kernel.Matrix, x [][]float32, want [][]float32) {
	t.Helper()
	T, ldy := len(x), m.Rows+3
	const guard = 40
	y := make([]float32, T*ldy+guard)
	for i := range y {
		y[i] = math.Float32frombits(0x7fbadbad)
	}
	var s kernel.Scratch
	half := m.Blocks() / 2
	if m.IsFloat() {
		var a kernel.F32
		a.Reset(T, m.Cols)
		for v := range x {
			a.Set(v, x[v])
		}
		kernel.FloatProduct(y, ldy, &a, m, half, m.Blocks(), &s)
		kernel.FloatProduct(y, ldy, &a, m, 0, half, &s)
	} else {
		var a kernel.Q8
		a.Reset(T, m.Cols)
		for v := range x {
			a.Quantise(v, x[v])
		}
		kernel.Product(y, ldy, &a, m, half, m.Blocks(), &s)
		kernel.Product(y, ldy, &a, m, 0, half, &s)
	}
	for i, got := range y {
		v, r := i/ldy, i%ldy
		if v >= T || r >= m.Rows {
			if math.Float32bits(got) != 0x7fbadbad {
				t.Fatalf("%s: wrote outside its output, at element %d", what, i)
			}
			continue
		}
		if w := want[v][r]; math.Float32bits(got) != math.Float32bits(w) && (got == got || w == w) {
			t.Fatalf("%s: vector %d row %d is %v, want %v", what, v, r, got, w)
		}
	}
}

// TestManyVectors holds every number of vectors, and columns that no unit divides, to the
// portable product: what tiles leave over, on both sides.
func TestManyVectors(t *testing.T) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	rng := rand.New(rand.NewPCG(9, 10))
	for _, dt := range []tensor.DType{tensor.Q4_0, tensor.Q4_1, tensor.Q8_0, tensor.Q2_K, tensor.Q4_K, tensor.Q6_K, tensor.IQ4_XS, tensor.IQ4_K, tensor.IQ4_KS, tensor.IQ2_XS, tensor.MXFP4} {
		for T := 1; T <= 49; T++ {
			groups := []int{4, 5, 6, 7, 2, 9, 51, 52, 101}[T%9]
			if T == 33 {
				groups = 3
			}
			cols := (kernel.Group*groups + dt.Block() - 1) / dt.Block() * dt.Block()
			checkPortable(t, rng, dt, []int{16, 40, 33, 17, 7}[T%5], cols, T)
		}
	}
	checkPortable(t, rng, tensor.Q4_K, 24, 256, 530) // more than are multiplied at once
	checkPortable(t, rng, tensor.Q5_0, 40, 64*kernel.Group, 523)
}

// checkPortable compares all implementations with the portable one.
func checkPortable(t *testing.T, rng *rand.Rand, dt tensor.DType, rows, cols, T int) {
	t.Helper()
	m, err := FromBlocks(dt, rows, cols, randomBlocks(rng, dt, rows, cols))
	if err != nil {
		t.Fatal(err)
	}
	if T%2 == 0 {
		m.Bias = make([]float32, m.Blocks()*kernel.RowBlock)
		for r := range m.Bias {
			m.Bias[r] = float32(rng.NormFloat64())
		}
	}
	var q kernel.Q8
	q.Reset(T, cols)
	x := make([][]float32, T)
	for v := range x {
		x[v] = make([]float32, cols)
		for k := range x[v] {
			x[v][k] = float32(rng.NormFloat64())
		}
		q.Quantise(v, x[v])
	}
	kernel.UseImpl(kernel.Portable)
	y := make([]float32, T*rows)
	kernel.Product(y, rows, &q, &m, 0, m.Blocks(), new(kernel.Scratch))
	want := make([][]float32, T)
	for v := range want {
		want[v] = y[v*rows : (v+1)*rows]
	}
	for _, impl := range kernel.Implementations()[1:] {
		kernel.UseImpl(impl)
		checkProduct(t, fmt.Sprintf("%s %s [%d %d] × %d", impl, dt, rows, cols, T), &m, x, want)
	}
}
