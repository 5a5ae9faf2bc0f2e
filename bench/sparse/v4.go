package main

import (
	"fmt"

	"github.com/blitz-r1/blitz/gguf"
)

// A slice of DeepSeek-V4-Flash: widths are its own, with fewer layers, experts and tokens.
const (
	v4Arch                                  = "deepseek4"
	v4Hidden, v4Vocab, v4Inner              = 4096, 8192, 2048
	v4Heads, v4Head, v4Rope                 = 64, 512, 64
	v4QLora, v4Groups, v4OLora              = 1024, 8, 1024
	v4Experts, v4Used                       = 32, 6
	v4Streams                               = 4
	v4IndexHeads, v4IndexDim, v4IndexChosen = 64, 128, 512
)

// v4Ratios are the positions of entries, by layer.
var v4Ratios = []int32{0, 4, 128, 4}

// putV4 writes what the file says of it.
func putV4(w *gguf.Writer) {
	w.Put("general.architecture", gguf.ValueOf(v4Arch))
	w.Put("general.name", gguf.ValueOf("random V4"))
	w.Put("tokenizer.ggml.model", gguf.ValueOf("no_vocab"))
	for key, n := range map[string]int{
		"block_count": len(v4Ratios), "context_length": context, "embedding_length": v4Hidden, "vocab_size": v4Vocab,
		"attention.head_count": v4Heads, "attention.head_count_kv": 1, "attention.key_length": v4Head, "attention.value_length": v4Head,
		"rope.dimension_count": v4Rope, "attention.q_lora_rank": v4QLora, "attention.output_group_count": v4Groups,
		"attention.output_lora_rank": v4OLora, "attention.sliding_window": 128,
		"attention.indexer.head_count": v4IndexHeads, "attention.indexer.key_length": v4IndexDim, "attention.indexer.top_k": v4IndexChosen,
		"expert_count": v4Experts, "expert_used_count": v4Used, "expert_feed_forward_length": v4Inner, "expert_shared_count": 1,
		"expert_gating_func": 4, "hash_layer_count": 0, "hyper_connection.count": v4Streams, "hyper_connection.sinkhorn_iterations": 20,
		"rope.scaling.original_context_length": 65536,
	} {
		w.Put(v4Arch+"."+key, gguf.ValueOf(uint32(n)))
	}
	for key, x := range map[string]float32{
		"attention.layer_norm_rms_epsilon": 1e-6, "hyper_connection.epsilon": 1e-6, "rope.freq_base": 10000, "attention.compress_rope_freq_base": 160000,
		"rope.scaling.factor": 16, "expert_weights_scale": 1.5,
	} {
		w.Put(v4Arch+"."+key, gguf.ValueOf(x))
	}
	w.Put(v4Arch+".rope.scaling.type", gguf.ValueOf("yarn"))
	w.Put(v4Arch+".attention.compress_ratios", gguf.ArrayOf(v4Ratios))
	limits := make([]float32, len(v4Ratios))
	for i := range limits {
		limits[i] = 10
	}
	w.Put(v4Arch+".swiglu_clamp_exp", gguf.ArrayOf(limits))
	w.Put(v4Arch+".swiglu_clamp_shexp", gguf.ArrayOf(limits))
}

// listV4 returns its tensors: what is published as FP8 in Q8_0, experts in MXFP4, as converters
// make them.
func listV4() (all []weights) {
	of := func(typ gguf.Type) func(name string, shape ...int) {
		return func(name string, shape ...int) { all = append(all, weights{name, typ, shape}) }
	}
	matrix, expert, float := of(gguf.Q8_0), of(gguf.MXFP4), of(gguf.F32)
	hyper := func(p string, rows, scales int) {
		float(p+"_fn.weight", rows, v4Streams*v4Hidden)
		float(p+"_base.weight", rows)
		float(p+"_scale.weight", scales)
	}
	compressor := func(p string, ratio, dim int) {
		wide := dim
		if ratio == 4 {
			wide *= 2
		}
		matrix(p+"_kv.weight", wide, v4Hidden)
		matrix(p+"_gate.weight", wide, v4Hidden)
		float(p+"_ape.weight", ratio, wide)
		float(p+"_norm.weight", dim)
	}
	matrix("token_embd.weight", v4Vocab, v4Hidden)
	for i, ratio := range v4Ratios {
		b := fmt.Sprintf("blk.%d.", i)
		hyper(b+"hc_attn", (2+v4Streams)*v4Streams, 3)
		float(b+"attn_norm.weight", v4Hidden)
		matrix(b+"attn_q_a.weight", v4QLora, v4Hidden)
		float(b+"attn_q_a_norm.weight", v4QLora)
		matrix(b+"attn_q_b.weight", v4Heads*v4Head, v4QLora)
		matrix(b+"attn_kv.weight", v4Head, v4Hidden)
		float(b+"attn_kv_a_norm.weight", v4Head)
		float(b+"attn_sinks.weight", v4Heads)
		matrix(b+"attn_output_a.weight", v4Groups*v4OLora, v4Heads*v4Head/v4Groups)
		matrix(b+"attn_output_b.weight", v4Hidden, v4Groups*v4OLora)
		if ratio > 0 {
			compressor(b+"attn_compressor", int(ratio), v4Head)
		}
		if ratio == 4 {
			matrix(b+"indexer.attn_q_b.weight", v4IndexHeads*v4IndexDim, v4QLora)
			matrix(b+"indexer.proj.weight", v4IndexHeads, v4Hidden)
			compressor(b+"indexer_compressor", int(ratio), v4IndexDim)
		}
		hyper(b+"hc_ffn", (2+v4Streams)*v4Streams, 3)
		float(b+"ffn_norm.weight", v4Hidden)
		float(b+"ffn_gate_inp.weight", v4Experts, v4Hidden)
		float(b+"exp_probs_b.bias", v4Experts)
		expert(b+"ffn_gate_exps.weight", v4Experts, v4Inner, v4Hidden)
		expert(b+"ffn_up_exps.weight", v4Experts, v4Inner, v4Hidden)
		expert(b+"ffn_down_exps.weight", v4Experts, v4Hidden, v4Inner)
		matrix(b+"ffn_gate_shexp.weight", v4Inner, v4Hidden)
		matrix(b+"ffn_up_shexp.weight", v4Inner, v4Hidden)
		matrix(b+"ffn_down_shexp.weight", v4Hidden, v4Inner)
	}
	hyper("output_hc", v4Streams, 1)
	float("output_norm.weight", v4Hidden)
	matrix("output.weight", v4Vocab, v4Hidden)
	return all
}
