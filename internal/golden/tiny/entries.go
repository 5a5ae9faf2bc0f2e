package tiny

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// DeepSeek-V4: hyper-connections, and attention that sees a window and compressed entries.

// Entries is what it has beyond other models.
type Entries struct {
	Streams int   `json:"hc_mult"`
	Groups  int   `json:"o_groups"`
	OLora   int   `json:"o_lora_rank"`
	Ratios  []int `json:"compress_ratios"`
	Hash    int   `json:"num_hash_layers"`
	Used    int   `json:"num_experts_per_tok"`
	Block   int   `json:"dspark_block_size"`
	Noise   int   `json:"dspark_noise_token_id"`
	Rank    int   `json:"dspark_markov_rank"`
	Targets []int `json:"dspark_target_layer_ids"`
}

// streams lists a hyper-connection.
func (l *list) streams(c *Config, p, what string, rows int) {
	scales := 3
	if what == "head" {
		scales = 1
	}
	l.add(p+"hc_"+what+"_fn", rows, c.Streams*c.HiddenSize)
	l.add(p+"hc_"+what+"_base", rows)
	l.add(p+"hc_"+what+"_scale", scales)
}

func (l *list) compressor(c *Config, p string, ratio, dim int) {
	wide := dim
	if ratio == 4 {
		wide = 2 * dim
	}
	l.add(p+"wkv.weight", wide, c.HiddenSize)
	l.add(p+"wgate.weight", wide, c.HiddenSize)
	l.add(p+"ape", ratio, wide)
	l.add(p+"norm.weight", dim)
}

func (l *list) deepseekV4(c *Config) {
	H := c.HiddenSize
	l.add("embed.weight", c.VocabSize, H)
	for i := range c.Layers {
		l.deepseekV4Layer(c, fmt.Sprintf("layers.%d.", i), c.Ratios[i], i < c.Hash)
	}
	l.add("norm.weight", H)
	l.add("head.weight", c.VocabSize, H)
	l.streams(c, "", "head", c.Streams)
	if c.Block == 0 && c.NextN == 0 {
		return
	}
	drafts := len(c.Ratios) - c.Layers
	for i := range drafts {
		l.deepseekV4Draft(c, fmt.Sprintf("mtp.%d.", i), i, i == drafts-1)
	}
}

// deepseekV4Draft lists a draft layer.
func (l *list) deepseekV4Draft(c *Config, p string, i int, last bool) {
	H := c.HiddenSize
	if c.Block > 0 && i == 0 {
		l.add(p+"main_proj.weight", H, H*len(c.Targets))
		l.add(p+"main_norm.weight", H)
	}
	if c.Block == 0 {
		for _, name := range []string{"e_proj", "h_proj"} {
			l.add(p+name+".weight", H, H)
		}
		for _, name := range []string{"enorm", "hnorm"} {
			l.add(p+name+".weight", H)
		}
	}
	l.deepseekV4Layer(c, p, c.Ratios[c.Layers+i], false)
	if c.Block == 0 || last {
		l.add(p+"norm.weight", H)
		l.streams(c, p, "head", c.Streams)
	}
	if c.Block > 0 && last {
		l.add(p+"markov_head.markov_w1.weight", c.VocabSize, c.Rank)
		l.add(p+"markov_head.markov_w2.weight", c.VocabSize, c.Rank)
		l.add(p+"confidence_head.proj.weight", 1, H+c.Rank)
	}
}

