package puppet

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/gguf"
)

// The shape of the model, and the logit of what comes next.
const (
	width    = 768
	head     = 64
	wide     = 32 // feed-forward
	strength = 30
)

// half returns float16 bits of a value that is no subnormal, rounded to even.
func half(x float64) uint16 {
	if x == 0 {
		return 0
	}
	frac, exp := math.Frexp(x) // x = frac · 2^exp, frac in [0.5, 1)
	return uint16((exp+14)<<10) + uint16(math.RoundToEven((2*frac-1)*1024))
}

// Write writes the model to a file.
//
// A row of the embedding is one number in a place of its own, so that the norm leaves
// sqrt(width) there.
func (p *Puppet) Write(path string) error {
	for len(p.texts)%32 != 0 {
		p.token(fmt.Sprintf("<|unused:%d|>", len(p.texts)), unused)
	}
	vocab := len(p.texts)
	if vocab > width {
		return fmt.Errorf("puppet: %d tokens, want at most %d", vocab, width)
	}
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, kv := range append(p.keyValues(), p.Keys...) {
		if err := w.Put(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	tensors := p.tensors()
	for _, t := range tensors {
		if err := w.Declare(t.name, t.kind, t.shape...); err != nil {
			return err
		}
	}
	for _, t := range tensors {
		if err := w.WriteTensor(t.name, t.bytes); err != nil {
			return err
		}
	}
	return w.Close()
}

func (p *Puppet) keyValues() []gguf.KeyValue {
	byteNames := byteNames()
	names := make([]string, len(p.texts))
	for i, text := range p.texts {
		names[i] = text
		if p.kinds[i] == normal {
			names[i] = ""
			for _, b := range []byte(text) {
				names[i] += byteNames[b]
			}
		}
	}
	number := func(n int) gguf.Value { return gguf.ValueOf(uint32(n)) }
	text := func(s string) gguf.Value { return gguf.ValueOf(s) }
	return []gguf.KeyValue{
		{Key: "general.architecture", Value: text("llama")},
		{Key: "general.name", Value: text("puppet")},
		{Key: "general.file_type", Value: number(1)},
		{Key: "llama.context_length", Value: number(cmp.Or(p.Context, 8192))},
		{Key: "llama.embedding_length", Value: number(width)},
		{Key: "llama.block_count", Value: number(1)},
		{Key: "llama.feed_forward_length", Value: number(wide)},
		{Key: "llama.attention.head_count", Value: number(1)},
		{Key: "llama.attention.head_count_kv", Value: number(1)},
		{Key: "llama.attention.key_length", Value: number(head)},
		{Key: "llama.attention.value_length", Value: number(head)},
		{Key: "llama.rope.dimension_count", Value: number(head)},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: gguf.ValueOf(float32(1e-9))},
		{Key: "llama.rope.freq_base", Value: gguf.ValueOf(float32(10000))},
		{Key: "llama.vocab_size", Value: number(len(p.texts))},
		{Key: "tokenizer.ggml.model", Value: text("gpt2")},
		{Key: "tokenizer.ggml.pre", Value: text("qwen2")},
		{Key: "tokenizer.ggml.eos_token_id", Value: number(int(p.end))},
		{Key: "tokenizer.ggml.bos_token_id", Value: number(int(p.ID("<|im_start|>")))},
		{Key: "tokenizer.ggml.add_bos_token", Value: gguf.ValueOf(false)},
		{Key: "tokenizer.chat_template", Value: text(p.Template)},
		{Key: "tokenizer.ggml.tokens", Value: gguf.ArrayOf(names)},
		{Key: "tokenizer.ggml.token_type", Value: gguf.ArrayOf(p.kinds)},
		{Key: "tokenizer.ggml.merges", Value: gguf.ArrayOf([]string{byteNames[0] + " " + byteNames[1]})},
	}
}

// byteNames returns GPT-2's printable stand-ins for the 256 bytes.
func byteNames() (names [256]string) {
	next := 256
	for b := range names {
		if b >= 33 && b < 127 || b >= 161 && b < 173 || b >= 174 {
			names[b] = string(rune(b))
			continue
		}
		names[b] = string(rune(next))
		next++
	}
	return names
}

type stored struct {
	name  string
	kind  gguf.Type
	shape []int
	bytes []byte
}

func (p *Puppet) tensors() []stored {
	vocab := len(p.texts)
	embed, out := make([]byte, 2*vocab*width), make([]byte, 2*vocab*width)
	logit := half(strength / math.Sqrt(width))
	for t := range vocab {
		binary.LittleEndian.PutUint16(embed[2*(t*width+t):], half(1))
		next := p.next[int32(t)]
		if next == nil {
			next = []int32{p.end}
		}
		for _, n := range next {
			binary.LittleEndian.PutUint16(out[2*(int(n)*width+t):], logit)
		}
	}
	var ones []byte
	for range width {
		ones = binary.LittleEndian.AppendUint32(ones, math.Float32bits(1))
	}
	list := []stored{
		{"token_embd.weight", gguf.F16, []int{vocab, width}, embed},
		{"output_norm.weight", gguf.F32, []int{width}, ones},
		{"output.weight", gguf.F16, []int{vocab, width}, out},
		{"blk.0.attn_norm.weight", gguf.F32, []int{width}, ones},
		{"blk.0.ffn_norm.weight", gguf.F32, []int{width}, ones},
	}
	for _, m := range []struct {
		name      string
		rows, row int
	}{
		{"attn_q", head, width},
		{"attn_k", head, width},
		{"attn_v", head, width},
		{"attn_output", width, head},
		{"ffn_gate", wide, width},
		{"ffn_up", wide, width},
		{"ffn_down", width, wide},
	} {
		list = append(list, stored{"blk.0." + m.name + ".weight", gguf.F16, []int{m.rows, m.row}, make([]byte, 2*m.rows*m.row)})
	}
	return list
}
