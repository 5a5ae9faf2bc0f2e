// Package tiny makes the tiny models whose logits an independent program computed.
package tiny

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/safetensors"
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
	TextConfig    *Config `json:"text_config"`
	Vision        *vision `json:"vision_config"`
}

type vision struct {
	Hidden       int `json:"hidden_size"`
	Intermediate int `json:"intermediate_size"`
	Layers       int `json:"num_hidden_layers"`
	Image        int `json:"image_size"`
	Patch        int `json:"patch_size"`
}

// Tensor is a tensor of a tiny model.
type Tensor struct {
	Name  string
	Shape []int
}

// Model is a tiny model: its configuration and how its weights are made.
type Model struct {
	Config Config
	Raw    []byte // config.json
	Seed   int
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
	if err := json.Unmarshal(about, &seed); err != nil {
		return nil, err
	}
	m.Seed = seed.Seed
	return m, nil
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

// Tensors returns the tensors of the checkpoint in the order they are written.
func (m *Model) Tensors() []Tensor {
	var l list
	c := &m.Config
	switch c.ModelType {
	case "gemma3":
		l.gemma(c.TextConfig, "language_model.")
		l.tower(c.Vision, c.TextConfig.HiddenSize)
	case "gemma3_text":
		l.gemma(c, "")
	default:
		l.llamaLike(c)
	}
	return l
}

type list []Tensor

func (l *list) add(name string, shape ...int) { *l = append(*l, Tensor{name, shape}) }

func (l *list) mlp(p string, hidden, inter int, bias bool) {
	l.add(p+"gate_proj.weight", inter, hidden)
	l.add(p+"up_proj.weight", inter, hidden)
	l.add(p+"down_proj.weight", hidden, inter)
	if bias {
		l.add(p+"gate_proj.bias", inter)
		l.add(p+"up_proj.bias", inter)
		l.add(p+"down_proj.bias", hidden)
	}
}

func (l *list) attention(p string, c *Config, qkvBias, oBias, norms bool) {
	d := c.headDim()
	q, kv := c.Heads*d, c.KVHeads*d
	l.add(p+"q_proj.weight", q, c.HiddenSize)
	l.add(p+"k_proj.weight", kv, c.HiddenSize)
	l.add(p+"v_proj.weight", kv, c.HiddenSize)
	l.add(p+"o_proj.weight", c.HiddenSize, q)
	if qkvBias {
		l.add(p+"q_proj.bias", q)
		l.add(p+"k_proj.bias", kv)
		l.add(p+"v_proj.bias", kv)
	}
	if oBias {
		l.add(p+"o_proj.bias", c.HiddenSize)
	}
	if norms {
		l.add(p+"q_norm.weight", d)
		l.add(p+"k_norm.weight", d)
	}
}

// llamaLike lists llama, qwen2, qwen3, qwen3_moe and mixtral.
func (l *list) llamaLike(c *Config) {
	H := c.HiddenSize
	l.add("model.embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		p := fmt.Sprintf("model.layers.%d.", i)
		l.add(p+"input_layernorm.weight", H)
		qwen2, qwen3 := c.ModelType == "qwen2", strings.HasPrefix(c.ModelType, "qwen3")
		l.attention(p+"self_attn.", c, c.AttentionBias || qwen2, c.AttentionBias && !qwen2, qwen3)
		l.add(p+"post_attention_layernorm.weight", H)
		switch {
		case c.ModelType == "mixtral":
			l.add(p+"block_sparse_moe.gate.weight", c.LocalExperts, H)
			for e := range c.LocalExperts {
				q := fmt.Sprintf("%sblock_sparse_moe.experts.%d.", p, e)
				l.add(q+"w1.weight", c.Intermediate, H)
				l.add(q+"w2.weight", H, c.Intermediate)
				l.add(q+"w3.weight", c.Intermediate, H)
			}
		case c.ModelType == "qwen3_moe" && c.sparse(i):
			l.add(p+"mlp.gate.weight", c.NumExperts, H)
			for e := range c.NumExperts {
				l.mlp(fmt.Sprintf("%smlp.experts.%d.", p, e), H, c.MoEInter, false)
			}
		default:
			l.mlp(p+"mlp.", H, c.Intermediate, c.MLPBias && c.ModelType == "llama")
		}
	}
	l.add("model.norm.weight", H)
	if !c.tied(false) {
		l.add("lm_head.weight", c.VocabSize, H)
	}
}

func (c *Config) sparse(i int) bool {
	for _, dense := range c.MLPOnlyLayers {
		if dense == i {
			return false
		}
	}
	return (i+1)%max(c.DecoderStep, 1) == 0
}

func (l *list) gemma(c *Config, prefix string) {
	H := c.HiddenSize
	l.add(prefix+"model.embed_tokens.weight", c.VocabSize, H)
	for i := range c.Layers {
		p := fmt.Sprintf("%smodel.layers.%d.", prefix, i)
		l.add(p+"input_layernorm.weight", H)
		l.attention(p+"self_attn.", c, false, false, true)
		l.add(p+"post_attention_layernorm.weight", H)
		l.add(p+"pre_feedforward_layernorm.weight", H)
		l.mlp(p+"mlp.", H, c.Intermediate, false)
		l.add(p+"post_feedforward_layernorm.weight", H)
	}
	l.add(prefix+"model.norm.weight", H)
	if !c.tied(true) {
		l.add(prefix+"lm_head.weight", c.VocabSize, H)
	}
}

// tower lists the vision tower that a text engine leaves alone.
func (l *list) tower(v *vision, H int) {
	W, I := v.Hidden, v.Intermediate
	l.add("multi_modal_projector.mm_input_projection_weight", W, H)
	l.add("multi_modal_projector.mm_soft_emb_norm.weight", W)
	p := "vision_tower.vision_model."
	l.add(p+"embeddings.patch_embedding.weight", W, 3, v.Patch, v.Patch)
	l.add(p+"embeddings.patch_embedding.bias", W)
	for i := range v.Layers {
		q := fmt.Sprintf("%sencoder.layers.%d.", p, i)
		l.add(q+"mlp.fc1.weight", I, W)
		l.add(q+"mlp.fc2.weight", W, I)
	}
}

// noise returns n numbers of mean 0 and deviation 1: sums of four 16-bit parts of
// splitmix64 started from the SHA-256 of seed and name.
func noise(seed int, name string, n int) []float64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s", seed, name))
	state := binary.LittleEndian.Uint64(sum[:8])
	x := make([]float64, n)
	for i := range x {
		z := state + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		parts := int64(z&0xffff) + int64(z>>16&0xffff) + int64(z>>32&0xffff) + int64(z>>48)
		x[i] = float64(parts-131070) / math.Sqrt((1<<32-1)/3.0)
	}
	return x
}

