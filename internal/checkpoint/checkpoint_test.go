package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// hugging writes a folder with config.json, safetensors and a tokenizer.
func hugging(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "config.json", map[string]any{"model_type": "llama", "max_position_embeddings": 64, "eos_token_id": 256})
	writeTokenizer(t, folder, "", "<s>", "</s>")
	writeSafetensors(t, filepath.Join(folder, "model.safetensors"))
	return folder
}

// TestOpenKinds opens everything that a path may hold.
func TestOpenKinds(t *testing.T) {
	folder := hugging(t)
	vocabulary := writeGGUF(t, filepath.Join(t.TempDir(), "m.gguf"), control("</s>"), map[string]any{"general.name": "M\n1", "llama.context_length": 99})
	mixed := t.TempDir()
	writeGGUF(t, filepath.Join(mixed, "m.gguf"), control("</s>"), nil)
	writeGGUF(t, filepath.Join(mixed, "mmproj-m.gguf"), nil, nil)
	write(t, mixed, "config.json", "{")
	alone := t.TempDir()
	writeTokenizer(t, alone, "", "<s>", "</s>")
	shards := t.TempDir()
	write(t, shards, "config.json", map[string]any{"model_type": "llama"})
	writeSafetensors(t, filepath.Join(shards, "model-00001-of-00001.safetensors"))
	write(t, shards, indexName, map[string]any{"weight_map": map[string]string{"a": "model-00001-of-00001.safetensors"}})

	loose := t.TempDir()
	writeSafetensors(t, filepath.Join(loose, "a-00001-of-00002.safetensors"))
	w, err := safetensors.Create(filepath.Join(loose, "a-00002-of-00002.safetensors"))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		path  string
		kind  Kind
		parts string
		vocab int // of the tokenizer, 0: none
		d     Description
	}{
		{vocabulary, GGUF, "m.gguf", 257, Description{Format: "gguf", Title: "M 1", Architecture: "llama", Context: 99}},
		{filepath.Dir(vocabulary), GGUF, "m.gguf", 257, Description{Format: "gguf", Title: "M 1", Architecture: "llama", Context: 99}},
		{mixed, GGUF, "m.gguf", 257, Description{Format: "gguf", Architecture: "llama"}},
		{folder, Safetensors, "model.safetensors", 258, Description{Format: "safetensors", Architecture: "llama", Parameters: 2, Quantization: "F32", Context: 64}},
		{filepath.Join(folder, "config.json"), Safetensors, "model.safetensors", 258, Description{Format: "safetensors", Architecture: "llama", Parameters: 2, Quantization: "F32", Context: 64}},
		{filepath.Join(folder, "model.safetensors"), Safetensors, "model.safetensors", 258, Description{Format: "safetensors", Architecture: "llama", Parameters: 2, Quantization: "F32", Context: 64}},
		{filepath.Join(shards, indexName), Safetensors, "model-00001-of-00001.safetensors", 0, Description{Format: "safetensors", Architecture: "llama", Parameters: 2, Quantization: "F32"}},
		{filepath.Join(shards, "model-00001-of-00001.safetensors"), Safetensors, "model-00001-of-00001.safetensors", 0, Description{Format: "safetensors", Architecture: "llama", Parameters: 2, Quantization: "F32"}},
		{loose, Safetensors, "a-00001-of-00002.safetensors a-00002-of-00002.safetensors", 0, Description{Format: "safetensors", Parameters: 2, Quantization: "F32"}},
		{alone, Tokenizer, "", 258, Description{Format: "tokenizer", Title: "a tokenizer of 258 tokens"}},
		{filepath.Join(folder, "tokenizer.json"), Tokenizer, "", 258, Description{Format: "tokenizer", Title: "a tokenizer of 258 tokens"}},
	} {
		k := mustOpen(t, c.path)
		parts, err := k.Parts()
		if k.Kind() != c.kind || strings.Join(parts, " ") != c.parts || err != nil {
			t.Errorf("%s: %v of %q, %v, want %v of %q", c.path, k.Kind(), parts, err, c.kind, c.parts)
		}
		tokens, err := k.Tokenizer()
		if c.vocab == 0 && !errors.Is(err, tokenizer.ErrNoTokenizer) || c.vocab > 0 && (err != nil || tokens.VocabSize() != c.vocab) {
			t.Errorf("%s: tokenizer: %v, want one of %d tokens", c.path, err, c.vocab)
		}
		if d, err := k.Describe(); err != nil || d != c.d {
			t.Errorf("%s: %+v, %v, want %+v", c.path, d, err, c.d)
		}
		size, err := k.Size()
		var want int64
		for _, name := range parts {
			st, err := os.Stat(filepath.Join(k.Folder(), name))
			if err != nil {
				t.Fatal(err)
			}
			want += st.Size()
		}
		if size != want || err != nil {
			t.Errorf("%s: %d bytes, %v, want %d", c.path, size, err, want)
		}
		if err := k.Close(); err != nil {
			t.Errorf("%s: close: %v", c.path, err)
		}
	}
	if notes := mustOpen(t, mixed).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "mmproj-m.gguf is passed over") {
		t.Errorf("notes %q, want that the projector is passed over", notes)
	}
}

