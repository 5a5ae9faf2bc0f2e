package convert

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
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
	"glm_moe_dsa":  {name: "glm-dsa", pre: "glm4"}, "glm4_moe": {name: "glm4moe", pre: "glm4"},
	"ministral3": {name: "mistral3", pre: "tekken", pairs: true}, "mistral4": {name: "mistral4", pre: "tekken"}, "mistral_large3": {name: "deepseek2", pre: "tekken"},
	"smollm3": {name: "smollm3", pre: "smaug-bpe", pairs: true}, "qwen2_moe": {name: "qwen2moe", pre: "qwen2"}, "minimax_m2": {name: "minimax-m2", pre: "minimax-m2"},
	"gemma2": {name: "gemma2", act: model.GeluTanh}, "gemma4_text": {name: "gemma4", act: model.GeluTanh},
	"bert": {name: "bert", act: model.GeluErf}, "roberta": {name: "bert", act: model.GeluErf}, "xlm-roberta": {name: "bert", act: model.GeluErf},
	"nomic_bert":  {name: "nomic-bert"},
	"deepseek_v4": {name: "deepseek4", pre: "joyai-llm"}, "phi3": {name: "phi3"},
	"gpt_oss":    {name: "gpt-oss", pre: "gpt-4o", act: model.SwigluClamped},
	"qwen3_next": {name: "qwen3next", pre: "qwen2"}, "qwen3_5_text": {name: "qwen35", pre: "qwen35"}, "qwen3_5_moe_text": {name: "qwen35moe", pre: "qwen35"},
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
		return fmt.Errorf("convert: model_type %s is not converted to GGUF: %w", c.ModelType, model.ErrArch)
	}
	if act := c.HiddenAct; act != a.act && (act != model.SiluClamped || c.ModelType != "deepseek_v4") { // which says its limit
		return errLost("hidden_act: the GGUF architecture %s is always read with another one", a.name)
	}
	if a.name == "gemma3" && c.Encoder {
		a.name = "gemma-embedding"
	}
	m := &metadata{f: f, c: c, arch: a.name}
	m.put("general.architecture", gguf.ValueOf(a.name))
	m.put("general.type", gguf.ValueOf("model"))
	m.put("general.name", gguf.ValueOf(title(f.files.Folder())))
	m.suggest(f.files.Suggestions())
	m.sizes()
	rope := m.rope
	switch a.name {
	case "deepseek4":
		rope = m.entriesRope
	case "bert": // whose positions are added
		rope = func() error { return nil }
	}
	if err := rope(); err != nil {
		return err
	}
	var err error
	switch {
	case a.name == "deepseek4":
		m.entries()
	case c.KVLoraRank > 0:
		err = m.deepseek()
	case a.name == "gemma3" || a.name == "gemma2" || a.name == "gemma-embedding":
		m.gemma()
	case c.Encoder:
	case a.name == "gemma4":
		m.gemma4()
	case a.name == "glm4moe":
		err = m.glm4()
	case c.Recurrent != nil:
		err = m.recurrent()
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
	if err := m.pooling(tokens); err != nil {
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
	if c.PositionOffset > 0 { // positions that no text reaches are not counted
		m.count("context_length", c.MaxPositionEmbeddings)
	} else {
		m.count("context_length", m.f.rawContext())
	}
	m.count("embedding_length", c.HiddenSize)
	m.count("attention.head_count", c.NumAttentionHeads)
	switch {
	case c.GlobalHeadDim > 0: // of each layer its own: see gemma4
	case c.KVLoraRank > 0:
		m.count("feed_forward_length", c.IntermediateSize)
		m.count("attention.head_count_kv", 1) // of all heads one
		m.count("rope.dimension_count", c.HeadDim)
	case m.arch == "bert":
		m.count("feed_forward_length", c.IntermediateSize)
	default:
		if m.arch != "deepseek4" { // whose layers all have experts
			m.count("feed_forward_length", c.IntermediateSize)
		}
		m.count("attention.head_count_kv", c.NumKeyValueHeads)
		m.count("attention.key_length", c.HeadDim)
		m.count("attention.value_length", c.HeadDim)
		m.count("rope.dimension_count", c.RotaryWidth())
	}
	epsilon := "attention.layer_norm_rms_epsilon"
	if m.arch == "bert" || m.arch == "nomic-bert" {
		epsilon = "attention.layer_norm_epsilon"
	}
	m.number(epsilon, float64(c.RMSNormEps))
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
	case "default", "proportional": // in a tensor
		return nil
	case "llama3":
		if m.arch != "llama" {
			return errLost("rope_type llama3: the GGUF architecture %s has no such scaling", m.arch)
		}
		return nil // in a tensor
	}
	if r.Type == "longrope" {
		return m.longrope(r)
	}
	if r.Type != "yarn" {
		m.put(m.arch+".rope.scaling.type", gguf.ValueOf(r.Type))
		m.number("rope.scaling.factor", r.Factor)
		return nil
	}
	m.yarn(r)
	switch {
	case m.arch == "gpt-oss" && !r.NoTruncate:
		m.f.note("truncate true of rope_parameters is not in the file: readers do not round the range of YaRN")
	case m.arch != "gpt-oss" && r.NoTruncate:
		m.f.note("truncate false of rope_parameters is not in the file: readers round the range of YaRN to whole dimensions")
	}
	m.yarnScales(r)
	return nil
}

