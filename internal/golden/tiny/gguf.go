package tiny

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// ggufLayer names the tensors of a layer as GGUF does.
var ggufLayer = map[string]string{
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
	"self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
	"mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",

	"self_attn.q_a_proj": "attn_q_a", "self_attn.q_a_layernorm": "attn_q_a_norm", "self_attn.q_b_proj": "attn_q_b",
	"self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa", "self_attn.kv_a_layernorm": "attn_kv_a_norm",
	"self_attn.kv_b_proj": "attn_kv_b", "self_attn.indexer.wq_b": "indexer.attn_q_b",
	"self_attn.indexer.wk": "indexer.attn_k", "self_attn.indexer.k_norm": "indexer.k_norm",
	"self_attn.indexer.weights_proj": "indexer.proj", "mlp.gate.e_score_correction": "exp_probs_b",
	"mlp.shared_experts.gate_proj": "ffn_gate_shexp", "mlp.shared_experts.up_proj": "ffn_up_shexp",
	"mlp.shared_experts.down_proj": "ffn_down_shexp", "eh_proj": "nextn.eh_proj", "enorm": "nextn.enorm",
	"hnorm": "nextn.hnorm", "embed_tokens": "nextn.embed_tokens", "shared_head.head": "nextn.shared_head_head",
	"shared_head.norm": "nextn.shared_head_norm",

	"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up", // Phi-3

	"self_attn.sinks": "attn_sinks", "mlp.router": "ffn_gate_inp", "mlp.shared_expert_gate": "ffn_gate_inp_shexp",
	"mlp.shared_expert.gate_proj": "ffn_gate_shexp", "mlp.shared_expert.up_proj": "ffn_up_shexp", "mlp.shared_expert.down_proj": "ffn_down_shexp",
	"block_sparse_moe.gate": "ffn_gate_inp", "block_sparse_moe.e_score_correction": "exp_probs_b",
}

var ggufGemma = map[string]string{
	"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
	"post_feedforward_layernorm": "post_ffw_norm",
}

var ggufTop = map[string]string{
	"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight",
}

var (
	layerName  = regexp.MustCompile(`^model\.layers\.(\d+)\.(.+?)([._]bias|\.weight|)$`)
	expertName = regexp.MustCompile(`^(?:mlp|block_sparse_moe)\.experts\.(\d+)\.(gate_proj|up_proj|down_proj|w1|w3|w2)$`)
)

// GGUF is a model as a published GGUF file holds it. A test may change it before it is
// written.
type GGUF struct {
	Keys    []gguf.KeyValue
	Tensors []Stored
}

// Spelling is how a GGUF file of a DeepSeek model is spelt.
type Spelling uint8

const (
	// Split files have W^UK and W^UV in a tensor each, as files have them since the
	// spring of 2025.
	Split Spelling = iota
	// Unsplit is the older form: one attn_kv_b, as many heads of keys and values as of
	// queries, plain lengths of keys and values; no gating function where it is softmax.
	Unsplit
)

// GGUF returns the model with matrices of type t: its weights where package quant can
// encode them, else random blocks. Rows that its blocks do not fit become Q8_0, or F16
// where that does not fit either.
func (m *Model) GGUF(t tensor.DType, how Spelling) (*GGUF, error) {
	_, isRandom := blockLaws[t]
	return m.gguf(t, how, isRandom && t != tensor.Q8_0)
}

// RandomGGUF returns the model with matrices of random blocks of type t, in place of
// its weights: the reference of quantised types was computed with them.
func (m *Model) RandomGGUF(t tensor.DType) (*GGUF, error) { return m.gguf(t, Split, true) }

func (m *Model) gguf(t tensor.DType, how Spelling, random bool) (*GGUF, error) {
	g := &GGUF{}
	var err error
	if g.Keys, err = m.metadata(how); err != nil {
		return nil, err
	}
	for _, x := range m.ggufTensors(how) {
		if strings.HasSuffix(x.name, "tid2eid.weight") {
			g.Tensors = append(g.Tensors, m.expertTable(Tensor{x.name, x.shape}, tensor.I32))
			continue
		}
		s := Stored{Name: x.name, Type: x.fit(t), Shape: x.shape}
		if random && s.Type == t {
			s.Data = randomBlocks(m.Seed, x.name, t, x.w)
		} else if s, err = stored(s.Name, s.Type, s.Shape, x.w); err != nil {
			return nil, err
		}
		g.Tensors = append(g.Tensors, s)
		if s.Type == tensor.NVFP4 {
			g.Tensors = append(g.Tensors, factors(x))
		}
	}
	return g, nil
}

