package quant

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

func TestDecodePlain(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		kind tensor.DType
		src  any
		want []float32
	}{
		{
			tensor.F64,
			[]float64{1, -0x1p-149, 0x1p-151, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-52, 1e300, inf, math.NaN(), math.Copysign(0, -1)},
			[]float32{1, -0x1p-149, 0, 1, 1 + 0x1p-23, float32(inf), float32(inf), float32(math.NaN()), float32(math.Copysign(0, -1))},
		},
		{tensor.F32, []float32{1, -0x1p-149, float32(inf), float32(math.NaN())}, []float32{1, -0x1p-149, float32(inf), float32(math.NaN())}},
		{
			tensor.I64,
			[]int64{1, -1, math.MinInt64, math.MaxInt64, 1<<24 + 1, 1<<24 + 3, 1<<60 + 1<<36, 1<<60 + 1<<36 + 1, -(1<<24 + 1)},
			[]float32{1, -1, -0x1p63, 0x1p63, 0x1p24, 0x1p24 + 4, 0x1p60, 0x1p60 + 0x1p37, -0x1p24},
		},
		{tensor.I32, []int32{1, -1, math.MinInt32, 1<<24 + 1}, []float32{1, -1, -0x1p31, 0x1p24}},
		{tensor.I16, []int16{1, -1, math.MinInt16, math.MaxInt16}, []float32{1, -1, -32768, 32767}},
		{tensor.I8, []int8{1, -1, -128, 127}, []float32{1, -1, -128, 127}},
		{tensor.U64, []uint64{1, math.MaxUint64, 1 << 63, 1<<63 + 1<<39, 1<<63 + 1<<39 + 1, 1<<24 + 1}, []float32{1, 0x1p64, 0x1p63, 0x1p63, 0x1p63 + 0x1p40, 0x1p24}},
		{tensor.U32, []uint32{1, math.MaxUint32, 1<<24 + 3}, []float32{1, 0x1p32, 0x1p24 + 4}},
		{tensor.U16, []uint16{1, 65535}, []float32{1, 65535}},
		{tensor.U8, []uint8{1, 255}, []float32{1, 255}},
		{tensor.Bool, []uint8{0, 1, 2, 255}, []float32{0, 1, 1, 1}},
	} {
		src, err := binary.Append(nil, binary.LittleEndian, c.src)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(c.want))
		if err := Decode(got, c.kind, src); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if !sameBits(got[i], c.want[i]) {
				t.Errorf("decode %s: element %d: got %g, want %g", c.kind, i, got[i], c.want[i])
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		kind     tensor.DType
		n, bytes int
		want     error
		says     string
	}{
		{tensor.Invalid, 0, 0, ErrType, "invalid"},
		{tensor.IQ4_KT + 1, 0, 0, ErrType, "DType"},
		{255, 1, 1, ErrType, "DType(255)"},
		{tensor.Q4_K, 100, 144, ErrLength, "100 elements, want a multiple of 256"},
		{tensor.Q4_K, 256, 143, ErrLength, "143 bytes, want 144 for 256 elements"},
		{tensor.Q4_K, 256, 288, ErrLength, "288 bytes, want 144 for 256 elements"},
		{tensor.Q4_K, 0, 144, ErrLength, "144 bytes, want 0"},
		{tensor.F16, 3, 5, ErrLength, "5 bytes, want 6"},
		{tensor.F16, 3, 8, ErrLength, "8 bytes, want 6"},
		{tensor.Bool, 3, 2, ErrLength, "2 bytes, want 3"},
	} {
		dst := make([]float32, c.n)
		for i := range dst {
			dst[i] = 5
		}
		err := Decode(dst, c.kind, make([]byte, c.bytes))
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("decode %s: %d elements, %d bytes: got %v, want %v with %q", c.kind, c.n, c.bytes, err, c.want, c.says)
		}
		for i, y := range dst {
			if y != 5 {
				t.Errorf("decode %s: wrote element %d in spite of the error", c.kind, i)
			}
		}
	}
}

// Pieces of every length in blocks give what the whole gives.
func TestDecodePieces(t *testing.T) {
	for _, kind := range blockTypes() {
		const blocks = 19
		n := blocks * kind.Block()
		src, whole := randomBlocks(kind, n), make([]float32, n)
		if err := Decode(whole, kind, src); err != nil {
			t.Fatal(err)
		}
		for k := range blocks + 1 {
			part := make([]float32, k*kind.Block()+1)
			part[len(part)-1] = 77
			if err := Decode(part[:len(part)-1], kind, src[:k*kind.BlockBytes()]); err != nil {
				t.Fatal(err)
			}
			for i, y := range part[:len(part)-1] {
				if !sameBits(y, whole[i]) {
					t.Fatalf("decode %s: %d blocks: element %d: got %g, want %g", kind, k, i, y, whole[i])
				}
			}
			if part[len(part)-1] != 77 {
				t.Fatalf("decode %s: %d blocks: wrote behind the end", kind, k)
			}
		}
	}
}
