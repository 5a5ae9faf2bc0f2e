// Package tiny makes the tiny models whose logits an independent program computed.
package tiny

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// The weights of the golden models are not stored: each is a function of a seed,
// the tensor's name and the element's index. This file makes the same models as the
// program that the reference was computed with.

// Config is what the shapes and values of a tiny model depend on.
type Config struct {
	ModelType     string  `json:"model_type"`
	VocabSize     int     `json:"vocab_size"`
	HiddenSize    int     `json:"hidden_size"`
	Intermediate  int     `json:"intermediate_size"`
	MoEInter      int     `json:"moe_intermediate_size"`
	Layers        int     `json:"num_hidden_layers"`
	Heads         int     `json:"num_attention_heads"`
	KVHeads       int     `json:"num_key_value_heads"`
	HeadDim       int     `json:"head_dim"`
	Tied          *bool   `json:"tie_word_embeddings"`
	AttentionBias bool    `json:"attention_bias"`
	MLPBias       bool    `json:"mlp_bias"`
	NumExperts    int     `json:"num_experts"`
	LocalExperts  int     `json:"num_local_experts"`
	DecoderStep   int     `json:"decoder_sparse_step"`
	MLPOnlyLayers []int   `json:"mlp_only_layers"`
	NextN         int     `json:"num_nextn_predict_layers"`
	SharedInter   int     `json:"shared_expert_intermediate_size"`
	QKNorm        bool    `json:"use_qk_norm"`
	Quantization  any     `json:"quantization_config"`
	NoRope        []int   `json:"no_rope_layers"`
	TextConfig    *Config `json:"text_config"`
	Vision        *vision `json:"vision_config"`
	Latent
	Delta
	Entries
	Gemma4
}

// Latent is what the DeepSeek family has beyond other models.
type Latent struct {
	QLora        int `json:"q_lora_rank"`
	KVLora       int `json:"kv_lora_rank"`
	Nope         int `json:"qk_nope_head_dim"`
	RopeDim      int `json:"qk_rope_head_dim"`
	VDim         int `json:"v_head_dim"`
	Routed       int `json:"n_routed_experts"`
	Shared       int `json:"n_shared_experts"`
	FirstDense   int `json:"first_k_dense_replace"`
	LayerFreq    int `json:"moe_layer_freq"`
	IndexHeads   int `json:"index_n_heads"`
	IndexHeadDim int `json:"index_head_dim"`

	IndexerTypes []string `json:"indexer_types"`
}

type vision struct {
	Hidden       int `json:"hidden_size"`
	Intermediate int `json:"intermediate_size"`
	Layers       int `json:"num_hidden_layers"`
	Image        int `json:"image_size"`
	Patch        int `json:"patch_size"`
}

// Model is a tiny model: its configuration and how its weights are made.
type Model struct {
	Config Config
	Raw    []byte // config.json
	Seed   int

	made sync.Map // weights by name of the tensor: a test writes a model in many forms
}

// Load reads config.json and the seed of a golden folder.
func Load(folder string) (*Model, error) {
	raw, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if err != nil {
		return nil, err
	}
	about, err := os.ReadFile(filepath.Join(folder, "about.json"))
	if err != nil {
		return nil, err
	}
	m := &Model{Raw: raw}
	var seed struct {
		Seed int `json:"seed"`
	}
	if err := json.Unmarshal(raw, &m.Config); err != nil {
		return nil, err
	}
	if m.Config.ModelType == "" {
		if err := m.Config.readParams(raw); err != nil {
			return nil, err
		}
	}
	if err := json.Unmarshal(about, &seed); err != nil {
		return nil, err
	}
	m.Seed = seed.Seed
	return m, nil
}

// readParams reads Mistral's own form, params.json.
func (c *Config) readParams(raw []byte) error {
	var p struct {
		Dim       int `json:"dim"`
		HiddenDim int `json:"hidden_dim"`
		Layers    int `json:"n_layers"`
		Heads     int `json:"n_heads"`
		MoE       struct {
			Experts int `json:"num_experts"`
			Inner   int `json:"expert_hidden_dim"`
			Shared  int `json:"num_shared_experts"`
			Dense   int `json:"first_k_dense_replace"`
		} `json:"moe"`
	}
	err := json.Unmarshal(raw, &p)
	c.ModelType = "mistral_large3"
	c.HiddenSize, c.Intermediate, c.Layers, c.Heads = p.Dim, p.HiddenDim, p.Layers, p.Heads
	c.Routed, c.MoEInter, c.Shared, c.FirstDense = p.MoE.Experts, p.MoE.Inner, p.MoE.Shared, p.MoE.Dense
	return err
}

// text returns the configuration of the language model.
func (c *Config) text() *Config {
	if c.TextConfig != nil {
		return c.TextConfig
	}
	return c
}

func (c *Config) tied(def bool) bool {
	if c.Tied == nil {
		return def
	}
	return *c.Tied
}

func (c *Config) headDim() int {
	if c.HeadDim != 0 {
		return c.HeadDim
	}
	return c.HiddenSize / c.Heads
}

// family says whether the model has latent attention.
func (c *Config) family() bool { return c.KVLora > 0 }

// With returns the model with other values in its config.json; nil takes a key away.
// Values may be such that no model can have them: then the file alone is of use.
func (m *Model) With(changes map[string]any) *Model {
	d := json.NewDecoder(bytes.NewReader(m.Raw))
	d.UseNumber()
	values := map[string]any{}
	err := d.Decode(&values)
	for key, v := range changes {
		if values[key] = v; v == nil {
			delete(values, key)
		}
	}
	n := &Model{Seed: m.Seed}
	if err == nil {
		n.Raw, err = json.Marshal(values)
	}
	var odd *json.UnmarshalTypeError
	if err == nil {
		err = json.Unmarshal(n.Raw, &n.Config)
	}
	if err != nil && !errors.As(err, &odd) {
		panic("tiny: " + err.Error()) // the model came through Load
	}
	return n
}
