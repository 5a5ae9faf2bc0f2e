package quant

import (
	"math"
	"testing"
)

func TestF16Exhaustive(t *testing.T) {
	for h := range 1 << 16 {
		want, got := ieee(h, 5, 10), F16ToF32(uint16(h))
		if !sameBits(got, float32(want)) {
			t.Fatalf("F16ToF32(%#04x): got %g, want %g", h, got, want)
		}
		back := F32ToF16(got)
		if nan := got != got; nan && (back&0x7c00 != 0x7c00 || back&0x3ff == 0 || back>>15 != uint16(h)>>15) || !nan && back != uint16(h) {
			t.Fatalf("F32ToF16(F16ToF32(%#04x)): got %#04x", h, back)
		}
	}
}

func TestBF16Exhaustive(t *testing.T) {
	for h := range 1 << 16 {
		want, got := ieee(h, 8, 7), BF16ToF32(uint16(h))
		if !sameBits(got, float32(want)) {
			t.Fatalf("BF16ToF32(%#04x): got %g, want %g", h, got, want)
		}
		back := F32ToBF16(got)
		if nan := got != got; nan && (back&0x7f80 != 0x7f80 || back&0x7f == 0 || back>>15 != uint16(h)>>15) || !nan && back != uint16(h) {
			t.Fatalf("F32ToBF16(BF16ToF32(%#04x)): got %#04x", h, back)
		}
	}
}

func TestF8Exhaustive(t *testing.T) {
	for b := range 256 {
		e4m3 := math.Copysign(smallFloat(b&0x7f, 4, 3, 7), float64(127-b))
		if b&0x7f == 0x7f {
			e4m3 = math.NaN()
		}
		e8m0 := math.Ldexp(1, b-127)
		if b == 255 {
			e8m0 = math.NaN()
		}
		for name, pair := range map[string][2]float32{
			"F8E4M3ToF32": {F8E4M3ToF32(uint8(b)), float32(e4m3)},
			"F8E5M2ToF32": {F8E5M2ToF32(uint8(b)), float32(ieee(b, 5, 2))},
			"F8E8M0ToF32": {F8E8M0ToF32(uint8(b)), float32(e8m0)},
		} {
			if !sameBits(pair[0], pair[1]) {
				t.Errorf("%s(%#02x): got %g, want %g", name, b, pair[0], pair[1])
			}
		}
	}
	for b, want := range map[uint8]float32{0x01: 0x1p-9, 0x08: 0x1p-6, 0x38: 1, 0xb8: -1, 0x7e: 448} {
		if got := F8E4M3ToF32(b); got != want {
			t.Errorf("F8E4M3ToF32(%#02x): got %g, want %g", b, got, want)
		}
	}
}

// A narrow type's neighbours a < b: what lies between goes to the nearer one, the
// middle to the even one.
func checkRounding(t *testing.T, name string, narrow func(float32) uint16, wide func(uint16) float32, inf uint16) {
	t.Helper()
	check := func(f float32, want uint16) {
		t.Helper()
		if got := narrow(f); got != want {
			t.Fatalf("%s(%g): got %#04x, want %#04x", name, f, got, want)
		}
		if got := narrow(-f); got != want|0x8000 {
			t.Fatalf("%s(%g): got %#04x, want %#04x", name, -f, got, want|0x8000)
		}
	}
	up, down := float32(math.Inf(1)), float32(math.Inf(-1))
	for a := range inf {
		low, high := float64(wide(a)), float64(wide(a+1))
		if a+1 == inf { // the number that would come next, were there no infinity
			high = 2*low - float64(wide(a-1))
		}
		middle := float32((low + high) / 2)
		if float64(middle) != (low+high)/2 {
			t.Fatalf("%s: middle of %g and %g is no float32", name, low, high)
		}
		check(middle, a+a&1)
		check(math.Nextafter32(middle, up), a+1)
		check(math.Nextafter32(middle, down), a)
	}
	for _, f := range []float32{up, math.MaxFloat32} {
		check(f, inf)
	}
	check(0, 0)
}

func TestF32ToF16Rounding(t *testing.T) {
	checkRounding(t, "F32ToF16", F32ToF16, F16ToF32, 0x7c00)
	for f, want := range map[float32]uint16{65504: 0x7bff, 65519.996: 0x7bff, 65520: 0x7c00, 0x1p-24: 1, 0x1p-25: 0, 0x1.000002p-25: 1, 0x1p-149: 0} {
		if got := F32ToF16(f); got != want {
			t.Errorf("F32ToF16(%g): got %#04x, want %#04x", f, got, want)
		}
	}
}

func TestF32ToBF16Rounding(t *testing.T) {
	checkRounding(t, "F32ToBF16", F32ToBF16, BF16ToF32, 0x7f80)
	for _, bits := range []uint32{0x7f800001, 0xff800001, 0x7fffffff} { // NaN whose payload lies below
		if h := F32ToBF16(math.Float32frombits(bits)); h&0x7fff <= 0x7f80 || h>>15 != uint16(bits>>31) {
			t.Errorf("F32ToBF16(%#08x): got %#04x, want a NaN", bits, h)
		}
		if h := F32ToF16(math.Float32frombits(bits)); h&0x7fff <= 0x7c00 || h>>15 != uint16(bits>>31) {
			t.Errorf("F32ToF16(%#08x): got %#04x, want a NaN", bits, h)
		}
	}
}
