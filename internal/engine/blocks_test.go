package engine

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
)

// TestNoModule: who asks for the guesses of a module that is not there, or has draft layers of
// blocks instead, is refused.
func TestNoModule(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v4-dspark"} {
		g, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := g.WriteSafetensors(folder); err != nil {
			t.Fatal(err)
		}
		m := openModel(t, folder, model.Options{MTP: name == "deepseek-v4-dspark"})
		e := newEngine(t, m, Options{Context: 100})
		p := Plan{Drafts: func(int, int, []float32) error { return nil }}
		err = e.Evaluate(t.Context(), [][]int32{{1, 2, 3}}, p, func(int, int, []float32) error { return nil })
		if !errors.Is(err, model.ErrNoMTP) {
			t.Errorf("%s: error %v, want %v", name, err, model.ErrNoMTP)
		}
	}
}
