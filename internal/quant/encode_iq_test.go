package quant

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

var codebookTypes = []tensor.DType{tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S}

// codebooks returns the codebook of each type.
func codebooks() map[tensor.DType]*codebook {
	return map[tensor.DType]*codebook{
		tensor.IQ1_S: formatIQ1_S().book, tensor.IQ2_XXS: formatIQ2_XXS().book, tensor.IQ2_XS: formatIQ2_XS().book,
		tensor.IQ2_S: formatIQ2_S().book, tensor.IQ3_XXS: formatIQ3_XXS().book, tensor.IQ3_S: formatIQ3_S().book,
	}
}

// TestCodebookLists follows every move of every list, and wants the points by their
// distance from the cell, none nearer left out.
func TestCodebookLists(t *testing.T) {
	for kind, c := range codebooks() {
		for cell := range power(len(c.levels), c.axes) {
			if kind == tensor.IQ2_XXS && cell == farFromIQ2_XXS {
				continue
			}
			testCodebookList(t, kind, c, cell, cell*c.around)
		}
	}
}

// farFromIQ2_XXS is the only cell that differs from all points of its grid in more
// levels than a move has.
const farFromIQ2_XXS = 6560

func testCodebookList(t *testing.T, kind tensor.DType, c *codebook, cell, at int) {
	steps := func(point int) (d, moved int) {
		for axis := range c.axes {
			if s := c.level(point, axis) - c.level(cell, axis); s != 0 {
				d, moved = d+s*s, moved+1
			}
		}
		return d, moved
	}
	last := 0
	listed := map[uint16]bool{}
	for i := range c.around {
		moved := cell
		for m, slots := c.moves[at+i], 0; slots < maxMoved; slots++ {
			axis, level := int(m&31)%c.axes, int(m&31)/c.axes
			moved += (level - c.level(cell, axis)) * power(len(c.levels), axis) // 0 for slots left over
			m >>= 8
		}
		id := c.ids[at+i]
		listed[id] = true
		if int(c.cells[id]) != moved {
			t.Fatalf("%s: cell %d, place %d: the move leads to cell %d, point %d is cell %d", kind, cell, i, moved, id, c.cells[id])
		}
		d, _ := steps(moved)
		if d < last {
			t.Fatalf("%s: cell %d, place %d: %d steps away after %d", kind, cell, i, d, last)
		}
		last = d
	}
	for id, point := range c.cells {
		if d, moved := steps(int(point)); d < last && moved <= maxMoved && !listed[uint16(id)] {
			t.Fatalf("%s: cell %d: point %d is %d steps away and not in the list, which reaches %d", kind, cell, id, d, last)
		}
	}
}

// TestCodebookPoints encodes weights that are points of the grids, where an encoder that
// finds the nearest point loses nothing.
func TestCodebookPoints(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, kind := range codebookTypes {
		b, x, y := make([]byte, kind.RowBytes(256)), make([]float32, 256), make([]float32, 256)
		for range 20 {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			setFactor(kind, b, 0x2c00) // 1/16
			if err := Decode(x, kind, b); err != nil {
				t.Fatal(err)
			}
			if err := EncodeRow(b, kind, x, nil); err != nil {
				t.Fatal(err)
			}
			if err := Decode(y, kind, b); err != nil {
				t.Fatal(err)
			}
			// The scales of groups are random here, as in no model, and few bits say them.
			if off := relativeError(x, y, nil); off > 0.02 {
				t.Errorf("%s: points of the grid come back with an error of %g", kind, off)
			}
		}
	}
}

// setFactor writes the float16 factor of a block of a codebook type.
func setFactor(kind tensor.DType, b []byte, h uint16) {
	if kind != tensor.IQ1_M {
		le.PutUint16(b, h)
		return
	}
	for i := range 4 {
		b[49+2*i] = b[49+2*i]&15 | byte(h>>(4*i)&15<<4)
	}
}

