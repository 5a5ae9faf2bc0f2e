package convert

import (
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
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
		f.put(role.GGUF(), []int{in.experts, in.rows, in.cols}, recipe{parts: []part{p}, held: &in})
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

func (x *interleaved) fill(f *safetensors.File, parts []part, first int, dst []float32) error {
	p := &parts[0]
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
			decodeFourBits(dst[i*x.cols:][:x.cols], data, powers, x.source(first+i))
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

func (x *interleaved) pack(f *safetensors.File, parts []part, first int, dst []byte) error {
	codes, err := f.Bytes(parts[0].tensor)
	if err != nil {
		return err
	}
	powers, err := f.Bytes(*x.powers)
	if err != nil {
		return err
	}
	size := tensor.MXFP4.RowBytes(x.cols)
	for row := first; len(dst) > 0; row++ {
		if err := packFourBits(dst[:size], codes, powers, x.source(row)); err != nil {
			return err
		}
		dst = dst[size:]
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
