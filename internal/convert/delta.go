package convert

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Gated DeltaNet. Checkpoints keep the value heads of a key head together; GGUF files of
// Qwen3.5 have the first of every key head, then the second of each, and of Qwen3-Next the
// fused inputs taken apart.

// addDelta adds a tensor of a recurrent layer; false: it is another one.
func (f *Folder) addDelta(role model.Role, r recipe) bool {
	c := &f.read.Config
	qk, V := 2*c.LinearNumKeyHeads*c.LinearKeyHeadDim, c.LinearValueHeadDim
	name := func(name string) string {
		role.Name, role.Part = name, ""
		return role.GGUF()
	}
	matrix := func(to string, pick []int) {
		r.pick = pick
		f.put(name(to), []int{len(pick), r.parts[0].cols}, r)
	}
	switch role.Name {
	case "ssm_a":
		r.each = func(x float32) float32 { return -float32(kernel.Exp64(float64(x))) }
		f.putVector(name("ssm_a"), r, f.valueRows(1, 0))
	case "ssm_dt":
		f.putVector(name("ssm_dt.bias"), r, f.valueRows(1, 0))
	case "ssm_conv1d":
		matrix("ssm_conv1d.weight", append(rowsFrom(0, qk), f.valueRows(V, qk)...))
	case "attn_qkv":
		matrix("attn_qkv.weight", append(rowsFrom(0, qk), f.valueRows(V, qk)...))
	case "attn_gate":
		matrix("attn_gate.weight", f.valueRows(V, 0))
	case "ssm_beta", "ssm_alpha":
		matrix(role.Name+".weight", f.valueRows(1, 0))
	case "ssm_out":
		r.columnsOf = f.valueRows(V, 0)
		f.put(name("ssm_out.weight"), slices.Clone(r.parts[0].tensor.Shape), r)
	case "attn_qkvz":
		K, each := c.LinearKeyHeadDim, c.LinearNumValueHeads/c.LinearNumKeyHeads*V
		every := 2*K + 2*each
		matrix("attn_qkv.weight", slices.Concat(f.keyRows(0, K, every), f.keyRows(K, K, every), f.keyRows(2*K, each, every)))
		matrix("attn_gate.weight", f.keyRows(2*K+each, each, every))
	default:
		return false
	}
	return true
}

// valueRows returns the rows of all value heads in the order of the file, so many each, from
// a row on.
func (f *Folder) valueRows(rows, from int) (list []int) {
	c := &f.read.Config
	each := c.LinearNumValueHeads / c.LinearNumKeyHeads
	for place := range c.LinearNumValueHeads {
		head := place
		if c.ModelType != "qwen3_next" {
			head = place%c.LinearNumKeyHeads*each + place/c.LinearNumKeyHeads
		}
		list = append(list, rowsFrom(from+head*rows, rows)...)
	}
	return list
}

// keyRows returns n rows of each key head, whose own begin every so many.
func (f *Folder) keyRows(from, n, every int) (list []int) {
	for head := range f.read.Config.LinearNumKeyHeads {
		list = append(list, rowsFrom(head*every+from, n)...)
	}
	return list
}

// rowsFrom returns n rows from one on.
func rowsFrom(first, n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = first + i
	}
	return list
}

// putVector adds a vector whose elements change places.
func (f *Folder) putVector(name string, r recipe, pick []int) {
	r.pick = pick
	p := &r.parts[0]
	p.rows, p.cols = p.cols, 1
	f.put(name, []int{len(pick)}, r)
}
