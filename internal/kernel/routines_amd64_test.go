//go:build amd64 && !purego

package kernel

import (
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestRoutines wants a routine for everything that a step can ask for, on
// implementations that this machine lacks too.
func TestRoutines(t *testing.T) {
	defer UseImpl(impl)
	for _, i := range []Impl{AVX2, AVX512} {
		UseImpl(i)
		for form := range numTileForms {
			for vectors := 1; vectors <= 2*Tile; vectors++ {
				for at := range tiles(vectors) {
					if _, width, _ := tileAt(vectors, at); gemmRoutine(form, width) == nil {
						t.Errorf("%s: no product of tiles of form %d with %d vectors", i, form, width)
					}
				}
			}
		}
		for _, f := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3} {
			for vectors := 1; vectors <= 2*Tile; vectors++ {
				for at := range tiles(vectors) {
					_, width, _ := tileAt(vectors, at)
					for blocks := 1; blocks <= 9; blocks++ {
						if r, n := floatRoutine(f, width, blocks); r == nil || n < 1 || n > blocks {
							t.Errorf("%s: no product of %d row blocks of %s with %d vectors", i, blocks, f, width)
						}
					}
				}
			}
		}
		for l := range numLayouts {
			if unpackRoutine(&Format{Layout: l}) == nil {
				t.Errorf("%s: layout %d cannot be decoded", i, l)
			}
		}
		for key := range gemvRoutines {
			f := Format{Layout: key.layout, Scales: key.scales, Block: key.block}
			if gemvRoutine(f) == nil || unpackRoutine(&f) == nil {
				t.Errorf("%s: layout %d with scales %d in blocks of %d lacks a routine", i, key.layout, key.scales, key.block)
			}
		}
	}
}