// fit returns the type that the tensor gets where t is wanted.
func (x *ggufTensor) fit(t tensor.DType) tensor.DType {
	cols := x.shape[len(x.shape)-1]
	switch {
	case len(x.shape) == 1, strings.HasSuffix(x.name, ".bias"), strings.Contains(x.name, "ssm_conv1d"), strings.Contains(x.name, "ffn_gate_inp"), strings.Contains(x.name, "indexer.proj"),
		IsV4F32(strings.TrimSuffix(x.name, ".weight")):
		return tensor.F32
	case t == tensor.NVFP4 && (x.name == "token_embd.weight" || x.name == "output.weight"): // nobody publishes these in it
		return tensor.F16
	case cols%t.Block() == 0:
		return t
	case cols%tensor.Q8_0.Block() == 0:
		return tensor.Q8_0
	}
	return tensor.F16
}

// Put sets a key of the metadata, or adds it.
func (g *GGUF) Put(key string, v gguf.Value) {
	for i := range g.Keys {
		if g.Keys[i].Key == key {
			g.Keys[i].Value = v
			return
		}
	}
	g.Keys = append(g.Keys, gguf.KeyValue{Key: key, Value: v})
}

// Drop takes the keys and tensors of these names away.
func (g *GGUF) Drop(names ...string) {
	for _, name := range names {
		for i := range g.Keys {
			if g.Keys[i].Key == name {
				g.Keys = append(g.Keys[:i:i], g.Keys[i+1:]...)
				break
			}
		}
		for i := range g.Tensors {
			if g.Tensors[i].Name == name {
				g.Tensors = append(g.Tensors[:i:i], g.Tensors[i+1:]...)
				break
			}
		}
	}
}

