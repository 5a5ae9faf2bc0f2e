package model

import (
	"fmt"
	"slices"
	"strings"
)

// A file may hold tensors that nothing was bound to. Of some it is known that a language
// model's answers do not need them: they are noted. Any other one says that the file is
// of another model than its configuration tells, and is refused: the answers would be
// other ones, without a word.

// spareNames are what tensors are that no family needs, by parts of their names between
// dots, in the layers of the language model and outside of them.
var spareNames = []struct {
	what    string
	inLayer bool
	parts   []string // one of these
}{
	{"of rotary embeddings, which are computed", true, []string{"inv_freq", "original_inv_freq", "cos_cached", "sin_cached", "attn_rot_embd"}},
	{"of causal masks, which are computed", true, []string{"masked_bias", "causal_mask"}},
	{"of activations and caches in eight bits, which are not rounded so here", true, []string{"input_scale", "k_scale", "v_scale", "kv_scale", "q_scale", "activation_scale"}},
	{"of what Megatron and TransformerEngine keep", true, []string{"_extra_state"}},
	{"of vision parts", false, []string{
		"vision_tower", "vision_model", "vision_encoder", "visual", "sam_model", "image_newline", "view_seperator", "multi_modal_projector",
		"mm_projector", "projector", "patch_merger", "pre_mm_projector_norm", "vision_language_adapter", "vision_embed_tokens", "embed_vision",
	}},
	{"of audio parts", false, []string{"audio_tower", "audio_model", "audio_encoder", "embed_audio"}},
	{"of heads for other tasks", false, []string{"score", "v_head", "value_head", "classifier"}},
}

// spareGGUF are what tensors of GGUF files are, by the first part of their names.
var spareGGUF = map[string]string{
	"v": "of vision parts", "mm": "of vision parts", "a": "of audio parts", "cls": "of heads for other tasks",
}

// checkUnused compares what the file holds with what was bound.
func (b *binder) checkUnused(c *Config) {
	if b.err != nil {
		return
	}
	var unused []string
	b.unread = map[string][]int{}
	kinds := map[string][]string{} // names by what they are
	for _, name := range b.src.names() {
		if b.taken[name] {
			continue
		}
		if what := b.spare(c, name); what != "" {
			kinds[what] = append(kinds[what], name)
			if t, _ := b.src.find(name); len(t.Shape) > 1 && strings.HasSuffix(name, ".weight") {
				b.unread[name] = slices.Clone(t.Shape)
			}
		} else {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		slices.Sort(unused)
		b.fail(b.unusedError(c, unused))
		return
	}
	for _, what := range sortedKeys(kinds) {
		names := kinds[what]
		slices.Sort(names)
		if len(names) == 1 {
			c.assume("tensor %s is not used: %s", names[0], what)
		} else {
			c.assume("%d tensors are not used: %s (%s …)", len(names), what, names[0])
		}
	}
}

// spare says what a tensor is that was not bound and is known to be of no use; "" of
// any other one.
func (b *binder) spare(c *Config, name string) string {
	if c.family.spare != nil {
		if what := c.family.spare(b, c, name); what != "" {
			return what
		}
	}
	parts := strings.Split(name, ".")
	if !b.hf {
		if what := spareGGUF[parts[0]]; what != "" {
			return what
		}
		if parts[0] == "blk" && len(parts) > 2 && strings.Join(parts[2:], ".") == ropeFreqs && b.sameBytes(name, ropeFreqs) {
			return "of divisors of frequencies that all layers share"
		}
	}
	_, inLayer := b.layerOf(name)
	for _, s := range spareNames {
		for _, p := range s.parts {
			if (s.inLayer || !inLayer) && slices.Contains(parts, p) {
				return s.what
			}
		}
	}
	return ""
}

func (b *binder) sameBytes(x, y string) bool {
	tx, okX := b.src.find(x)
	ty, okY := b.src.find(y)
	return okX && okY && tx.DType == ty.DType && b.sameNumbers(tx, ty)
}

// unusedError names the first tensor that nothing reads, and the key of the configuration
// that is likely to be wrong.
func (b *binder) unusedError(c *Config, names []string) error {
	name := names[0]
	got := "is not used"
	if n := len(names) - 1; n > 0 {
		got = fmt.Sprintf("and %d more are not used", n)
	}
	return fmt.Errorf("model: %s: tensor %s %s by a model as its configuration tells, see %s: %w", b.src.name(), name, got, b.suspect(c, name), ErrTensor)
}

// suspect returns the key of the configuration that decides whether a tensor is used.
func (b *binder) suspect(c *Config, name string) string {
	key := func(hf, gguf string) string {
		if b.hf {
			return hf
		}
		return gguf
	}
	layer, inLayer := b.layerOf(name)
	switch {
	case strings.Contains(name, "nextn."):
		return key("num_nextn_predict_layers", "nextn_predict_layers")
	case inLayer && layer >= c.NumHiddenLayers:
		return fmt.Sprintf("%s %d", key("num_hidden_layers", "block_count"), c.NumHiddenLayers)
	case strings.Contains(name, "shexp") || strings.Contains(name, "shared_expert"):
		return fmt.Sprintf("%s %d", key("n_shared_experts", "expert_shared_count"), c.NumSharedExperts)
	case strings.Contains(name, "exps.") || strings.Contains(name, ".experts.") || strings.Contains(name, "exp_probs") || strings.Contains(name, "gate_inp"):
		return fmt.Sprintf("%s %d", key("the number of experts,", "expert_count"), c.NumExperts)
	case b.hf && strings.HasSuffix(name, "_proj.bias"):
		return "attention_bias and mlp_bias"
	case !b.hf && strings.HasPrefix(name, "output."):
		return "output.weight, for which the embedding is taken where it is missing"
	case !b.hf && strings.HasPrefix(name, "rope_"):
		return ropeFreqs
	case b.hf && strings.HasSuffix(name, "_scale_inv"):
		return "the type of its weight, which is not F8_E4M3"
	}
	return fmt.Sprintf("%s %s", key("model_type", "general.architecture"), c.ModelType)
}
