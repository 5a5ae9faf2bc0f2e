package tiny

import (
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/quant"
)

// TestNoise holds the values to three that the reference program published.
func TestNoise(t *testing.T) {
	got := Noise(1, "a", 3)
	for i, want := range []float64{0.97052566, 0.58786020, -1.66856835} {
		if math.Abs(got[i]-want) > 5e-9 {
			t.Errorf("noise %d of seed 1 and name a is %.8f, want %.8f", i, got[i], want)
		}
	}
}

// TestE4M3 codes every value as itself, and what lies between as the nearer one, a
// tie as the even one.
func TestE4M3(t *testing.T) {
	for code := byte(0); code < 0x7f; code++ {
		v := float64(quant.F8E4M3ToF32(code))
		if got := e4m3(v); got != code {
			t.Errorf("%v has code %#x, want %#x", v, got, code)
		}
		if got := e4m3(-v); code > 0 && got != code|0x80 {
			t.Errorf("%v has code %#x, want %#x", -v, got, code|0x80)
		}
		if code == 0x7e {
			break
		}
		middle, even := (v+float64(quant.F8E4M3ToF32(code+1)))/2, code+code&1
		if got := e4m3(middle); got != even {
			t.Errorf("%v, between two codes, has code %#x, want the even one %#x", middle, got, even)
		}
		if got := e4m3(math.Nextafter(middle, 0)); got != code {
			t.Errorf("%v has code %#x, want %#x", math.Nextafter(middle, 0), got, code)
		}
		if got := e4m3(math.Nextafter(middle, 1e9)); got != code+1 {
			t.Errorf("%v has code %#x, want %#x", math.Nextafter(middle, 1e9), got, code+1)
		}
	}
	if got := e4m3(1e9); got != 0x7e {
		t.Errorf("a value above 448 has code %#x, want 0x7e", got)
	}
}
