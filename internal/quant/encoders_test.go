package quant

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// scaledTypes are the types whose numbers are integers times scales, each of which may
// be zero: no block of theirs needs to be worse than zeros.
var scaledTypes = []tensor.DType{
	tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q8_0, tensor.Q2_K, tensor.Q3_K, tensor.Q4_K, tensor.Q5_K,
	tensor.Q6_K, tensor.IQ4_NL, tensor.IQ4_XS, tensor.TQ1_0, tensor.TQ2_0, tensor.MXFP4, tensor.NVFP4,
}

// checkEncoded wants finite numbers and, unless wild importances let great numbers
// count for little, errors that are not greater than those of zeros, in each 256.
func checkEncoded(t *testing.T, kind tensor.DType, row, importance []float32, wild bool) {
	t.Helper()
	b, y := make([]byte, kind.RowBytes(len(row))), make([]float32, len(row))
	if err := EncodeRow(b, kind, row, importance); err != nil {
		t.Fatal(err)
	}
	if at := NotFinite(kind, b); at >= 0 {
		t.Fatalf("%s: element %d has a scale that is not finite", kind, at)
	}
	if err := Decode(y, kind, b); err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(row); at += 256 {
		end := min(at+256, len(row))
		if wild {
			continue
		}
		// Some encoders let great numbers count for more.
		var numbers, w, magnified [256]float32
		copy(numbers[:], row[at:end])
		weighNumbers(&magnified, &numbers, importance, at, end)
		weigh(w[:end-at], nil)
		if importance != nil {
			weigh(w[:end-at], importance[at:end])
		}
		off, zeros := sumErrors(row[at:end], y[at:end], w[:])
		off2, zeros2 := sumErrors(row[at:end], y[at:end], magnified[:])
		// Half an ulp of a float16 beside one; and numbers that are taken for zero.
		if off > zeros*(1+0x1p-10)+256*flushed*flushed && off2 > zeros2*(1+0x1p-10)+4096*flushed*flushed {
			t.Errorf("%s: squared errors of elements %d to %d add up to %g, those of zeros to %g", kind, at, end, off, zeros)
		}
	}
}

// sumErrors adds up the weighted squares of the errors and of the numbers.
func sumErrors(x, y, w []float32) (off, zeros float64) {
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		off += float64(w[i]) * d * d
		zeros += float64(w[i]) * float64(x[i]) * float64(x[i])
	}
	return off, zeros
}

// TestEncodeAnything tries rows of all sizes, from below the least scale to beyond
// what the scales reach, with and without importances of all sizes.
func TestEncodeAnything(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, kind := range scaledTypes {
		most := float64(encoders[kind].most)
		for try := range 200 {
			row, importance := make([]float32, 512), make([]float32, 512)
			low, high := float64(-150), math.Log2(most)
			if try%2 == 0 { // rows of one size
				low += rng.Float64() * (high - low)
				high = min(high, low+4)
			}
			for i := range row {
				row[i] = float32(math.Exp2(low+rng.Float64()*(high-low)) * float64(1-2*rng.IntN(2)))
				if rng.IntN(8) == 0 {
					row[i] = 0
				}
				importance[i] = float32(math.Exp2(rng.Float64()*12 + float64(try-100)))
				if try%4 == 1 {
					importance[i] = float32(math.Exp2(rng.Float64()*270 - 148))
				}
				if rng.IntN(3) == 0 {
					importance[i] = 0
				}
			}
			checkEncoded(t, kind, row, nil, false)
			checkEncoded(t, kind, row, importance, try%2 == 1)
		}
	}
}

// TestEncodeEdges tries what is left when a block is nearly empty, and the greatest.
func TestEncodeEdges(t *testing.T) {
	for _, kind := range scaledTypes {
		most := encoders[kind].most
		for _, v := range []float32{0, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, 0x1p-41, 0x1p-40, 0x1p-25, 0x1p-24, 1e-7, 0.03125, -1, most, -most} {
			one, all, signs := make([]float32, 256), make([]float32, 256), make([]float32, 256)
			one[77] = v
			for i := range all {
				all[i], signs[i] = v, v
				if i%2 == 1 {
					signs[i] = -v
				}
			}
			for _, row := range [][]float32{one, all, signs} {
				checkEncoded(t, kind, row, nil, false)
				checkEncoded(t, kind, row, make([]float32, 256), false)
			}
		}
	}
}

// TestEncodeZeros wants zeros from zeros.
func TestEncodeZeros(t *testing.T) {
	row, y := make([]float32, 512), make([]float32, 512)
	for kind := range tensor.DType(len(encoders)) {
		if !Encodes(kind) {
			continue
		}
		b := make([]byte, kind.RowBytes(512))
		for i := range b {
			b[i] = 0xff
		}
		if err := EncodeRow(b, kind, row, nil); err != nil {
			t.Fatal(err)
		}
		if err := Decode(y, kind, b); err != nil {
			t.Fatal(err)
		}
		for i, v := range y {
			if v != 0 {
				t.Errorf("%s: zero became %g at element %d", kind, v, i)
				break
			}
		}
	}
}

