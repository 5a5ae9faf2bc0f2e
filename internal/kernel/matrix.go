package kernel

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Matrix is a weight matrix as the products read it: rows in blocks of sixteen,
// interleaved. Rows behind the last one are zero.
type Matrix struct {
	Rows, Cols int
	// Float is the stored type of float weights, F32, F16, BF16, F8_E4M3, MXFP4 or IQ6_K: a row
	// block is [Cols][16] of it, and for F8 a float32 scale for each row and 128 columns
	// behind that, [Cols/128][16]. Of MXFP4 it is [Cols/32][16][16] codes, byte c of a
	// group column c in the low half and c+16 in the high one, and behind that the
	// exponents, [Cols/32][16]; of IQ6_K [Cols][16] codes (quant.CodesIQ6_K) and float32
	// scales, [Cols/16][16]. Invalid for quantised weights.
	Float  tensor.DType
	Format Format // of quantised weights
	// Data holds the row blocks one after the other; it starts at a multiple of 64
	// bytes.
	Data []byte
	// Bias is added to the outputs, one for each row of every block, or nil.
	Bias []float32

	reg regions
}

// NewMatrix returns a quantised matrix of that shape around data, which is
// Bytes() long; cols is a multiple of 32, of 256 for scales of the K and odd forms.
func NewMatrix(rows, cols int, f Format, data []byte) Matrix {
	m := Matrix{Rows: rows, Cols: cols, Format: f, Data: data, reg: f.regions(cols)}
	if data != nil && len(data) != m.Bytes() {
		panic(fmt.Sprintf("kernel: matrix [%d %d] has %d bytes, want %d", rows, cols, len(data), m.Bytes()))
	}
	return m
}

// ScaleColumns is the number of columns that a scale of F8 weights covers; of as many
// rows, as DeepSeek's checkpoints have them.
const ScaleColumns = 128

// NewFloatMatrix returns a float matrix around data. Rows of MXFP4 and IQ6_K are whole blocks.
func NewFloatMatrix(rows, cols int, t tensor.DType, data []byte) Matrix {
	m := Matrix{Rows: rows, Cols: cols, Float: t, Data: data}
	switch t {
	case tensor.F8E4M3:
		m.reg.d = roundUp(cols*RowBlock, 64)
		m.reg.size = m.reg.d + (cols+ScaleColumns-1)/ScaleColumns*RowBlock*4
	case tensor.IQ6_K:
		m.reg.d = cols * RowBlock
		m.reg.size = m.reg.d + 4*cols
	case tensor.MXFP4:
		m.reg.d = cols * RowBlock / 2
		m.reg.size = roundUp(m.reg.d+cols/Group*RowBlock, 64)
	default:
		m.reg.size = cols * RowBlock * t.BlockBytes()
	}
	if data != nil && len(data) != m.Bytes() {
		panic(fmt.Sprintf("kernel: float matrix [%d %d] has %d bytes, want %d", rows, cols, len(data), m.Bytes()))
	}
	return m
}

// IsFloat says whether the weights are floats, multiplied by CANON section 4.
func (m *Matrix) IsFloat() bool { return m.Float != tensor.Invalid }

// Blocks returns the number of row blocks.
func (m *Matrix) Blocks() int { return (m.Rows + RowBlock - 1) / RowBlock }

// BlockBytes returns the bytes of a row block.
func (m *Matrix) BlockBytes() int { return m.reg.size }

// Bytes returns the bytes of the packed matrix.
func (m *Matrix) Bytes() int { return m.Blocks() * m.reg.size }

// block returns the memory of row block b; the last one may be cut to the
// columns of a view.
func (m *Matrix) block(b int) []byte {
	return m.Data[b*m.reg.size : min((b+1)*m.reg.size, len(m.Data))]
}

// Row writes row r as float32: what an embedding looks up. dst [Cols].
func (m *Matrix) Row(dst []float32, r int) {
	block, lane := m.block(r/RowBlock), r%RowBlock
	if m.IsFloat() {
		for k := range m.Cols {
			dst[k] = m.floatAt(block, k, lane)
		}
		return
	}
	var tile [tileBytes]byte
	size := m.Format.Layout.GroupBytes()
	for g := range m.Cols / Group {
		m.Format.unpackGroup(&tile, block[g*size:])
		for c := range Group {
			at := (g*Group + c) / m.Format.Block
			s, min := m.scaleAt(block, at, lane)
			w := float32(m.Format.integer(tile[c/4*64+4*lane+c%4]))
			dst[g*Group+c] = float32(s*w) - min
		}
	}
}

// PackGroup stores a group of stored bytes, in the order of steps (Layout), into
// the memory of a row block that is zero there.
func (m *Matrix) PackGroup(block []byte, g int, tile *[RowBlock * Group]byte) {
	size := m.Format.Layout.GroupBytes()
	m.Format.Layout.packGroup(block[g*size:][:size], tile)
}

// ScaleRegions returns the parts of a row block that hold scales (or factors d),
// minima (or dmin), and the bytes that multiply them; those that the form does not
// have are empty. See Scales for their order.
func (m *Matrix) ScaleRegions(block []byte) (d, min, sc, mn []byte) {
	if m.IsFloat() {
		return block[m.reg.d:], nil, nil, nil
	}
	r := &m.reg
	d = block[r.d:]
	switch m.Format.Scales {
	case ScalesF16M, ScalesF32M:
		min = block[r.m:]
	case ScalesK, ScalesOdd:
		sc = block[r.sc:]
	case ScalesKM:
		min, sc, mn = block[r.m:], block[r.sc:], block[r.mn:]
	}
	return d, min, sc, mn
}

