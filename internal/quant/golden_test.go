package quant

import (
	"math"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// sameBits compares numbers by their bits; any NaN equals any NaN.
func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// goldenBlocks returns, by type name, the bytes and values of testdata/blocks.npz.
func goldenBlocks(t testing.TB) (raw map[string][]byte, want map[string][]float32) {
	t.Helper()
	arrays, err := golden.LoadNPZ("testdata/blocks.npz")
	if err != nil {
		t.Fatal(err)
	}
	raw, want = map[string][]byte{}, map[string][]float32{}
	for name, a := range arrays {
		switch kind, part, _ := strings.Cut(name, "."); part {
		case "raw":
			raw[kind], err = a.Uint8s()
		case "f32":
			want[kind], err = a.Float32s()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return raw, want
}

func TestGoldenBlocks(t *testing.T) {
	raw, want := goldenBlocks(t)
	if len(raw) != 30 || len(want) != 30 {
		t.Fatalf("golden types: got %d and %d arrays, want 30 of each", len(raw), len(want))
	}
	for name, src := range raw {
		t.Run(name, func(t *testing.T) {
			kind, ok := tensor.ParseDType(name)
			if !ok {
				t.Fatalf("no type %s", name)
			}
			got := make([]float32, len(want[name]))
			if err := Decode(got, kind, src); err != nil {
				t.Fatal(err)
			}
			for i, y := range want[name] {
				if !sameBits(got[i], y) {
					t.Fatalf("decode %s: element %d of block %d: got %g (%08x), want %g (%08x)", name, i%kind.Block(), i/kind.Block(),
						got[i], math.Float32bits(got[i]), y, math.Float32bits(y))
				}
			}
		})
	}
}
