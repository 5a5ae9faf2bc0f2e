package model

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// openBlankFolder opens a folder that has a configuration and a tokenizer's file alone.
func openBlankFolder(t *testing.T, config string, limit int64) (*Model, error) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"config.json": config, "tokenizer.json": "{}"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	files, err := checkpoint.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	return Open(files, Options{Masters: true, SharedEnds: true, Blank: true, MemoryLimit: limit, MTP: strings.Contains(config, `"num_nextn_predict_layers": 1`)})
}

// TestBlank holds that a configuration alone tells every weight that its checkpoint has, in
// the same order and shape.
func TestBlank(t *testing.T) {
	for _, name := range goldenModels {
		config, err := os.ReadFile(filepath.Join("testdata", name, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		model, _ := loadExpectation(t, name)
		folder := t.TempDir()
		if err := model.WriteSafetensors(folder); err != nil {
			t.Fatal(err)
		}
		files, err := checkpoint.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Masters: true, SharedEnds: true, MTP: model.Config.NextN > 0}
		want, err := Open(files, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := openBlankFolder(t, string(config), 0)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got.Weights()) != len(want.Weights()) {
			t.Errorf("%s: %d weights, want %d", name, len(got.Weights()), len(want.Weights()))
			continue
		}
		for i, w := range want.Weights() {
			x := got.Weights()[i]
			if name != "gemma3" && x.Param != w.Param || x.Rows != w.Rows || x.Cols != w.Cols || x.Len() != w.Len() {
				t.Errorf("%s: weight %d is %+v, want %+v", name, i, x.Param, w.Param)
			}
		}
		got.Close()
		want.Close()
		_ = files.Close()
	}
}

// TestBlankRefused: what a configuration asks for is bounded before there is memory for it.
func TestBlankRefused(t *testing.T) {
	config, err := os.ReadFile(filepath.Join("testdata", "llama", "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openBlankFolder(t, string(config), 1<<20); !errors.Is(err, ErrNoRoom) {
		t.Errorf("1 MiB: error %v, want ErrNoRoom", err)
	}
	for old, text := range map[string]string{`"vocab_size": 384`: `"vocab_size": 2000000000`, `"intermediate_size": 512`: `"intermediate_size": 1000000000`} {
		if _, err := openBlankFolder(t, strings.Replace(string(config), old, text, 1), 1<<30); !errors.Is(err, ErrNoRoom) && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: error %v", text, err)
		}
	}
	if _, err := openBlankFolder(t, `{"model_type": "none"}`, 1<<20); !errors.Is(err, ErrArch) {
		t.Errorf("no model: error %v, want ErrArch", err)
	}
}
