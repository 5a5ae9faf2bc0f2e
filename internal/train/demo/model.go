package demo

import (
	"path/filepath"
	"strconv"

	"github.com/blitz-r1/blitz/internal/train/letters"
	"github.com/blitz-r1/blitz/safetensors"
)

// Shape is that of the model: Llama's, with one matrix for embedding and head.
type Shape struct {
	Hidden  int `toml:"hidden-size" help:"width"`
	Inner   int `toml:"intermediate-size" help:"width of the feed-forward layers"`
	Layers  int `toml:"layers" help:"how many there are"`
	Heads   int `toml:"heads" help:"of attention, each layer"`
	Context int `toml:"context" help:"positions"`
}

func (s *Shape) config() letters.Object {
	return letters.Object{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "torch_dtype": "float32", "hidden_act": "silu",
		"hidden_size": s.Hidden, "intermediate_size": s.Inner, "num_hidden_layers": s.Layers, "num_attention_heads": s.Heads, "num_key_value_heads": s.Heads,
		"max_position_embeddings": s.Context, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": vocabSize,
		"bos_token_id": nil, "eos_token_id": letters.End, "attention_bias": false, "mlp_bias": false,
	}
}

// write writes a model whose weights are zeros: what a model is opened from that begins anew.
func (s *Shape) write(folder string) error {
	if err := vocabulary.Write(folder, s.config(), ""); err != nil {
		return err
	}
	w, err := safetensors.Create(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		return err
	}
	defer w.Abort()
	tensors := s.tensors()
	for _, t := range tensors {
		if err := w.Declare(t.name, safetensors.F32, t.shape...); err != nil {
			return err
		}
	}
	for _, t := range tensors {
		n := 4
		for _, d := range t.shape {
			n *= d
		}
		if err := w.WriteTensor(t.name, make([]byte, n)); err != nil {
			return err
		}
	}
	return w.Close()
}

// tensorShape is a tensor of the model.
type tensorShape struct {
	name  string
	shape []int
}

func (s *Shape) tensors() (list []tensorShape) {
	add := func(name string, shape ...int) { list = append(list, tensorShape{name + ".weight", shape}) }
	add("model.embed_tokens", vocabSize, s.Hidden)
	for i := range s.Layers {
		p := "model.layers." + strconv.Itoa(i) + "."
		add(p+"input_layernorm", s.Hidden)
		for _, x := range []string{"q", "k", "v", "o"} {
			add(p+"self_attn."+x+"_proj", s.Hidden, s.Hidden)
		}
		add(p+"post_attention_layernorm", s.Hidden)
		add(p+"mlp.gate_proj", s.Inner, s.Hidden)
		add(p+"mlp.up_proj", s.Inner, s.Hidden)
		add(p+"mlp.down_proj", s.Hidden, s.Inner)
	}
	add("model.norm", s.Hidden)
	return list
}
