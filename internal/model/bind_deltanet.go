package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// gatedAttention binds attention whose query matrix has, for each head, the rows of the
// query and then those of the gate.
func (b *binder) gatedAttention(l *qwenNextLayer, layer int, c *Config) {
	H, HKV, D := c.NumAttentionHeads, c.NumKeyValueHeads, c.HeadDim
	b.linear(&l.Q, "attn_q", layer, 2*H*D, c.HiddenSize)
	b.linear(&l.K, "attn_k", layer, HKV*D, c.HiddenSize)
	b.linear(&l.V, "attn_v", layer, HKV*D, c.HiddenSize)
	b.linear(&l.O, "attn_output", layer, c.HiddenSize, H*D)
	b.norm(&l.qNorm, "attn_q_norm", layer, D, c.RMSNormEps)
	b.norm(&l.kNorm, "attn_k_norm", layer, D, c.RMSNormEps)
	l.attn = newAttention(c, layer, attentionScale(float64(D)))
}

// run is rows of a matrix that stand one behind the other in a tensor.
type run struct{ from, n int }

// runs returns n runs of so many rows, every so many from one on.
func runs(n, rows, from, every int) []run {
	list := make([]run, n)
	for i := range list {
		list[i] = run{from + i*every, rows}
	}
	return list
}

// gatherRows binds a matrix of runs of rows of a tensor. Those that stand there one behind
// the other already are bound as others are.
func (b *binder) gatherRows(dst *Linear, t tensor.Tensor, what string, list []run) {
	rows, inOrder := 0, true
	var places []int // in the tensor
	for _, r := range list {
		for i := range r.n {
			inOrder = inOrder && r.from+i == rows+i
			places = append(places, r.from+i)
		}
		rows += r.n
	}
	if inOrder {
		b.rows(dst, t, 0, rows, t.Shape[len(t.Shape)-1], 0)
		return
	}
	if !b.mayGather(t) {
		return
	}
	cols := t.Shape[len(t.Shape)-1]
	size := t.DType.RowBytes(cols)
	b.gathered(dst, t, t.DType, rows, cols, 0, gather{
		how: what,
		rows: func(dst, data []byte, r, n int) error {
			for i := range n {
				copy(dst[i*size:][:size], data[places[r+i]*size:])
			}
			return nil
		},
	})
}

// mayGather refuses a type whose rows are not all of it.
func (b *binder) mayGather(t tensor.Tensor) bool {
	if t.DType != tensor.F8E4M3 && t.DType != tensor.F8E5M2 && t.DType != tensor.NVFP4 {
		return true
	}
	b.fail(wrongTensor(b.src, t.Name, "type "+t.DType.String()+" in an order of heads that is changed", "another type, or Qwen3.5's own tensors"))
	return false
}

// valueHeads says where the value heads stand in a file: place h of the file's order has head
// heads[h] of the checkpoint's.
type valueHeads struct {
	heads  []int
	places []int // the inverse
}

// headsOf returns the order of a file. Checkpoints keep the heads of a key head together.
// GGUF files of Qwen3.5 have the first of every key head, then the second of each.
func (m *qwenNext) headsOf(b *binder, d *DeltaNet) valueHeads {
	v := valueHeads{make([]int, d.NV), make([]int, d.NV)}
	each := d.NV / d.NK
	for place := range d.NV {
		head := place
		if !b.hf && m.apart {
			head = place%d.NK*each + place/d.NK
		}
		v.heads[place], v.places[head] = head, place
	}
	return v
}

// runs returns the runs of rows of all heads, of so many each, from a row on, in the
// checkpoint's order.
func (v *valueHeads) runs(rows, from int) []run {
	list := make([]run, len(v.places))
	for head, place := range v.places {
		list[head] = run{from + place*rows, rows}
	}
	return list
}

// bindDelta binds Gated DeltaNet. Value heads are brought into the order of the
// checkpoint, so that a model has the same bits from either kind of file.
func (m *qwenNext) bindDelta(b *binder, l *qwenNextLayer, layer int, c *Config) {
	d := &DeltaNet{
		NK: c.LinearNumKeyHeads, NV: c.LinearNumValueHeads, DK: c.LinearKeyHeadDim, DV: c.LinearValueHeadDim, Taps: c.LinearConvKernelDim,
	}
	l.delta = d
	d.state.Sizes = d.sizes()
	v := m.headsOf(b, d)
	m.deltaOutput(b, l, layer, c, v)
	b.deltaInputs(l, layer, c, v, !m.apart)
	b.deltaVectors(d, layer, v)
	d.Norm.W, d.Norm.Param = b.vector("ssm_norm", layer, ".weight", d.DV)
	d.Norm.Eps = c.RMSNormEps
}

