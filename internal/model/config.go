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
	family    *family

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
	AttentionBias         bool // queries, keys and values have biases
	OutputBias            bool // the output of attention has one
	MLPBias               bool

	Rope      RopeConfig  // of layers that see the whole context
	RopeLocal *RopeConfig // of sliding layers, where it differs

	RotaryDim int    // numbers of a head that turn; 0: the share that Rope tells
	NoRope    []bool // [NumHiddenLayers]: layers whose queries and keys do not turn; nil: none

	SlidingWindow int    // positions a sliding layer sees
	Sliding       []bool // [NumHiddenLayers]: which layers slide

	// QueryScaleBeta makes queries at position p longer by 1 + beta ln(1 + floor(p /
	// QueryScaleLength)). 0: none.
	QueryScaleBeta   float64
	QueryScaleLength int
	QKNorm           bool // queries and keys are normed, in families where that is a choice

	// Gemma 4: what layers that see the whole context have of their own; layers that borrow
	// keys and values, the last ones, with the width of their MLPs; inputs of each layer.
	GlobalHeadDim, NumGlobalKeyValueHeads           int
	GlobalKeyIsValue                                bool
	NumKVSharedLayers, SharedIntermediateSize       int
	HiddenSizePerLayerInput, VocabSizePerLayerInput int

	QueryPreAttnScalar    float64 // the softmax scale is this^-0.5, where it is not head_dim^-0.5
	AttnLogitSoftcapping  float32 // 0: none
	FinalLogitSoftcapping float32 // 0: none

	NumExperts          int // routed experts of a sparse layer, 0: a dense model
	NumExpertsPerTok    int
	MoEIntermediateSize int
	NormTopKProb        bool
	Dense               []bool // [NumHiddenLayers]: dense layers of a sparse model
	// SharedExpertIntermediateSize is the width of a shared expert that has one of its own.
	SharedExpertIntermediateSize int
	SwigluAlpha, SwigluLimit     float32 // of SwigluClamped; SiluClamped has the limit alone

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
	IndexPairs                   bool   // the indexer turns neighbours, as attention does
	IndexShared                  []bool // [NumHiddenLayers]: layers that see what the last one with an indexer chose
	// DeepSeek-V4: entries of compressed attention, hyper-connections, experts by a table.
	CompressRatios     []int // [NumHiddenLayers]: positions that an entry is made of; 0: the layer sees a window alone
	OGroups, OLoraRank int   // groups of heads in the output of attention, and numbers of each
	NumHashLayers      int   // the first so many layers choose experts by the token
	HCMult             int   // streams of hyper-connections
	HCSinkhornIters    int
	HCEps              float32
	// Draft layers that guess a block of tokens, where they are no module of multi-token
	// prediction: its size, the token of those that are unknown, the rank of what the token
	// before says, and the layers that are read. DSparkBlockSize 0: there are none.
	DSparkBlockSize, DSparkNoise, DSparkRank int
	DSparkTargets                            []int
	// Gated DeltaNet: which layers it is, and its heads.
	Recurrent                              []bool // [NumHiddenLayers]; nil: none
	LinearNumKeyHeads, LinearNumValueHeads int
	LinearKeyHeadDim, LinearValueHeadDim   int
	LinearConvKernelDim                    int
	// Pooling says which hidden states a vector of a text is made of, AnyLength that it is not
	// scaled to length 1; Heads is how many matrices it goes through.
	Pooling   Pooling
	AnyLength bool
	Heads     int
	heads     []headConfig
	// Ranks says that the file tells how well two texts go together.
	Ranks bool
	// Encoder says that every token sees its whole sequence: the model makes vectors of texts
	// and writes nothing.
	Encoder        bool
	PairEnds       int  // times that what ends a text stands between two
	PositionOffset int  // row of the table of positions that the first one has
	TypeVocabSize  int  // kinds of tokens, of which a text has the first; 0: they are not told
	GatedMLP       bool // of an encoder: its MLP has a gate

	// Assumed says what a file does not tell and was taken for granted, where it says two
	// things, and what of it is not used.
	Assumed []string
}

// Activation is the function inside a gated MLP.
type Activation uint8

// The activations.
const (
	Silu Activation = iota
	GeluTanh
	SwigluClamped // gpt-oss: see kernel.SwigluClamped
	SiluClamped   // DeepSeek-V4: see kernel.SiluClamped
	GeluErf
)

