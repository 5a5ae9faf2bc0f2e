package main

import (
	"fmt"
	"os"

	"github.com/blitz-r1/blitz/gguf"
)

// latentShape is a model of the architecture deepseek2 whose weights are all zero: a
// small one runs, a large one is a file with holes.
type latentShape struct {
	layers, vocab, width, inner, expertInner int
	heads, qLora, kvLora, nope, rope         int
	experts, used, context                   int
	matrix                                   gguf.Type
}

var (
	// The shape of DeepSeek-R1, but for two of its dense layers.
	r1Shape = latentShape{
		layers: 61, vocab: 129280, width: 7168, inner: 18432, expertInner: 2048,
		heads: 128, qLora: 1536, kvLora: 512, nope: 128, rope: 64,
		experts: 256, used: 8, context: 163840, matrix: gguf.Q4_K,
	}
	smallLatentShape = latentShape{
		layers: 2, vocab: tinyVocab, width: 64, inner: 96, expertInner: 32,
		heads: 4, qLora: 32, kvLora: 32, nope: 32, rope: 32,
		experts: 4, used: 2, context: 512, matrix: gguf.F32,
	}
)

// zeroTensor is a tensor of zeros.
type zeroTensor struct {
	name  string
	kind  gguf.Type
	shape []int // row-major
}

func (t *zeroTensor) bytes() int64 {
	n := int64(1)
	for _, d := range t.shape[:len(t.shape)-1] {
		n *= int64(d)
	}
	return n * int64(t.kind.RowBytes(t.shape[len(t.shape)-1]))
}

// tensors lists the tensors, small ones that every file begins with first.
func (s *latentShape) tensors() (list []zeroTensor) {
	matrix := func(name string, shape ...int) { list = append(list, zeroTensor{name + ".weight", s.matrix, shape}) }
	vector := func(name string, n int) { list = append(list, zeroTensor{name, gguf.F32, []int{n}}) }
	for i := range s.layers {
		b := fmt.Sprintf("blk.%d.", i)
		matrix(b+"attn_q_a", s.qLora, s.width)
		matrix(b+"attn_q_b", s.heads*(s.nope+s.rope), s.qLora)
		matrix(b+"attn_kv_a_mqa", s.kvLora+s.rope, s.width)
		matrix(b+"attn_kv_b", s.heads*2*s.nope, s.kvLora)
		matrix(b+"attn_output", s.width, s.heads*s.nope)
		vector(b+"attn_norm.weight", s.width)
		vector(b+"attn_q_a_norm.weight", s.qLora)
		vector(b+"attn_kv_a_norm.weight", s.kvLora)
		vector(b+"ffn_norm.weight", s.width)
		if i == 0 {
			matrix(b+"ffn_gate", s.inner, s.width)
			matrix(b+"ffn_up", s.inner, s.width)
			matrix(b+"ffn_down", s.width, s.inner)
			continue
		}
		list = append(list, zeroTensor{b + "ffn_gate_inp.weight", gguf.F32, []int{s.experts, s.width}})
		vector(b+"exp_probs_b.bias", s.experts)
		matrix(b+"ffn_gate_exps", s.experts, s.expertInner, s.width)
		matrix(b+"ffn_up_exps", s.experts, s.expertInner, s.width)
		matrix(b+"ffn_down_exps", s.experts, s.width, s.expertInner)
		matrix(b+"ffn_gate_shexp", s.expertInner, s.width)
		matrix(b+"ffn_up_shexp", s.expertInner, s.width)
		matrix(b+"ffn_down_shexp", s.width, s.expertInner)
	}
	vector("output_norm.weight", s.width)
	matrix("token_embd", s.vocab, s.width)
	matrix("output", s.vocab, s.width)
	return list
}

// metadata is that of an old file: it does not say how experts are gated.
func (s *latentShape) metadata() []gguf.KeyValue {
	list := []gguf.KeyValue{{Key: "general.architecture", Value: gguf.ValueOf("deepseek2")}}
	count := func(key string, n int) {
		list = append(list, gguf.KeyValue{Key: "deepseek2." + key, Value: gguf.ValueOf(uint32(n))})
	}
	count("block_count", s.layers)
	count("context_length", s.context)
	count("embedding_length", s.width)
	count("feed_forward_length", s.inner)
	count("attention.head_count", s.heads)
	count("attention.head_count_kv", s.heads)
	count("attention.kv_lora_rank", s.kvLora)
	count("attention.q_lora_rank", s.qLora)
	count("attention.key_length", s.nope+s.rope)
	count("attention.value_length", s.nope)
	count("leading_dense_block_count", 1)
	count("expert_feed_forward_length", s.expertInner)
	count("expert_count", s.experts)
	count("expert_used_count", s.used)
	count("expert_shared_count", 1)
	count("rope.dimension_count", s.rope)
	count("vocab_size", s.vocab)
	return append(
		list,
		gguf.KeyValue{Key: "deepseek2.attention.layer_norm_rms_epsilon", Value: gguf.ValueOf(float32(1e-6))},
		gguf.KeyValue{Key: "deepseek2.rope.freq_base", Value: gguf.ValueOf(float32(10000))},
	)
}

// holesFrom is the size from which a file gets holes, in bytes.
const holesFrom = 64 << 20

// write writes the model as a GGUF file. A large one has its first tensor alone, and
// holes for the others.
func (s *latentShape) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := gguf.NewWriter(f)
	metadata := s.metadata()
	if s.vocab == tinyVocab {
		metadata = append(metadata, tinyVocabulary()...)
	}
	for _, kv := range metadata {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	tensors := s.tensors()
	total := int64(0)
	for _, t := range tensors {
		if err := w.Declare(t.name, t.kind, t.shape...); err != nil {
			return err
		}
		total += t.bytes() + 32
	}
	for _, t := range tensors {
		if err := w.WriteTensor(t.name, make([]byte, t.bytes())); err != nil {
			return err
		}
		if total > holesFrom { // the first tensor pushed the header out
			return f.Truncate(total + holesFrom)
		}
	}
	return w.Close()
}
