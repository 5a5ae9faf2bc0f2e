package convert

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/model"
)

// architecture is what GGUF files call a model type, and what their readers take for
// granted of it.
type architecture struct {
	name  string
	pre   string // its usual name of tokenizer.ggml.pre
	pairs bool   // rotary embeddings turn neighbours, where the folder has halves
	act   model.Activation
}

// architectures are those of all model types that are read.
var architectures = map[string]architecture{
	"llama": {name: "llama", pairs: true}, "mistral": {name: "llama", pairs: true}, "mixtral": {name: "llama", pairs: true},
	"qwen2": {name: "qwen2", pre: "qwen2"}, "qwen3": {name: "qwen3", pre: "qwen2"}, "qwen3_moe": {name: "qwen3moe", pre: "qwen2"},
	"gemma3_text": {name: "gemma3", act: model.GeluTanh},
	"deepseek_v2": {name: "deepseek2", pre: "deepseek-llm"}, "deepseek_v3": {name: "deepseek2", pre: "deepseek-v3"},
	"kimi_k2": {name: "deepseek2", pre: "kimi-k2"}, "glm4_moe_lite": {name: "deepseek2", pre: "glm4"},
	"deepseek_v32": {name: "deepseek32", pre: "deepseek-v3"},
}

// metadata collects the keys of a file.
type metadata struct {
	f    *Folder
	c    *model.Config
	arch string
	keys []gguf.KeyValue
}

func (m *metadata) put(key string, v gguf.Value) {
	m.keys = append(m.keys, gguf.KeyValue{Key: key, Value: v})
}

// Keys of the architecture: counts, numbers and truths.
func (m *metadata) count(key string, n int) { m.put(m.arch+"."+key, gguf.ValueOf(uint32(n))) }

func (m *metadata) number(key string, x float64) {
	m.put(m.arch+"."+key, gguf.ValueOf(float32(x)))
}
func (m *metadata) yes(key string) { m.put(m.arch+"."+key, gguf.ValueOf(true)) }

// describe makes the metadata.
func (f *Folder) describe() error {
	c := &f.read.Config
	a, ok := architectures[c.ModelType]
	if !ok {
		return fmt.Errorf("convert: model_type %s has no architecture of GGUF files: %w", c.ModelType, model.ErrArch)
	}
	if c.HiddenAct != a.act {
		return errLost("hidden_act: the GGUF architecture %s is always read with another one", a.name)
	}
	m := &metadata{f: f, c: c, arch: a.name}
	m.put("general.architecture", gguf.ValueOf(a.name))
	m.put("general.type", gguf.ValueOf("model"))
	m.put("general.name", gguf.ValueOf(title(f.files.Folder())))
	m.suggest(f.files.Suggestions())
	m.sizes()
	if err := m.rope(); err != nil {
		return err
	}
	var err error
	switch {
	case c.KVLoraRank > 0:
		err = m.deepseek()
	case a.name == "gemma3":
		m.gemma()
	default:
		err = m.plain()
	}
	if err != nil {
		return err
	}
	tokens, err := f.vocabulary(a)
	if err != nil {
		return err
	}
	f.keys = append(m.keys, tokens...)
	return nil
}

// title returns the name of a folder, which a path may not say.
func title(folder string) string {
	if path, err := filepath.Abs(folder); err == nil {
		folder = path
	}
	return strings.ToValidUTF8(filepath.Base(folder), "?")
}

// suggest writes the settings of sampling that the publisher suggests.
func (m *metadata) suggest(s checkpoint.Suggestions) {
	for _, x := range []struct {
		key   string
		value *float32
	}{{"temp", s.Temperature}, {"top_p", s.TopP}, {"min_p", s.MinP}, {"penalty_repeat", s.RepeatPenalty}} {
		if x.value != nil {
			m.put("general.sampling."+x.key, gguf.ValueOf(*x.value))
		}
	}
	if s.TopK != nil {
		m.put("general.sampling.top_k", gguf.ValueOf(int32(*s.TopK)))
	}
}