func (l *list) deepseekV4Layer(c *Config, p string, ratio int, hashed bool) {
	H, D, I, n := c.HiddenSize, c.HeadDim, c.MoEInter, c.Streams
	a := p + "attn."
	l.streams(c, p, "attn", (2+n)*n)
	l.add(p+"attn_norm.weight", H)
	l.add(a+"attn_sink", c.Heads)
	l.add(a+"wq_a.weight", c.QLora, H)
	l.add(a+"q_norm.weight", c.QLora)
	l.add(a+"wq_b.weight", c.Heads*D, c.QLora)
	l.add(a+"wkv.weight", D, H)
	l.add(a+"kv_norm.weight", D)
	l.add(a+"wo_a.weight", c.Groups*c.OLora, c.Heads*D/c.Groups)
	l.add(a+"wo_b.weight", H, c.Groups*c.OLora)
	if ratio > 0 {
		l.compressor(c, a+"compressor.", ratio, D)
	}
	if ratio == 4 {
		l.add(a+"indexer.wq_b.weight", c.IndexHeads*c.IndexHeadDim, c.QLora)
		l.add(a+"indexer.weights_proj.weight", c.IndexHeads, H)
		l.compressor(c, a+"indexer.compressor.", ratio, c.IndexHeadDim)
	}
	l.streams(c, p, "ffn", (2+n)*n)
	l.add(p+"ffn_norm.weight", H)
	l.add(p+"ffn.gate.weight", c.Routed, H)
	if hashed {
		l.add(p+"ffn.gate.tid2eid", c.VocabSize, c.Used)
	} else {
		l.add(p+"ffn.gate.bias", c.Routed)
	}
	for e := range c.Routed + 1 {
		name := fmt.Sprintf("ffn.experts.%d.", e)
		if e == c.Routed {
			name = "ffn.shared_experts."
		}
		l.add(p+name+"w1.weight", I, H)
		l.add(p+name+"w2.weight", H, I)
		l.add(p+name+"w3.weight", I, H)
	}
}