// parseActivation returns the activation of Hugging Face's name.
func parseActivation(name string) (Activation, error) {
	switch name {
	case "silu", "swish":
		return Silu, nil
	case "gelu_pytorch_tanh", "gelu_tanh", "gelu_new":
		return GeluTanh, nil
	}
	return 0, fmt.Errorf("is %.40q, want silu or gelu_pytorch_tanh: %w", name, ErrConfig)
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

// assume notes what a user should know of how a file was read.
func (c *Config) assume(format string, a ...any) {
	c.Assumed = append(c.Assumed, fmt.Sprintf(format, a...))
}

// rotaryDim returns how many numbers of a head turn, the first ones.
func (c *Config) rotaryDim() int {
	switch {
	case c.latent(): // there it is in qk_rope_head_dim
		return c.HeadDim
	case c.RotaryDim > 0:
		return c.RotaryDim
	}
	return int(float64(c.HeadDim) * c.Rope.Partial)
}

// RotaryWidth returns how many numbers of a head turn.
func (c *Config) RotaryWidth() int { return c.rotaryDim() }

// finish completes what was read and returns the first conflict in it.
func (c *Config) finish() *conflict {
	if err := c.check(); err != nil {
		return err
	}
	c.lengthen()
	if err := c.checkPartial(); err != nil {
		return err
	}
	if err := c.Rope.checkTable(c.rotaryDim(), c.MaxPositionEmbeddings); err != nil {
		return err
	}
	if c.RopeLocal != nil {
		return c.RopeLocal.checkTable(c.HeadDim, c.MaxPositionEmbeddings)
	}
	return nil
}

// checkPartial returns a conflict where a part of a head turns that cannot.
func (c *Config) checkPartial() *conflict {
	if c.latent() { // the share of the whole head, where it is told
		if whole := c.QKNopeHeadDim + c.QKRopeHeadDim; c.Rope.Partial != 1 && !(math.Abs(c.Rope.Partial*float64(whole)-float64(c.QKRopeHeadDim)) < 0.5) {
			return clash("%s, want 1, or %s of %d", fact{"partial_rotary_factor", c.Rope.Partial}, fact{"qk_rope_head_dim", c.QKRopeHeadDim}, whole)
		}
		return nil
	}
	for _, r := range []*RopeConfig{&c.Rope, c.RopeLocal} {
		switch {
		case r == nil:
		case r.Partial != 1 && !c.family.partialRotary:
			return clash("%s, want 1", fact{"partial_rotary_factor", r.Partial})
		case !(r.Partial > 0 && r.Partial <= 1):
			return clash("%s, want a number above 0, at most 1", fact{"partial_rotary_factor", r.Partial})
		}
	}
	if n := c.rotaryDim(); n < 2 || n%2 != 0 || n > c.HeadDim {
		return clash("%d numbers of %s turn by %s, want an even part", n, fact{"head_dim", c.HeadDim}, fact{"partial_rotary_factor", c.Rope.Partial})
	}
	return nil
}

// lengthen gives a model whose rotary embedding is scaled by YaRN, or as its sequences
// grow, the context that it is scaled to: the model's pages say to add the scaling and
// leave max_position_embeddings as it is. A user who scales it wants that too.
func (c *Config) lengthen() {
	if c.Rope.Type == "yarn" || c.Rope.Type == "dynamic" || c.Rope.lengthens {
		scaled := math.Floor(c.Rope.OriginalMaxPositionEmbeddings * c.Rope.Factor)
		c.MaxPositionEmbeddings = max(c.MaxPositionEmbeddings, int(min(scaled, maxContext)))
	}
}

// check returns the first pair of fields that contradict each other, or nil.
func (c *Config) check() *conflict {
	if check := c.family.check; check != nil {
		if err := check(c); err != nil {
			return err
		}
	}
	heads, headDim := fact{"num_attention_heads", c.NumAttentionHeads}, fact{"head_dim", c.HeadDim}
	switch {
	case c.NumAttentionHeads%c.NumKeyValueHeads != 0:
		return clash("%s is no multiple of %s", heads, fact{"num_key_value_heads", c.NumKeyValueHeads})
	case c.HeadDim < 2 || c.HeadDim%2 != 0:
		return clash("%s, want an even number", headDim)
	case c.HeadDim > maxWidth/c.NumAttentionHeads:
		return clash("%s of %s are wider than %d", heads, headDim, maxWidth)
	case c.NumExperts > 0 && (c.NumExpertsPerTok < 1 || c.NumExpertsPerTok > c.NumExperts):
		return clash("%s of %d experts", fact{"num_experts_per_tok", c.NumExpertsPerTok}, c.NumExperts)
	case c.NumExperts > 0 && c.MoEIntermediateSize < 1:
		return clash("%s, want 1 or more", fact{"moe_intermediate_size", c.MoEIntermediateSize})
	case c.Sliding != nil && c.SlidingWindow < 1:
		return clash("%s, want 1 or more", fact{"sliding_window", c.SlidingWindow})
	case !(c.RMSNormEps > 0 && c.RMSNormEps < 1):
		return clash("%s, want a small positive number", fact{c.family.epsilon(), c.RMSNormEps})
	}
	if err := c.Rope.check(); err != nil {
		return err
	}
	if c.RopeLocal != nil {
		return c.RopeLocal.check()
	}
	return nil
}
