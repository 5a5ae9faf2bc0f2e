package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/safetensors"
)

// moduleFolderOf writes a model whose modules.json lists these types, each with a folder that
// has what it may need.
func moduleFolderOf(t *testing.T, kinds ...string) string {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("config.json", `{"model_type": "bert"}`)
	weights, err := os.Create(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	w := safetensors.NewWriter(weights)
	if err := w.Declare("a", safetensors.F32, 1); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteTensor("a", make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tensors, err := os.ReadFile(weights.Name())
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for i, kind := range kinds {
		name := string(rune('1'+i)) + "_" + kind
		list = append(list, `{"type": "sentence_transformers.models.`+kind+`", "path": "`+name+`"}`)
		switch kind {
		case "Pooling":
			write(name+"/config.json", `{"pooling_mode_mean_tokens": true}`)
		case "Dense":
			write(name+"/config.json", `{"in_features": 4, "out_features": 2}`)
			write(name+"/model.safetensors", string(tensors))
		}
	}
	write("modules.json", "["+strings.Join(list, ",")+"]")
	return folder
}

// TestModuleOrder: modules are used in one order, and a file with another one is refused, its
// heads closed.
func TestModuleOrder(t *testing.T) {
	for _, c := range []struct {
		kinds string
		ok    bool
	}{
		{"Transformer Pooling Dense Dense Normalize", true},
		{"Transformer Pooling Normalize", true},
		{"Transformer LogitScore", true},
		{"Transformer Pooling Normalize Dense", false},
		{"Transformer Dense Pooling", false},
		{"Transformer Pooling Dense Transformer", false},
		{"Transformer Pooling Dense Other", false},
	} {
		c1, err := Open(moduleFolderOf(t, strings.Fields(c.kinds)...))
		if err != nil {
			t.Fatal(err)
		}
		m, err := c1.Modules()
		if c.ok != (err == nil) || !c.ok && (m != nil || !errors.Is(err, ErrFormat)) {
			t.Errorf("%s: got %+v, %v", c.kinds, m, err)
		}
		if maps, err := os.ReadFile("/proc/self/maps"); err == nil && !c.ok && strings.Contains(string(maps), c1.folder) {
			t.Errorf("%s: files of modules stay mapped", c.kinds)
		}
		c1.Close()
	}
}
