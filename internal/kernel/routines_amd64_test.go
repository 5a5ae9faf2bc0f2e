//go:build amd64 && !purego

package kernel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestRoutines wants a routine for everything that a step can ask for, on
// implementations that this machine lacks too.
func TestRoutines(t *testing.T) {
	defer UseImpl(impl)
	if gemmAVX2[tileF3216Six][0] == nil || gemmAVX2[tileF3216Six][1] == nil {
		t.Error("avx2: no product of tiles of six bits")
	}
	for _, i := range []Impl{AVX2, AVX512, AMX} {
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
		for _, f := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.MXFP4, tensor.IQ6_K} {
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
			if several := directRoutines[key]; !f.Layout.HasTable() && !f.Layout.HasGrid() && (several[0] == nil || several[1] == nil) {
				t.Errorf("layout %d with scales %d in blocks of %d lacks a direct routine", key.layout, key.scales, key.block)
			}
			if !f.Layout.HasGrid() && f.Layout != Bits3 && quadRoutines[key] == nil {
				t.Errorf("layout %d with scales %d in blocks of %d lacks a routine of four row blocks", key.layout, key.scales, key.block)
			}
		}
	}
}

// TestExtremes wants the bits of portable Go where all integers and activations are as
// great as they can be, so that sums of sixteen bits that do not fit would show.
func TestExtremes(t *testing.T) {
	defer UseImpl(impl)
	const rows, cols = 85, 512 // four row blocks at a time, one, and a part of one
	rng := rand.New(rand.NewPCG(3, 4))
	for key := range gemvRoutines {
		f := Format{Layout: key.layout, Scales: key.scales, Block: key.block, Unit: 1, Values: [16]int8{0: -128, 1: 127, 15: -128}}
		if f.Layout.HasGrid() {
			continue // its points are small
		}
		m := NewMatrix(rows, cols, f, nil)
		m.Data = make([]byte, m.Bytes())
		for i := range m.Data {
			m.Data[i] = byte(rng.Uint32()) &^ 0x40 // no scale is an infinity or a NaN
		}
		integers := cols / Group * f.Layout.GroupBytes()
		for _, stored := range []byte{0, 0x11, 0xff} {
			for b := range m.Blocks() {
				for i := range integers {
					m.block(b)[i] = stored
				}
			}
			for _, vectors := range []int{1, 2, 3, 5, 16} {
				var q Q8
				q.Reset(vectors, cols)
				for v := range vectors {
					x := make([]float32, cols)
					for i := range x {
						x[i] = []float32{1, -1}[(v+i*(v&2)/2)%2]
					}
					q.Quantise(v, x)
				}
				var want []float32
				for _, i := range Implementations() {
					UseImpl(i)
					y := make([]float32, vectors*m.Blocks()*RowBlock)
					var s Scratch
					Product(y, m.Blocks()*RowBlock, &q, &m, 0, m.Blocks(), &s)
					if i == Portable {
						want = y
					}
					same(t, fmt.Sprintf("%s: layout %d, scales %d, integers %#x, %d vectors", i, key.layout, key.scales, stored, vectors), y, want)
				}
			}
		}
	}
}

// TestRefusal wants the implementation below AMX where the system refuses tiles, and the
// reason told.
func TestRefusal(t *testing.T) {
	before, had := tilesError, hasTiles
	defer func() { tilesError, hasTiles = before, had }()
	hasTiles = true
	tilesError = func() error { return errors.New("no room for them") }
	if list := Implementations(); slices.Contains(list, AMX) {
		t.Errorf("got %v, with AMX", list)
	}
	if err := Use("amx"); !errors.Is(err, ErrNoImpl) {
		t.Errorf("use amx: got %v, want %v", err, ErrNoImpl)
	}
	if err := Refused(); err == nil || err.Error() != "amx: no room for them" {
		t.Errorf("got refusal %v", err)
	}
	hasTiles = false
	if err := Refused(); err != nil {
		t.Errorf("a processor without tiles: got %v", err)
	}
}

// TestTunings wants the same bits however a matrix is read, and whether bytes are permuted or
// not.
func TestTunings(t *testing.T) {
	before, was, permute := impl, ways, permuteBytes
	defer func() { impl, ways, permuteBytes = before, was, permute }()
	for _, i := range Implementations() {
		if i == Portable || i == AMX { // which has the routines of AVX-512
			continue
		}
		impl = i
		t.Run(i.String(), func(t *testing.T) { compareTunings(t, permute) })
	}
}

func compareTunings(t *testing.T, permute bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	points := make([]uint64, gridCodes)
	for i := range points {
		points[i] = rng.Uint64() & 0x2020202020202020
	}
	for key := range gemvRoutines {
		const rows, cols = 150, 512
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
			for way := range 2 * len(Tunings()) {
				UseTuning(Tunings()[way/2])
				permuteBytes = way&1 != 0 && permute
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

func TestSignature(t *testing.T) {
	for eax, want := range map[uint32][2]int{
		0x00830f10: {0x17, 0x31}, // Zen 2
		0x00a20f12: {0x19, 0x21}, // Zen 3
		0x00a10f11: {0x19, 0x11}, // Zen 4
		0x000806f8: {6, 0x8f},    // Sapphire Rapids
		0x00000f29: {15, 2},
		0x00000633: {6, 3},
		0x00000543: {5, 4},
	} {
		if family, model := signature(eax); family != want[0] || model != want[1] {
			t.Errorf("%#x: family %#x, model %#x, want %#x", eax, family, model, want)
		}
	}
}
