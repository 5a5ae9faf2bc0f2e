package quant

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// compare decodes whole blocks of t both ways and holds every integer, scale,
// minimum and value against the reference.
func compare(t *testing.T, kind tensor.DType, src []byte) {
	t.Helper()
	f, _ := FormOf(kind)
	n := len(src) / kind.BlockBytes() * kind.Block()
	w, s, m := make([]int8, n), make([]float32, n/f.B), make([]float32, n/f.B)
	y := make([]float32, n)
	Ints(w, s, m, kind, src)
	if err := Decode(y, kind, src); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		block, j := i/kind.Block(), i%kind.Block()
		rw, rs, rm := reference(kind, src[block*kind.BlockBytes():], j)
		switch {
		case int(w[i]) != rw:
			t.Fatalf("ints of %s: block %d weight %d: got %d, want %d", kind, block, j, w[i], rw)
		case rw < f.Lo || rw > f.Hi:
			t.Fatalf("ints of %s: block %d weight %d: %d is outside of [%d, %d]", kind, block, j, rw, f.Lo, f.Hi)
		case !sameBits(s[i/f.B], rs):
			t.Fatalf("ints of %s: block %d weight %d: scale: got %g, want %g", kind, block, j, s[i/f.B], rs)
		case !sameBits(m[i/f.B], rm):
			t.Fatalf("ints of %s: block %d weight %d: minimum: got %g, want %g", kind, block, j, m[i/f.B], rm)
		}
		if want := float32(float64(rs)*float64(rw)) - rm; !sameBits(y[i], want) {
			t.Fatalf("decode %s: block %d weight %d: got %g, want %g", kind, block, j, y[i], want)
		}
	}
}

func TestIntsRandomBlocks(t *testing.T) {
	for _, kind := range blockTypes() {
		t.Run(kind.String(), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, uint64(kind)))
			src := make([]byte, 128*kind.BlockBytes())
			for i := range src {
				src[i] = byte(rng.Uint32())
			}
			compare(t, kind, src)
			compare(t, kind, src[:kind.BlockBytes()])
			compare(t, kind, nil)
			for _, fill := range []byte{0x00, 0xff, 0x7f, 0x80} {
				compare(t, kind, slices.Repeat([]byte{fill}, 3*kind.BlockBytes()))
			}
		})
	}
}

// Every byte of a block, with every value, has its place.
func TestIntsEveryByte(t *testing.T) {
	for _, kind := range blockTypes() {
		t.Run(kind.String(), func(t *testing.T) {
			src := make([]byte, 256*kind.BlockBytes())
			for at := range kind.BlockBytes() {
				clear(src)
				for v := range 256 {
					src[v*kind.BlockBytes()+at] = byte(v)
				}
				if at%7 == 0 || !testing.Short() {
					compare(t, kind, src)
				}
			}
		})
	}
}

// The limits that a form states are those that content reaches.
func TestFormLimits(t *testing.T) {
	for _, kind := range blockTypes() {
		f, ok := FormOf(kind)
		if !ok {
			t.Fatalf("form of %s: none", kind)
		}
		if f.B != 16 && f.B != 32 || kind.Block()%f.B != 0 {
			t.Errorf("form of %s: %d weights share a scale, want 16 or 32", kind, f.B)
		}
		rng := rand.New(rand.NewPCG(3, uint64(kind)))
		n := 1 << 16
		src := make([]byte, kind.RowBytes(n))
		for i := range src {
			src[i] = byte(rng.Uint32())
		}
		w := make([]int8, n)
		Ints(w, make([]float32, n/f.B), make([]float32, n/f.B), kind, src)
		if lo, hi := int(slices.Min(w)), int(slices.Max(w)); lo != f.Lo || hi != f.Hi {
			t.Errorf("form of %s: got weights in [%d, %d], want [%d, %d]", kind, lo, hi, f.Lo, f.Hi)
		}
	}
	for _, kind := range []tensor.DType{tensor.Invalid, tensor.F32, tensor.F8E4M3, tensor.Bool, tensor.IQ4_KT + 1, 255} {
		if f, ok := FormOf(kind); ok || f != (Form{}) {
			t.Errorf("form of %s: got %v, want none", kind, f)
		}
	}
}

