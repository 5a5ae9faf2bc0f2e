package weights

import (
	"encoding/binary"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Packer packs row blocks; one for each goroutine. The zero value is ready. What is
// no finite number packs too: Check finds it.
type Packer struct {
	rows [kernel.RowBlock]struct {
		w    []int8
		s, m []float32
	}
	tile   [kernel.RowBlock * kernel.Group]byte
	index  [256]byte // of an integer + 128 in the table of its format
	floats []float32
	lane   laneWriter
}

// Source is a matrix as a file stores it. A large model has tens of thousands of them.
type Source struct {
	Data   []byte      // [rows, cols] of the type, row-major
	Scales *BlockScale // of F8_E4M3 weights, nil: 1
	Factor float32     // multiplies the scales of NVFP4; 1 elsewhere
	// Divisor divides the scales of NVFP4, one rounding; 0: nothing does.
	Divisor float32
	Type    tensor.DType
	// Turned says that the stored rows are columns of the matrix, which is float32
	// then: what is stored does not run along the summed axis (CANON section 6).
	Turned bool
}

// BlockScale is a scale for each Height × 128 block of a tensor; DeepSeek's FP8 checkpoints
// have 128 rows.
type BlockScale struct {
	Data     []float32 // [ceil(rows/Height), Cols], of the tensor's rows
	Cols     int       // ceil(columns/128)
	Height   int       // rows of a block
	FirstRow int       // of the matrix in the tensor
}

// at returns the scale of a stored element.
func (b *BlockScale) at(row, col int) float32 {
	if b == nil {
		return 1
	}
	return b.Data[(b.FirstRow+row)/b.Height*b.Cols+col/kernel.ScaleColumns]
}

// Pack packs row blocks b0 … b1-1 of m from src, which holds m.Rows rows.
// m.Data must be zero where it was never packed.
func (p *Packer) Pack(m *kernel.Matrix, src Source, b0, b1 int) {
	if src.Turned {
		p.packTurned(m, src, b0, b1)
		return
	}
	for b := b0; b < b1; b++ {
		dst := m.Data[b*m.BlockBytes() : (b+1)*m.BlockBytes()]
		rows := min(kernel.RowBlock, m.Rows-b*kernel.RowBlock)
		size := src.Type.RowBytes(m.Cols)
		data := src.Data[b*kernel.RowBlock*size:][:rows*size]
		switch {
		case m.IsFloat():
			p.packFloat(dst, m, src, data, b*kernel.RowBlock, rows)
		case packPoints(dst, m, src.Type, data, rows):
		case p.packFast(dst, m, src.Type, data, rows):
		default:
			p.packInts(dst, m, src, data, rows)
		}
	}
}

// packFloat interleaves float rows: [cols][16]. first is the number of the first row.
func (p *Packer) packFloat(dst []byte, m *kernel.Matrix, src Source, data []byte, first, rows int) {
	t := src.Type
	size := t.RowBytes(m.Cols)
	for r := range rows {
		row := data[r*size : (r+1)*size]
		switch {
		case m.Float == tensor.MXFP4:
			packFloatMXFP4(dst, m, row, r)
		case m.Float == tensor.IQ6_K:
			packIQ6_K(dst, m, row, r)
		case m.Float != t && m.Float == tensor.F32:
			p.packConverted(dst, m, src, row, first, r)
		case t == tensor.F8E4M3:
			for k, b := range row {
				dst[k*kernel.RowBlock+r] = b
			}
			scales, _, _, _ := m.ScaleRegions(dst)
			for c := 0; c < m.Cols; c += kernel.ScaleColumns {
				putU32(scales[4*(c/kernel.ScaleColumns*kernel.RowBlock+r):], math.Float32bits(src.Scales.at(first+r, c)))
			}
		case t == tensor.F32:
			interleave32(dst[4*r:], row)
		case t == tensor.F16 || t == tensor.BF16:
			interleave16(dst[2*r:], row)
		default: // what New converts
			p.packConverted(dst, m, src, row, first, r)
		}
	}
}

// packFloatMXFP4 packs row r, whose blocks have a byte for each that is stored.
func packFloatMXFP4(dst []byte, m *kernel.Matrix, row []byte, r int) {
	exponents, _, _, _ := m.ScaleRegions(dst)
	for g := 0; len(row) > 0; g++ {
		exponents[kernel.RowBlock*g+r] = row[0]
		for c, b := range row[1:17] {
			dst[kernel.RowBlock*(16*g+c)+r] = b
		}
		row = row[17:]
	}
}

// packIQ6_K packs row r.
func packIQ6_K(dst []byte, m *kernel.Matrix, row []byte, r int) {
	var codes [256]byte
	var s [16]float32
	scales, _, _, _ := m.ScaleRegions(dst)
	for b := 0; len(row) > 0; b++ {
		quant.CodesIQ6_K(&codes, &s, row)
		for k, code := range codes {
			dst[kernel.RowBlock*(256*b+k)+r] = code
		}
		for g, v := range s {
			putU32(scales[4*(kernel.RowBlock*(16*b+g)+r):], math.Float32bits(v))
		}
		row = row[212:]
	}
}

func interleave32(dst, row []byte) {
	for i := 0; len(row) >= 4; i += 4 * kernel.RowBlock {
		putU32(dst[i:], u32(row))
		row = row[4:]
	}
}

func interleave16(dst, row []byte) {
	for i := 0; len(row) >= 2; i += 2 * kernel.RowBlock {
		binary.LittleEndian.PutUint16(dst[i:], binary.LittleEndian.Uint16(row))
		row = row[2:]
	}
}

// packTurned packs row blocks b0 … b1-1 of a float32 matrix from its columns.
func (p *Packer) packTurned(m *kernel.Matrix, src Source, b0, b1 int) {
	size := src.Type.RowBytes(m.Rows)
	p.floats = tensor.Resize(p.floats, m.Rows)
	for k := range m.Cols {
		if err := quant.Decode(p.floats, src.Type, src.Data[k*size:(k+1)*size]); err != nil {
			panic(err)
		}
		for r := b0 * kernel.RowBlock; r < min(b1*kernel.RowBlock, m.Rows); r++ {
			v := p.floats[r]
			if src.Scales != nil {
				v *= src.Scales.at(k, r)
			}
			if src.Type == tensor.NVFP4 {
				v *= src.Factor
				if src.Divisor != 0 {
					v /= src.Divisor
				}
			}
			at := r/kernel.RowBlock*m.BlockBytes() + 4*(k*kernel.RowBlock+r%kernel.RowBlock)
			putU32(m.Data[at:], math.Float32bits(v))
		}
	}
}

// packConverted packs row r of a type that is stored as another one. A scale is multiplied
// first, as products do.
func (p *Packer) packConverted(dst []byte, m *kernel.Matrix, src Source, row []byte, first, r int) {
	p.floats = tensor.Resize(p.floats, m.Cols)
	if err := quant.Decode(p.floats, src.Type, row); err != nil {
		panic(err)
	}
	if src.Scales != nil {
		for k := range p.floats {
			p.floats[k] *= src.Scales.at(first+r, k)
		}
	}
	for k, v := range p.floats {
		if m.Float == tensor.BF16 {
			binary.LittleEndian.PutUint16(dst[2*(k*kernel.RowBlock+r):], quant.F32ToBF16(v))
		} else {
			binary.LittleEndian.PutUint32(dst[4*(k*kernel.RowBlock+r):], math.Float32bits(v))
		}
	}
}

// packInts packs a row block through the integers of its type.
func (p *Packer) packInts(dst []byte, m *kernel.Matrix, src Source, data []byte, rows int) {
	f, _ := quant.FormOf(src.Type)
	scales, size := m.Cols/f.B, src.Type.RowBytes(m.Cols)
	for r := range rows {
		row := &p.rows[r]
		row.w, row.s = tensor.Resize(row.w, m.Cols), tensor.Resize(row.s, scales)
		if f.Min {
			row.m = tensor.Resize(row.m, scales)
		}
		quant.Ints(row.w, row.s, row.m, src.Type, data[r*size:(r+1)*size])
		if src.Type == tensor.NVFP4 && src.Factor != 1 {
			for i := range row.s {
				row.s[i] *= src.Factor
			}
		}
		if src.Type == tensor.NVFP4 && src.Divisor != 0 {
			for i := range row.s {
				row.s[i] /= src.Divisor
			}
		}
	}
	p.fillIndex(&m.Format)
	for g := range m.Cols / kernel.Group {
		clear(p.tile[:])
		for r := range rows {
			w := p.rows[r].w[g*kernel.Group:][:kernel.Group]
			for s := range kernel.Group / 4 {
				putU32(p.tile[step*s+4*r:], p.stored(w[4*s:4*s+4:4*s+4]))
			}
		}
		m.PackGroup(dst, g, &p.tile)
	}
	for r := range rows {
		row := &p.rows[r]
		for i, s := range row.s {
			var min float32
			if f.Min {
				min = row.m[i]
			}
			var factor, minFactor float32
			switch m.Format.Scales {
			case kernel.ScalesK, kernel.ScalesKM, kernel.ScalesOdd:
				block := data[r*size:][i*f.B/256*src.Type.BlockBytes():]
				factor, minFactor = factors(src.Type, block)
			}
			m.PackScale(dst, i, r, s, min, factor, minFactor)
		}
	}
}

// stored returns four integers as they are stored.
func (p *Packer) stored(w []int8) uint32 {
	at := func(i int) uint32 { return uint32(p.index[uint8(w[i])^0x80]) }
	return at(0) | at(1)<<8 | at(2)<<16 | at(3)<<24
}

// fillIndex makes the table from an integer to what is stored for it.
func (p *Packer) fillIndex(f *kernel.Format) {
	for w := -128; w < 128; w++ {
		p.index[w+128] = f.Stored(int8(w))
	}
}

// factors returns the float32 numbers d and dmin of a block of 256 of a type
// whose scales are d times small integers (CANON section 3).
func factors(t tensor.DType, block []byte) (d, dmin float32) {
	f16 := func(at int) float32 { return quant.F16ToF32(binary.LittleEndian.Uint16(block[at:])) }
	switch t {
	case tensor.Q2_K:
		return f16(80), f16(82)
	case tensor.Q3_K:
		return f16(108), 0
	case tensor.Q4_K, tensor.Q5_K:
		return f16(0), f16(2)
	case tensor.Q6_K:
		return f16(208), 0
	case tensor.IQ4_XS, tensor.IQ3_S, tensor.IQ2_K, tensor.IQ3_K, tensor.IQ4_K, tensor.IQ5_K:
		return f16(0), 0
	}
	if _, known := formats[t]; known && t >= tensor.IQ2_KS {
		return math.Float32frombits(u32(block)), 0
	}
	panic("weights: type " + t.String() + " has no factors")
}