// sizes writes what all models have.
func (m *metadata) sizes() {
	c := m.c
	m.count("block_count", c.NumHiddenLayers+m.f.read.Modules)
	m.count("context_length", m.f.rawContext())
	m.count("embedding_length", c.HiddenSize)
	m.count("feed_forward_length", c.IntermediateSize)
	m.count("attention.head_count", c.NumAttentionHeads)
	if c.KVLoraRank > 0 {
		m.count("attention.head_count_kv", 1) // of all heads one
	} else {
		m.count("attention.head_count_kv", c.NumKeyValueHeads)
		m.count("attention.key_length", c.HeadDim)
		m.count("attention.value_length", c.HeadDim)
	}
	m.count("rope.dimension_count", c.HeadDim)
	m.number("attention.layer_norm_rms_epsilon", float64(c.RMSNormEps))
	m.count("vocab_size", c.VocabSize)
	if c.NumExperts > 0 {
		m.count("expert_count", c.NumExperts)
		m.count("expert_used_count", c.NumExpertsPerTok)
		m.count("expert_feed_forward_length", c.MoEIntermediateSize)
	}
}

// rope writes the rotary parameters.
func (m *metadata) rope() error {
	r := &m.c.Rope
	m.number("rope.freq_base", r.Theta)
	switch r.Type {
	case "default":
		return nil
	case "llama3":
		if m.arch != "llama" {
			return errLost("rope_type llama3: the GGUF architecture %s has no such scaling", m.arch)
		}
		return nil // in a tensor
	}
	m.put(m.arch+".rope.scaling.type", gguf.ValueOf(r.Type))
	m.number("rope.scaling.factor", r.Factor)
	if r.Type != "yarn" {
		return nil
	}
	m.count("rope.scaling.original_context_length", int(r.OriginalMaxPositionEmbeddings))
	m.number("rope.scaling.yarn_beta_fast", r.BetaFast)
	m.number("rope.scaling.yarn_beta_slow", r.BetaSlow)
	if r.NoTruncate {
		m.f.note("truncate false of rope_parameters is not in the file: readers round the range of YaRN to whole dimensions")
	}
	m.yarnScales(r)
	return nil
}

// yarnScales writes what YaRN multiplies sine and cosine with, or scores.
func (m *metadata) yarnScales(r *model.RopeConfig) {
	if m.c.KVLoraRank > 0 {
		if r.MScaleAllDim != 0 {
			m.number("rope.scaling.yarn_log_multiplier", 0.1*r.MScaleAllDim)
		}
		if r.AttentionFactor != 0 || r.MScaleAllDim != 0 && r.MScale != 0 && r.MScale != r.MScaleAllDim {
			m.f.note("mscale %v of rope_parameters is not in the file: readers take it to be mscale_all_dim %v", r.MScale, r.MScaleAllDim)
		}
		return
	}
	usual := yarnScale(r.Factor, 1)
	factor := r.AttentionFactor
	if factor == 0 && r.MScale != 0 && r.MScaleAllDim != 0 {
		factor = yarnScale(r.Factor, r.MScale) / yarnScale(r.Factor, r.MScaleAllDim)
	}
	if factor != 0 && factor != usual {
		m.number("rope.scaling.attn_factor", factor/usual)
	}
	if r.MScaleAllDim != 0 {
		m.f.note("mscale_all_dim %v of rope_parameters is not in the file: readers of the architecture %s leave scores as they are", r.MScaleAllDim, m.arch)
	}
}

// yarnScale is YaRN's temperature (Peng et al. 2023, eq. 22).
func yarnScale(factor, mscale float64) float64 {
	if factor <= 1 {
		return 1
	}
	return float64(0.1*mscale*math.Log(factor)) + 1
}

// plain writes what Llama, Qwen and their relatives have, and notes what is lost.
func (m *metadata) plain() error {
	c := m.c
	if c.NumExperts > 0 && slices.Contains(c.Dense, true) {
		return errLost("decoder_sparse_step or mlp_only_layers: the GGUF architecture %s has experts in every layer", m.arch)
	}
	if c.NumExperts > 0 && !c.NormTopKProb {
		m.f.note("norm_topk_prob false is not in the file: readers of the architecture %s scale the weights of experts to a sum of 1", m.arch)
	}
	if c.Sliding != nil && slices.Contains(c.Sliding, true) {
		m.f.note("sliding_window %d is not in the file: readers of the architecture %s see the whole context, which is the same up to %d tokens", c.SlidingWindow, m.arch, c.SlidingWindow)
	}
	return nil
}