// deltaInputs binds what makes q, k, v, z, b and a. fused says that a checkpoint has them
// in two matrices, for each key head one behind the other.
func (b *binder) deltaInputs(l *qwenNextLayer, layer int, c *Config, v valueHeads, fused bool) {
	d, D := l.delta, c.HiddenSize
	qk, each := 2*d.NK*d.DK, d.NV/d.NK
	if fused {
		if t, ok := b.find(b.name("ssm_ba", layer, ".weight"), 2*d.NV, D); ok {
			b.gatherRows(&l.B, t, "b of each key head", runs(d.NK, each, 0, 2*each))
			b.gatherRows(&l.A, t, "a of each key head", runs(d.NK, each, each, 2*each))
		}
	} else {
		if t, ok := b.find(b.name("ssm_beta", layer, ".weight"), d.NV, D); ok {
			b.gatherRows(&l.B, t, "heads", v.runs(1, 0))
		}
		if t, ok := b.find(b.name("ssm_alpha", layer, ".weight"), d.NV, D); ok {
			b.gatherRows(&l.A, t, "heads", v.runs(1, 0))
		}
	}
	if fused && b.hf {
		every := 2*d.DK + 2*each*d.DV
		if t, ok := b.find(b.name("attn_qkvz", layer, ".weight"), d.NK*every, D); ok {
			list := append(runs(d.NK, d.DK, 0, every), runs(d.NK, d.DK, d.DK, every)...)
			b.gatherRows(&l.QKV, t, "q, k and v of each key head", append(list, runs(d.NK, each*d.DV, 2*d.DK, every)...))
			b.gatherRows(&l.Z, t, "z of each key head", runs(d.NK, each*d.DV, 2*d.DK+each*d.DV, every))
		}
		return
	}
	if t, ok := b.find(b.name("attn_qkv", layer, ".weight"), d.width(), D); ok {
		b.gatherRows(&l.QKV, t, "q, k, heads of v", append([]run{{0, qk}}, v.runs(d.DV, qk)...))
	}
	if t, ok := b.find(b.name("attn_gate", layer, ".weight"), d.NV*d.DV, D); ok {
		list := v.runs(d.DV, 0)
		if d.places != nil {
			list = []run{{0, d.NV * d.DV}} // as outputs are
		}
		b.gatherRows(&l.Z, t, "heads", list)
	}
}

// deltaOutput binds the matrix behind the recurrence, whose columns are heads. Where its
// blocks are longer than a head's columns they stay where they are, and outputs go there.
func (m *qwenNext) deltaOutput(b *binder, l *qwenNextLayer, layer int, c *Config, v valueHeads) {
	d := l.delta
	t, ok := b.find(b.name("ssm_out", layer, ".weight"), c.HiddenSize, d.NV*d.DV)
	if !ok {
		return
	}
	inOrder := b.hf || !m.apart || d.NK == d.NV
	if !inOrder && d.DV%t.DType.Block() != 0 {
		d.places, inOrder = v.places, true
	}
	if inOrder || !b.mayGather(t) {
		b.rows(&l.Y, t, 0, c.HiddenSize, d.NV*d.DV, 0)
		return
	}
	size, row := t.DType.RowBytes(d.DV), t.DType.RowBytes(d.NV*d.DV)
	b.gathered(&l.Y, t, t.DType, c.HiddenSize, d.NV*d.DV, 0, gather{
		how: "columns of heads",
		rows: func(dst, data []byte, r, n int) error {
			for i := range n {
				for head, place := range v.places {
					copy(dst[i*row+head*size:][:size], data[(r+i)*row+place*size:])
				}
			}
			return nil
		},
	})
}

// deltaVectors binds the convolution and what decay is made of.
func (b *binder) deltaVectors(d *DeltaNet, layer int, v valueHeads) {
	name := b.name("ssm_conv1d", layer, ".weight")
	shape := []int{d.width(), d.Taps}
	if b.hf {
		shape = []int{d.width(), 1, d.Taps}
	}
	t, ok := b.find(name, shape...)
	switch {
	case !ok:
		return
	case !t.DType.IsFloat():
		b.fail(wrongTensor(b.src, name, "type "+t.DType.String(), "a float type"))
		return
	}
	taps := b.floats(t)
	if b.err != nil {
		return
	}
	d.ConvParam = Param{Tensor: name, Rows: d.width(), Cols: d.Taps}
	d.Conv = make([]float32, len(taps))
	qk := 2 * d.NK * d.DK
	for to := range d.width() { // in the checkpoint's order
		from := to
		if to >= qk {
			from = qk + v.places[(to-qk)/d.DV]*d.DV + (to-qk)%d.DV
		}
		for j := range d.Taps {
			d.Conv[j*d.width()+to] = taps[from*d.Taps+j]
		}
	}
	a, aParam := b.vector("ssm_a", layer, "", d.NV)
	part := ".bias"
	if b.hf {
		part = ""
	}
	dt, dtParam := b.vector("ssm_dt", layer, part, d.NV)
	if b.err != nil {
		return
	}
	d.A, d.DTBias, d.AParam, d.DTParam = make([]float32, d.NV), make([]float32, d.NV), aParam, dtParam
	for head, place := range v.places {
		d.DTBias[head] = dt[place]
		d.A[head] = -a[place] // GGUF files have -exp(A_log)
		if b.hf {
			d.A[head] = float32(kernel.Exp64(float64(a[place])))
		}
		if !quant.IsFinite(d.A[head]) || d.A[head] < 0 {
			b.fail(wrongTensor(b.src, aParam.Tensor, fmt.Sprintf("element %d is %v", place, a[place]), "a decay"))
			return
		}
	}
}