// yarn writes how YaRN scales frequencies.
func (m *metadata) yarn(r *model.RopeConfig) {
	m.put(m.arch+".rope.scaling.type", gguf.ValueOf(r.Type))
	m.number("rope.scaling.factor", r.Factor)
	m.count("rope.scaling.original_context_length", int(r.OriginalMaxPositionEmbeddings))
	m.number("rope.scaling.yarn_beta_fast", r.BetaFast)
	m.number("rope.scaling.yarn_beta_slow", r.BetaSlow)
}

// longrope writes what longrope has beyond its divisors, which are in tensors.
func (m *metadata) longrope(r *model.RopeConfig) error {
	if m.arch != "phi3" {
		return errLost("rope_type longrope: the GGUF architecture %s has no such scaling", m.arch)
	}
	m.count("rope.scaling.original_context_length", int(r.OriginalMaxPositionEmbeddings))
	m.number("rope.scaling.attn_factor", r.LongFactor())
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
	if m.arch == "mistral3" && r.MScaleAllDim != 0 && r.MScale == r.MScaleAllDim && r.AttentionFactor == 0 {
		m.number("rope.scaling.yarn_log_multiplier", r.MScaleAllDim)
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
	return float64(0.1*mscale*kernel.Log64(factor)) + 1
}

// plain writes what Llama, Qwen and their relatives have, and notes what is lost.
func (m *metadata) plain() error {
	c := m.c
	if c.NumExperts > 0 && slices.Contains(c.Dense, true) {
		return errLost("decoder_sparse_step or mlp_only_layers: the GGUF architecture %s has experts in every layer", m.arch)
	}
	m.queryScale()
	switch m.arch {
	case "qwen2moe":
		m.count("expert_shared_feed_forward_length", c.SharedExpertIntermediateSize)
		if c.NormTopKProb {
			m.f.note("norm_topk_prob true is not in the file: readers of the architecture %s leave the weights of experts as they are", m.arch)
		}
	case "minimax-m2":
		m.count("expert_gating_func", gateSigmoid)
	case "smollm3":
		if !m.everyFourthStill() {
			return errLost("no_rope_layers: the GGUF architecture %s has every fourth layer tell no positions", m.arch)
		}
	case "gpt-oss":
		return m.gptOSS()
	case "phi3":
		m.count("attention.sliding_window", c.SlidingWindow)
		return nil
	}
	if c.NumExperts > 0 && !c.NormTopKProb && m.arch != "qwen2moe" {
		m.f.note("norm_topk_prob false is not in the file: readers of the architecture %s scale the weights of experts to a sum of 1", m.arch)
	}
	if c.Sliding != nil && slices.Contains(c.Sliding, true) {
		m.f.note("sliding_window %d is not in the file: readers of the architecture %s see the whole context, which is the same up to %d tokens", c.SlidingWindow, m.arch, c.SlidingWindow)
	}
	return nil
}

// gemma writes what Gemma 2 and 3 have.
func (m *metadata) gemma() {
	c := m.c
	if local := c.RopeLocal; local != nil {
		m.number("rope.freq_base_swa", local.Theta)
		if local.Type != "default" {
			m.f.note("rope_type %s of sliding layers is not in the file: readers do not scale them", local.Type)
		}
	}
	implied := c.HeadDim
	if layers := map[string]int{"gemma2": 46, "gemma3": 62}; c.NumHiddenLayers == layers[m.arch] { // the 27B models, as readers know them
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
	window := c.SlidingWindow
	if c.Encoder && window > 0 { // to both sides
		window = 2 * (window - 1)
	}
	m.count("attention.sliding_window", window)
	if c.Sliding == nil {
		return
	}
	if m.arch == "gemma2" {
		for i, slides := range c.Sliding {
			if slides != (i%2 == 0) {
				m.f.note("layer_types is not in the file: readers have every other layer slide, the first one too")
				break
			}
		}
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
	if c.IndexShared != nil {
		full := make([]bool, len(c.IndexShared))
		for i, shared := range c.IndexShared {
			full[i] = !shared
		}
		m.put(m.arch+".attention.indexer.types", gguf.ArrayOf(full))
		if !c.IndexPairs {
			return errLost("indexer_rope_interleave false: the GGUF architecture %s has indexers that turn neighbours", m.arch)
		}
	}
	m.queryScale()
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
	gate := gateSoftmax
	if c.SigmoidScores {
		gate = gateSigmoid
	}
	m.count("expert_gating_func", gate)
	return nil
}

// What expert_gating_func says.
const (
	gateSoftmax        = 1
	gateSigmoid        = 2
	gateRootOfSoftplus = 4
)

// queryScale writes how queries grow with their position.
func (m *metadata) queryScale() {
	if c := m.c; c.QueryScaleBeta != 0 {
		m.number("attention.temperature_scale", c.QueryScaleBeta)
		m.count("attention.temperature_length", c.QueryScaleLength)
	}
}

// everyFourthStill says whether every fourth layer, and no other, tells no positions.
func (m *metadata) everyFourthStill() bool {
	for i := range m.c.NumHiddenLayers {
		still := m.c.NoRope != nil && m.c.NoRope[i]
		if still != ((i+1)%4 == 0) {
			return false
		}
	}
	return true
}

// gptOSS writes what gpt-oss has.
func (m *metadata) gptOSS() error {
	c := m.c
	if c.SwigluLimit != 7 || c.SwigluAlpha != 1.702 {
		return errLost("swiglu_limit and swiglu_alpha: the GGUF architecture %s has 7 and 1.702", m.arch)
	}
	for i, slides := range c.Sliding {
		if slides != (i%2 == 0) {
			return errLost("layer_types: the GGUF architecture %s has every other layer slide, the first one too", m.arch)
		}
	}
	m.count("attention.sliding_window", c.SlidingWindow)
	return nil
}

// glm4 writes what GLM-4.5 has.
func (m *metadata) glm4() error {
	if m.f.read.Modules > 0 {
		m.count("nextn_predict_layers", m.f.read.Modules)
	}
	return m.deepseekExperts()
}

// recurrent writes what models with Gated DeltaNet have.
func (m *metadata) recurrent() error {
	c := m.c
	if c.NumExperts > 0 {
		if slices.Contains(c.Dense, true) {
			return errLost("decoder_sparse_step or mlp_only_layers: the GGUF architecture %s has experts in every layer", m.arch)
		}
		m.count("expert_shared_feed_forward_length", c.SharedExpertIntermediateSize)
	}
	m.count("ssm.conv_kernel", c.LinearConvKernelDim)
	m.count("ssm.state_size", c.LinearKeyHeadDim)
	m.count("ssm.group_count", c.LinearNumKeyHeads)
	m.count("ssm.time_step_rank", c.LinearNumValueHeads)
	m.count("ssm.inner_size", c.LinearNumValueHeads*c.LinearValueHeadDim)
	interval := slices.Index(c.Recurrent, false) + 1
	for i, is := range c.Recurrent {
		if interval == 0 || is == ((i+1)%interval == 0) {
			return errLost("layer_types: the GGUF architecture %s has full attention in every so manieth layer", m.arch)
		}
	}
	m.count("full_attention_interval", interval)
	const places = 4 // of rope.dimension_sections
	if list := m.f.sections(); len(list) > 0 && len(list) <= places {
		m.put(m.arch+".rope.dimension_sections", gguf.ArrayOf(append(list, make([]int32, places-len(list))...)))
	}
	return nil
}

// gemma4 writes what Gemma 4 has, whose layers have sizes of their own.
func (m *metadata) gemma4() {
	c := m.c
	kv, inner := make([]uint32, c.NumHiddenLayers), make([]uint32, c.NumHiddenLayers)
	for i := range kv {
		kv[i], inner[i] = uint32(c.NumGlobalKeyValueHeads), uint32(c.IntermediateSize)
		if c.Sliding[i] {
			kv[i] = uint32(c.NumKeyValueHeads)
		}
		if i >= c.NumHiddenLayers-c.NumKVSharedLayers {
			inner[i] = uint32(c.SharedIntermediateSize)
		}
	}
	each := func(key string, list []uint32) {
		if slices.Min(list) == slices.Max(list) {
			m.count(key, int(list[0]))
		} else {
			m.put(m.arch+"."+key, gguf.ArrayOf(list))
		}
	}
	each("attention.head_count_kv", kv)
	each("feed_forward_length", inner)
	for _, key := range []string{"attention.key_length", "attention.value_length", "rope.dimension_count"} {
		m.count(key, c.GlobalHeadDim)
		m.count(key+"_swa", c.HeadDim)
	}
	m.number("rope.freq_base_swa", c.RopeLocal.Theta)
	m.count("attention.sliding_window", c.SlidingWindow)
	m.put(m.arch+".attention.sliding_window_pattern", gguf.ArrayOf(c.Sliding))
	m.count("attention.shared_kv_layers", c.NumKVSharedLayers)
	m.count("embedding_length_per_layer_input", c.HiddenSizePerLayerInput)
	m.number("final_logit_softcapping", float64(c.FinalLogitSoftcapping))
}