// TestEncodeIQScaled wants the same codes for weights and importances times powers of
// two, as far as float16 is exact.
func TestEncodeIQScaled(t *testing.T) {
	x, w := seeded(7, "normal")[:1024], seededImportance(7, "normal", 1024)
	for _, kind := range codebookTypes {
		want, got := make([]byte, kind.RowBytes(len(x))), make([]byte, kind.RowBytes(len(x)))
		if err := EncodeRow(want, kind, x, w); err != nil {
			t.Fatal(err)
		}
		more, louder := slices.Clone(x), slices.Clone(w)
		for i := range more {
			more[i] *= 1 << 7
			louder[i] *= 1 << 90
		}
		if err := EncodeRow(got, kind, more, louder); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(got); i += len(got) / 4 {
			setFactor(kind, want[i:], 0)
			setFactor(kind, got[i:], 0)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: other codes for weights times 128", kind)
		}
	}
}

// TestEncodeIQZero wants zeros for zeros, whatever their sign and importance, and for
// numbers beneath what float16 factors reach.
func TestEncodeIQZero(t *testing.T) {
	for _, kind := range codebookTypes {
		for _, v := range []float32{0, float32(math.Copysign(0, -1)), math.SmallestNonzeroFloat32, -0x1p-29} {
			x, b := make([]float32, 256), make([]byte, kind.RowBytes(256))
			for i := range x {
				x[i] = v
			}
			for i := range b {
				b[i] = 0xff
			}
			if err := EncodeRow(b, kind, x, nil); err != nil {
				t.Fatal(err)
			}
			if err := Decode(x, kind, b); err != nil {
				t.Fatal(err)
			}
			if top := greatest(x); top != 0 {
				t.Errorf("%s: weights of %g become %g", kind, v, top)
			}
		}
	}
}

// FuzzEncodeIQ wants finite numbers for any finite ones, and an error no greater than
// that of zeros.
func FuzzEncodeIQ(f *testing.F) {
	f.Add(uint8(0), false, []byte{0, 0, 128, 63})
	f.Add(uint8(3), true, []byte{1, 0, 0, 0, 255, 255, 127, 71, 0, 0, 128, 191})
	f.Add(uint8(6), true, []byte{0, 0, 128, 0, 0, 0, 0, 128, 205, 204, 76, 62})
	f.Fuzz(func(t *testing.T, number uint8, weighted bool, src []byte) {
		kind := codebookTypes[int(number)%len(codebookTypes)]
		if len(src) < 8 {
			return
		}
		x, w, y := make([]float32, 256), make([]float32, 256), make([]float32, 256)
		for i := range x {
			at := 4 * i % (len(src) - 3)
			x[i] = math.Float32frombits(le.Uint32(src[at:]) + uint32(i/len(src)))
			w[i] = float32(math.Abs(float64(math.Float32frombits(le.Uint32(src[len(src)-4-at:])))))
		}
		if !weighted {
			w = nil
		} else if !finite(w) {
			return
		}
		b := make([]byte, kind.RowBytes(256))
		if err := EncodeRow(b, kind, x, w); err != nil {
			if finite(x) && greatest(x) <= mostF16 {
				t.Fatal(err)
			}
			return
		}
		if err := Decode(y, kind, b); err != nil {
			t.Fatal(err)
		}
		if !finite(y) {
			t.Fatalf("%s: finite weights become %v", kind, y)
		}
		weights := make([]float32, 256)
		weigh(weights, w)
		if off := relativeError(x, y, weights); !(off <= 1.0001) {
			t.Errorf("%s: error %g, that of zeros is 1", kind, off)
		}
	})
}

func finite(x []float32) bool { return greatest(x) <= math.MaxFloat32 }

// BenchmarkEncodeIQ reads in bytes of float32 a second.
func BenchmarkEncodeIQ(b *testing.B) {
	x, w := seeded(3, "normal"), seededImportance(3, "normal", seededRows*seededColumns)
	for _, kind := range codebookTypes {
		b.Run(kind.String(), func(b *testing.B) {
			dst := make([]byte, kind.RowBytes(len(x)))
			if err := EncodeRow(dst, kind, x, w); err != nil { // builds the codebook
				b.Fatal(err)
			}
			b.SetBytes(int64(4 * len(x)))
			for b.Loop() {
				if err := EncodeRow(dst, kind, x, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