// gemma writes what Gemma 3 has.
func (m *metadata) gemma() {
	c := m.c
	local := c.RopeLocal
	m.number("rope.freq_base_swa", local.Theta)
	if local.Type != "default" {
		m.f.note("rope_type %s of sliding layers is not in the file: readers do not scale them", local.Type)
	}
	implied := c.HeadDim
	if c.NumHiddenLayers == 62 { // the 27B model, as readers know it
		implied = c.HiddenSize / c.NumAttentionHeads
	}
	if c.QueryPreAttnScalar != float64(implied) {
		m.f.note("query_pre_attn_scalar %v is not in the file: readers take it to be %d", c.QueryPreAttnScalar, implied)
	}
	if c.AttnLogitSoftcapping != 0 {
		m.number("attn_logit_softcapping", float64(c.AttnLogitSoftcapping))
	}
	if c.FinalLogitSoftcapping != 0 {
		m.number("final_logit_softcapping", float64(c.FinalLogitSoftcapping))
	}
	m.count("attention.sliding_window", c.SlidingWindow)
	if c.Sliding == nil {
		return
	}
	const usual = 6 // every sixth layer sees everything
	period := usual
	if full := slices.Index(c.Sliding, false); full >= 0 {
		period = full + 1
	}
	same := true
	for i, slides := range c.Sliding {
		same = same && slides == ((i+1)%period != 0)
	}
	switch {
	case !same:
		m.put(m.arch+".attention.sliding_window_pattern", gguf.ArrayOf(c.Sliding))
	case period != usual:
		m.count("attention.sliding_window_pattern", period)
	}
}

// deepseek writes what models with latent attention have.
func (m *metadata) deepseek() error {
	c := m.c
	if c.QLoraRank > 0 {
		m.count("attention.q_lora_rank", c.QLoraRank)
	}
	m.count("attention.kv_lora_rank", c.KVLoraRank)
	m.count("attention.key_length", c.KVLoraRank+c.QKRopeHeadDim)
	m.count("attention.value_length", c.KVLoraRank)
	m.count("attention.key_length_mla", c.QKNopeHeadDim+c.QKRopeHeadDim)
	m.count("attention.value_length_mla", c.VHeadDim)
	if c.IndexNHeads > 0 {
		m.count("attention.indexer.head_count", c.IndexNHeads)
		m.count("attention.indexer.key_length", c.IndexHeadDim)
		m.count("attention.indexer.top_k", c.IndexTopK)
	}
	if m.f.read.Modules > 0 {
		m.count("nextn_predict_layers", m.f.read.Modules)
	}
	if c.NumExperts == 0 {
		m.count("leading_dense_block_count", c.NumHiddenLayers)
		m.count("expert_feed_forward_length", c.IntermediateSize)
		m.count("expert_shared_count", 0)
		return nil
	}
	return m.deepseekExperts()
}

func (m *metadata) deepseekExperts() error {
	c := m.c
	dense := slices.Index(c.Dense, false)
	if dense < 0 {
		dense = len(c.Dense)
	}
	if slices.Contains(c.Dense[dense:], true) {
		return errLost("moe_layer_freq or mlp_layer_types: the GGUF architecture %s has dense layers in front of all others only", m.arch)
	}
	m.count("leading_dense_block_count", dense)
	m.count("expert_shared_count", c.NumSharedExperts)
	m.count("expert_group_count", max(c.NGroup, 1))
	m.count("expert_group_used_count", max(c.TopKGroup, 1))
	m.number("expert_weights_scale", float64(c.RoutedScalingFactor))
	if c.NormTopKProb {
		m.yes("expert_weights_norm")
	}
	gate := 1 // softmax
	if c.SigmoidScores {
		gate = 2
	}
	m.count("expert_gating_func", gate)
	return nil
}
