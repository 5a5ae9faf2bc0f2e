package convert

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// layOut finds out which tensors the file has, and what each is made of.
func (f *Folder) layOut() error {
	type named struct {
		role  model.Role
		parts []string // names in the folder, by the number of the expert
	}
	byName := map[string]*named{}
	for _, name := range slices.Sorted(maps.Keys(f.read.Roles)) {
		role := f.read.Roles[name]
		x := byName[role.GGUF()]
		if x == nil {
			x = &named{role: role}
			byName[role.GGUF()] = x
		}
		if role.Expert < 0 {
			x.parts = []string{name}
			continue
		}
		for len(x.parts) <= role.Expert {
			x.parts = append(x.parts, "")
		}
		x.parts[role.Expert] = name
	}
	list := slices.SortedFunc(maps.Values(byName), func(a, b *named) int {
		return cmp.Or(cmp.Compare(a.role.Layer, b.role.Layer), cmp.Compare(a.role.GGUF(), b.role.GGUF()))
	})
	if len(list) == 0 {
		return fmt.Errorf("convert: %s: %w: %w", f.Name(), errNoTensors, model.ErrTensor)
	}
	for _, x := range list {
		if f.read.Config.ModelType == "gpt_oss" {
			if done, err := f.addInterleaved(x.role, x.parts[0]); done || err != nil {
				if err != nil {
					return err
				}
				continue
			}
		}
		r, err := f.gather(x.parts)
		if err != nil {
			return err
		}
		f.add(x.role, r)
	}
	f.addFrequencies()
	return nil
}

// gather returns the recipe of stored tensors as they are.
func (f *Folder) gather(names []string) (recipe, error) {
	var r recipe
	for _, name := range names {
		t, ok := f.weights.Tensor(name)
		if !ok { // it was bound, so that other tensors stand for it
			return r, f.refuse(name, "is packed by another tool (quantization_config): such models run as they are, and are not converted")
		}
		p, err := newPart(t)
		if err != nil {
			return r, f.refuse(name, err.Error())
		}
		if p.scales, err = f.scales(p); err != nil {
			return r, err
		}
		r.parts = append(r.parts, p)
	}
	return r, nil
}

// scales returns the scales that stand beside FP8 weights, nil beside others. The binder
// has checked them.
func (f *Folder) scales(p part) ([]float32, error) {
	if p.dtype != tensor.F8E4M3 {
		return nil, nil
	}
	name := p.tensor.Name + "_scale_inv"
	t, ok := f.weights.Tensor(name)
	if !ok {
		if _, other := f.weights.Tensor(p.tensor.Name + "_scale"); other {
			return nil, f.refuse(p.tensor.Name+"_scale", "is a scale of compressed-tensors: such models run as they are, and are not converted")
		}
		return nil, nil
	}
	if want := []int{(p.rows + scaleBlock - 1) / scaleBlock, (p.cols + scaleBlock - 1) / scaleBlock}; !slices.Equal(t.Shape, want) {
		return nil, f.refuse(name, "has scales of other blocks than 128 × 128: such models run as they are, and are not converted")
	}
	d, _ := tensor.ParseDType(string(t.DType))
	n, _ := tensor.Elements(t.Shape)
	data, err := f.weights.Bytes(t)
	if err == nil {
		v := make([]float32, n)
		if err = quant.Decode(v, d, data); err == nil {
			return v, nil
		}
	}
	return nil, f.refuse(name, err.Error())
}

func (f *Folder) refuse(name, got string) error {
	return fmt.Errorf("convert: %s: tensor %s: %s: %w", f.Name(), name, got, model.ErrTensor)
}

// add adds a tensor of the folder: as it is, or as GGUF files have what it is.
func (f *Folder) add(role model.Role, r recipe) {
	c := &f.read.Config
	rope := 0 // of each head, that change places
	switch pairs := c.Rope.Pairs; {
	case c.KVLoraRank > 0 && !pairs:
		rope = c.QKRopeHeadDim
	case architectures[c.ModelType].pairs:
		rope = c.HeadDim
	}
	switch {
	case role.Name == "attn_kv_b":
		f.addExpansions(role, r)
		return
	case c.Recurrent != nil && f.addDelta(role, r):
		return
	case rope == 0:
	case role.Name == "attn_q_b" || role.Name == "attn_q" && c.KVLoraRank > 0:
		d := c.QKNopeHeadDim + c.QKRopeHeadDim
		r.reorder(c.NumAttentionHeads, order{of: d, kept: d, rope: rope})
	case role.Name == "attn_kv_a_mqa":
		d := c.KVLoraRank + c.QKRopeHeadDim
		r.reorder(1, order{of: d, kept: d, rope: rope})
	case role.Name == "attn_q":
		r.reorder(c.NumAttentionHeads, order{of: rope, kept: rope, rope: rope})
	case role.Name == "attn_k":
		r.reorder(c.NumKeyValueHeads, order{of: rope, kept: rope, rope: rope})
	}
	if f.read.ShiftedNorms && strings.HasSuffix(role.Name, "_norm") && role.Name != "ssm_norm" {
		r.plus = 1
	}
	shape := slices.Clone(r.parts[0].tensor.Shape)
	if role.Expert >= 0 {
		shape = append([]int{len(r.parts)}, shape...)
	}
	if role.Part == "" && !strings.Contains(role.Name, ".") { // tensors without it in the folder
		role.Part = ".weight"
	}
	f.put(role.GGUF(), shape, r)
}

