package convert

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/safetensors"
)

// gpt-oss holds the matrices of all experts of a layer in one tensor, of float types [E, in,
// out], in MXFP4 as codes [E, out, in/32, 16] and powers of two [E, out, in/32]; gate and up
// share one, row 2i the gate's. GGUF files have [E, out, in], gate and up apart, and MXFP4
// as it is.

// interleaved is one of the matrices in such a tensor: outputs from, from+every … of each
// expert.
type interleaved struct {
	experts, rows, cols int // of the new tensor [experts, rows, cols]
	every, from         int
	powers              *safetensors.Tensor // of MXFP4; nil: the tensor is float
}

// addInterleaved adds what a tensor of gpt-oss holds; false: it is none of all experts.
func (f *Folder) addInterleaved(role model.Role, stored string) (bool, error) {
	c := &f.read.Config
	D, I := c.HiddenSize, c.MoEIntermediateSize
	kinds := map[string][]struct {
		to string
		in interleaved
	}{
		"ffn_gate_up_exps": {
			{"ffn_gate_exps", interleaved{experts: c.NumExperts, rows: I, cols: D, every: 2}},
			{"ffn_up_exps", interleaved{experts: c.NumExperts, rows: I, cols: D, every: 2, from: 1}},
		},
		"ffn_down_exps": {{"ffn_down_exps", interleaved{experts: c.NumExperts, rows: D, cols: I, every: 1}}},
	}
	for _, kind := range kinds[role.Name] {
		in := kind.in
		stored = strings.TrimSuffix(stored, "_blocks")
		from, dtype := stored, tensor.Invalid
		if t, ok := f.weights.Tensor(stored + "_scales"); ok {
			in.powers, from, dtype = &t, stored+"_blocks", tensor.MXFP4
		}
		t, ok := f.weights.Tensor(from)
		if !ok {
			return true, f.refuse(from, "is missing")
		}
		p, err := newPart(t)
		if err != nil {
			return true, f.refuse(from, err.Error())
		}
		if dtype != tensor.Invalid {
			p.dtype = dtype
		}
		role := model.Role{Name: kind.to, Layer: role.Layer, Part: ".weight", Expert: -1}
		f.put(role.GGUF(), []int{in.experts, in.rows, in.cols}, recipe{parts: []part{p}, interleaved: &in})
		if dtype == tensor.MXFP4 {
			f.tensors[len(f.tensors)-1].Type = tensor.MXFP4
		}
		if err := f.addInterleavedBias(role, stored+"_bias", &in); err != nil {
			return true, err
		}
	}
	return kinds[role.Name] != nil, nil
}

// addInterleavedBias adds biases [E, rows*every] of such a matrix.
func (f *Folder) addInterleavedBias(role model.Role, stored string, in *interleaved) error {
	t, ok := f.weights.Tensor(stored)
	if !ok {
		return f.refuse(stored, "is missing")
	}
	p, err := newPart(t)
	if err != nil {
		return f.refuse(stored, err.Error())
	}
	r := recipe{parts: []part{p}}
	for i := range in.rows {
		r.columnsOf = append(r.columnsOf, i*in.every+in.from)
	}
	role.Part = ".bias"
	f.put(role.GGUF(), []int{in.experts, in.rows}, r)
	f.tensors[len(f.tensors)-1].Type = tensor.F32
	return nil
}

// fill writes rows of the new tensor, from row first on.
//
//	dst [count, cols]
func (x *interleaved) fill(f *safetensors.File, p *part, first int, dst []float32) error {
	data, err := f.Bytes(p.tensor)
	if err != nil {
		return err
	}
	if x.powers != nil {
		powers, err := f.Bytes(*x.powers)
		if err != nil {
			return err
		}
		for i := 0; i*x.cols < len(dst); i++ {
			x.decode(dst[i*x.cols:][:x.cols], data, powers, first+i)
		}
		return nil
	}
	width := x.rows * x.every
	buffer := make([]float32, width)
	for len(dst) > 0 {
		expert, row := first/x.rows, first%x.rows
		n := min(x.rows-row, len(dst)/x.cols)
		part := buffer[:(n-1)*x.every+1]
		for k := range x.cols {
			if err := p.decode(part, data, expert*x.cols+k, row*x.every+x.from); err != nil {
				return err
			}
			for i := range n {
				dst[i*x.cols+k] = part[i*x.every]
			}
		}
		dst, first = dst[n*x.cols:], first+n
	}
	return nil
}

// source returns where the codes of a row begin, by the number of their blocks.
func (x *interleaved) source(row int) int {
	expert := row / x.rows
	return (expert*x.rows*x.every + row%x.rows*x.every + x.from) * (x.cols / mxfp4Numbers)
}

// Of MXFP4: numbers that share a power of two, and the bytes of their codes.
const (
	mxfp4Numbers = 32
	mxfp4Codes   = mxfp4Numbers / 2
)

// decode writes a row of MXFP4 as numbers: byte j of a block has element 2j in its low half.
func (x *interleaved) decode(dst []float32, codes, powers []byte, row int) {
	block := x.source(row)
	for b := range x.cols / mxfp4Numbers {
		power := float32(math.Ldexp(1, int(powers[block+b])-127))
		for i := range mxfp4Numbers {
			dst[b*mxfp4Numbers+i] = quant.E2M1ToF32(codes[(block+b)*mxfp4Codes+i/2]>>(4*(i%2))&15) * power
		}
	}
}

// pack writes rows of MXFP4 as GGUF files have them: the power, then 16 bytes of which byte j
// has element j in its low half and element 16+j in the other.
//
//	dst [count, cols/32, 17]
func (x *interleaved) pack(f *safetensors.File, p *part, first int, dst []byte) error {
	codes, err := f.Bytes(p.tensor)
	if err != nil {
		return err
	}
	powers, err := f.Bytes(*x.powers)
	if err != nil {
		return err
	}
	size := tensor.MXFP4.RowBytes(mxfp4Numbers)
	blocks := x.cols / mxfp4Numbers
	for row := first; len(dst) > 0; row++ {
		for b := range blocks {
			at := x.source(row) + b
			out := dst[b*size:][:size]
			if powers[at] == 0xff {
				return fmt.Errorf("a power of two that is no number")
			}
			quant.PutMXFP4(out, powers[at], codes[at*mxfp4Codes:])
		}
		dst = dst[blocks*size:]
	}
	return nil
}

// Packed returns the names of tensors that keep the block type that the folder has them in.
func (f *Folder) Packed() (names []string) {
	for i := range f.tensors {
		if f.tensors[i].Type.IsQuantised() {
			names = append(names, f.tensors[i].Name)
		}
	}
	return slices.Clip(names)
}
