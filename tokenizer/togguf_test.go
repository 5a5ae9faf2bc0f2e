package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGGUFKeys writes published tokenizers as GGUF keys, reads them again, and holds them
// to the golden ids.
func TestGGUFKeys(t *testing.T) {
	for _, x := range []struct {
		name, pre string
		size      int
	}{
		{"deepseek_v3", "deepseek-v3", 129280},
		{"deepseek_v4", "deepseek-v3", 129280},
		{"qwen3", "qwen2", 151936},
		{"mistral_7b", "default", 0},
		{"gpt2", "gpt-2", 0},
		{"smollm2", "smollm", 0},
		{"r1_distill_qwen", "qwen2", 151936},
	} {
		t.Run(x.name, func(t *testing.T) {
			var p published
			unzipJSON(t, publishedFile(x.name), &p)
			var tok *Tokenizer
			if p.GGUF != nil {
				tok = mustGGUF(t, p.GGUF.metadata())
			} else {
				tok = mustOpen(t, writeFolder(t, dict{"tokenizer.json": []byte(p.JSON), "tokenizer_config.json": []byte(p.Config)}))
			}
			keys, err := tok.GGUF(GGUFOptions{Size: x.size})
			if err != nil {
				t.Fatal(err)
			}
			if pre, _ := keys.String("tokenizer.ggml.pre"); pre != x.pre {
				t.Errorf("pre-tokenizer %q, want %q", pre, x.pre)
			}
			tokens, _ := keys.Strings("tokenizer.ggml.tokens")
			if x.size != 0 && len(tokens) != x.size {
				t.Errorf("%d tokens, want %d", len(tokens), x.size)
			}
			again := mustGGUF(t, keys)
			checkGolden(t, again, "testdata/golden", x.name, true)
			if again.ChatTemplate() != tok.ChatTemplate() || again.AddsBOS() != tok.AddsBOS() || again.AddsEOS() != tok.AddsEOS() || again.BOS() != tok.BOS() || again.EOS() != tok.EOS() {
				t.Error("template, BOS or EOS are others")
			}
		})
	}
}

// TestGGUFKeysOfModelFiles does so with a SentencePiece model and with what is no BPE.
func TestGGUFKeysOfModelFiles(t *testing.T) {
	tok := mustGGUF(t, sampleGGUF(t, "llama_spm"))
	keys, err := tok.GGUF(GGUFOptions{})
	if err != nil {
		t.Fatal(err)
	}
	again := mustGGUF(t, keys)
	for _, text := range []string{"Hello  world", " a\n\nb", "<s>x</s>", "naïve – 東京 ☃", "aaaaaaaa"} {
		want, _ := tok.Encode(text, AddSpecial)
		if got, err := again.Encode(text, AddSpecial); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v %v, want %v", text, got, err, want)
		}
	}
	unigram := sampleSPM(t)
	if keys, err = unigram.GGUF(GGUFOptions{}); err != nil {
		t.Fatal(err)
	}
	again = mustGGUF(t, keys)
	for _, text := range []string{"hello world", "The quick  brown fox ", "naïve ☃ 12 aaaa"} {
		want, _ := unigram.Encode(text, 0)
		if got, err := again.Encode(text, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("a Unigram: %q: got %v %v, want %v", text, got, err, want)
		}
	}
}

// encoderFolders have the tokenizers of small encoders: a WordPiece, and a Unigram.
var encoderFolders = filepath.Join("..", "internal", "model", "testdata", "encoders")

// TestGGUFKeysOfEncoders writes a WordPiece and a Unigram, which take texts for the same tokens
// then.
func TestGGUFKeysOfEncoders(t *testing.T) {
	for _, name := range []string{"minilm", "xlm-r"} {
		tok, err := Open(filepath.Join(encoderFolders, name, "tokenizer.json"))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := tok.GGUF(GGUFOptions{Size: 160})
		if err != nil {
			t.Fatal(err)
		}
		again := mustGGUF(t, keys)
		for _, text := range []string{"the quick brown fox", "Unbelievable embeddings: 12,345 naïve cafés in Zürich!", "two  blanks  ", "東京 \u200d zz\tx\u0301", ""} {
			want, _ := tok.Encode(text, AddSpecial)
			if got, err := again.Encode(text, AddSpecial); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q: got %v %v, want %v", name, text, got, err, want)
			}
		}
	}
	for _, change := range []struct{ from, to, want string }{
		{`"BertPreTokenizer"`, `"Whitespace"`, "prepared"},
		{`"max_input_chars_per_word":100`, `"max_input_chars_per_word":99`, "99 characters"},
	} {
		text, err := os.ReadFile(filepath.Join(encoderFolders, "minilm", "tokenizer.json"))
		if err != nil {
			t.Fatal(err)
		}
		compact := new(bytes.Buffer)
		if err := json.Compact(compact, text); err != nil || !strings.Contains(compact.String(), change.from) {
			t.Fatalf("%v: no %s", err, change.from)
		}
		tok, err := FromFiles(map[string][]byte{"tokenizer.json": []byte(strings.Replace(compact.String(), change.from, change.to, 1))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tok.GGUF(GGUFOptions{}); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: got %v, want ErrUnsupported with %q", change.to, err, change.want)
		}
	}
}