// Write writes the file.
func (g *GGUF) Write(path string) error {
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, kv := range g.Keys {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	for _, t := range g.Tensors {
		kind, ok := gguf.ParseType(t.Type.String())
		if !ok {
			return fmt.Errorf("tiny: no GGUF type %s", t.Type)
		}
		if err := w.Declare(t.Name, kind, t.Shape...); err != nil {
			return err
		}
	}
	for _, t := range g.Tensors {
		if err := w.WriteTensor(t.Name, t.Data); err != nil {
			return err
		}
	}
	return w.Close()
}

// WriteGGUF writes the model with matrices of type t.
func (m *Model) WriteGGUF(path string, t tensor.DType) error {
	g, err := m.GGUF(t, Split)
	if err != nil {
		return err
	}
	return g.Write(path)
}

// ggufTensor is a tensor of the converted model.
type ggufTensor struct {
	name  string
	shape []int
	w     []float32
}

// conversion is the list of a converted model's tensors in the making.
type conversion struct {
	c       *Config
	how     Spelling
	list    []ggufTensor
	experts map[string]int // where the tensors of experts are
}

// ggufTensors converts names and values: llama's rotary pairs become neighbours,
// Gemma's norms whole, experts one tensor, W^UK and W^UV one each.
func (m *Model) ggufTensors(how Spelling) []ggufTensor {
	if m.Config.ModelType == "deepseek_v4" {
		return m.entriesTensors()
	}
	if m.Config.recurrent() {
		return m.deltaTensors()
	}
	if m.Config.gemma4() {
		return m.gemma4Tensors()
	}
	v := conversion{c: m.Config.text(), how: how, experts: map[string]int{}}
	if f := m.ropeFactors(); f != nil {
		v.list = append(v.list, ggufTensor{"rope_freqs.weight", []int{len(f)}, f})
	}
	if short, long := m.longRope(); short != nil {
		v.list = append(v.list, ggufTensor{"rope_factors_short.weight", []int{len(short)}, short}, ggufTensor{"rope_factors_long.weight", []int{len(long)}, long})
	}
	for _, t := range m.Tensors() {
		name := strings.TrimPrefix(t.Name, "language_model.")
		x := ggufTensor{name: ggufTop[name], shape: t.Shape, w: m.Weight(t)}
		if v.gemma() && len(t.Shape) == 1 {
			for i := range x.w {
				x.w[i]++
			}
		}
		if x.name != "" {
			v.list = append(v.list, x)
		} else if p := layerName.FindStringSubmatch(name); p != nil { // else of a vision tower
			v.layer(x, "blk."+p[1]+".", p[2], strings.Replace(p[3], "_", ".", 1))
		}
	}
	return v.list
}

func (v *conversion) gemma() bool { return strings.HasPrefix(v.c.ModelType, "gemma") }

// layer converts a tensor of a layer.
func (v *conversion) layer(x ggufTensor, block, name, end string) {
	if e := expertName.FindStringSubmatch(name); e != nil {
		v.expert(x, block+"ffn_"+expertPart[e[2]]+"_exps.weight")
		return
	}
	if v.stacked(x, block, name, end) {
		return
	}
	part := ggufLayer[name]
	if name == "post_attention_layernorm" && (v.c.ModelType == "gpt_oss" || v.c.ModelType == "glm4_moe") {
		part = "post_attention_norm"
	}
	if end == "" { // sinks
		end = ".weight"
	}
	if g := ggufGemma[name]; v.gemma() && g != "" {
		part = g
	}
	if turnsNeighbours[v.c.ModelType] && (part == "attn_q" || part == "attn_k") {
		x.w = neighbours(x.w, v.c.headDim(), len(x.w)/x.shape[0])
	}
	if part == "attn_kv_b" && v.how == Split {
		v.list = append(v.list, v.c.splitExpansion(block, x.w)...)
		return
	}
	x.name = block + part + end
	v.list = append(v.list, x)
}

// turnsNeighbours has the model types whose GGUF files have rotary partners side by side.
var turnsNeighbours = map[string]bool{"llama": true, "smollm3": true, "ministral3": true}

var expertPart = map[string]string{"gate_proj": "gate", "up_proj": "up", "down_proj": "down", "w1": "gate", "w3": "up", "w2": "down"}

// stacked converts a tensor of all experts of a layer; false: it is another one.
func (v *conversion) stacked(x ggufTensor, block, name, end string) bool {
	add := func(role string, shape []int, w []float32) {
		if end == "" {
			end = ".weight"
		} else {
			end = ".bias"
		}
		v.list = append(v.list, ggufTensor{block + role + end, shape, w})
	}
	switch oss := v.c.ModelType == "gpt_oss"; {
	case name == "mlp.experts.down_proj" && oss && end == "":
		add("ffn_down_exps", []int{x.shape[0], x.shape[2], x.shape[1]}, everyColumn(x.w, x.shape, 0, 1))
	case name == "mlp.experts.down_proj":
		add("ffn_down_exps", x.shape, x.w)
	case name == "mlp.experts.gate_up_proj" && oss:
		shape := []int{x.shape[0], x.shape[len(x.shape)-1] / 2}
		in := []int{x.shape[0], 1, x.shape[len(x.shape)-1]}
		if end == "" {
			shape, in = append(shape, x.shape[1]), x.shape
		}
		kind := end
		add("ffn_gate_exps", shape, everyColumn(x.w, in, 0, 2))
		end = kind
		add("ffn_up_exps", shape, everyColumn(x.w, in, 1, 2))
	case name == "mlp.experts.gate_up_proj":
		add("ffn_gate_up_exps", x.shape, x.w)
	default:
		return false
	}
	return true
}

// everyColumn returns columns from, from+every … of each matrix as rows.
//
//	w [E, rows, cols] → [E, cols/every, rows]
func everyColumn(w []float32, shape []int, from, every int) (out []float32) {
	rows, cols := shape[1], shape[2]
	for e := range shape[0] {
		for c := from; c < cols; c += every {
			for r := range rows {
				out = append(out, w[(e*rows+r)*cols+c])
			}
		}
	}
	return out
}

// expert adds a matrix to those of the other experts.
func (v *conversion) expert(x ggufTensor, name string) {
	if at, there := v.experts[name]; there {
		v.list[at].w = append(v.list[at].w, x.w...)
		v.list[at].shape[0]++
		return
	}
	v.experts[name] = len(v.list)
	v.list = append(v.list, ggufTensor{name, append([]int{1}, x.shape...), x.w})
}

// splitExpansion returns the two parts of kv_b_proj: W^UK turned, [heads, C, P], and
// W^UV, [heads, V, C].
//
//	w [heads*(P+V), C]
func (c *Config) splitExpansion(block string, w []float32) []ggufTensor {
	C, P, V := c.KVLora, c.Nope, c.VDim
	k := ggufTensor{block + "attn_k_b.weight", []int{c.Heads, C, P}, make([]float32, c.Heads*C*P)}
	v := ggufTensor{block + "attn_v_b.weight", []int{c.Heads, V, C}, nil}
	for h := range c.Heads {
		head := w[h*(P+V)*C : (h+1)*(P+V)*C]
		for p := range P {
			for i := range C {
				k.w[(h*C+i)*P+p] = head[p*C+i]
			}
		}
		v.w = append(v.w, head[P*C:]...)
	}
	return []ggufTensor{k, v}
}

// neighbours moves the rows of each head so that rotary partners, half a head
// apart, lie side by side. w [heads*d, cols]
func neighbours(w []float32, d, cols int) []float32 {
	out := make([]float32, len(w))
	for r := range len(w) / cols {
		from := r/d*d + r%d/2 + r%2*d/2
		copy(out[r*cols:(r+1)*cols], w[from*cols:(from+1)*cols])
	}
	return out
}
