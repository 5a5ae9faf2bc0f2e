package recipe

import (
	"strings"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// Teacher is the shape of the model that goes through the stages: DeepSeek-V3's, with latent
// attention, experts, and a module of multi-token prediction.
type Teacher struct {
	Hidden      int `toml:"hidden-size" help:"width"`
	Inner       int `toml:"intermediate-size" help:"width of the first layer's feed-forward part"`
	ExpertInner int `toml:"moe-intermediate-size" help:"width of an expert"`
	Layers      int `toml:"layers" help:"of which the first has no experts"`
	Heads       int `toml:"heads" help:"of attention, each layer"`
	Latent      int `toml:"kv-lora-rank" help:"width of what attention keeps of a token, without its position"`
	NoPE        int `toml:"qk-nope-head-dim" help:"width of a head that knows no position"`
	RoPE        int `toml:"qk-rope-head-dim" help:"width of a head that knows it"`
	Value       int `toml:"v-head-dim" help:"width of a head's values"`
	Experts     int `toml:"experts" help:"of a layer"`
	Chosen      int `toml:"experts-per-token" help:"of them, for a token, beside the one that all share"`
}

// Student is the shape of the dense model: Llama's.
type Student struct {
	Hidden int `toml:"hidden-size" help:"width"`
	Inner  int `toml:"intermediate-size" help:"width of the feed-forward layers"`
	Layers int `toml:"layers" help:"how many there are"`
	Heads  int `toml:"heads" help:"of attention, each layer"`
}

// common is what both configurations have.
func common(kind, class string, hidden, inner, layers, heads, context int) letters.Object {
	return letters.Object{
		"architectures": []string{class}, "model_type": kind, "torch_dtype": "float32", "hidden_act": "silu", "hidden_size": hidden, "intermediate_size": inner,
		"num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": heads, "max_position_embeddings": context, "rms_norm_eps": 1e-6,
		"rope_theta": 10000.0, "tie_word_embeddings": true, "vocab_size": vocabSize, "bos_token_id": nil, "eos_token_id": letters.End, "attention_bias": false,
	}
}

func (s *Teacher) config(context int) letters.Object {
	c := common("deepseek_v3", "DeepseekV3ForCausalLM", s.Hidden, s.Inner, s.Layers, s.Heads, context)
	for k, v := range (letters.Object{
		"moe_intermediate_size": s.ExpertInner, "first_k_dense_replace": 1, "moe_layer_freq": 1, "q_lora_rank": nil, "kv_lora_rank": s.Latent,
		"qk_nope_head_dim": s.NoPE, "qk_rope_head_dim": s.RoPE, "v_head_dim": s.Value, "n_routed_experts": s.Experts, "num_experts_per_tok": s.Chosen,
		"n_shared_experts": 1, "n_group": 1, "topk_group": 1, "norm_topk_prob": true, "routed_scaling_factor": 1.0, "scoring_func": "sigmoid",
		"topk_method": "noaux_tc", "num_nextn_predict_layers": 1,
	}) {
		c[k] = v
	}
	return c
}

func (s *Student) config(context int) letters.Object {
	c := common("llama", "LlamaForCausalLM", s.Hidden, s.Inner, s.Layers, s.Heads, context)
	c["mlp_bias"] = false
	return c
}

// size is how large a model is.
type size struct {
	All    int `json:"parameters"`
	Active int `json:"active_parameters"` // that a token is multiplied with: of experts those that are chosen; embeddings count as the head
}

// sizeOf counts the weights of a model of which some experts of all are chosen for a token.
func sizeOf(weights []*model.Weight, chosen, experts int) (s size) {
	for _, t := range train.Tensors(weights) {
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		s.All += n
		if strings.Contains(t.Name, ".experts.") {
			n = n * chosen / experts
		}
		s.Active += n
	}
	return s
}
