//go:build amd64 && !purego

package kernel

import (
	"fmt"
	"math/rand/v2"
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
		for key, routines := range gemvRoutines {
			f := Format{Layout: key.layout, Scales: key.scales, Block: key.block, Unit: 1}
			if routines[0] == nil || routines[1] == nil || routines[2] == nil || unpackRoutine(&f) == nil {
				t.Errorf("%s: layout %d with scales %d in blocks of %d lacks a routine", i, key.layout, key.scales, key.block)
			}
		}
	}
}

// TestFetchFar wants the same bits whichever cache is asked for lines, and whether bytes
// are permuted or not.
func TestFetchFar(t *testing.T) {
	if !hasImpl(AVX512) {
		t.Skip("this machine has no AVX-512 with VNNI")
	}
	before, far, permute := impl, fetchFar, permuteBytes
	defer func() { impl, fetchFar, permuteBytes = before, far, permute }()
	impl = AVX512
	rng := rand.New(rand.NewPCG(1, 2))
	points := make([]uint64, gridCodes)
	for i := range points {
		points[i] = rng.Uint64() & 0x2020202020202020
	}
	for key := range gemvRoutines {
		const rows, cols = 50, 512
		f := Format{Layout: key.layout, Scales: key.scales, Block: key.block, Unit: 1, Grid: NewGrid(points, 8, 2)}
		switch f.Layout {
		case Ternary, Sevens:
			f.Grid = NewGrid(points, 4, 2)
		case Quads:
			f.Grid = NewGrid(points, 4, 3)
		}
		m := NewMatrix(rows, cols, f, nil)
		m.Data = make([]byte, m.Bytes())
		for i := range m.Data {
			m.Data[i] = byte(rng.Uint32()) &^ 0x40 // no scale is an infinity or a NaN
		}
		for _, vectors := range []int{1, 3} {
			var q Q8
			q.Reset(vectors, cols)
			for v := range vectors {
				q.Quantise(v, random(cols))
			}
			var want []float32
			for way := range 4 {
				fetchFar, permuteBytes = way&1 != 0, way&2 != 0 && permute
				y := make([]float32, vectors*m.Blocks()*RowBlock)
				var s Scratch
				Product(y, m.Blocks()*RowBlock, &q, &m, 0, m.Blocks(), &s)
				if way == 0 {
					want = y
				}
				same(t, fmt.Sprintf("layout %d, scales %d, blocks of %d, %d vectors", key.layout, key.scales, key.block, vectors), y, want)
			}
		}
	}
}
