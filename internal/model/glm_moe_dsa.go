package model

import (
	"fmt"
	"strings"
)

// glmMoeDsaFamily is GLM-5, 5.1 and 5.2: DeepSeek-V3.2, whose indexer turns neighbours and
// stands in some layers alone; the others see what the last one before them chose.
var glmMoeDsaFamily = family{
	modelType: "glm_moe_dsa",
	archs:     []string{"glm-dsa"},
	defaults: with(deepseekV3Defaults, map[string]any{
		"vocab_size": 154880, "hidden_size": 6144, "intermediate_size": 12288, "num_hidden_layers": 78, "num_attention_heads": 64,
		"num_key_value_heads": 64, "max_position_embeddings": 202752, "rms_norm_eps": 1e-5, "q_lora_rank": 2048, "qk_nope_head_dim": 192,
		"v_head_dim": 256, "n_group": 1, "topk_group": 1, "index_topk": 2048, "index_head_dim": 128, "index_n_heads": 32, "rope_theta": 1e6,
	}),
	aliases: deepseekAliases,
	readHF: func(c *Config, o *object) {
		readDeepSeek(c, o)
		c.readIndexer(o)
		c.IndexPairs = o.bool("indexer_rope_interleave", true)
		c.readIndexShared(o)
	},
	readGGUF: func(c *Config, k *keys) {
		readGGUFDeepSeek(c, k)
		c.readGGUFIndexer(k)
		c.IndexPairs = true
		c.readGGUFIndexShared(k)
	},
	check: func(c *Config) *conflict {
		if len(c.IndexShared) > 0 && c.IndexShared[0] {
			return clash("%s: the first layer has no indexer, want one", fact{"indexer_types", "shared"})
		}
		return checkDeepSeek(c)
	},
	network: newDeepSeek,
	spare: func(b *binder, c *Config, name string) string {
		layer, in := b.layerOf(name)
		if in && layer < c.NumHiddenLayers && c.IndexShared != nil && c.IndexShared[layer] && strings.Contains(name, "indexer.") {
			return "of indexers of layers that see what another one chose"
		}
		return spareDeepSeek(b, c, name)
	},
	drafts: true,
}

// readIndexShared reads which layers have no indexer of their own: a list of kinds, a
// pattern of letters, or a frequency.
func (c *Config) readIndexShared(o *object) {
	pattern := o.text("index_topk_pattern", "")
	switch kinds := o.list("indexer_types", c.NumHiddenLayers); {
	case kinds != nil:
		c.IndexShared = make([]bool, c.NumHiddenLayers)
		for i, kind := range kinds {
			if kind != "full" && kind != "shared" {
				o.fail("indexer_types", show(kind), "full or shared")
			}
			c.IndexShared[i] = kind == "shared"
		}
	case pattern != "":
		if len(pattern) != c.NumHiddenLayers || strings.Trim(pattern, "FS") != "" {
			o.fail("index_topk_pattern", show(pattern), fmt.Sprintf("num_hidden_layers %d letters F or S", c.NumHiddenLayers))
			return
		}
		c.IndexShared = make([]bool, c.NumHiddenLayers)
		for i := range pattern {
			c.IndexShared[i] = pattern[i] == 'S'
		}
	default:
		c.shareEvery(o.count("index_topk_freq", 1, 1, maxLayers), o.count("index_skip_topk_offset", 2, 0, maxLayers))
	}
}

// shareEvery gives every so manieth layer an indexer, and the first ones.
func (c *Config) shareEvery(freq, offset int) {
	c.IndexShared = make([]bool, c.NumHiddenLayers)
	for i := range c.IndexShared {
		c.IndexShared[i] = max(i-offset+1, 0)%freq != 0
	}
}

// Of GLM-5.2, which files without a key for it are known by.
const (
	glm52Context = 1048576
	glm52Freq    = 4
	glm52Offset  = 3
)

func (c *Config) readGGUFIndexShared(k *keys) {
	key := k.name("attention.indexer.types")
	list, ok := k.f.Bools(key)
	switch {
	case ok && len(list) < c.NumHiddenLayers:
		k.fail(key, "one value for every layer")
	case ok:
		c.IndexShared = make([]bool, c.NumHiddenLayers)
		for i := range c.IndexShared {
			c.IndexShared[i] = !list[i]
		}
	case k.f.Has(key):
		k.fail(key, "a list of bools")
	case c.MaxPositionEmbeddings >= glm52Context:
		c.assume("%s is missing: an indexer in every fourth layer, as GLM-5.2 has", key)
		c.shareEvery(glm52Freq, glm52Offset)
	}
}