// TestSplitNames looks at every pre-tokenizer: the name that is found for one splits as
// it does, and text that is split like none is refused.
func TestSplitNames(t *testing.T) {
	text := splitProbe()
	for name, f := range families {
		if f.blanks {
			continue
		}
		stages, err := f.stages()
		if err != nil {
			t.Fatal(err)
		}
		tok := &Tokenizer{stages: stages}
		got, err := tok.splitsAs(f.whole, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		other, err := families[got].stages()
		if err != nil {
			t.Fatal(err)
		}
		want, _ := splitBy(stages, text)
		if pieces, _ := splitBy(other, text); families[got].whole != f.whole || !slices.Equal(pieces, want) {
			t.Errorf("%s is taken for %s, which splits otherwise", name, got)
		}
		if got, err := tok.splitsAs(f.whole, []string{name}); err != nil || got != name {
			t.Errorf("%s: asked for it, got %q %v", name, got, err)
		}
	}
	find, err := newFinder(`\p{L}{2}|.`)
	if err != nil {
		t.Fatal(err)
	}
	odd := &Tokenizer{stages: []stage{&splitStage{finder: find}}}
	if _, err := odd.splitsAs(wholeNever, nil); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "tokenizer.ggml.pre") {
		t.Errorf("an unknown pattern: got %v", err)
	}
	if !slices.Equal(slices.Sorted(slices.Values(familyNames)), slices.Sorted(maps.Keys(families))) {
		t.Error("the names are not those of the table")
	}
}

// TestGGUFKeysOfFolders writes SentencePiece folders of every class. What surrounds their
// control tokens has no place in a file, so plain words are looked at.
func TestGGUFKeysOfFolders(t *testing.T) {
	cases, models := folderCases(t)
	written := 0
	for _, c := range cases {
		tok, err := FromFiles(c.files(models))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := tok.GGUF(GGUFOptions{})
		if err != nil {
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: %v", c.Name, err)
			}
			continue
		}
		again, err := FromGGUF(keys)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		written++
		for _, text := range []string{"hello world", "The quick brown fox", "naïve ☃ 12 aaaa"} {
			want, _ := tok.Encode(text, AddSpecial)
			named := func(id int32) bool { return tok.added[id] != nil && id != tok.BOS() && id != tok.EOS() }
			if slices.ContainsFunc(want, named) {
				continue // a word is a control token
			}
			if got, err := again.Encode(text, AddSpecial); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q: got %v %v, want %v", c.Name, text, got, err, want)
			}
		}
	}
	if written < 10 {
		t.Errorf("%d of %d folders were written", written, len(cases))
	}
}

// TestGGUFKeysOfRanks writes ranks of tiktoken: their merges make the same tokens, as long
// as each piece is made of two better ones, which those that were learned are.
func TestGGUFKeysOfRanks(t *testing.T) {
	data := ranks("th", "the", " t", " th", " the", "er", "re", "there", "in", "ing", "on", "an", "and")
	config := []byte(`{"tokenizer_class": "TikTokenTokenizer", "bos_token": "[BOS]", "eos_token": "[EOS]", "added_tokens_decoder": {"270": {"content": "[BOS]", "special": true}, "271": {"content": "[EOS]", "special": true}}}`)
	tok := mustOpen(t, writeFolder(t, dict{"tiktoken.model": data, "tokenizer_config.json": config}))
	keys, err := tok.GGUF(GGUFOptions{Prefer: []string{"kimi-k2"}})
	if err != nil {
		t.Fatal(err)
	}
	merges, _ := keys.Strings("tokenizer.ggml.merges")
	if pre, _ := keys.String("tokenizer.ggml.pre"); pre != "kimi-k2" || !slices.Contains(merges, "th e") || !slices.Contains(merges, "Ġ th") {
		t.Errorf("pre %q, merges %q", pre, merges)
	}
	again := mustGGUF(t, keys)
	for _, text := range []string{"the other and there in the morning", "on 中文 thing", "[BOS]the[EOS]", "\n\n  12345 there's"} {
		want, _ := tok.Encode(text, 0)
		if got, err := again.Encode(text, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v %v, want %v", text, got, err, want)
		}
	}
}
