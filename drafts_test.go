package blitz

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// draftFiles writes a tiny model and its draft layers into a file each.
func draftFiles(t *testing.T, name string) (model, drafts string) {
	t.Helper()
	m, err := tiny.Load(filepath.Join("internal", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	g, err := m.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	var d *tiny.GGUF
	if m.Config.ModelType == "deepseek_v4" {
		d, err = m.DraftGGUF(tensor.F32)
	} else {
		g, d = g.SplitModules("deepseek2", m.Config.Layers, m.Config.NextN)
	}
	model, drafts = filepath.Join(t.TempDir(), "model.gguf"), filepath.Join(t.TempDir(), "drafts.gguf")
	if err := errors.Join(err, g.Write(model), d.Write(drafts)); err != nil {
		t.Fatal(err)
	}
	return model, drafts
}

// answerOf returns an answer with its log-probabilities, and how much was guessed.
func answerOf(t *testing.T, path string, drafts *Files, speculate string) ([]int32, []float32, Usage) {
	t.Helper()
	m, err := Open(path, &Options{TokensOnly: true, MTP: drafts != nil, Drafts: drafts})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := NewEngine(m, &EngineOptions{Threads: 2, Context: 256, Speculate: speculate})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	seed := uint64(4)
	a, err := e.Generate(t.Context(), Request{Tokens: []int32{5, 9, 13, 40, 17, 3, 77, 41}, MaxTokens: 60, Sampling: &Sampling{Temperature: 0.7, Seed: &seed}, Logprobs: true})
	if err != nil {
		t.Fatal(err)
	}
	var logprobs []float32
	for token, err := range a.Tokens() {
		if err != nil {
			t.Fatal(err)
		}
		logprobs = append(logprobs, token.Logprob)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	return a.IDs(), logprobs, a.Usage()
}

// TestDraftFiles: draft layers in a file of their own guess, and change no bit of an answer.
func TestDraftFiles(t *testing.T) {
	for _, name := range []string{"deepseek-v3-mtp", "deepseek-v4-mtp", "deepseek-v4-dspark"} {
		t.Run(name, func(t *testing.T) {
			model, path := draftFiles(t, name)
			drafts, err := OpenFiles(path)
			if err != nil {
				t.Fatal(err)
			}
			defer drafts.Close()
			plain, err := OpenFiles(model)
			if err != nil {
				t.Fatal(err)
			}
			defer plain.Close()
			if !drafts.HoldsDrafts() || plain.HoldsDrafts() {
				t.Errorf("holds draft layers: the file of them %v, the model %v", drafts.HoldsDrafts(), plain.HoldsDrafts())
			}
			ids, logprobs, _ := answerOf(t, model, nil, "off")
			got, gotProbs, usage := answerOf(t, model, drafts, "mtp")
			if !slices.Equal(got, ids) || !slices.Equal(gotProbs, logprobs) {
				t.Errorf("with drafts: another answer")
			}
			if usage.DraftedTokens == 0 {
				t.Error("nothing was guessed")
			}
			with, err := plain.Needs(&Options{MTP: true, Drafts: drafts})
			if err != nil {
				t.Fatal(err)
			}
			without, err := plain.Needs(nil)
			if err != nil || with.WeightBytes() <= without.WeightBytes() {
				t.Errorf("weights of %d bytes with draft layers, %d without: %v", with.WeightBytes(), without.WeightBytes(), err)
			}
		})
	}
}

// TestDraftFilesRefused opens models with draft layers that are not theirs: the error says why.
func TestDraftFilesRefused(t *testing.T) {
	v3, ofV3 := draftFiles(t, "deepseek-v3-mtp")
	v4, ofV4 := draftFiles(t, "deepseek-v4-mtp")
	_, blocks := draftFiles(t, "deepseek-v4-dspark")
	llama, err := tiny.Load(filepath.Join("internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "llama.gguf")
	folder := t.TempDir()
	c, err := llama.Checkpoint(tensor.F32)
	if err := errors.Join(err, llama.WriteGGUF(file, tensor.F32), c.Write(folder, 1)); err != nil {
		t.Fatal(err)
	}
	changed := func(name string, change func(g *tiny.GGUF)) string {
		m, err := tiny.Load(filepath.Join("internal", "model", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		g, err := m.DraftGGUF(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		change(g)
		path := filepath.Join(t.TempDir(), "changed.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put := func(key string, v any) func(g *tiny.GGUF) {
		return func(g *tiny.GGUF) {
			switch v := v.(type) {
			case uint32:
				g.Put(key, gguf.ValueOf(v))
			case []uint32:
				g.Put(key, gguf.ArrayOf(v))
			case float32:
				g.Put(key, gguf.ValueOf(v))
			case string:
				g.Put(key, gguf.ValueOf(v))
			}
		}
	}
	for _, x := range []struct{ name, model, drafts, word string }{
		{"of another architecture", v4, ofV3, "deepseek2"},
		{"blocks for a model of modules", v3, blocks, "DeepSeek-V4 alone"},
		{"for a family without", file, ofV4, "a llama model"},
		{"for a folder", folder, ofV4, "GGUF files"},
		{"of another number of layers", v4, changed("deepseek-v4-mtp", put("deepseek4.block_count", uint32(3))), "layers"},
		{"of another rotation", v4, changed("deepseek-v4-mtp", put("deepseek4.rope.freq_base", float32(7))), "rope.freq_base"},
		{"of a rotation of words", v4, changed("deepseek-v4-mtp", put("deepseek4.hyper_connection.epsilon", strings.Repeat("\x1b[2J", 1000))), "hyper_connection.epsilon"},
		{"a tensor twice", v4, changed("deepseek-v4-dspark", func(g *tiny.GGUF) {
			again := g.Tensors[slices.IndexFunc(g.Tensors, func(x tiny.Stored) bool { return strings.HasPrefix(x.Name, "blk.") })]
			again.Name = strings.Replace(again.Name, "blk.", "blk.+", 1)
			g.Tensors = append(g.Tensors, again)
		}), "are both"},
		{"a tensor that is none", v4, changed("deepseek-v4-mtp", func(g *tiny.GGUF) { g.Tensors[0].Name = "d2t" }), "d2t"},
		{"a noise token beyond", v4, changed("deepseek-v4-dspark", put("tokenizer.ggml.mask_token_id", uint32(1<<20))), "mask_token_id"},
		{"a layer beyond", v4, changed("deepseek-v4-dspark", put("dflash.target_layers", []uint32{99})), "target_layers"},
		{"a tensor that is missing", v4, changed("deepseek-v4-mtp", func(g *tiny.GGUF) { g.Drop("output_hc_base.weight") }), "output_hc_base"},
	} {
		drafts, err := OpenFiles(x.drafts)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Open(x.model, &Options{TokensOnly: true, MTP: true, Drafts: drafts})
		if err == nil {
			m.Close()
		}
		if (!errors.Is(err, ErrConfig) && !errors.Is(err, ErrTensor)) || !strings.Contains(fmt.Sprint(err), x.word) {
			t.Errorf("%s: got %v, want ErrConfig or ErrTensor with %q", x.name, err, x.word)
		}
		if text := fmt.Sprint(err); len(text) > 1000 || strings.Contains(text, "\x1b") {
			t.Errorf("%s: the error has %d bytes: %.100q", x.name, len(text), text)
		}
		drafts.Close()
	}
}
