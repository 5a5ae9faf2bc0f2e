package quantize

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// facts are what the rules of the mixes ask of a model.
type facts struct {
	layers     int
	experts    int
	queries    int  // that share a key; 0: no attention
	large      bool // the 70B of the Llama family, whose attn_v is small
	valueCount int  // matrices with values
	tied       bool // no output.weight: the embedding is used again
}

// factsOf reads a model's facts out of its metadata and its directory.
func factsOf(pairs []gguf.KeyValue, tensors []Tensor) facts {
	values := map[string]gguf.Value{}
	for _, kv := range pairs {
		values[kv.Key] = kv.Value
	}
	arch, _ := values["general.architecture"].Text()
	number := func(key string) int {
		v := values[arch+"."+key]
		n, ok := v.Int()
		if list, isList := v.Ints(); !ok && isList && len(list) > 0 { // one number a layer
			n = list[0]
		}
		return int(min(max(n, 0), 1<<30))
	}
	f := facts{layers: number("block_count"), experts: number("expert_count"), tied: true}
	heads, keyHeads := number("attention.head_count"), number("attention.head_count_kv")
	if _, ok := values[arch+".attention.head_count_kv"]; !ok {
		keyHeads = heads
	}
	if keyHeads > 0 {
		f.queries = heads / keyHeads
	}
	for i := range tensors {
		t := &tensors[i]
		switch kindOf(t.Name) {
		case outputKind:
			f.tied = false
		case valuesKind:
			f.valueCount++
		}
		if layer, ok := layerOf(t.Name); ok && values[arch+".block_count"].Len() == 0 {
			f.layers = max(f.layers, layer+1)
		}
	}
	f.large = arch == "llama" && f.layers == 80 && heads != keyHeads
	return f
}

// kind is what a matrix is for, as the rules know it.
type kind uint8

const (
	otherKind kind = iota
	outputKind
	embeddingKind
	valuesKind
	keysKind
	queriesKind
	attnOutKind
	upKind
	gateKind
	downKind
	numKinds
)

// kindNames are the parts of names that say what a matrix is for; the first counts.
// Experts have the same ones.
var kindNames = []struct {
	part string
	kind kind
}{
	{"attn_qkv.weight", valuesKind},
	{"attn_kv_b.weight", valuesKind},
	{"attn_v.weight", valuesKind},
	{"attn_k.weight", keysKind},
	{"attn_q.weight", queriesKind},
	{"attn_output.weight", attnOutKind},
	{"ffn_up", upKind},
	{"ffn_gate", gateKind},
	{"ffn_down", downKind},
}

func kindOf(name string) kind {
	switch name {
	case "output.weight":
		return outputKind
	case "token_embd.weight", "per_layer_token_embd.weight":
		return embeddingKind
	}
	for _, k := range kindNames {
		if strings.Contains(name, k.part) {
			return k.kind
		}
	}
	return otherKind
}

// kept are parts of the names of matrices that are small and matter much.
var kept = []string{
	"_norm.weight", "ffn_gate_inp.weight", "ffn_gate_tid2eid.weight", "altup", "laurel", "per_layer_model_proj",
	"ssm_conv1d", "shortconv.conv.weight", "indexer.k_proj.weight", "indexer.q_proj.weight",
	"hc_", "_compressor_ape.weight", // of hyper-connections and compressors: DeepSeek-V4
	"position_embd.weight", "token_types.weight", // of encoders
	".position_embd", ".patch_embd", ".patch_merger", ".rel_pos", "attn_rel_b.weight",
}

// isEncoded says whether a tensor gets another type: a matrix, or one for each expert,
// whose name is not among those kept.
func isEncoded(t *Tensor) bool {
	return t.axes() >= 2 && t.elements() > 0 && strings.HasSuffix(t.Name, "weight") &&
		!slices.ContainsFunc(kept, func(part string) bool { return strings.Contains(t.Name, part) })
}

// layerOf returns the layer that a tensor belongs to: N of blk.N.attn_q.weight.
func layerOf(name string) (int, bool) {
	rest, ok := strings.CutPrefix(name, "blk.")
	number, _, dot := strings.Cut(rest, ".")
	if !ok || !dot || len(number) > 9 {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 10, 31)
	return int(n), err == nil
}

// chooser gives tensors their types by a mix. Some rules count the matrices of a kind,
// so that all of a model have to come by it, in the order of inOrder.
type chooser struct {
	mix     *Mix
	facts   facts
	weighed bool // importances are given
	count   [numKinds]int
}

// inOrder returns the numbers of tensors in the order in which the rules count: those
// without a layer first, then by layer, then by name.
func inOrder(tensors []Tensor) []int {
	order, layers := make([]int, len(tensors)), make([]int, len(tensors))
	for i := range order {
		order[i], layers[i] = i, -1
		if n, ok := layerOf(tensors[i].Name); ok {
			layers[i] = n
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(layers[a], layers[b]), cmp.Compare(tensors[a].Name, tensors[b].Name))
	})
	return order
}

