package weights

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// randomBlocks returns rows of a type: any bytes, but scales that are finite.
func randomBlocks(rng *rand.Rand, t tensor.DType, rows, cols int) []byte {
	raw := make([]byte, rows*t.RowBytes(cols))
	for i := range raw {
		raw[i] = byte(rng.Uint32()) &^ 0x40
		if t == tensor.MXFP4 { // -0 has a code of its own, which means the same
			raw[i] &^= 0x88
		}
	}
	return raw
}

// TestFastPaths holds the direct packing of each type to packing through integers.
func TestFastPaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for dt := range fastPackers {
		for _, rows := range []int{1, 15, 16, 33} {
			cols := 2 * max(256, dt.Block())
			raw := randomBlocks(rng, dt, rows, cols)
			m, err := New("test", dt, rows, cols)
			if err != nil {
				t.Fatal(err)
			}
			fast, slow := tensor.Aligned(m.Bytes()), tensor.Aligned(m.Bytes())
			m.Data = fast
			p := new(Packer)
			p.Pack(&m, Source{Type: dt, Data: raw, Factor: 1}, 0, m.Blocks())
			for b := range m.Blocks() {
				n := min(kernel.RowBlock, rows-b*kernel.RowBlock)
				size := dt.RowBytes(cols)
				p.packInts(slow[b*m.BlockBytes():(b+1)*m.BlockBytes()], &m, Source{Type: dt, Factor: 1}, raw[b*kernel.RowBlock*size:][:n*size], n)
			}
			if i := firstDifference(fast, slow); i >= 0 && !sameRows(m, fast, slow) {
				t.Errorf("%s, %d rows: byte %d of %d is %#x, want %#x", dt, rows, i, len(fast), fast[i], slow[i])
			}
		}
	}
}

// TestMXFP4Scales holds the direct packing of every exponent to the decoded tensor.
func TestMXFP4Scales(t *testing.T) {
	const cols = 256 * 32
	raw := bytes.Repeat([]byte{0, 1: 0x21, 16: 0x53}, 256)
	want := make([]float32, cols)
	for e := range 256 {
		raw[17*e] = byte(e)
	}
	if err := quant.Decode(want, tensor.MXFP4, raw); err != nil {
		t.Fatal(err)
	}
	m, err := FromBlocks(tensor.MXFP4, 1, cols, raw)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, cols)
	m.Row(got, 0)
	for k, v := range got {
		if v != want[k] {
			t.Fatalf("exponent %d, column %d is %v, want %v", k/32, k, v, want[k])
		}
	}
}

// sameRows says whether two packings mean the same: where a factor is 0, what it is
// multiplied with may differ.
func sameRows(m kernel.Matrix, a, b []byte) bool {
	x, y := make([]float32, m.Cols), make([]float32, m.Cols)
	for r := range m.Rows {
		m.Data = a
		m.Row(x, r)
		m.Data = b
		m.Row(y, r)
		for k := range x {
			if x[k] != y[k] {
				return false
			}
		}
	}
	return true
}

func firstDifference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// TestRows compares rows of packed matrices with the decoded tensor, for every type
// that weights have.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	types := []tensor.DType{tensor.F64, tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.F8E5M2, tensor.IQ6_K}
	for dt := range formats {
		types = append(types, dt)
	}
	for _, dt := range types {
		const rows = 19
		cols := 2 * max(256, dt.Block())
		raw := randomBlocks(rng, dt, rows, cols)
		m, err := FromBlocks(dt, rows, cols, raw)
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]float32, rows*cols), make([]float32, cols)
		if err := quant.Decode(want, dt, raw); err != nil {
			t.Fatal(err)
		}
		for r := range rows {
			m.Row(got, r)
			for k, v := range got {
				if w := want[r*cols+k]; v != w && (v == v || w == w) {
					t.Fatalf("%s: row %d column %d is %v, want %v", dt, r, k, v, w)
				}
			}
		}
	}
}

// TestScalesAndTurns packs F8 weights with block scales, as they are and turned.
func TestScalesAndTurns(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const rows, cols, first = 150, 200, 100
	raw := randomBlocks(rng, tensor.F8E4M3, rows, cols)
	scales := &BlockScale{Cols: 2, Height: 128, FirstRow: first}
	for range 4 {
		scales.Data = append(scales.Data, float32(rng.NormFloat64()))
	}
	want := make([]float32, rows*cols)
	for i, b := range raw {
		r, c := i/cols, i%cols
		want[i] = quant.F8E4M3ToF32(b) * scales.Data[(first+r)/128*2+c/128]
	}
	m, err := New("test", tensor.F8E4M3, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	turned := kernel.NewFloatMatrix(cols, rows, tensor.F32, nil)
	src := Source{Type: tensor.F8E4M3, Data: raw, Factor: 1, Scales: scales}
	Pack(&m, src)
	src.Turned = true
	Pack(&turned, src)
	row, column := make([]float32, cols), make([]float32, rows)
	for r := range rows {
		m.Row(row, r)
		for c, v := range row {
			if v != want[r*cols+c] {
				t.Fatalf("row %d column %d is %v, want %v", r, c, v, want[r*cols+c])
			}
		}
	}
	for c := range cols {
		turned.Row(column, c)
		for r, v := range column {
			if v != want[r*cols+c] {
				t.Fatalf("turned: row %d column %d is %v, want %v", c, r, v, want[r*cols+c])
			}
		}
	}
}

func BenchmarkPack(b *testing.B) {
	for _, dt := range []tensor.DType{tensor.Q4_0, tensor.Q4_1, tensor.Q8_0, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K, tensor.IQ3_S, tensor.IQ2_XXS, tensor.F32, tensor.BF16} {
		b.Run(dt.String(), func(b *testing.B) {
			const rows, cols = 256, 2048
			raw := randomBlocks(rand.New(rand.NewPCG(1, 2)), dt, rows, cols)
			m, err := New("test", dt, rows, cols)
			if err != nil {
				b.Fatal(err)
			}
			m.Data = tensor.Aligned(m.Bytes())
			p := new(Packer)
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				p.Pack(&m, Source{Type: dt, Data: raw, Factor: 1}, 0, m.Blocks())
			}
			b.ReportMetric(float64(rows*cols)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gweights/s")
		})
	}
}