// PackScale stores scale and minimum of the block of columns at, for one row of a
// row block that is zero there. Forms with factors store d and dmin, and the integers
// that make s and min of them.
func (m *Matrix) PackScale(block []byte, at, lane int, s, min, d, dmin float32) {
	i, r := at*RowBlock+lane, &m.reg
	put16 := func(off int, v float32) { binary.LittleEndian.PutUint16(block[off+2*i:], quant.F32ToF16(v)) }
	put32 := func(off, i int, v float32) { binary.LittleEndian.PutUint32(block[off+4*i:], math.Float32bits(v)) }
	switch m.Format.Scales {
	case ScalesF16, ScalesF16M:
		put16(r.d, s)
		if m.Format.Scales.HasMin() {
			put16(r.m, min)
		}
	case ScalesF32, ScalesF32M:
		put32(r.d, i, s)
		if m.Format.Scales.HasMin() {
			put32(r.m, i, min)
		}
	case ScalesK, ScalesKM:
		super := at*m.Format.Block/superBlock*RowBlock + lane
		put32(r.d, super, d)
		block[r.sc+i] = byte(int8(multiple(s, d)))
		if m.Format.Scales.HasMin() {
			put32(r.m, super, dmin)
			block[r.mn+i] = byte(multiple(min, dmin))
		}
	case ScalesOdd:
		eight := at/oddBlocks*RowBlock + lane
		binary.LittleEndian.PutUint16(block[r.d+2*eight:], quant.F32ToF16(d/m.Format.Unit))
		code := uint32(multiple(s, d)) >> 1 & 15
		codes := block[r.sc+4*eight:]
		binary.LittleEndian.PutUint32(codes, binary.LittleEndian.Uint32(codes)|code<<oddShift(at))
	}
}

// oddShift returns where the code of a block of columns begins in its word.
func oddShift(at int) int { return 28 - 4*(at%oddBlocks) }

// multiple returns the integer that s is of d, but for what its product was rounded by; 0
// where d is none that has one.
func multiple(s, d float32) int32 {
	if n := math.RoundToEven(float64(s / d)); n >= -128 && n <= 255 {
		return int32(n)
	}
	return 0
}

// integer returns what a stored byte means.
func (f *Format) integer(b byte) int {
	switch {
	case f.Layout.HasTable():
		return int(f.Values[b%secondTable]) + int(f.Shift)*int(b/secondTable)
	case f.Layout.HasGrid():
		return int(int8(b))
	case f.Scales.HasMin():
		return int(b)
	}
	return int(b) - f.Layout.offset()
}

// integers returns what the stored bytes of a group mean.
func (f *Format) integers(group *[tileBytes]byte) (w [tileBytes]int16) {
	switch {
	case f.Layout.HasTable():
		for i, b := range group {
			w[i] = int16(f.integer(b))
		}
	case f.Layout.HasGrid():
		for i, b := range group {
			w[i] = int16(int8(b))
		}
	case f.Scales.HasMin():
		for i, b := range group {
			w[i] = int16(b)
		}
	default:
		offset := int16(f.Layout.offset())
		for i, b := range group {
			w[i] = int16(b) - offset
		}
	}
	return w
}

// scaleAt returns scale and minimum of a lane for the block of columns at.
func (m *Matrix) scaleAt(block []byte, at, lane int) (s, min float32) {
	i, r := at*RowBlock+lane, &m.reg
	f16 := func(off int) float32 { return quant.F16ToF32(binary.LittleEndian.Uint16(block[off+2*i:])) }
	switch m.Format.Scales {
	case ScalesF16:
		return f16(r.d), 0
	case ScalesF16M:
		return f16(r.d), f16(r.m)
	case ScalesF32:
		return f32At(block, r.d, i), 0
	case ScalesF32M:
		return f32At(block, r.d, i), f32At(block, r.m, i)
	case ScalesOne:
		return 1, 0
	case ScalesOdd:
		eight := at/oddBlocks*RowBlock + lane
		d := quant.F16ToF32(binary.LittleEndian.Uint16(block[r.d+2*eight:])) * m.Format.Unit
		code := binary.LittleEndian.Uint32(block[r.sc+4*eight:]) >> oddShift(at) & 15
		return float32(d * float32(2*code+1)), 0
	}
	super := at*m.Format.Block/superBlock*RowBlock + lane
	s = float32(f32At(block, r.d, super) * float32(int8(block[r.sc+i])))
	if m.Format.Scales == ScalesKM {
		min = float32(f32At(block, r.m, super) * float32(block[r.mn+i]))
	}
	return s, min
}

func f32At(b []byte, off, i int) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(b[off+4*i:]))
}

// floatAt returns the weight of a row block at column k of a lane.
func (m *Matrix) floatAt(b []byte, k, lane int) float32 {
	i := k*RowBlock + lane
	switch m.Float {
	case tensor.F32:
		return f32At(b, 0, i)
	case tensor.F16:
		return quant.F16ToF32(binary.LittleEndian.Uint16(b[2*i:]))
	case tensor.F8E4M3:
		return quant.F8E4M3ToF32(b[i]) * f32At(b, m.reg.d, k/ScaleColumns*RowBlock+lane)
	case tensor.IQ6_K:
		return f32At(b, m.reg.d, k/16*RowBlock+lane) * quant.IQ6_KToF32(b[i])
	case tensor.MXFP4:
		g, c := k/Group, k%Group
		code := b[(g*RowBlock+c%16)*RowBlock+lane] >> (c / 16 * 4) & 15
		return quant.E2M1ToF32(code) * quant.F8E8M0ToF32(b[m.reg.d+g*RowBlock+lane])
	}
	return quant.BF16ToF32(binary.LittleEndian.Uint16(b[2*i:]))
}
