package ik

import (
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/quant"
)

// TestVectors holds what every type of ik_llama.cpp is read as against its own
// dequantisation: random rows, whose scales are numbers, and what the functions that package
// ik names made of them.
func TestVectors(t *testing.T) {
	arrays, err := golden.LoadNPZ("testdata/vectors.npz")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for key := range arrays {
		name, is := strings.CutSuffix(key, ".raw")
		if !is {
			continue
		}
		names++
		raw, err := arrays[key].Uint8s()
		if err != nil {
			t.Fatal(err)
		}
		want, err := arrays[name+".f32"].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := gguf.ParseType(name)
		if !ok {
			t.Errorf("%s is no type of GGUF files", name)
			continue
		}
		rows := kind.Together()
		cols := len(want) / rows
		if n := rows * kind.RowBytes(cols); n != len(raw) {
			t.Errorf("%s: %d rows of %d take %d bytes, want %d", name, rows, cols, n, len(raw))
			continue
		}
		blocks := raw
		d, form, ok := DType(kind)
		if !ok {
			t.Errorf("%s: no type of weights", name)
			continue
		}
		if form != nil {
			blocks = make([]byte, rows*d.RowBytes(cols))
			form.Write(blocks, raw, cols, 0, rows)
			one := make([]byte, d.RowBytes(cols))
			form.Write(one, raw, cols, rows-1, 1)
			if !slices.Equal(one, blocks[len(blocks)-len(one):]) {
				t.Errorf("%s: the last row alone is another one", name)
			}
		} else if rows != 1 {
			t.Errorf("%s: %d rows together, and no form", name, rows)
		}
		got := make([]float32, len(want))
		if err := quant.Decode(got, d, blocks); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: row %d, column %d is %v, want %v", name, i/cols, i%cols, got[i], want[i])
				break
			}
		}
		if at := quant.NotFinite(d, blocks); at >= 0 {
			t.Errorf("%s: element %d counts as no number", name, at)
		}
	}
	if names != len(forms)+6 { // with the six whose blocks are a tensor type's
		t.Errorf("%d types have vectors, want %d", names, len(forms)+6)
	}
}