// law returns mean and deviation of a tensor's values.
func (m *Model) law(t Tensor) (mean, dev float64) {
	c := m.Config.text()
	gemma := strings.HasPrefix(c.ModelType, "gemma") && !strings.Contains(t.Name, "vision")
	root := math.Sqrt(float64(t.Shape[len(t.Shape)-1]))
	switch {
	case strings.HasSuffix(t.Name, ".bias"):
		return 0, 0.1
	case len(t.Shape) == 1 && gemma && strings.HasSuffix(t.Name, "model.norm.weight"):
		return 5, 0.1
	case len(t.Shape) == 1 && gemma:
		return 0, 0.1
	case len(t.Shape) == 1:
		return 1, 0.1
	case strings.HasSuffix(t.Name, "embed_tokens.weight") && gemma:
		return 0, 0.5 / root
	case strings.HasSuffix(t.Name, "embed_tokens.weight") && c.tied(false):
		return 0, 3 / root
	case strings.HasSuffix(t.Name, "embed_tokens.weight"):
		return 0, 1
	case strings.HasSuffix(t.Name, "lm_head.weight"):
		return 0, 3 / root
	}
	return 0, 1.2 / root
}

// Weight returns the values of a tensor: bfloat16 numbers that float16 holds too.
func (m *Model) Weight(t Tensor) []float32 {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	mean, dev := m.law(t)
	w := make([]float32, n)
	for i, v := range noise(m.Seed, t.Name, n) {
		bits := math.Float32bits(float32(mean + float64(dev*v)))
		bits = (bits + 0x7fff + bits>>16&1) &^ 0xffff
		if w[i] = math.Float32frombits(bits); math.Abs(float64(w[i])) < 0x1p-14 {
			w[i] = 0
		}
	}
	return w
}

// WriteSafetensors writes the model as a published checkpoint looks: config.json
// and model.safetensors, float32.
func (m *Model) WriteSafetensors(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), m.Raw, 0o644); err != nil {
		return err
	}
	w, err := safetensors.Create(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		return err
	}
	defer w.Abort()
	tensors := m.Tensors()
	for _, t := range tensors {
		if err := w.Declare(t.Name, "F32", t.Shape...); err != nil {
			return err
		}
	}
	for _, t := range tensors {
		if err := w.WriteTensor(t.Name, float32Bytes(m.Weight(t))); err != nil {
			return err
		}
	}
	return w.Close()
}

func float32Bytes(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
