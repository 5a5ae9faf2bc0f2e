package tiny

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/gguf"
)

// rope is the part of a config.json that describes rotary embedding.
type rope struct {
	Type     string   `json:"rope_type"`
	Theta    float64  `json:"rope_theta"`
	Factor   float64  `json:"factor"`
	Low      float64  `json:"low_freq_factor"`
	High     float64  `json:"high_freq_factor"`
	Original float64  `json:"original_max_position_embeddings"`
	BetaFast float64  `json:"beta_fast"`
	BetaSlow float64  `json:"beta_slow"`
	MScale   *float64 `json:"mscale_all_dim"`
	Beta     float64  `json:"llama_4_scaling_beta"`
	Partial  float64  `json:"partial_rotary_factor"`

	Short []float32 `json:"short_factor"`
	Long  []float32 `json:"long_factor"`
}

// spec is what of a config.json goes into metadata as it is.
type spec struct {
	Context   int     `json:"max_position_embeddings"`
	Eps       float64 `json:"rms_norm_eps"`
	Used      int     `json:"num_experts_per_tok"`
	Window    int     `json:"sliding_window"`
	Groups    int     `json:"n_group"`
	GroupUsed int     `json:"topk_group"`
	NormTopK  bool    `json:"norm_topk_prob"`
	Scale     float64 `json:"routed_scaling_factor"`
	Scores    string  `json:"scoring_func"`
	IndexTopK int     `json:"index_topk"`
	AttnCap   float64 `json:"attn_logit_softcapping"`
	FinalCap  float64 `json:"final_logit_softcapping"`
	Original  float64 `json:"original_max_position_embeddings"`
	Rope      struct {
		rope
		Full  rope `json:"full_attention"`
		Local rope `json:"sliding_attention"`
	} `json:"rope_parameters"`
}

var ggufArch = map[string]string{
	"llama": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "qwen3_moe": "qwen3moe", "gemma3_text": "gemma3", "gemma4_text": "gemma4",
	"phi3": "phi3", "gpt_oss": "gpt-oss", "smollm3": "smollm3", "gemma2": "gemma2", "qwen2_moe": "qwen2moe", "ministral3": "mistral3", "mistral4": "mistral4",
	"qwen3_next": "qwen3next", "qwen3_5_text": "qwen35", "qwen3_5_moe_text": "qwen35moe",
	"glm4_moe": "glm4moe", "minimax_m2": "minimax-m2", "glm_moe_dsa": "glm-dsa",
	"deepseek_v2": "deepseek2", "deepseek_v3": "deepseek2", "kimi_k2": "deepseek2", "glm4_moe_lite": "deepseek2", "deepseek_v32": "deepseek32", "deepseek_v4": "deepseek4",
}

// metadataList is metadata in the making.
type metadataList struct {
	arch string
	keys []gguf.KeyValue
}

func (l *metadataList) put(key string, v gguf.Value) {
	l.keys = append(l.keys, gguf.KeyValue{Key: l.arch + "." + key, Value: v})
}
func (l *metadataList) count(key string, n int)      { l.put(key, gguf.ValueOf(uint32(n))) }
func (l *metadataList) number(key string, x float64) { l.put(key, gguf.ValueOf(float32(x))) }

// metadata returns what a GGUF file says of the model.
func (m *Model) metadata(how Spelling) ([]gguf.KeyValue, error) {
	c, s := &m.Config, spec{}
	err := json.Unmarshal(m.textRaw(), &s)
	c = c.text()
	l := metadataList{arch: ggufArch[c.ModelType]}
	if err != nil || l.arch == "" {
		return nil, fmt.Errorf("tiny: no GGUF form of %s: %w", c.ModelType, err)
	}
	l.keys = append(l.keys, gguf.KeyValue{Key: "general.architecture", Value: gguf.ValueOf(l.arch)})
	l.count("context_length", s.Context)
	if c.ModelType == "deepseek_v4" {
		return l.keys, l.entries(m.Raw, c, &s)
	}
	l.count("embedding_length", c.HiddenSize)
	if c.Intermediate > 0 && !c.gemma4() {
		l.count("feed_forward_length", c.Intermediate)
	}
	l.count("attention.head_count", c.Heads)
	l.number("attention.layer_norm_rms_epsilon", s.Eps)
	r := s.Rope.rope
	if l.arch == "gemma3" {
		r = s.Rope.Full
		l.number("rope.freq_base_swa", s.Rope.Local.Theta)
		l.count("attention.sliding_window", s.Window)
	}
	if c.gemma4() {
		l.number("rope.freq_base", s.Rope.Full.Theta)
		l.gemma4(c, &s)
		return l.keys, nil
	}
	l.number("rope.freq_base", r.Theta)
	if c.family() {
		l.count("block_count", c.Layers+c.NextN)
		l.deepseek(c, &s, how)
		return l.keys, nil
	}
	l.count("block_count", c.Layers)
	l.count("attention.head_count_kv", c.KVHeads)
	l.count("attention.key_length", c.headDim())
	l.count("attention.value_length", c.headDim())
	if n := max(c.NumExperts, c.LocalExperts); n > 0 {
		l.count("expert_count", n)
		l.count("expert_used_count", s.Used)
		inside := c.MoEInter
		if c.NumExperts == 0 {
			inside = c.Intermediate
		}
		l.count("expert_feed_forward_length", inside)
	}
	if l.later(c, &s); c.recurrent() {
		l.delta(c, &s.Rope.rope)
	}
	return l.keys, nil
}