// IsV4F32 says whether DeepSeek publishes a tensor of V4 as float32.
func IsV4F32(name string) bool {
	for _, end := range []string{"ffn.gate.bias", "attn_sink", "attn_sinks", "ape", "_base", "_scale", "_fn"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// entriesLaw returns mean and deviation of a tensor's values.
func entriesLaw(t Tensor) (mean, dev float64) {
	ends := func(part string) bool { return strings.HasSuffix(t.Name, part) }
	root := math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
	switch {
	case ends("gate.bias"):
		return 0, 0.05
	case ends("attn_sink"):
		return 0, 1
	case ends("_base"):
		return 0, 0.5
	case ends(".ape"):
		return 0, 0.7
	case len(t.Shape) == 1:
		return 1, 0.1
	case t.Name == "embed.weight":
		return 0, 1
	case ends("markov_w2.weight"), t.Name == "head.weight":
		return 0, 3 / root
	case ends("markov_w1.weight"):
		return 0, 0.5
	}
	return 0, 1.2 / root
}

// expertTable returns the experts of each token: those with the greatest noise.
func (m *Model) expertTable(t Tensor, as tensor.DType) Stored {
	rows, used, E := t.Shape[0], t.Shape[1], m.Config.Routed
	name := t.Name
	if p := entriesBlock.FindStringSubmatch(name); p != nil { // of a GGUF file
		name = "layers." + p[1] + ".ffn.gate.tid2eid"
	}
	x := Noise(m.Seed, name, rows*E)
	s := Stored{Name: t.Name, Type: as, Shape: t.Shape}
	for row := range rows {
		ids := make([]int, E)
		for e := range ids {
			ids[e] = e
		}
		slices.SortStableFunc(ids, func(a, b int) int {
			va, vb := x[row*E+a], x[row*E+b]
			switch {
			case va > vb:
				return -1
			case va < vb:
				return 1
			}
			return 0
		})
		for _, id := range ids[:used] {
			if as == tensor.I64 {
				s.Data = binary.LittleEndian.AppendUint64(s.Data, uint64(id))
			} else {
				s.Data = binary.LittleEndian.AppendUint32(s.Data, uint32(id))
			}
		}
	}
	return s
}

var (
	entriesBlock  = regexp.MustCompile(`^blk\.(\d+)\.`)
	entriesLayer  = regexp.MustCompile(`^layers\.(\d+)\.(.+?)(\.weight)?$`)
	entriesExpert = regexp.MustCompile(`^ffn\.experts\.\d+\.(w[123])$`)
	entriesTop    = map[string]string{
		"embed.weight": "token_embd.weight", "norm.weight": "output_norm.weight", "head.weight": "output.weight",
		"hc_head_fn": "output_hc_fn.weight", "hc_head_base": "output_hc_base.weight", "hc_head_scale": "output_hc_scale.weight",
	}
	entriesNames = map[string]string{
		"attn.attn_sink": "attn_sinks", "attn.wq_a": "attn_q_a", "attn.q_norm": "attn_q_a_norm", "attn.wq_b": "attn_q_b",
		"attn.wkv": "attn_kv", "attn.kv_norm": "attn_kv_a_norm", "attn.wo_a": "attn_output_a", "attn.wo_b": "attn_output_b",
		"attn.indexer.wq_b": "indexer.attn_q_b", "attn.indexer.weights_proj": "indexer.proj",
		"attn.compressor.wkv": "attn_compressor_kv", "attn.compressor.wgate": "attn_compressor_gate",
		"attn.compressor.ape": "attn_compressor_ape", "attn.compressor.norm": "attn_compressor_norm",
		"attn.indexer.compressor.wkv": "indexer_compressor_kv", "attn.indexer.compressor.wgate": "indexer_compressor_gate",
		"attn.indexer.compressor.ape": "indexer_compressor_ape", "attn.indexer.compressor.norm": "indexer_compressor_norm",
		"ffn.gate": "ffn_gate_inp", "ffn.gate.tid2eid": "ffn_gate_tid2eid",
		"ffn.shared_experts.w1": "ffn_gate_shexp", "ffn.shared_experts.w3": "ffn_up_shexp", "ffn.shared_experts.w2": "ffn_down_shexp",
	}
)

// entriesTensors converts names for a GGUF file, which has no draft layers.
func (m *Model) entriesTensors() []ggufTensor {
	v := conversion{c: &m.Config, experts: map[string]int{}}
	for _, t := range m.Tensors() {
		x := ggufTensor{name: entriesTop[t.Name], shape: t.Shape, w: m.Weight(t)}
		if x.name != "" {
			v.list = append(v.list, x)
		} else if p := entriesLayer.FindStringSubmatch(t.Name); p != nil { // else of a draft layer
			v.entry(x, "blk."+p[1]+".", p[2])
		}
	}
	return v.list
}

// entry converts a tensor of a layer.
func (v *conversion) entry(x ggufTensor, block, name string) {
	switch {
	case entriesExpert.MatchString(name):
		part := map[string]string{"w1": "gate", "w3": "up", "w2": "down"}[name[len(name)-2:]]
		v.expert(x, block+"ffn_"+part+"_exps.weight")
		return
	case name == "ffn.gate.bias":
		x.name = block + "exp_probs_b.bias"
	case entriesNames[name] != "":
		x.name = block + entriesNames[name] + ".weight"
	default:
		x.name = block + name + ".weight"
	}
	v.list = append(v.list, x)
}

// entries adds what a GGUF file says of the model.
func (l *metadataList) entries(raw []byte, c *Config, s *spec) error {
	var x struct {
		OldRope
		Limit      float64 `json:"swiglu_limit"`
		Eps        float64 `json:"hc_eps"`
		Iterations int     `json:"hc_sinkhorn_iters"`
	}
	if err := json.Unmarshal(raw, &x); err != nil {
		return err
	}
	l.count("block_count", c.Layers)
	l.count("embedding_length", c.HiddenSize)
	l.count("embedding_length_out", c.HiddenSize*c.Streams)
	l.count("attention.head_count", c.Heads)
	l.count("attention.head_count_kv", 1)
	l.count("attention.key_length", c.HeadDim)
	l.count("attention.value_length", c.HeadDim)
	l.count("rope.dimension_count", c.RopeDim)
	l.number("rope.freq_base", x.Theta)
	l.number("attention.compress_rope_freq_base", x.CompressTheta)
	if x.Scaling.Factor > 0 {
		l.put("rope.scaling.type", gguf.ValueOf("yarn"))
		l.number("rope.scaling.factor", x.Scaling.Factor)
		l.count("rope.scaling.original_context_length", int(x.Scaling.Original))
		l.number("rope.scaling.yarn_beta_fast", x.Scaling.BetaFast)
		l.number("rope.scaling.yarn_beta_slow", x.Scaling.BetaSlow)
	}
	l.number("attention.layer_norm_rms_epsilon", s.Eps)
	l.count("attention.q_lora_rank", c.QLora)
	l.count("attention.output_group_count", c.Entries.Groups)
	l.count("attention.output_lora_rank", c.OLora)
	l.count("attention.sliding_window", s.Window)
	l.count("attention.indexer.head_count", c.IndexHeads)
	l.count("attention.indexer.key_length", c.IndexHeadDim)
	l.count("attention.indexer.top_k", s.IndexTopK)
	ratios := make([]int32, len(c.Ratios))
	for i, r := range c.Ratios {
		ratios[i] = int32(r)
	}
	l.put("attention.compress_ratios", gguf.ArrayOf(ratios))
	l.count("hash_layer_count", c.Hash)
	l.count("hyper_connection.count", c.Streams)
	l.count("hyper_connection.sinkhorn_iterations", x.Iterations)
	l.number("hyper_connection.epsilon", x.Eps)
	l.count("expert_count", c.Routed)
	l.count("expert_used_count", c.Used)
	l.count("expert_feed_forward_length", c.MoEInter)
	l.count("expert_shared_count", c.Shared)
	l.count("expert_gating_func", 4)
	l.put("expert_weights_norm", gguf.ValueOf(true))
	l.number("expert_weights_scale", s.Scale)
	limits := make([]float32, c.Layers)
	for i := range limits {
		limits[i] = float32(x.Limit)
	}
	l.put("swiglu_clamp_exp", gguf.ArrayOf(limits))
	l.put("swiglu_clamp_shexp", gguf.ArrayOf(limits))
	return nil
}

// OldRope is how V4's config.json spells its rotary parameters.
type OldRope struct {
	Theta         float64 `json:"rope_theta"`
	CompressTheta float64 `json:"compress_rope_theta"`
	Scaling       rope    `json:"rope_scaling"`
}

// IsV4FP8 says whether DeepSeek publishes a matrix of V4 as FP8.
func IsV4FP8(name string) bool { return entriesFP8.MatchString(name) }

var entriesFP8 = regexp.MustCompile(`\.(attn\.(wq_a|wq_b|wkv|wo_a|wo_b|indexer\.wq_b)|shared_experts\.w[123]|e_proj|h_proj|main_proj)\.weight$`)

// PublishedV4 returns the model as DeepSeek publishes V4: E4M3 with a power of two for each
// block of 128 × 128, experts in MXFP4.
func (m *Model) PublishedV4() (*Checkpoint, error) {
	c, err := m.Checkpoint(tensor.BF16)
	if err != nil {
		return nil, err
	}
	var list []Stored
	for _, x := range c.Tensors {
		w := m.Weight(Tensor{x.Name, x.Shape})
		name := strings.TrimSuffix(x.Name, "weight") + "scale"
		switch {
		case IsV4FP8(x.Name):
			codes, scale := fp8Blocks(w, x.Shape[1], true)
			s := Stored{Name: name, Type: tensor.F8E8M0, Shape: []int{(x.Shape[0] + 127) / 128, (x.Shape[1] + 127) / 128}}
			for _, v := range scale {
				s.Data = append(s.Data, byte(math.Float32bits(v)>>23))
			}
			list = append(list, Stored{Name: x.Name, Type: tensor.F8E4M3, Shape: x.Shape, Data: codes}, s)
		case strings.Contains(x.Name, ".experts."):
			packed := Stored{Name: x.Name, Type: tensor.I8, Shape: []int{x.Shape[0], x.Shape[1] / 2}}
			s := Stored{Name: name, Type: tensor.F8E8M0, Shape: []int{x.Shape[0], x.Shape[1] / 32}}
			for at := 0; at < len(w); at += 32 {
				codes, e := powerBlock(w[at:][:32])
				for i := 0; i < 32; i += 2 {
					packed.Data = append(packed.Data, codes[i]|codes[i+1]<<4)
				}
				s.Data = append(s.Data, e)
			}
			list = append(list, packed, s)
		default:
			list = append(list, x)
		}
	}
	c.Tensors = list
	c.Config = m.With(map[string]any{"expert_dtype": "fp4", "quantization_config": map[string]any{
		"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "scale_fmt": "ue8m0", "weight_block_size": []int{128, 128},
	}}).Raw
	return c, nil
}

// powerBlock returns 32 numbers as codes of four bits and the least power of two, plus 127, with
// which none is beyond 6; ties to the even code.
func powerBlock(x []float32) (codes [32]byte, e byte) {
	big := 0.0
	for _, v := range x {
		big = max(big, math.Abs(float64(v)))
	}
	exp := math.Ceil(math.Log2(max(big/6, 0x1p-126)))
	power := math.Exp2(exp)
	for i, v := range x {
		y := math.Abs(float64(v)) / power
		for k := range 7 {
			if edge := (e2m1[k] + e2m1[k+1]) / 2; y > edge || y == edge && k%2 == 1 {
				codes[i]++
			}
		}
		if math.Signbit(float64(v)) {
			codes[i] |= 8
		}
	}
	return codes, byte(exp + 127)
}
