package quant

import (
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// firstNotFinite decodes blocks and returns the first element that is not finite, or whose
// scale is not, -1 where all are: what NotFinite has to find.
func firstNotFinite(t *testing.T, dt tensor.DType, src []byte) int {
	t.Helper()
	n := len(src) / dt.BlockBytes() * dt.Block()
	y := make([]float32, n)
	if err := Decode(y, dt, src); err != nil {
		t.Fatal(err)
	}
	f, quantised := FormOf(dt)
	if !quantised {
		for i, v := range y {
			if !IsFinite(v) {
				return i
			}
		}
		return -1
	}
	w, s, m := make([]int8, n), make([]float32, n/f.B), make([]float32, n/f.B)
	Ints(w, s, m, dt, src)
	for i := range s {
		if !IsFinite(s[i]) || !IsFinite(m[i]) || !IsFinite(s[i]*float32(max(f.Hi, -f.Lo))) {
			return i * f.B / dt.Block() * dt.Block() // scales of one block share a factor
		}
	}
	return -1
}

// TestNotFinite holds the search in stored bytes to what they decode to, in every
// type: random bytes, of which many are NaN or infinite, and each alone in a tensor of
// numbers, at every place of a word and behind the last whole word.
func TestNotFinite(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for dt := tensor.F64; int(dt) < len(forms); dt++ {
		if dt == tensor.NVFP4 {
			continue // its codes for NaN decode to numbers
		}
		found := 0
		for range 500 {
			src := make([]byte, (1+rng.IntN(19))*dt.BlockBytes())
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			want := firstNotFinite(t, dt, src)
			if got := NotFinite(dt, src); got != want {
				t.Fatalf("%s: element %d of %x is not finite, want %d", dt, got, src, want)
			}
			if want >= 0 {
				found++
			}
		}
		if float := dt <= tensor.F8E8M0 || dt >= tensor.Q4_0; float != (found > 0) {
			t.Errorf("%s: %d of 500 random tensors were not finite", dt, found)
		}
	}
}

// TestNotFiniteNVFP4 looks for the two codes of a scale that are NaN in E4M3.
func TestNotFiniteNVFP4(t *testing.T) {
	for code := range 256 {
		for g := range 4 {
			src := make([]byte, 2*36)
			src[36+g] = byte(code)
			want := -1
			if code&0x7f == 0x7f {
				want = 64 + 16*g
			}
			if got := NotFinite(tensor.NVFP4, src); got != want {
				t.Errorf("scale %#x of group %d: element %d is not finite, want %d", code, g, got, want)
			}
		}
	}
}

func BenchmarkNotFinite(b *testing.B) {
	for _, dt := range []tensor.DType{tensor.F32, tensor.BF16, tensor.F8E4M3, tensor.Q4_K, tensor.Q8_0} {
		b.Run(dt.String(), func(b *testing.B) {
			src := make([]byte, 64<<10/dt.BlockBytes()*dt.BlockBytes())
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				if NotFinite(dt, src) >= 0 {
					b.Fatal("zeros are not finite")
				}
			}
		})
	}
}
