package model

import (
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/gguf"
)

// configFromGGUF reads the metadata of a GGUF file. What such files do not say is
// assumed as engines that write them do.
func configFromGGUF(file *gguf.File) (*Config, error) {
	arch, ok := file.String("general.architecture")
	if !ok {
		return nil, fmt.Errorf("%w: %w", file.KeyError("general.architecture", "a string"), ErrConfig)
	}
	f := familyOfArch(arch)
	if f == nil {
		return nil, fmt.Errorf("model: %s: general.architecture %.40q: %w; known are %s", file.Name(), arch, ErrArch, ggufArchs())
	}
	k := &keys{f: file, arch: arch, layerSizes: f.layerSizes}
	c := &Config{ModelType: f.modelType, family: f}
	c.readGGUFSizes(k)
	if k.err == nil {
		f.readGGUF(c, k)
		c.readGGUFPooling(k)
	}
	if k.err == nil {
		if conflict := c.finish(); conflict != nil {
			k.err = conflict.inGGUF(k)
		}
	}
	return c, k.err
}

// unknownContext is the context of a model whose file does not tell it.
const unknownContext = 2048

// readGGUFSizes reads what all models have.
func (c *Config) readGGUFSizes(k *keys) {
	c.NumHiddenLayers = k.count("block_count", 0, 1, maxLayers)
	if !k.f.Has(k.name("context_length")) {
		c.assume("%s is missing: the context is taken to be %d", k.name("context_length"), unknownContext)
	}
	c.MaxPositionEmbeddings = k.count("context_length", unknownContext, 1, maxContext)
	c.HiddenSize = k.count("embedding_length", 0, 1, maxWidth)
	c.NumAttentionHeads = k.count("attention.head_count", 0, 1, maxHeads)
	c.NumKeyValueHeads = k.count("attention.head_count_kv", c.NumAttentionHeads, 1, maxHeads)
	epsilon := "attention.layer_norm_rms_epsilon"
	if c.family.layerNorms {
		epsilon = "attention.layer_norm_epsilon"
	}
	if c.RMSNormEps = float32(k.number(epsilon, 0)); c.RMSNormEps == 0 {
		k.fail(k.name(epsilon), "a small positive number")
	}
	if t, ok := k.f.Tensor("token_embd.weight"); ok && len(t.Shape) == 2 {
		c.VocabSize = min(t.Shape[0], maxVocab)
	}
	experts := k.count("expert_feed_forward_length", 0, 0, maxWidth) // where no layer is dense, it may be all there is
	c.IntermediateSize = k.count("feed_forward_length", experts, 1, maxWidth)
}

// readGGUFExperts reads the sizes of experts, where a model has them.
func (c *Config) readGGUFExperts(k *keys) {
	if c.NumExperts = k.count("expert_count", 0, 0, maxExperts); c.NumExperts > 0 {
		c.NumExpertsPerTok = k.count("expert_used_count", 0, 1, maxExperts)
		c.NormTopKProb = true
		c.MoEIntermediateSize = k.count("expert_feed_forward_length", c.IntermediateSize, 1, maxWidth)
	}
}

// readGGUFHeadDim reads the width of a head, which keys, values and rotary embedding
// share.
func (c *Config) readGGUFHeadDim(k *keys) {
	c.HeadDim = k.count("attention.key_length", max(1, c.HiddenSize/c.NumAttentionHeads), 1, maxWidth)
	want := fmt.Sprintf("%s, %d", k.name("attention.key_length"), c.HeadDim)
	if !k.f.Has(k.name("attention.key_length")) {
		want = fmt.Sprintf("%s %d / %s %d", k.name("embedding_length"), c.HiddenSize, k.name("attention.head_count"), c.NumAttentionHeads)
	}
	wholes := []string{"attention.value_length", "rope.dimension_count"}
	if c.family.partialRotary {
		wholes = wholes[:1]
	}
	for _, key := range wholes {
		if k.count(key, c.HeadDim, 1, maxWidth) != c.HeadDim {
			k.fail(k.name(key), want)
		}
	}
}

// readGGUFRope reads the rotary parameters; divisors of the frequencies stand in a
// tensor, for heads of HeadDim.
func (c *Config) readGGUFRope(k *keys) {
	r := RopeConfig{
		Partial:                       1,
		Type:                          k.text("rope.scaling.type", "linear"),
		Theta:                         k.number("rope.freq_base", 10000),
		Factor:                        k.number("rope.scaling.factor", k.number("rope.scale_linear", 1)),
		OriginalMaxPositionEmbeddings: k.number("rope.scaling.original_context_length", float64(c.MaxPositionEmbeddings)),
		BetaFast:                      k.number("rope.scaling.yarn_beta_fast", 32),
		BetaSlow:                      k.number("rope.scaling.yarn_beta_slow", 1),
	}
	if r.Type == "none" || r.Type == "linear" && (r.Factor == 1 || r.Factor == 0) {
		r.Type = "default"
	}
	if a := k.number("rope.scaling.attn_factor", 1); a != 1 && r.Type == "yarn" {
		r.AttentionFactor = a * yarnScale(r.Factor, 1)
	}
	turning := c.HeadDim
	if c.family.partialRotary {
		c.RotaryDim = k.count("rope.dimension_count", c.HeadDim, 1, maxWidth)
		turning = c.RotaryDim
	}
	if t, ok := k.f.Tensor(ropeFreqs); ok {
		r.Divisors = ropeDivisors(k, t, turning)
	}
	long, hasLong := k.f.Tensor(ropeLong)
	short, hasShort := k.f.Tensor(ropeShort)
	if hasLong && hasShort {
		r.Type = "longrope"
		r.AttentionFactor = k.number("rope.scaling.attn_factor", 1)
		r.Short, r.Long = wide(ropeDivisors(k, short, turning)), wide(ropeDivisors(k, long, turning))
	}
	c.Rope = r
}

// The tensors that say what frequencies are divided by: always, and in longrope.
const (
	ropeFreqs = "rope_freqs.weight"
	ropeLong  = "rope_factors_long.weight"
	ropeShort = "rope_factors_short.weight"
)

func wide(v []float32) (out []float64) {
	for _, x := range v {
		out = append(out, float64(x))
	}
	return out
}

// ropeDivisors reads one of them, for the d numbers of a head that turn.
func ropeDivisors(k *keys, t gguf.Tensor, d int) []float32 {
	if t.Type.String() != "F32" || len(t.Shape) != 1 || t.Shape[0] != d/2 {
		if k.err == nil {
			k.err = fmt.Errorf("model: %s: tensor %s: %s %v, want F32 [%d]: %w", k.f.Name(), t.Name, t.Type, t.Shape, d/2, ErrTensor)
		}
		return nil
	}
	div := decodeF32(k.f.Bytes(t))
	for _, v := range div {
		if !(v > 0) || math.IsInf(float64(v), 0) {
			if k.err == nil {
				k.err = fmt.Errorf("model: %s: tensor %s holds %v, want positive numbers: %w", k.f.Name(), t.Name, v, ErrTensor)
			}
			return nil
		}
	}
	return div
}
