package quant

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// testdata/q8_0.npz holds what another program, equal to GGML's reference, makes
// of ties, zeros, tiny and great numbers. A half may be taken for less there, since it
// multiplies by the inverse.
func TestEncodeQ8_0Golden(t *testing.T) {
	arrays, err := golden.LoadNPZ("testdata/q8_0.npz")
	if err != nil {
		t.Fatal(err)
	}
	x, err := arrays["x"].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	want, err := arrays["q"].Uint8s()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if err := Encode(got, tensor.Q8_0, x); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if at := i % 34; got[i] != want[i] && at >= 2 {
			block := x[i/34*32:][:32]
			top := float32(0)
			for _, v := range block {
				top = max(top, v, -v)
			}
			if r := block[at-2] / (top / 127); float64(r)-math.Trunc(float64(r)) == 0.5 && got[i] == want[i]+1 {
				continue
			}
		}
		if got[i] != want[i] {
			t.Fatalf("encode Q8_0: block %d byte %d: got %#02x, want %#02x", i/34, i%34, got[i], want[i])
		}
	}
}

func TestEncodeQ8_0Error(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	x, y, b := make([]float32, 320), make([]float32, 320), make([]byte, 340)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp(float64(i/32)))
	}
	if err := Encode(b, tensor.Q8_0, x); err != nil {
		t.Fatal(err)
	}
	if err := Decode(y, tensor.Q8_0, b); err != nil {
		t.Fatal(err)
	}
	for i := range x {
		top := greatest(x[i/32*32:][:32])
		// half a step, and 127 steps of a scale that is off by half of binary16's last bit
		if off := math.Abs(float64(x[i] - y[i])); off > float64(top)*(0.5/127+0x1p-11) {
			t.Errorf("Q8_0: element %d: got %g, want %g", i, y[i], x[i])
		}
	}
	again := make([]byte, 340)
	if err := Encode(again, tensor.Q8_0, y); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, b) {
		t.Error("Q8_0: encoding what was decoded gives other bytes")
	}
}

func TestEncodeTiny(t *testing.T) {
	for _, f := range []float32{0, math.SmallestNonzeroFloat32, 0x1p-126, 0x1p-121, 0x1p-120, 0x1p-30} {
		x, y, b := make([]float32, 32), make([]float32, 32), make([]byte, 34)
		x[3], x[4] = f, -f
		if err := Encode(b, tensor.Q8_0, x); err != nil {
			t.Fatal(err)
		}
		if err := Decode(y, tensor.Q8_0, b); err != nil {
			t.Fatal(err)
		}
		for i := range y {
			if y[i] != 0 {
				t.Errorf("Q8_0 of %g: element %d: got %g, want 0", f, i, y[i])
			}
		}
	}
}

func TestEncodeFloats(t *testing.T) {
	x := []float32{0, 1, -2.5, 65504, 1e-7, float32(math.Inf(-1)), 1e38, float32(math.NaN())}
	for kind, back := range map[tensor.DType]func(float32) float32{
		tensor.F32:  func(f float32) float32 { return f },
		tensor.F16:  func(f float32) float32 { return F16ToF32(F32ToF16(f)) },
		tensor.BF16: func(f float32) float32 { return BF16ToF32(F32ToBF16(f)) },
	} {
		for n := range len(x) + 1 {
			b, y := make([]byte, kind.RowBytes(n)), make([]float32, n)
			if err := Encode(b, kind, x[:n]); err != nil {
				t.Fatal(err)
			}
			if err := Decode(y, kind, b); err != nil {
				t.Fatal(err)
			}
			for i := range y {
				if !sameBits(y[i], back(x[i])) {
					t.Errorf("encode %s: element %d: got %g, want %g", kind, i, y[i], back(x[i]))
				}
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	with := func(i int, f float64) []float32 {
		x := make([]float32, 64)
		x[i] = float32(f)
		return x
	}
	for _, c := range []struct {
		name  string
		kind  tensor.DType
		bytes int
		src   []float32
		want  error
		says  string
	}{
		{"NaN", tensor.Q8_0, 68, with(40, math.NaN()), ErrValue, "element 40 is NaN"},
		{"infinity", tensor.Q8_0, 68, with(3, math.Inf(-1)), ErrValue, "element 3 is -Inf"},
		{"great number", tensor.Q8_0, 68, with(3, 65520*127), ErrValue, "element 3 is"},
		{"odd length", tensor.Q8_0, 68, make([]float32, 63), ErrLength, "63 elements, want a multiple of 32"},
		{"short destination", tensor.F16, 127, make([]float32, 64), ErrLength, "127 bytes, want 128 for 64 elements"},
		{"long destination", tensor.F32, 260, make([]float32, 64), ErrLength, "260 bytes, want 256"},
		{"type without encoder", tensor.Q2_0, 72, make([]float32, 256), ErrType, "Q2_0"},
		{"integers", tensor.I8, 64, make([]float32, 64), ErrType, "I8"},
		{"no type", 77, 0, nil, ErrType, "DType(77)"},
	} {
		err := Encode(make([]byte, c.bytes), c.kind, c.src)
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("encode with %s: got %v, want %v with %q", c.name, err, c.want, c.says)
		}
	}
	if err := Encode(make([]byte, 68), tensor.Q8_0, with(3, 65504*127)); err != nil {
		t.Errorf("encode the greatest: %v", err)
	}
}
