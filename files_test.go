package blitz

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/tokenizer"
)

// TestGenerationConfig opens a model beside whose weights a generation_config.json of
// any kind lies: it is understood, or passed over with a note.
func TestGenerationConfig(t *testing.T) {
	folder := tinyFolder(t)
	plain, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain.Close()
	for text, c := range map[string]struct {
		want      Sampling
		suggested bool
		ends      []int32 // beside those of the model alone
		notes     int
	}{
		`{"eos_token_id": 9}`:                             {want: defaultSampling, ends: []int32{9}},
		`{"eos_token_id": [9, null, 1000000]}`:            {want: defaultSampling, ends: []int32{9}},
		`{"eos_token_id": "x"}`:                           {want: defaultSampling, notes: 1},
		`{"do_sample": false, "repetition_penalty": 1.5}`: {want: Sampling{RepeatPenalty: 1.5}, suggested: true},
		`{"repetition_penalty": 1.5}`:                     {want: Sampling{Temperature: 1, RepeatPenalty: 1.5}, suggested: true},
		`{"temperature": 0.5, "top_k": -1}`:               {want: Sampling{Temperature: 0.5}, suggested: true},
		`{"temperature": 0.5, "top_k": 50.0}`:             {want: Sampling{Temperature: 0.5, TopK: 50}, suggested: true},
		`{"temperature": Infinity}`:                       {want: defaultSampling, notes: 1},
		``:                                                {want: defaultSampling, notes: 1},
	} {
		if err := os.WriteFile(filepath.Join(folder, "generation_config.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Open(folder, nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		defer m.Close()
		got, suggested := m.Sampling()
		if got.Temperature != c.want.Temperature || got.TopK != c.want.TopK || got.MinP != c.want.MinP || got.RepeatPenalty != c.want.RepeatPenalty || suggested != c.suggested {
			t.Errorf("%s: got %+v, %v, want %+v, %v", text, got, suggested, c.want, c.suggested)
		}
		want := slices.Concat(c.ends, plain.StopTokens())
		ends := m.StopTokens()
		slices.Sort(ends)
		slices.Sort(want)
		if !slices.Equal(ends, slices.Compact(want)) {
			t.Errorf("%s: ends %v, want %v", text, ends, want)
		}
		if notes := len(m.Assumed()) - len(plain.Assumed()); notes != c.notes {
			t.Errorf("%s: %d notes more, %q, want %d", text, notes, m.Assumed(), c.notes)
		}
	}
}

// TestFolderOfGGUF opens a folder with a GGUF file and what else may lie beside it.
func TestFolderOfGGUF(t *testing.T) {
	model, err := tiny.Load(filepath.Join("internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := model.WriteGGUF(filepath.Join(folder, "tiny.gguf"), tensor.F32); err != nil {
		t.Fatal(err)
	}
	writeJSON(t, folder, "config.json", map[string]any{"model_type": "x"})
	w, err := gguf.Create(filepath.Join(folder, "mmproj-tiny.gguf"))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !slices.ContainsFunc(m.Assumed(), func(s string) bool { return strings.Contains(s, "mmproj-tiny.gguf") }) {
		t.Errorf("%q: want that the projector is passed over", m.Assumed())
	}
	info := m.Info()
	if info.Format != "gguf" || info.Architecture != "llama" || !slices.Equal(info.Files, []string{"tiny.gguf"}) || info.Parameters < 1 || info.Size < 4*info.Parameters {
		t.Errorf("%+v: want a GGUF file of llama", info)
	}
	if r := m.root(); r != "" {
		t.Errorf("the root %s was made before anybody asked", r)
	}
	root, err := m.Root(t.Context(), "")
	if err != nil || len(root) != 64 || m.root() != root {
		t.Errorf("root %q, then %q, %v", root, m.root(), err)
	}
}

// TestFilesRefuse: the error says what a path holds.
func TestFilesRefuse(t *testing.T) {
	folder := t.TempDir()
	writeTokenizer(t, folder, "", "<s>", "</s>")
	files, err := OpenFiles(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if _, err := files.Needs(nil); !errors.Is(err, ErrNoWeights) {
		t.Errorf("needs of a tokenizer: %v, want ErrNoWeights", err)
	}
	if _, err := files.Open(nil); !errors.Is(err, ErrNoWeights) {
		t.Errorf("a tokenizer: %v, want ErrNoWeights", err)
	}
	empty := t.TempDir()
	if _, err := OpenTokenizer(empty); !errors.Is(err, tokenizer.ErrNoTokenizer) || !errors.Is(err, ErrNoModel) {
		t.Errorf("an empty folder: %v, want ErrNoTokenizer and ErrNoModel", err)
	}
	writeJSON(t, folder, "config.json", map[string]any{"model_type": "llama"})
	if _, err := Open(folder, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a config.json without weights: %v, want fs.ErrNotExist", err)
	}
}
