package model

import (
	"errors"
	"fmt"
	"math"
)

// Errors of opening a model. All of them mean a refused file; the message names
// the file and the key or tensor, what was got and what was wanted.
var (
	ErrConfig = errors.New("unusable configuration")
	ErrTensor = errors.New("unusable tensor")
	ErrArch   = errors.New("unsupported architecture")
)

// Limits of what a configuration may ask for; real models stay far below.
const (
	maxLayers  = 4096
	maxWidth   = 1 << 20
	maxVocab   = 1 << 24
	maxHeads   = 1 << 16
	maxExperts = 1 << 16
	maxContext = 1 << 24
	maxScale   = 1 << 20 // of factors
)

// Config describes a model. Fields carry the names of Hugging Face's config.json
// in Go case, whatever file they came from.
type Config struct {
	ModelType string // llama, qwen2, qwen3, qwen3_moe, mixtral, gemma3_text …

	VocabSize             int
	HiddenSize            int
	IntermediateSize      int
	NumHiddenLayers       int
	NumAttentionHeads     int
	NumKeyValueHeads      int
	HeadDim               int
	MaxPositionEmbeddings int
	RMSNormEps            float32
	HiddenAct             Activation
	TieWordEmbeddings     bool
	AttentionBias         bool // the projections of attention have biases; qwen2's of the output has none
	MLPBias               bool

	Rope      RopeConfig  // of layers that see the whole context
	RopeLocal *RopeConfig // of sliding layers, where it differs

	SlidingWindow int    // positions a sliding layer sees
	Sliding       []bool // [NumHiddenLayers]: which layers slide

	QueryPreAttnScalar    float64 // gemma3: softmax scale is this^-0.5
	AttnLogitSoftcapping  float32 // 0: none
	FinalLogitSoftcapping float32 // 0: none

	NumExperts          int // routed experts of a sparse layer, 0: a dense model
	NumExpertsPerTok    int
	MoEIntermediateSize int
	NormTopKProb        bool
	Dense               []bool // [NumHiddenLayers]: dense layers of a sparse model

	// DeepSeek: multi-head latent attention (V2 §2.1), experts (V2 §2.2, V3 §2.1.2).
	QLoraRank, KVLoraRank        int // 0: queries are not compressed
	QKNopeHeadDim, QKRopeHeadDim int
	VHeadDim                     int
	NumSharedExperts             int
	NGroup, TopKGroup            int // groups of experts, and how many are kept
	SigmoidScores                bool
	CorrectionBias               bool // routers have a bias for the choice alone (topk_method noaux_tc)
	RoutedScalingFactor          float32
	NumNextNPredictLayers        int // modules of multi-token prediction behind the layers (V3 §2.2)
	IndexNHeads, IndexHeadDim    int // lightning indexer of V3.2, 0: none
	IndexTopK                    int
	// Assumed says what a file does not tell and was taken for granted.
	Assumed []string

	BOSTokenID  int32   // -1: none
	EOSTokenIDs []int32 // any of them ends an answer
}

// Activation is the function inside a gated MLP.
type Activation uint8

// The activations.
const (
	Silu Activation = iota
	GeluTanh
)

// parseActivation returns the activation of Hugging Face's name.
func parseActivation(name string) (Activation, error) {
	switch name {
	case "silu", "swish":
		return Silu, nil
	case "gelu_pytorch_tanh", "gelu_tanh", "gelu_new":
		return GeluTanh, nil
	}
	return 0, fmt.Errorf("hidden_act %.40q, want silu or gelu_pytorch_tanh: %w", name, ErrConfig)
}

// slides says whether layer i looks back on SlidingWindow positions only.
func (c *Config) slides(i int) bool { return c.Sliding != nil && c.Sliding[i] }

// window returns the window of layer i, 0 for the whole context.
func (c *Config) window(i int) int {
	if c.slides(i) {
		return c.SlidingWindow
	}
	return 0
}

// sparse says whether layer i has experts.
func (c *Config) sparse(i int) bool { return c.NumExperts > 0 && (c.Dense == nil || !c.Dense[i]) }

// latent says whether the model has multi-head latent attention.
func (c *Config) latent() bool { return c.KVLoraRank > 0 }

// assume notes something that a file does not tell.
func (c *Config) assume(format string, a ...any) {
	c.Assumed = append(c.Assumed, fmt.Sprintf(format, a...))
}