// Outputs are written in full and nothing behind them is.
func TestIntsBounds(t *testing.T) {
	const canary = 99
	for _, kind := range blockTypes() {
		f, _ := FormOf(kind)
		for blocks := range 4 {
			n := blocks * kind.Block()
			w, s, m := make([]int8, n+64), make([]float32, n/f.B+4), make([]float32, n/f.B+4)
			for i := range w {
				w[i] = canary
			}
			for i := range s {
				s[i], m[i] = canary, canary
			}
			Ints(w[:n], s[:n/f.B], m[:n/f.B], kind, make([]byte, kind.RowBytes(n)))
			for i, v := range w {
				if (v == canary) != (i >= n) {
					t.Fatalf("ints of %s: %d weights: w[%d] is %d", kind, n, i, v)
				}
			}
			for i := range s {
				if (s[i] == canary) != (i >= n/f.B) || f.Min && (m[i] == canary) != (i >= n/f.B) || !f.Min && m[i] != canary {
					t.Fatalf("ints of %s: %d weights: s[%d] is %g, m[%d] is %g", kind, n, i, s[i], i, m[i])
				}
			}
		}
	}
}

func TestIntsPanics(t *testing.T) {
	w, s := make([]int8, 32), make([]float32, 1)
	for name, call := range map[string]func(){
		"no form":     func() { Ints(w, s, nil, tensor.F32, make([]byte, 128)) },
		"no type":     func() { Ints(w, s, nil, 200, nil) },
		"odd weights": func() { Ints(w[:31], s, nil, tensor.Q4_0, make([]byte, 18)) },
		"odd bytes":   func() { Ints(w, s, nil, tensor.Q4_0, make([]byte, 19)) },
		"no scales":   func() { Ints(w, nil, nil, tensor.Q4_0, make([]byte, 18)) },
		"more scales": func() { Ints(w, make([]float32, 2), nil, tensor.Q4_0, make([]byte, 18)) },
		"no minima":   func() { Ints(w, s, nil, tensor.Q4_1, make([]byte, 20)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("ints with %s: no panic", name)
				}
			}()
			call()
		}()
	}
	Ints(w, s, nil, tensor.Q4_0, make([]byte, 18)) // and this is right
}