// TestEncodePieces wants each block to depend on its own numbers and importances
// alone, and not on the size of the importances.
func TestEncodePieces(t *testing.T) {
	x, w := seeded(1, "normal")[:1024], seededImportance(1, "normal", seededRows*seededColumns)[:1024]
	double := make([]float32, len(w))
	for i, v := range w {
		double[i] = 2 * v
	}
	for _, kind := range scaledTypes {
		for _, importance := range [][]float32{nil, w} {
			whole, again, pieces := make([]byte, kind.RowBytes(1024)), make([]byte, kind.RowBytes(1024)), []byte(nil)
			must := func(err error) {
				if err != nil {
					t.Fatal(err)
				}
			}
			must(EncodeRow(whole, kind, x, importance))
			for at := 0; at < 1024; at += 256 {
				piece := make([]byte, kind.RowBytes(256))
				var part []float32
				if importance != nil {
					part = importance[at:][:256]
				}
				must(EncodeRow(piece, kind, x[at:][:256], part))
				pieces = append(pieces, piece...)
			}
			if !bytes.Equal(whole, pieces) {
				t.Errorf("%s: a row's bytes are not those of its blocks", kind)
			}
			if importance != nil {
				must(EncodeRow(again, kind, x, double))
				if !bytes.Equal(whole, again) {
					t.Errorf("%s: other bytes with importances twice as great", kind)
				}
			}
			if block := kind.Block(); block < 256 && importance == nil { // the row may end anywhere
				short := make([]byte, kind.RowBytes(256+block))
				must(EncodeRow(short, kind, x[:256+block], nil))
				if !bytes.Equal(short, whole[:len(short)]) {
					t.Errorf("%s: other bytes at the end of a row", kind)
				}
			}
		}
	}
}

func TestEncodeRowRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for kind := range tensor.DType(len(encoders)) {
		if !Encodes(kind) {
			continue
		}
		for _, bad := range []float32{nan, -nan, inf, -inf} {
			row, importance := make([]float32, 512), make([]float32, 512)
			b := make([]byte, kind.RowBytes(512))
			row[300] = bad
			if err := EncodeRow(b, kind, row, nil); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "element 300") {
				t.Errorf("%s with %g: got %v", kind, bad, err)
			}
			row[300], importance[300] = 0, bad
			if err := EncodeRow(b, kind, row, importance); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "importance 300") {
				t.Errorf("%s with importance %g: got %v", kind, bad, err)
			}
		}
		row, b := make([]float32, 256), make([]byte, kind.RowBytes(256))
		if most := encoders[kind].most; most < math.MaxFloat32 {
			row[9] = -math.Nextafter32(most, inf)
			if err := EncodeRow(b, kind, row, nil); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "element 9") {
				t.Errorf("%s with %g: got %v", kind, row[9], err)
			}
			row[9] = 0
		}
		importance := make([]float32, 256)
		importance[1] = -1
		if err := EncodeRow(b, kind, row, importance); !errors.Is(err, ErrValue) || !strings.Contains(err.Error(), "importance 1 is -1") {
			t.Errorf("%s with importance -1: got %v", kind, err)
		}
		if err := EncodeRow(b, kind, row, importance[:255]); !errors.Is(err, ErrLength) {
			t.Errorf("%s with 255 importances: got %v", kind, err)
		}
	}
	if Encodes(tensor.I8) || Encodes(200) || NeedsImportance(200) {
		t.Error("there is no encoder of I8 or of type 200")
	}
}

// FuzzEncodeRow encodes any bits as float32.
func FuzzEncodeRow(f *testing.F) {
	for i := range scaledTypes {
		f.Add(uint8(i), []byte("\x00\x00\x80\x3f\x00\x00\x00\xbf\xcd\xcc\x4c\x3e\x01\x00\x00\x00"), []byte("\x00\x00\x80\x3f"))
	}
	f.Fuzz(func(t *testing.T, which uint8, bits, importanceBits []byte) {
		kind := scaledTypes[int(which)%len(scaledTypes)]
		row, importance := repeated(bits), repeated(importanceBits)
		for i, w := range importance {
			if !(w >= 0 && IsFinite(w)) {
				importance[i] = 0
			}
		}
		good := true
		for _, x := range row {
			good = good && IsFinite(x) && x <= encoders[kind].most && x >= -encoders[kind].most
		}
		if !good {
			if err := EncodeRow(make([]byte, kind.RowBytes(256)), kind, row, importance); !errors.Is(err, ErrValue) {
				t.Fatalf("%s: got %v, want %v", kind, err, ErrValue)
			}
			return
		}
		checkEncoded(t, kind, row, nil, false)
		checkEncoded(t, kind, row, importance, true)
	})
}

// repeated returns 256 numbers with the bits of b, again and again.
func repeated(b []byte) []float32 {
	out := make([]float32, 256)
	if len(b) < 4 {
		return out
	}
	for i := range out {
		out[i] = math.Float32frombits(le.Uint32(b[4*i%(len(b)-len(b)%4):]))
	}
	return out
}
