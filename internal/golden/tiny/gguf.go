package tiny

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// ggufLayer names the tensors of a layer as GGUF does.
var ggufLayer = map[string]string{
	"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q",
	"self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
	"self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate",
	"mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "mlp.gate": "ffn_gate_inp",
}

var ggufGemma = map[string]string{
	"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
	"post_feedforward_layernorm": "post_ffw_norm",
}

var (
	layerName  = regexp.MustCompile(`^model\.layers\.(\d+)\.(.+?)(\.weight|\.bias)$`)
	expertName = regexp.MustCompile(`^mlp\.experts\.(\d+)\.(gate|up|down)_proj$`)
)

// ggufTensor is a tensor of the converted model.
type ggufTensor struct {
	name  string
	shape []int
	w     []float32
}

// WriteGGUF writes the model spelt as published GGUF files are; matrices are of type
// t, which package quant can encode.
func (m *Model) WriteGGUF(path string, t tensor.DType) error {
	kind, ok := gguf.ParseType(t.String())
	if !ok {
		return fmt.Errorf("tiny: no GGUF type %s", t)
	}
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := m.putMetadata(w); err != nil {
		return err
	}
	tensors := m.ggufTensors()
	types := map[string]gguf.Type{}
	for _, x := range tensors {
		types[x.name] = kind
		if len(x.shape) == 1 || strings.Contains(x.name, "ffn_gate_inp") {
			types[x.name], _ = gguf.ParseType("F32")
		}
		if err := w.Declare(x.name, types[x.name], x.shape...); err != nil {
			return err
		}
	}
	for _, x := range tensors {
		dt, _ := tensor.ParseDType(types[x.name].String())
		b := make([]byte, dt.RowBytes(len(x.w)))
		if err := quant.Encode(b, dt, x.w); err != nil {
			return err
		}
		if err := w.WriteTensor(x.name, b); err != nil {
			return err
		}
	}
	return w.Close()
}

// ggufTensors converts names and values: llama's rotary pairs become neighbours,
// Gemma's norms whole, experts one tensor.
func (m *Model) ggufTensors() (list []ggufTensor) {
	c := m.Config.text()
	gemma := strings.HasPrefix(c.ModelType, "gemma")
	experts := map[string]int{}
	if f := m.ropeFactors(); f != nil {
		list = append(list, ggufTensor{"rope_freqs.weight", []int{len(f)}, f})
	}
	for _, t := range m.Tensors() {
		name := strings.TrimPrefix(t.Name, "language_model.")
		x := ggufTensor{shape: t.Shape, w: m.Weight(t)}
		if gemma && len(t.Shape) == 1 {
			for i := range x.w {
				x.w[i]++
			}
		}
		switch name {
		case "model.embed_tokens.weight":
			x.name = "token_embd.weight"
		case "model.norm.weight":
			x.name = "output_norm.weight"
		case "lm_head.weight":
			x.name = "output.weight"
		default:
			p := layerName.FindStringSubmatch(name)
			if p == nil {
				continue // a vision tower
			}
			if e := expertName.FindStringSubmatch(p[2]); e != nil {
				x.name = "blk." + p[1] + ".ffn_" + e[2] + "_exps.weight"
				if at, there := experts[x.name]; there {
					list[at].w = append(list[at].w, x.w...)
					list[at].shape[0]++
					continue
				}
				experts[x.name] = len(list)
				x.shape = append([]int{1}, x.shape...)
				break
			}
			part := ggufLayer[p[2]]
			if g := ggufGemma[p[2]]; gemma && g != "" {
				part = g
			}
			if c.ModelType == "llama" && (part == "attn_q" || part == "attn_k") {
				x.w = neighbours(x.w, c.headDim(), len(x.w)/t.Shape[0])
			}
			x.name = "blk." + p[1] + "." + part + p[3]
		}
		list = append(list, x)
	}
	return list
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

// rope is the part of a config.json that describes rotary embedding.
type rope struct {
	Type     string  `json:"rope_type"`
	Theta    float64 `json:"rope_theta"`
	Factor   float64 `json:"factor"`
	Low      float64 `json:"low_freq_factor"`
	High     float64 `json:"high_freq_factor"`
	Original float64 `json:"original_max_position_embeddings"`
}

// spec is what of a config.json goes into metadata as it is.
type spec struct {
	Context int     `json:"max_position_embeddings"`
	Eps     float64 `json:"rms_norm_eps"`
	Used    int     `json:"num_experts_per_tok"`
	Window  int     `json:"sliding_window"`
	Rope    struct {
		rope
		Full  rope `json:"full_attention"`
		Local rope `json:"sliding_attention"`
	} `json:"rope_parameters"`
}

var ggufArch = map[string]string{
	"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "gemma3_text": "gemma3",
}

// putMetadata writes what a GGUF file says of the model.
func (m *Model) putMetadata(w *gguf.Writer) (err error) {
	c, s, err := &m.Config, spec{}, json.Unmarshal(m.Raw, &m.Config)
	if err == nil {
		err = json.Unmarshal(m.Raw, &s)
	}
	arch := ggufArch[c.ModelType]
	if err != nil || arch == "" {
		return fmt.Errorf("tiny: no GGUF form of %s: %w", c.ModelType, err)
	}
	put := func(key string, v gguf.Value) {
		if err == nil {
			err = w.Put(key, v)
		}
	}
	count := func(key string, n int) { put(arch+"."+key, gguf.ValueOf(uint32(n))) }
	number := func(key string, x float64) { put(arch+"."+key, gguf.ValueOf(float32(x))) }
	put("general.architecture", gguf.ValueOf(arch))
	count("block_count", c.Layers)
	count("context_length", s.Context)
	count("embedding_length", c.HiddenSize)
	count("feed_forward_length", c.Intermediate)
	count("attention.head_count", c.Heads)
	count("attention.head_count_kv", c.KVHeads)
	count("attention.key_length", c.headDim())
	count("attention.value_length", c.headDim())
	number("attention.layer_norm_rms_epsilon", s.Eps)
	r := s.Rope.rope
	if arch == "gemma3" {
		r = s.Rope.Full
		number("rope.freq_base_swa", s.Rope.Local.Theta)
		count("attention.sliding_window", s.Window)
	}
	number("rope.freq_base", r.Theta)
	if c.NumExperts > 0 {
		count("expert_count", c.NumExperts)
		count("expert_used_count", s.Used)
		count("expert_feed_forward_length", c.MoEInter)
	}
	return err
}

// ropeFactors returns what llama3 scaling divides frequencies by, nil without it.
func (m *Model) ropeFactors() []float32 {
	var s spec
	if json.Unmarshal(m.Raw, &s) != nil || s.Rope.Type != "llama3" {
		return nil
	}
	r, d := s.Rope.rope, m.Config.headDim()
	f := make([]float32, d/2)
	for i := range f {
		turns := r.Original * math.Pow(r.Theta, -float64(2*i)/float64(d)) / (2 * math.Pi)
		smooth := min(max((turns-r.Low)/(r.High-r.Low), 0), 1)
		f[i] = float32(1 / ((1-smooth)/r.Factor + smooth))
	}
	return f
}