func TestNoGarbage(t *testing.T) {
	w, s, y := make([]int8, 512), make([]float32, 32), make([]float32, 512)
	for _, kind := range append(blockTypes(), tensor.F16, tensor.BF16, tensor.F8E4M3) {
		src := make([]byte, kind.RowBytes(512))
		if f, ok := FormOf(kind); ok {
			if n := testing.AllocsPerRun(10, func() { Ints(w, s[:512/f.B], s[:512/f.B], kind, src) }); n != 0 {
				t.Errorf("ints of %s: %g allocations, want 0", kind, n)
			}
		}
		if n := testing.AllocsPerRun(10, func() {
			if err := Decode(y, kind, src); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("decode %s: %g allocations, want 0", kind, n)
		}
	}
}

// The digests are those of the grids' bytes as GGML's sources list them.
func TestGrids(t *testing.T) {
	one := make([]uint64, len(iq1Grid)) // as signed bytes -1, 0, 1
	for i, p := range iq1Grid {
		for j := range 8 {
			one[i] |= uint64(uint8((int(p>>(8*j)&0xff)-128)/8)) << (8 * j)
		}
	}
	for _, g := range []struct {
		name   string
		points []uint64
		axes   int
		sha256 string
	}{
		{"IQ2_XXS", iq2xxsGrid[:], 8, "05826b5d3e472a3a78f196be62ac78acf81df0f909626e12ab9fa2a5d490dd54"},
		{"IQ2_XS", iq2xsGrid[:], 8, "06e47aaca60b4dc1d9b5a3f34540437058a6b142b4d7a59d5ded769b4d1bf1de"},
		{"IQ2_S", iq2sGrid[:], 8, "e1aa1473412b0552c2174c30ef22ab4073f6a181b85a17056e8249bd2932fd88"},
		{"IQ3_XXS", iq3xxsGrid[:], 4, "46e35f5a997efdee6c99ce57854c8a0d4f0ff8ca57e5e8a60c0793ea580acf5d"},
		{"IQ3_S", iq3sGrid[:], 4, "bd1af4945a1717c65610b0284e4628b9a1ba3b306fae3a06f6e5f597356e349f"},
		{"IQ1", one, 8, "07540ffc1aeaf6ad4d97e96b0fcc765aae39671d4ae4a27bbd0e796fde167c6a"},
	} {
		h := sha256.New()
		for _, p := range g.points {
			h.Write(le.AppendUint64(nil, p)[:g.axes])
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != g.sha256 {
			t.Errorf("grid of %s: digest: got %s, want %s", g.name, got, g.sha256)
		}
	}
}

func FuzzDecode(f *testing.F) {
	raw, _ := goldenBlocks(f)
	for name, src := range raw {
		kind, _ := tensor.ParseDType(name)
		f.Add(uint8(kind), uint16(kind.Block()), src[:kind.BlockBytes()])
		f.Add(uint8(kind), uint16(kind.Block()), src[1:kind.BlockBytes()])
	}
	for kind := tensor.Q2_0 + 1; kind <= tensor.IQ4_KT; kind++ {
		f.Add(uint8(kind), uint16(kind.Block()), randomBlocks(kind, kind.Block()))
	}
	f.Fuzz(func(t *testing.T, number uint8, n uint16, src []byte) {
		kind := tensor.DType(number)
		y := make([]float32, n)
		err := Decode(y, kind, src)
		known := kind >= tensor.F64 && kind <= tensor.Bool || kind.IsQuantised()
		fits := known && int(n)%kind.Block() == 0 && kind.RowBytes(int(n)) == len(src)
		if (err == nil) != fits {
			t.Fatalf("decode %s: %d elements, %d bytes: got error %v", kind, n, len(src), err)
		}
		switch form, ok := FormOf(kind); {
		case slices.Contains(blockTypes(), kind):
			compare(t, kind, src[:len(src)/kind.BlockBytes()*kind.BlockBytes()])
		case ok && err == nil:
			// The vectors of package ik hold what ik_llama.cpp's types mean.
			within(t, form, kind, src, y)
		}
		if kind == tensor.F16 && err == nil {
			for i := range y {
				if want := binary16(le.Uint16(src[2*i:])); !sameBits(y[i], want) {
					t.Fatalf("decode F16: element %d: got %g, want %g", i, y[i], want)
				}
			}
		}
	})
}

// Where the formula of CANON's table and GGML's own order of products differ,
// every product but the last is exact, so that both give the same values.
func TestOrderOfProducts(t *testing.T) {
	for h := range 1 << 16 {
		d := F16ToF32(uint16(h))
		if d != d || math.IsInf(float64(d), 0) {
			continue
		}
		for sc := -128; sc <= 127; sc++ { // Q6_K, and every other scale
			if got, want := float64(d*float32(sc)), float64(d)*float64(sc); got != want {
				t.Fatalf("%g * %d is not exact: got %g, want %g", d, sc, got, want)
			}
		}
		for ls := range 16 { // IQ2 and IQ3
			if got, want := float64(scaleIQ2(d, uint8(ls))), float64(d)*(0.5+float64(ls))/4; got != want {
				t.Fatalf("%g * (0.5+%d) / 4 is not exact: got %g, want %g", d, ls, got, want)
			}
		}
		for dl := range 8 { // IQ1: GGML multiplies by grid ± 1/8
			s := d * float32(2*dl+1)
			for w := -9; w <= 9; w++ {
				if got, want := float32(s*0.125)*float32(w), s*(float32(w)/8); got != want {
					t.Fatalf("%g/8 * %d: got %g, want %g", s, w, got, want)
				}
			}
		}
	}
}

// within holds the values y that src decodes to against its integers times their scales, and
// those against the form's limits.
func within(t *testing.T, f Form, kind tensor.DType, src []byte, y []float32) {
	t.Helper()
	w, s := make([]int8, len(y)), make([]float32, len(y)/f.B)
	Ints(w, s, nil, kind, src)
	for i, q := range w {
		if int(q) < f.Lo || int(q) > f.Hi {
			t.Fatalf("ints of %s: weight %d: %d is outside of [%d, %d]", kind, i, q, f.Lo, f.Hi)
		}
		if want := float32(float64(s[i/f.B]) * float64(q)); !sameBits(y[i], want) {
			t.Fatalf("decode %s: weight %d: got %g, want %g", kind, i, y[i], want)
		}
	}
}