// next returns the type that the mix gives to the next tensor.
func (c *chooser) next(t *Tensor) tensor.DType {
	m, k := c.mix, kindOf(t.Name)
	p := place{facts: c.facts, base: m.Base, index: c.count[k], weighed: c.weighed}
	p.layer = p.index
	if n, ok := layerOf(t.Name); ok && c.facts.experts > 1 {
		p.layer = n
	}
	c.count[k]++
	switch {
	case !m.Base.IsQuantised():
		return m.Base
	case k == outputKind, k == embeddingKind && c.facts.tied:
		if t.columns()%m.Base.Block() != 0 {
			return tensor.Q8_0
		}
		return cmp.Or(m.output, tensor.Q6_K)
	case m.experts:
		return pick(t.axes() > 2, m.Base, tensor.Q8_0)
	}
	if c.facts.experts == 8 {
		if special, ok := ofEight(m, k); ok {
			return special
		}
	}
	return ofKind(m, k, p)
}

// ofEight returns what a model of eight experts has for its small attention.
func ofEight(m *Mix, k kind) (tensor.DType, bool) {
	switch {
	case k == attnOutKind:
		return pick(m.few || m.eightOut, tensor.Q5_K, m.Base), true
	case k == keysKind:
		return pick(m.few, tensor.Q4_K, tensor.Q8_0), true
	case k == valuesKind && !m.few:
		return tensor.Q8_0, true
	}
	return tensor.Invalid, false
}

// ofKind returns what a mix has for a kind of matrices.
func ofKind(m *Mix, k kind, p place) tensor.DType {
	switch k {
	case embeddingKind:
		return cmp.Or(m.embedding, m.Base)
	case keysKind, queriesKind:
		return cmp.Or(m.keys, m.Base)
	case attnOutKind:
		return cmp.Or(m.attnOut, m.Base)
	case valuesKind:
		t := m.values.of(p)
		if p.large && !m.few && (t == tensor.Q3_K || t == tensor.Q4_K) {
			return tensor.Q5_K
		}
		return t
	case downKind:
		return m.down.of(p)
	case upKind, gateKind:
		return m.gateUp.of(p)
	}
	return m.Base
}

// of applies a rule.
func (r rule) of(p place) tensor.DType {
	if r == nil {
		return p.base
	}
	return r(p)
}

// instead has for types of large blocks the one whose smaller blocks stand in for them
// where a row is no multiple of theirs.
var instead = map[tensor.DType]tensor.DType{
	tensor.Q2_K: tensor.Q4_0, tensor.Q3_K: tensor.Q4_0, tensor.TQ1_0: tensor.Q4_0, tensor.TQ2_0: tensor.Q4_0, tensor.Q2_0: tensor.Q4_0,
	tensor.Q4_K: tensor.Q5_0, tensor.Q5_K: tensor.Q5_1, tensor.Q6_K: tensor.Q8_0,
	tensor.IQ1_S: tensor.IQ4_NL, tensor.IQ1_M: tensor.IQ4_NL, tensor.IQ2_XXS: tensor.IQ4_NL, tensor.IQ2_XS: tensor.IQ4_NL, tensor.IQ2_S: tensor.IQ4_NL,
	tensor.IQ3_XXS: tensor.IQ4_NL, tensor.IQ3_S: tensor.IQ4_NL, tensor.IQ4_XS: tensor.IQ4_NL,
	tensor.NVFP4: tensor.MXFP4,
}

// fitting returns a type whose blocks divide rows of so many columns: t itself, the one
// instead of it, or F16, which has no blocks.
func fitting(t tensor.DType, columns int) tensor.DType {
	if columns%t.Block() == 0 {
		return t
	}
	if other, ok := instead[t]; ok && columns%other.Block() == 0 {
		return other
	}
	return tensor.F16
}

// needy are the types of so few bits that they are of use only where it is known which
// weights matter.
var needy = []tensor.DType{tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS}

// needsImportance says whether a matrix must not be encoded without importances. The
// embedding and the output never need them.
func needsImportance(name string, t tensor.DType, m *Mix) bool {
	k := kindOf(name)
	return k != embeddingKind && k != outputKind && (slices.Contains(needy, t) || t == tensor.Q2_K && m.Label == "Q2_K_S")
}

// choice is the type that a tensor gets.
type choice struct {
	want tensor.DType // by the mix or by who asked
	got  tensor.DType // whose blocks fit its rows
}

// choose returns the type of each tensor: the one it has where it is not encoded.
// weighed says that importances are given, which some mixes ask.
func choose(pairs []gguf.KeyValue, tensors []Tensor, o *Options, weighed bool) []choice {
	choices := make([]choice, len(tensors))
	c := chooser{mix: o.Mix, facts: factsOf(pairs, tensors), weighed: weighed}
	for _, i := range inOrder(tensors) {
		t := &tensors[i]
		want := t.Type
		if isEncoded(t) && !o.Keep {
			want = o.asked(t.Name, c.next(t)) // counts, also where another type is asked for
			choices[i] = choice{want, fitting(want, t.columns())}
			continue
		}
		choices[i] = choice{want, want}
	}
	return choices
}

// asked returns the type that the options want of a matrix, to which the mix gives t.
func (o *Options) asked(name string, t tensor.DType) tensor.DType {
	if o.Pure {
		t = o.Mix.Base
	}
	switch {
	case name == "token_embd.weight" && o.Embedding != tensor.Invalid:
		t = o.Embedding
	case name == "output.weight" && o.Output != tensor.Invalid:
		t = o.Output
	}
	for _, r := range o.Overrides {
		if r.Pattern.MatchString(name) {
			return r.Type
		}
	}
	return t
}
