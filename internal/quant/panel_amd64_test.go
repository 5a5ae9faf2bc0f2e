//go:build amd64 && !purego

package quant

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestEncodeRoutines wants the bytes of the portable forms from the routines.
func TestEncodeRoutines(t *testing.T) {
	if !avx2 {
		t.Skip("the routines need AVX2; run on a processor that has it, or under qemu-x86_64 -cpu max")
	}
	defer func() { avx2 = true }()
	var rows, importances [][]float32
	for _, name := range seededNames {
		x := seeded(2, name)
		rows, importances = append(rows, x[:4*seededColumns]), append(importances, seededImportance(2, name, len(x))[:4*seededColumns])
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		x, w := make([]float32, 512), make([]float32, 512)
		low, size := rng.Float64()*60-45, rng.Float64()*8
		for i := range x {
			x[i] = float32(math.Exp2(low+rng.Float64()*size) * float64(1-2*rng.IntN(2)))
			w[i] = float32(math.Exp2(rng.Float64() * size))
			switch rng.IntN(16) {
			case 0:
				x[i] = 0
			case 1:
				x[i] = float32(math.Copysign(0, -1))
			case 2:
				x[i] = float32(math.Exp2(low + size))
			case 3:
				w[i] = 0
			}
		}
		rows, importances = append(rows, x), append(importances, w)
	}
	for range 50 { // halves of the scale of Q8_0
		x, scale := make([]float32, 512), rng.Float32()
		for i := range x {
			x[i] = scale * float32(rng.IntN(510)-255) / 2
		}
		rows, importances = append(rows, x), append(importances, make([]float32, len(x)))
	}
	for _, kind := range append([]tensor.DType{tensor.Q8_0}, scaledTypes...) {
		for i, x := range rows {
			n := len(x)
			if block := kind.Block(); block < 256 && i%2 == 1 {
				n -= block * rng.IntN(8)
			}
			for _, w := range [][]float32{nil, importances[i][:n]} {
				fast, slow := make([]byte, kind.RowBytes(n)), make([]byte, kind.RowBytes(n))
				for _, avx2 = range []bool{true, false} {
					b := slow
					if avx2 {
						b = fast
					}
					if greatest(x[:n]) > encoders[kind].most {
						continue
					}
					if err := EncodeRow(b, kind, x[:n], w); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(fast, slow) {
					t.Fatalf("%s: row %d of %d, weights %v: other bytes from the routines", kind, i, n, w != nil)
				}
			}
		}
	}
}

// TestWidenRoutines wants the numbers of the portable forms, at every length.
func TestWidenRoutines(t *testing.T) {
	if !avx2 {
		t.Skip("the routines need AVX2; run on a processor that has it, or under qemu-x86_64 -cpu max")
	}
	defer func() { avx2 = true }()
	src := make([]byte, 2<<16)
	for i := range 1 << 16 {
		le.PutUint16(src[2*i:], uint16(i))
	}
	for _, kind := range []tensor.DType{tensor.F16, tensor.BF16} {
		for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 1 << 16} {
			fast, slow := make([]float32, n+1), make([]float32, n+1)
			for _, avx2 = range []bool{true, false} {
				dst := slow
				if avx2 {
					dst = fast
				}
				dst[n] = 77 // a canary
				if err := Decode(dst[:n], kind, src[:2*n]); err != nil {
					t.Fatal(err)
				}
			}
			for i := range fast {
				if !sameBits(fast[i], slow[i]) {
					t.Fatalf("%s, %d numbers: number %d is %g, want %g", kind, n, i, fast[i], slow[i])
				}
			}
		}
	}
}

// TestGreatestRoutine finds a number at every place.
func TestGreatestRoutine(t *testing.T) {
	for n := range 100 {
		x := make([]float32, n)
		for i := range x {
			x[i] = -3
			if got := greatest(x); got != 3 {
				t.Fatalf("greatest of %d numbers, -3 at %d: got %g, want 3", n, i, got)
			}
			x[i] = float32(math.NaN())
			if got := greatest(x); got == got {
				t.Fatalf("greatest of %d numbers, NaN at %d: got %g", n, i, got)
			}
			x[i] = 1
		}
	}
}
