package convert_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/convert"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/tokenizer"
)

// encoders has small random models that make vectors or rank, and what transformers computed
// with them: see make.py there.
var encoders = filepath.Join("..", "model", "testdata", "encoders")

// asked is what a model there was asked.
type asked struct {
	Query string
	Texts []string
	IDs   [][]int32
}

// answer computes the vectors or scores of a model.
func answer(t *testing.T, path string, a *asked) (all [][]float32) {
	t.Helper()
	e, end := run(t, path)
	defer end()
	var err error
	if a.Query == "" {
		all, err = e.EmbedAll(t.Context(), a.IDs, &blitz.EmbedOptions{Pooling: blitz.PoolModel, Length: blitz.LengthOne})
	} else {
		var r *blitz.Ranking
		if r, err = e.Rank(t.Context(), a.Query, a.Texts, &blitz.RankOptions{Called: filepath.Base(path)}); err == nil {
			all = [][]float32{r.Scores}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEncoders converts encoders and rankers: vectors and scores are those of the folder, to
// the bit, and tensors those of the file that llama.cpp's converter wrote.
func TestEncoders(t *testing.T) {
	for _, name := range []string{"minilm", "bge", "nomic", "xlm-r", "embeddinggemma", "qwen3-embedding", "bge-reranker"} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(encoders, name)
			a := readAsked(t, folder)
			f := open(t, folder)
			path := filepath.Join(t.TempDir(), "out.gguf")
			write(t, f, path)
			got, want := answer(t, path, a), answer(t, folder, a)
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("text %d: %v, want %v as of the folder", i, got[i], want[i])
				}
			}
			sameTensors(t, path, filepath.Join(folder, "model.gguf"))
			sameTokens(t, path, a)
		})
	}
}

func readAsked(t *testing.T, folder string) *asked {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "expect.json"))
	a := &asked{}
	if err == nil {
		err = json.Unmarshal(text, a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// sameTensors holds the names and shapes of a file to those of another.
func sameTensors(t *testing.T, path, other string) {
	t.Helper()
	got, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	want, err := gguf.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	if len(got.Tensors()) != len(want.Tensors()) {
		t.Errorf("%d tensors, want %d", len(got.Tensors()), len(want.Tensors()))
	}
	for _, x := range want.Tensors() {
		g, ok := got.Tensor(x.Name)
		if x.Name == "token_embd.weight" { // that tool cuts it to the tokens
			x.Shape = g.Shape
		}
		if !ok || !slices.Equal(g.Shape, x.Shape) {
			t.Errorf("%s: %v, want %v", x.Name, g.Shape, x.Shape)
		}
	}
	arch, _ := want.String("general.architecture")
	for _, kv := range want.KeyValues() {
		if !strings.HasPrefix(kv.Key, arch+".") || strings.HasSuffix(kv.Key, ".context_length") || strings.HasSuffix(kv.Key, ".output_labels") {
			continue
		}
		if v, ok := got.Value(kv.Key); !ok || v.String() != kv.Value.String() {
			t.Errorf("%s is %v, want %v", kv.Key, v, kv.Value)
		}
	}
}

// sameTokens holds the tokens of the file's tokenizer to the folder's.
func sameTokens(t *testing.T, path string, a *asked) {
	t.Helper()
	tok, err := blitz.OpenTokenizer(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range a.Texts {
		if a.Query != "" || strings.Contains(text, "<s>") { // a pair, or split at another token
			continue
		}
		if ids, err := tok.Encode(text, tokenizer.AddSpecial); err != nil || !slices.Equal(ids, a.IDs[i]) {
			t.Errorf("text %d is %v (%v), want %v", i, ids, err, a.IDs[i])
		}
	}
}

// TestAsked converts a model that ranks by what it answers: its answers become a head, and
// scores are those of the folder but for the order of sums.
func TestAsked(t *testing.T) {
	from := filepath.Join(encoders, "qwen3-reranker")
	a := readAsked(t, from)
	folder := filepath.Join(t.TempDir(), "qwen3-reranker")
	if err := os.CopyFS(folder, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	modules := `[{"path": "", "type": "sentence_transformers.models.Transformer"}, {"path": "1_LogitScore", "type": "sentence_transformers.cross_encoder.modules.LogitScore"}]`
	if err := errors.Join(os.Remove(filepath.Join(folder, "model.gguf")), os.WriteFile(filepath.Join(folder, "modules.json"), []byte(modules), 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "out.gguf")
	write(t, open(t, folder), path)
	got, want := answer(t, path, a), answer(t, folder, a)
	for i, x := range want[0] {
		if d := math.Abs(float64(got[0][i] - x)); !(d <= 1e-6) {
			t.Errorf("document %d has %v, want %v", i, got[0][i], x)
		}
	}
	sameTensors(t, path, filepath.Join(from, "model.gguf"))
}

// TestPromptsNoted converts encoders whose prompts a GGUF file has no place for, and those that
// cannot be read: a note says so.
func TestPromptsNoted(t *testing.T) {
	for config, want := range map[string]string{
		`{"prompts": {"query": "q: ", "passage": "p: "}}`: `prompts "passage", "query" are not in the file`,
		`{"prompts": 7}`: "config_sentence_transformers.json",
	} {
		folder := filepath.Join(t.TempDir(), "minilm")
		if err := errors.Join(
			os.CopyFS(folder, os.DirFS(filepath.Join(encoders, "minilm"))), os.Remove(filepath.Join(folder, "model.gguf")),
			os.WriteFile(filepath.Join(folder, "config_sentence_transformers.json"), []byte(config), 0o600),
		); err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(open(t, folder).Notes(), "\n"); !strings.Contains(notes, want) {
			t.Errorf("%s: notes %q, want one with %q", config, notes, want)
		}
	}
}

// TestEncodersRefused converts what GGUF files cannot tell of encoders: the error names it.
func TestEncodersRefused(t *testing.T) {
	for _, x := range []struct{ name, word string }{
		{"cross-encoder", "hidden_act"},
		{"minilm", "Dense"},
	} {
		folder := filepath.Join(t.TempDir(), x.name)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(encoders, x.name))); err != nil {
			t.Fatal(err)
		}
		if x.word == "Dense" {
			if err := errors.Join(
				os.Remove(filepath.Join(folder, "model.gguf")),
				os.CopyFS(filepath.Join(folder, "2_Dense"), os.DirFS(filepath.Join(encoders, "embeddinggemma", "2_Dense"))),
				os.WriteFile(filepath.Join(folder, "modules.json"), []byte(`[{"path": "", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}, {"path": "2_Dense", "type": "x.Dense"}]`), 0o600),
			); err != nil {
				t.Fatal(err)
			}
		}
		err := refused(t, folder)
		if !errors.Is(err, model.ErrConfig) || !strings.Contains(fmt.Sprint(err), x.word) {
			t.Errorf("%s: got %v, want %v with %q", x.name, err, model.ErrConfig, x.word)
		}
	}
}

func refused(t *testing.T, folder string) error {
	t.Helper()
	f, err := convert.Open(folder)
	if err == nil {
		f.Close()
	}
	return err
}
