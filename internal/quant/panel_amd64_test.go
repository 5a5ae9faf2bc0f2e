//go:build amd64 && !purego

package quant

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// TestEncodeRoutines wants the bytes of the portable forms from the routines.
func TestEncodeRoutines(t *testing.T) {
	if !avx2 {
		t.Skip("this machine has no AVX2")
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
	for _, kind := range scaledTypes {
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