// check returns an error that names the first pair of fields that contradict each
// other.
func (c *Config) check() error {
	bad := func(format string, a ...any) error { return fmt.Errorf(format+": %w", append(a, ErrConfig)...) }
	if err := c.checkLatent(); err != nil {
		return err
	}
	switch {
	case c.NumAttentionHeads%c.NumKeyValueHeads != 0:
		return bad("num_attention_heads %d is no multiple of num_key_value_heads %d", c.NumAttentionHeads, c.NumKeyValueHeads)
	case c.HeadDim < 2 || c.HeadDim%2 != 0:
		return bad("head_dim %d, want an even number", c.HeadDim)
	case c.HeadDim > maxWidth/c.NumAttentionHeads:
		return bad("num_attention_heads %d of head_dim %d are wider than %d", c.NumAttentionHeads, c.HeadDim, maxWidth)
	case c.NumExperts > 0 && (c.NumExpertsPerTok < 1 || c.NumExpertsPerTok > c.NumExperts):
		return bad("num_experts_per_tok %d of %d experts", c.NumExpertsPerTok, c.NumExperts)
	case c.NumExperts > 0 && c.MoEIntermediateSize < 1:
		return bad("moe_intermediate_size %d, want 1 or more", c.MoEIntermediateSize)
	case c.Sliding != nil && c.SlidingWindow < 1:
		return bad("sliding_window %d, want 1 or more", c.SlidingWindow)
	case !(c.RMSNormEps > 0 && c.RMSNormEps < 1):
		return bad("rms_norm_eps %v, want a small positive number", c.RMSNormEps)
	case c.ModelType == "gemma3_text" && !(c.QueryPreAttnScalar > 0 && c.QueryPreAttnScalar <= maxWidth):
		return bad("query_pre_attn_scalar %v, want a positive number", c.QueryPreAttnScalar)
	case !(c.AttnLogitSoftcapping >= 0 && c.AttnLogitSoftcapping <= math.MaxFloat32):
		return bad("attn_logit_softcapping %v, want a positive number, or 0 for none", c.AttnLogitSoftcapping)
	case !(c.FinalLogitSoftcapping >= 0 && c.FinalLogitSoftcapping <= math.MaxFloat32):
		return bad("final_logit_softcapping %v, want a positive number, or 0 for none", c.FinalLogitSoftcapping)
	}
	if err := c.Rope.check(); err != nil {
		return err
	}
	if c.RopeLocal != nil {
		return c.RopeLocal.check()
	}
	return nil
}

// checkLatent is check for what the DeepSeek family has beyond other models.
func (c *Config) checkLatent() error {
	if !c.latent() {
		return nil
	}
	bad := func(format string, a ...any) error { return fmt.Errorf(format+": %w", append(a, ErrConfig)...) }
	switch {
	case c.QKRopeHeadDim%2 != 0:
		return bad("qk_rope_head_dim %d, want an even number", c.QKRopeHeadDim)
	case c.KVLoraRank+c.QKRopeHeadDim > maxWidth:
		return bad("kv_lora_rank %d and qk_rope_head_dim %d, want at most %d together", c.KVLoraRank, c.QKRopeHeadDim, maxWidth)
	case c.NumAttentionHeads > maxWidth/(c.QKNopeHeadDim+c.QKRopeHeadDim+c.VHeadDim):
		return bad("num_attention_heads %d of qk_nope_head_dim %d, qk_rope_head_dim %d and v_head_dim %d are wider than %d",
			c.NumAttentionHeads, c.QKNopeHeadDim, c.QKRopeHeadDim, c.VHeadDim, maxWidth)
	case c.IndexNHeads > 0 && c.IndexHeadDim < c.QKRopeHeadDim:
		return bad("index_head_dim %d, want qk_rope_head_dim %d or more", c.IndexHeadDim, c.QKRopeHeadDim)
	case c.IndexNHeads > 0 && c.IndexNHeads > maxWidth/c.IndexHeadDim:
		return bad("index_n_heads %d of index_head_dim %d are wider than %d", c.IndexNHeads, c.IndexHeadDim, maxWidth)
	case c.IndexNHeads > 0 && c.QLoraRank == 0:
		return bad("an indexer without q_lora_rank")
	case c.NumExperts == 0:
		return nil
	case c.NGroup > 1 && c.NumExperts%c.NGroup != 0:
		return bad("%d experts do not divide into n_group %d", c.NumExperts, c.NGroup)
	case c.NGroup > 1 && (c.TopKGroup < 1 || c.TopKGroup > c.NGroup):
		return bad("topk_group %d, want 1 to n_group %d", c.TopKGroup, c.NGroup)
	case c.NGroup > 1 && c.NumExpertsPerTok > c.NumExperts/c.NGroup*c.TopKGroup:
		return bad("num_experts_per_tok %d, want at most the %d experts of topk_group %d groups", c.NumExpertsPerTok, c.NumExperts/c.NGroup*c.TopKGroup, c.TopKGroup)
	case c.NGroup > 1 && c.SigmoidScores && c.NumExperts/c.NGroup < 2:
		return bad("groups of %d experts, want 2 or more", c.NumExperts/c.NGroup)
	case c.NumSharedExperts > maxWidth/c.MoEIntermediateSize:
		return bad("n_shared_experts %d of moe_intermediate_size %d are wider than %d", c.NumSharedExperts, c.MoEIntermediateSize, maxWidth)
	case !(c.RoutedScalingFactor > 0 && c.RoutedScalingFactor <= maxScale):
		return bad("routed_scaling_factor %v, want a positive number up to %d", c.RoutedScalingFactor, maxScale)
	}
	return nil
}
