package convert

import (
	"cmp"
	"fmt"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// recipe says how a tensor of the file is made of those of the folder.
type recipe struct {
	parts []part    // one behind another, all of one shape
	heads int       // of the rows that order goes through; 0: the rows stay where they are
	order order     // of the rows of a head
	plus  float32   // added to every number
	turn  bool      // the rows of a head that order names become columns
	given []float32 // the numbers themselves: nothing is read

	pick      []int // the rows of the part that are those of the tensor; nil: all
	columnsOf []int // as pick, of columns
	each      func(float32) float32
	held      holder // how the parts hold rows; nil: one behind another
}

// holder is a way in which stored tensors hold the rows of one.
type holder interface {
	// fill writes rows of the new tensor, from row first on.
	//
	//	dst [count, columns]
	fill(f *safetensors.File, parts []part, first int, dst []float32) error
	// pack writes them in the type that the file keeps of them: MXFP4, or whole numbers.
	pack(f *safetensors.File, parts []part, first int, dst []byte) error
}

// order chooses rows of a head: out of every `of`, the kept ones from `from` on, whose
// last `rope` were two halves and become pairs of neighbours.
type order struct{ of, from, kept, rope int }

// source returns the row of a head that becomes its row i.
func (o order) source(i int) int {
	if at := i - (o.kept - o.rope); at >= 0 {
		i += at%2*(o.rope/2) + at/2 - at
	}
	return o.from + i
}

// part is a stored matrix [rows, cols]; a vector is one column where its elements change
// places, else one row.
type part struct {
	tensor     safetensors.Tensor
	file       *safetensors.File // of a module; nil: the folder's
	dtype      tensor.DType
	rows, cols int
	scales     []float32 // of blocks of 128 × 128, or nil
}

// scaleBlock is how many rows and columns of FP8 weights share a scale.
const scaleBlock = 128

// newPart returns a stored tensor as a matrix.
func newPart(t safetensors.Tensor) (part, error) {
	d, ok := tensor.ParseDType(string(t.DType))
	if !ok {
		return part{}, fmt.Errorf("type %s, want a float type", t.DType)
	}
	p := part{tensor: t, dtype: d, rows: 1, cols: 1}
	if n := len(t.Shape); n > 0 {
		p.cols = t.Shape[n-1]
		p.rows, _ = tensor.Elements(t.Shape[:n-1]) // the file was checked
	}
	return p, nil
}

// decode writes columns col … of a row as float32.
//
//	data: the bytes of the tensor
func (p *part) decode(dst []float32, data []byte, row, col int) error {
	from := (row*p.cols + col) * p.dtype.BlockBytes() // one element a block
	if err := quant.Decode(dst, p.dtype, data[from:from+len(dst)*p.dtype.BlockBytes()]); err != nil {
		return err
	}
	if p.scales == nil {
		return nil
	}
	scales := p.scales[row/scaleBlock*((p.cols+scaleBlock-1)/scaleBlock):]
	for i := range dst {
		dst[i] *= scales[(col+i)/scaleBlock]
	}
	return nil
}

// read returns what of the part is not read any more once n of its rows are, from row
// first on, of as many as it makes: those rows where they lie as they are asked for, and
// all behind the last.
func (p *part) read(straight bool, first, n, all int) safetensors.Tensor {
	t := p.tensor
	switch {
	case first+n == all:
	case straight:
		row := int64(p.cols * p.dtype.BlockBytes())
		t.Offset += int64(first) * row
		t.Size = int64(n) * row
	default:
		t.Size = 0
	}
	return t
}

// partRows returns how many rows of the new tensor each part makes.
func (r *recipe) partRows() int {
	p := &r.parts[0]
	switch {
	case r.pick != nil:
		return len(r.pick)
	case r.turn:
		return r.heads * p.cols
	case r.heads > 0:
		return r.heads * r.order.kept
	}
	return p.rows
}

// columns returns the length of a row of the new tensor.
func (r *recipe) columns() int {
	switch {
	case r.columnsOf != nil:
		return len(r.columnsOf)
	case r.turn:
		return r.order.kept
	}
	return r.parts[0].cols
}

// rows writes rows of the new tensor, from row first on.
//
//	dst [count, columns]
func (r *recipe) rows(f *safetensors.File, first int, dst []float32) error {
	if r.given != nil {
		copy(dst, r.given[first*len(r.given):])
		return nil
	}
	if r.held != nil {
		return r.held.fill(f, r.parts, first, dst)
	}
	each, cols := r.partRows(), r.columns()
	if r.vector() {
		first *= each
	}
	if r.each != nil {
		defer func(all []float32) {
			for i, v := range all {
				all[i] = r.each(v)
			}
		}(dst)
	}
	if r.plus != 0 {
		defer func(all []float32) {
			for i := range all {
				all[i] += r.plus
			}
		}(dst)
	}
	for len(dst) > 0 {
		p := &r.parts[first/each]
		f := cmp.Or(p.file, f)
		data, err := f.Bytes(p.tensor)
		if err != nil {
			return err
		}
		row := first % each
		n := min(each-row, len(dst)/cols)
		if err := r.fill(dst[:n*cols], p, data, row); err != nil {
			return err
		}
		f.Release(p.read(r.heads == 0 && r.pick == nil, row, n, each))
		dst, first = dst[n*cols:], first+n
	}
	return nil
}

// vector says whether the tensor is one row whose elements change places.
func (r *recipe) vector() bool {
	return (r.heads > 0 || r.pick != nil) && len(r.parts[0].tensor.Shape) < 2
}

// fill writes rows of one part, from its row first on.
func (r *recipe) fill(dst []float32, p *part, data []byte, first int) error {
	if r.turn {
		return r.fillTurned(dst, p, data, first)
	}
	cols := r.columns()
	var whole []float32 // of which columns are chosen
	if r.columnsOf != nil {
		whole = make([]float32, p.cols)
	}
	for i := 0; i*cols < len(dst); i++ {
		row := first + i
		if r.pick != nil {
			row = r.pick[row]
		}
		if r.heads > 0 {
			row = row/r.order.kept*r.order.of + r.order.source(row%r.order.kept)
		}
		out := dst[i*cols : (i+1)*cols]
		if r.columnsOf == nil {
			if err := p.decode(out, data, row, 0); err != nil {
				return err
			}
			continue
		}
		if err := p.decode(whole, data, row, 0); err != nil {
			return err
		}
		for j, from := range r.columnsOf {
			out[j] = whole[from]
		}
	}
	return nil
}

// fillTurned writes rows that are columns of a head's rows, head by head.
//
//	dst [count, kept]
func (r *recipe) fillTurned(dst []float32, p *part, data []byte, first int) error {
	kept := r.order.kept
	buffer := make([]float32, p.cols)
	for len(dst) > 0 {
		head, col := first/p.cols, first%p.cols
		n := min(p.cols-col, len(dst)/kept)
		for j := range kept {
			if err := p.decode(buffer[:n], data, head*r.order.of+r.order.source(j), col); err != nil {
				return err
			}
			for i, v := range buffer[:n] {
				dst[i*kept+j] = v
			}
		}
		dst, first = dst[n*kept:], first+n
	}
	return nil
}