func TestOpenRefuses(t *testing.T) {
	two := t.TempDir()
	writeGGUF(t, filepath.Join(two, "a.gguf"), nil, nil)
	writeGGUF(t, filepath.Join(two, "b.gguf"), nil, nil)
	text := t.TempDir()
	write(t, text, "x.gguf", "this is no model")
	for path, want := range map[string]error{
		filepath.Join(two, "c.gguf"):  fs.ErrNotExist,
		two:                           ErrFiles,
		t.TempDir():                   ErrNoModel,
		filepath.Join(text, "x.gguf"): gguf.ErrFormat,
	} {
		if _, err := Open(path); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// TestCheckWeights is about files that hold no weights.
func TestCheckWeights(t *testing.T) {
	folder := hugging(t)
	gone := t.TempDir()
	write(t, gone, "config.json", "{}")
	writeTokenizer(t, gone, "", "<s>", "</s>")
	for path, want := range map[string]error{
		folder:                                  nil,
		gone:                                    fs.ErrNotExist,
		filepath.Join(folder, "tokenizer.json"): ErrNoWeights,
		writeGGUF(t, filepath.Join(t.TempDir(), "m.gguf"), nil, nil): ErrNoWeights,
	} {
		if err := mustOpen(t, path).CheckWeights(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

// TestDamage is about parts that nobody may need: they are refused when asked for.
func TestDamage(t *testing.T) {
	folder := hugging(t)
	write(t, folder, "model.safetensors", "rubbish")
	c := mustOpen(t, folder)
	if _, err := c.Tokenizer(); err != nil {
		t.Errorf("tokenizer: %v", err)
	}
	if _, err := c.Safetensors(); !errors.Is(err, safetensors.ErrFormat) {
		t.Errorf("weights: %v, want safetensors.ErrFormat", err)
	}
	write(t, folder, "config.json", strings.Repeat(" ", maxConfig+1))
	if _, err := mustOpen(t, folder).Config(); !errors.Is(err, ErrFormat) {
		t.Errorf("config.json: %v, want ErrFormat", err)
	}
}

// TestTokenizerBeside: a GGUF file without a tokenizer takes that of its folder, where
// the folder was asked for.
func TestTokenizerBeside(t *testing.T) {
	folder := t.TempDir()
	path := writeGGUF(t, filepath.Join(folder, "m.gguf"), nil, map[string]any{"tokenizer.ggml.model": "none"})
	writeTokenizer(t, folder, "", "<s>", "</s>")
	c := mustOpen(t, folder)
	if tokens, err := c.Tokenizer(); err != nil || tokens.VocabSize() != 258 || len(c.Notes()) != 1 {
		t.Errorf("of the folder: %v, notes %q", err, c.Notes())
	}
	if _, err := mustOpen(t, path).Tokenizer(); !errors.Is(err, tokenizer.ErrNoTokenizer) {
		t.Errorf("of the file: %v, want tokenizer.ErrNoTokenizer", err)
	}
}

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1}`: `{"a": 1}`,
		`{"a": NaN, "b": [-Infinity, Infinity], "NaN": "Infinity \" NaN"}`: `{"a": "NaN", "b": ["-Infinity", "Infinity"], "NaN": "Infinity \" NaN"}`,
		"\uFEFF{}":   "{}",
		`"NaN \`:     `"NaN \`,
		`NaN`:        `"NaN"`,
		`-1 Infinit`: `-1 Infinit`,
	} {
		if got := string(PlainJSON([]byte(text))); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestMissingEnd notes a GGUF file whose end is missing, though no tensor lacks a byte.
func TestMissingEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	w, err := gguf.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Declare("a", gguf.F32, 1) // the first error stays, and Close returns it
	_ = w.WriteTensor("a", make([]byte, 4))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if notes := mustOpen(t, path).Notes(); len(notes) != 0 {
		t.Errorf("of a whole file: %q", notes)
	}
	st, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, st.Size()-7)
	}
	if err != nil {
		t.Fatal(err)
	}
	if notes := mustOpen(t, path).Notes(); len(notes) != 1 || !strings.Contains(notes[0], "m.gguf: the last 7 bytes are missing") {
		t.Errorf("of a cut one: %q, want that 7 bytes are missing", notes)
	}
}
