package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// fenced returns n bytes behind which memory cannot be touched.
func fenced(t *testing.T, n int) []byte {
	t.Helper()
	page := unix.Getpagesize()
	room := roundUp(n, page)
	b, err := unix.Mmap(-1, 0, room+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(b); err != nil {
			t.Error(err)
		}
	})
	if err := unix.Mprotect(b[room:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return b[room-n : room : room]
}

// fencedFloats is fenced of n numbers.
func fencedFloats(t *testing.T, n int) []float32 {
	t.Helper()
	return FloatsOf(fenced(t, 4*n))
}

// TestFloatFenced multiplies float weights of every type with every number of vectors up to
// two tiles and more, weights, vectors, biases and outputs each at the end of what may be
// touched: the bits of portable Go, written or added, and nothing read or written behind.
func TestFloatFenced(t *testing.T) {
	defer UseImpl(impl)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	rng := rand.New(rand.NewPCG(21, 22))
	for _, dt := range floatWeights {
		t.Run(dt.String(), func(t *testing.T) {
			for T := 1; T <= 35; T++ {
				rows := []int{1, 15, 16, 17, 33, 70, 130, 48}[T%8]
				cols := []int{1, 2, 3, 5, 31, 127, 129, 260, 385}[T%9]
				switch dt {
				case tensor.MXFP4:
					cols = Group * (1 + T%5)
				case tensor.IQ6_K:
					cols = 256 * (1 + T%2)
				}
				holdFenced(t, rng, dt, rows, cols, T)
			}
		})
	}
}

// floatWeights are the stored types of float weights.
var floatWeights = []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.MXFP4, tensor.IQ6_K}

// holdFenced holds one shape to portable Go.
func holdFenced(t *testing.T, rng *rand.Rand, dt tensor.DType, rows, cols, T int) {
	t.Helper()
	m := NewFloatMatrix(rows, cols, dt, nil)
	m.Data = fenced(t, m.Bytes())
	for i := range m.Data {
		m.Data[i] = byte(rng.Uint32()) &^ 0x40 // no weight or scale is an infinity or a NaN
		if dt == tensor.MXFP4 && i%m.BlockBytes() >= m.reg.d {
			m.Data[i] = []byte{0, 1, 2, 100, 127, 130}[rng.IntN(6)]
		}
		if dt == tensor.IQ6_K && i%m.BlockBytes() < m.reg.d {
			m.Data[i] = byte(rng.IntN(128))
		}
	}
	if T%2 == 0 {
		m.Bias = fencedFloats(t, m.Blocks()*RowBlock)
		for r := range m.Bias {
			m.Bias[r] = float32(rng.NormFloat64())
		}
	}
	x := F32{T: T, K: cols, x: fencedFloats(t, F32Len(T, cols))}
	for i := range x.x {
		x.x[i] = float32(rng.NormFloat64())
	}
	start := make([]float32, T*rows)
	for i := range start {
		start[i] = float32(rng.NormFloat64())
	}
	product := func(i Impl, add int) []float32 {
		UseImpl(i)
		y := fencedFloats(t, T*rows)
		copy(y, start)
		var s Scratch
		floatProduct(y, rows, &x, &m, 0, m.Blocks(), add, &s)
		return y
	}
	for add := range 2 {
		want := product(Portable, add)
		for _, i := range Implementations() {
			same(t, fmt.Sprintf("%s: [%d %d] × %d, add %d", i, rows, cols, T, add), product(i, add), want)
		}
	}
}

// TestLinesFenced copies lines that end where memory does.
func TestLinesFenced(t *testing.T) {
	defer UseImpl(impl)
	for _, i := range Implementations() {
		UseImpl(i)
		for n := range 6 {
			for _, ld := range []int{16, 17, 40} {
				x, dst := fencedFloats(t, max(0, (n-1)*ld+RowBlock)), fencedFloats(t, n*RowBlock)
				for k := range x {
					x[k] = float32(k)
				}
				copyLines(dst, x, ld, n)
				for k, v := range dst {
					if want := float32(k/RowBlock*ld + k%RowBlock); v != want {
						t.Fatalf("%s: %d rows %d apart: number %d is %v, want %v", i, n, ld, k, v, want)
					}
				}
			}
		}
	}
}