// textRaw returns what config.json says of the language model.
func (m *Model) textRaw() []byte {
	var outer struct {
		Text json.RawMessage `json:"text_config"`
	}
	if json.Unmarshal(m.Raw, &outer) == nil && outer.Text != nil {
		return outer.Text
	}
	return m.Raw
}

// later adds the keys of the families of later, latent attention aside.
func (l *metadataList) later(c *Config, s *spec) {
	r := &s.Rope.rope
	if r.Type == "yarn" {
		l.put("rope.scaling.type", gguf.ValueOf("yarn"))
		l.number("rope.scaling.factor", r.Factor)
		l.count("rope.scaling.original_context_length", int(r.Original))
		l.number("rope.scaling.yarn_beta_fast", r.BetaFast)
		l.number("rope.scaling.yarn_beta_slow", r.BetaSlow)
	}
	switch c.ModelType {
	case "ministral3":
		l.number("rope.scaling.yarn_log_multiplier", *r.MScale)
		l.number("attention.temperature_scale", r.Beta)
	case "gemma2":
		l.number("attn_logit_softcapping", s.AttnCap)
		l.number("final_logit_softcapping", s.FinalCap)
		l.count("attention.sliding_window", s.Window)
	case "phi3":
		l.count("rope.dimension_count", int(float64(c.headDim())*r.Partial))
		l.count("attention.sliding_window", s.Window)
		l.count("rope.scaling.original_context_length", int(s.Original))
		l.number("rope.scaling.attn_factor", math.Sqrt(1+math.Log(float64(s.Context)/s.Original)/math.Log(s.Original)))
	case "gpt_oss":
		l.count("attention.sliding_window", s.Window)
	case "qwen2_moe":
		l.count("expert_shared_feed_forward_length", c.SharedInter)
	case "minimax_m2":
		l.count("expert_gating_func", 2)
		l.count("rope.dimension_count", int(float64(c.headDim())*r.Partial))
	case "glm4_moe":
		l.count("rope.dimension_count", int(float64(c.headDim())*r.Partial))
		s.Scores = "sigmoid"
		l.deepseekExperts(c, s, Split)
	}
}

// deepseek adds the keys of deepseek2 and deepseek32.
func (l *metadataList) deepseek(c *Config, s *spec, how Spelling) {
	key := c.Nope + c.RopeDim
	if how == Split {
		l.count("attention.head_count_kv", 1)
		l.count("attention.key_length", c.KVLora+c.RopeDim)
		l.count("attention.value_length", c.KVLora)
		l.count("attention.key_length_mla", key)
		l.count("attention.value_length_mla", c.VDim)
	} else {
		l.count("attention.head_count_kv", c.Heads)
		l.count("attention.key_length", key)
		l.count("attention.value_length", c.VDim)
	}
	l.count("attention.kv_lora_rank", c.KVLora)
	if c.QLora > 0 {
		l.count("attention.q_lora_rank", c.QLora)
	}
	l.count("rope.dimension_count", c.RopeDim)
	if r := s.Rope.rope; r.Type == "yarn" {
		l.put("rope.scaling.type", gguf.ValueOf("yarn"))
		l.number("rope.scaling.factor", r.Factor)
		l.count("rope.scaling.original_context_length", int(r.Original))
		if how == Split {
			l.number("rope.scaling.yarn_beta_fast", r.BetaFast)
			l.number("rope.scaling.yarn_beta_slow", r.BetaSlow)
		}
		if r.MScale != nil {
			l.number("rope.scaling.yarn_log_multiplier", 0.1**r.MScale)
		}
	}
	if c.NextN > 0 {
		l.count("nextn_predict_layers", c.NextN)
	}
	if c.IndexHeads > 0 {
		l.count("attention.indexer.head_count", c.IndexHeads)
		l.count("attention.indexer.key_length", c.IndexHeadDim)
		l.count("attention.indexer.top_k", s.IndexTopK)
	}
	if len(c.IndexerTypes) > 0 {
		full := make([]bool, len(c.IndexerTypes))
		for i, kind := range c.IndexerTypes {
			full[i] = kind == "full"
		}
		l.put("attention.indexer.types", gguf.ArrayOf(full))
	}
	if r := s.Rope.rope; r.Beta != 0 {
		l.number("attention.temperature_scale", r.Beta)
	}
	l.deepseekExperts(c, s, how)
}

func (l *metadataList) deepseekExperts(c *Config, s *spec, how Spelling) {
	l.count("expert_count", c.Routed)
	l.count("expert_used_count", s.Used)
	l.count("expert_group_count", s.Groups)
	l.count("expert_group_used_count", s.GroupUsed)
	l.count("expert_feed_forward_length", c.MoEInter)
	l.count("expert_shared_count", c.Shared)
	l.count("leading_dense_block_count", c.FirstDense)
	l.number("expert_weights_scale", s.Scale)
	if s.NormTopK {
		l.put("expert_weights_norm", gguf.ValueOf(true))
	}
	switch {
	case s.Scores == "sigmoid":
		l.count("expert_gating_func", 2)
	case how == Split:
		l.count("expert_gating_func", 1)
	}
}

// longRope returns what longrope divides frequencies by, nil without it.
func (m *Model) longRope() (short, long []float32) {
	var s spec
	if json.Unmarshal(m.Raw, &s) != nil {
		return nil, nil
	}
	return s.Rope.Short, s.Rope.Long
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
