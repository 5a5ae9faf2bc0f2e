package tokenizer

import (
	"errors"
	"slices"
	"testing"
)

// TestInfill: the tokens are those that the file names, else those of known pieces, and
// without any the model is refused.
func TestInfill(t *testing.T) {
	pieces := func(names ...string) metadata {
		m := tinyBPE(nil)
		m["tokenizer.ggml.tokens"] = append(slices.Clone(m["tokenizer.ggml.tokens"].([]string)), names...)
		kinds := slices.Clone(m["tokenizer.ggml.token_type"].([]int64))
		for range names {
			kinds = append(kinds, 3)
		}
		m["tokenizer.ggml.token_type"] = kinds
		return m
	}
	// The first further piece has the id 10.
	coder := mustGGUF(t, pieces("<|fim_suffix|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"))
	codestral := mustGGUF(t, pieces("[PREFIX]", "[SUFFIX]"))
	old := pieces("<P>", "<S>", "<M>")
	old["tokenizer.ggml.prefix_token_id"], old["tokenizer.ggml.suffix_token_id"], old["tokenizer.ggml.middle_token_id"] = uint64(10), uint64(11), uint64(12)
	named := pieces("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<P>", "<S>", "<M>")
	for i, key := range []string{"pre", "suf", "mid"} {
		named["tokenizer.ggml.fim_"+key+"_token_id"] = uint64(13 + i)
	}
	named["tokenizer.ggml.add_bos_token"], named["tokenizer.ggml.bos_token_id"] = true, uint64(4)
	half := pieces("<|fim_prefix|>", "<|fim_suffix|>")
	half["tokenizer.ggml.fim_pre_token_id"] = uint64(10)
	for _, c := range []struct {
		name string
		tok  *Tokenizer
		gap  Gap
		want []int32 // nil: refused
		ends int
	}{
		{"Qwen", coder, Gap{Before: "ab<s>", Behind: "b<|fim_middle|>"}, []int32{11, 3, 10, 1, 12}, 6},
		{"Qwen, other files", coder, Gap{Before: "a", Near: []NamedText{{"b", "c"}}}, nil, 6},
		{"Codestral", codestral, Gap{Before: "ab", Behind: "b"}, []int32{11, 1, 10, 3}, 2},
		{"names of old files", mustGGUF(t, old), Gap{Before: "a", Behind: "b"}, []int32{10, 0, 11, 1, 12}, 3},
		{"names of the file, and BOS", mustGGUF(t, named), Gap{Before: "a", Behind: "b"}, []int32{4, 13, 0, 14, 1, 15}, 3},
		{"no middle", mustGGUF(t, half), Gap{Before: "a"}, nil, -1},
		{"none", mustGGUF(t, tinyBPE(nil)), Gap{Before: "a"}, nil, -1},
	} {
		in, ok := c.tok.Infill()
		if ok != (c.ends >= 0) || ok && len(in.Ends()) != c.ends {
			t.Errorf("%s: tokens %v, %v, want %d", c.name, in, ok, c.ends)
		}
		ids, err := c.tok.EncodeGap(c.gap)
		switch {
		case !ok:
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v, want ErrUnsupported", c.name, err)
			}
		case c.gap.Near != nil:
			// The tiny vocabulary says nothing of most letters.
			if text, _ := c.tok.Decode(ids); err != nil || text != "<|repo_name|><|file_sep|>bc<|file_sep|><|fim_prefix|>a<|fim_suffix|><|fim_middle|>" {
				t.Errorf("%s: %q, %v", c.name, text, err)
			}
		case err != nil || !slices.Equal(ids, c.want):
			t.Errorf("%s: %v, %v, want %v", c.name, ids, err, c.want)
		}
	}
	// The words of a text that is not the first begin without a space of the tokenizer's own.
	spm := tinySPM(metadata{"tokenizer.ggml.add_space_prefix": true, "tokenizer.ggml.prefix_token_id": uint64(0), "tokenizer.ggml.suffix_token_id": uint64(1), "tokenizer.ggml.middle_token_id": uint64(2)})
	if ids, err := mustGGUF(t, spm).EncodeGap(Gap{Before: "a", Behind: " aa"}); err != nil || !slices.Equal(ids, []int32{1, 0, 6, 1, 6, 4, 2}) {
		t.Errorf("SentencePiece: %v, %v", ids, err)
	}
}

// TestAppendBytes: the bytes of the tokens of a text, joined, are the text.
func TestAppendBytes(t *testing.T) {
	for name, tok := range map[string]*Tokenizer{
		"bytes": mustGGUF(t, sampleGGUF(t, "deepseek_coder")), "sentencepiece": mustGGUF(t, sampleGGUF(t, "llama_spm")),
		"tokenizer.json": openJSON(t, jsonText(small(nil))),
	} {
		const text = "x Größe 🦜 日本語 \x01 <s>"
		ids, err := tok.Encode(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, id := range ids[min(1, len(ids)):] { // the first may have a space in front that is not its own
			if got, err = tok.AppendBytes(got, id); err != nil {
				t.Fatal(err)
			}
		}
		if want := text[1:]; string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		for _, id := range []int32{-1, int32(tok.VocabSize())} {
			if _, err := tok.AppendBytes(nil, id); !errors.Is(err, ErrID) {
				t.Errorf("%s: id %d: %v, want ErrID", name, id, err)
			}
		}
	}
}