// reorder has the rows of heads change places.
func (r *recipe) reorder(heads int, o order) {
	r.heads, r.order = heads, o
	if p := &r.parts[0]; len(p.tensor.Shape) < 2 {
		p.rows, p.cols = p.cols, 1
	}
}

// addExpansions adds W^UK and W^UV of latent attention in one tensor each, of every head
// [C, P] and [V, C], where the folder has [P+V, C].
func (f *Folder) addExpansions(role model.Role, r recipe) {
	c := &f.read.Config
	H, P, V, C := c.NumAttentionHeads, c.QKNopeHeadDim, c.VHeadDim, c.KVLoraRank
	k, v := r, r
	k.heads, k.order, k.turn = H, order{of: P + V, kept: P}, true
	v.heads, v.order = H, order{of: P + V, from: P, kept: V}
	role.Name = "attn_k_b"
	f.put(role.GGUF(), []int{H, C, P}, k)
	role.Name = "attn_v_b"
	f.put(role.GGUF(), []int{H, V, C}, v)
}

// put adds a tensor of the file.
func (f *Folder) put(name string, shape []int, r recipe) {
	t := quantize.Tensor{Name: name, Shape: shape, Type: tensor.F32, Stored: tensor.F32}
	if len(r.parts) > 0 {
		t.Stored = r.parts[0].dtype
	}
	if !small(name, shape) {
		t.Type = storable(t.Stored)
	}
	f.tensors = append(f.tensors, t)
	f.recipes = append(f.recipes, r)
}

// small says whether a tensor stays float32 in any file: vectors, norms, and matrices that
// choose experts or positions.
func small(name string, shape []int) bool {
	return len(shape) < 2 || strings.HasSuffix(name, "norm.weight") || strings.Contains(name, ".ffn_gate_inp") || strings.HasSuffix(name, ".ssm_conv1d.weight") || strings.HasSuffix(name, ".indexer.proj.weight")
}

// ropeFreqs is the tensor that says what rotary frequencies are divided by.
const ropeFreqs = "rope_freqs.weight"

// addFrequencies adds it where frequencies are scaled as Llama 3.1 has it.
func (f *Folder) addFrequencies() {
	c := &f.read.Config
	switch c.Rope.Type {
	case "llama3":
	case "proportional":
		f.put(ropeFreqs, []int{c.GlobalHeadDim / 2}, recipe{given: stillDivisors(&c.Rope, c.GlobalHeadDim)})
		return
	default:
		return
	}
	f.put(ropeFreqs, []int{c.HeadDim / 2}, recipe{given: llama3Divisors(&c.Rope, c.HeadDim)})
}

// stillDivisors returns what the frequencies of a head of d are divided by of which a part
// turns, in the order of the whole: 1, then a number so large that nothing turns.
func stillDivisors(r *model.RopeConfig, d int) []float32 {
	div := make([]float32, d/2)
	for i := range div {
		if div[i] = 1; i >= int(float64(d)*r.Partial)/2 {
			div[i] = 1e30
		}
	}
	return div
}

// llama3Divisors returns what the frequencies of a head of d are divided by: 1 where one
// turn is short, the factor where it is long, with a smooth passage between.
func llama3Divisors(r *model.RopeConfig, d int) []float32 {
	div := make([]float32, d/2)
	for i := range div {
		turns := r.OriginalMaxPositionEmbeddings * math.Pow(r.Theta, -float64(2*i)/float64(d)) / (2 * math.Pi)
		s := min(max((turns-r.LowFreqFactor)/(r.HighFreqFactor-r.LowFreqFactor), 0), 1)
		div[i] = float32(1 / (float64((1-s)/r.Factor) + s))
	}
	return div
}
