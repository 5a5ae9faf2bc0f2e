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
	"github.com/blitz-r1/blitz/safetensors"
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
		done, err := f.addHeld(x.role, x.parts)
		if err == nil && !done {
			var r recipe
			if r, err = f.gather(x.parts); err == nil {
				f.add(x.role, r)
			}
		}
		if err != nil {
			return err
		}
	}
	f.addFrequencies()
	return f.addAnswers()
}

// addHeld adds a tensor that the folder has in a form of its family's own; false: it is
// another one.
func (f *Folder) addHeld(role model.Role, parts []string) (bool, error) {
	switch f.read.Config.ModelType {
	case "gpt_oss":
		return f.addInterleaved(role, parts[0])
	case "deepseek_v4":
		return f.addEntries(role, parts)
	}
	return false, nil
}

// gather returns the recipe of stored tensors as they are.
func (f *Folder) gather(names []string) (recipe, error) {
	var r recipe
	for _, name := range names {
		t, file, ok := f.stored(name)
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
		p.file = file
		r.parts = append(r.parts, p)
	}
	return r, nil
}

// stored returns a tensor of the folder, and the file that it is in where that is a module's,
// whose tensors have the module's folder before their names.
func (f *Folder) stored(name string) (safetensors.Tensor, *safetensors.File, bool) {
	folder, rest, cut := strings.Cut(name, "/")
	if cut && f.modules != nil {
		for i := range f.modules.Heads {
			if h := &f.modules.Heads[i]; h.Folder == folder {
				t, ok := h.Weights.Tensor(rest)
				return t, h.Weights, ok
			}
		}
	}
	t, ok := f.weights.Tensor(name)
	return t, nil, ok
}

// scales returns the scales that stand beside FP8 weights, nil beside others. The binder
// has checked them.
func (f *Folder) scales(p part) ([]float32, error) {
	if p.dtype != tensor.F8E4M3 {
		return nil, nil
	}
	name := p.tensor.Name + "_scale_inv"
	t, ok := f.weights.Tensor(name)
	if !ok && f.read.Config.ModelType == "deepseek_v4" {
		name = strings.TrimSuffix(p.tensor.Name, ".weight") + ".scale"
		t, ok = f.weights.Tensor(name)
	}
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
	case role.Name == "position_embd":
		r.pick = rowsFrom(c.PositionOffset, c.MaxPositionEmbeddings)
		f.put(role.GGUF(), []int{c.MaxPositionEmbeddings, c.HiddenSize}, r)
		return
	case role.Name == "ffn_gate_up" && c.ModelType == "phi3":
		role.Name = "ffn_up"
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

// small says whether a tensor stays float32 in any file: vectors, norms, matrices that choose
// experts or positions, those of hyper-connections, and what encoders add to their tokens.
func small(name string, shape []int) bool {
	for _, part := range []string{".ffn_gate_inp", "hc_", "position_embd", "token_types"} {
		if strings.Contains(name, part) {
			return true
		}
	}
	for _, end := range []string{"norm.weight", ".ssm_conv1d.weight", ".indexer.proj.weight", "_compressor_ape.weight"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return len(shape) < 2
}

// The tensors that say what rotary frequencies are divided by: always, and in longrope.
const (
	ropeFreqs = "rope_freqs.weight"
	ropeLong  = "rope_factors_long.weight"
	ropeShort = "rope_factors_short.weight"
)

// addFrequencies adds them where frequencies are scaled so.
func (f *Folder) addFrequencies() {
	c := &f.read.Config
	switch c.Rope.Type {
	case "llama3":
	case "longrope":
		f.put(ropeLong, []int{len(c.Rope.Long)}, recipe{given: narrow(c.Rope.Long)})
		f.put(ropeShort, []int{len(c.Rope.Short)}, recipe{given: narrow(c.Rope.Short)})
		return
	case "proportional":
		f.put(ropeFreqs, []int{c.GlobalHeadDim / 2}, recipe{given: stillDivisors(&c.Rope, c.GlobalHeadDim)})
		return
	default:
		return
	}
	f.put(ropeFreqs, []int{c.HeadDim / 2}, recipe{given: llama3Divisors(&c.Rope, c.HeadDim)})
}

func narrow(v []float64) (out []float32) {
	for _, x := range v {
		out = append(out, float32(x))
	}
	return out
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
