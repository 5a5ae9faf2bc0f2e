package gguf

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// vocabulary is a file with a byte-level vocabulary of n tokens and as many merges,
// as large as a real one, and a few tensors.
func vocabulary(n int) []byte {
	const tensors = 300
	r := start(tensors, 4)
	r.key("general.architecture", String).text("llama")
	r.key("tokenizer.ggml.tokens", Array).u32(uint32(String)).u64(uint64(n))
	for i := range n {
		r.text(fmt.Sprintf("Ġtok%d", i*7919%n))
	}
	r.key("tokenizer.ggml.token_type", Array).u32(uint32(Int32)).u64(uint64(n))
	r.put(make([]int32, n))
	r.key("tokenizer.ggml.merges", Array).u32(uint32(String)).u64(uint64(n))
	for i := range n {
		r.text(fmt.Sprintf("Ġtok %d", i))
	}
	for i := range tensors {
		r.tensor(fmt.Sprintf("blk.%d.attn_q.weight", i), F32, uint64(32*i), 2, 4)
	}
	return r.fill(32 * tensors)
}

func BenchmarkParse(b *testing.B) {
	file := vocabulary(150_000)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, file)
	}
}

// BenchmarkOpen is BenchmarkParse with the mapping.
func BenchmarkOpen(b *testing.B) {
	file := vocabulary(150_000)
	path := filepath.Join(b.TempDir(), "v.gguf")
	if err := os.WriteFile(path, file, 0o644); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkStrings(b *testing.B) {
	f := parse(b, vocabulary(150_000))
	v, _ := f.Value("tokenizer.ggml.tokens")
	b.SetBytes(int64(len(v.raw)))
	b.ReportAllocs()
	for b.Loop() {
		if s, ok := f.Strings("tokenizer.ggml.tokens"); !ok || len(s) != 150_000 {
			b.Fatal("no tokens")
		}
	}
}

func BenchmarkTensor(b *testing.B) {
	f := parse(b, vocabulary(1000))
	for b.Loop() {
		if _, ok := f.Tensor("blk.299.attn_q.weight"); !ok {
			b.Fatal("no tensor")
		}
	}
}
