package model

import (
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestActive counts what a token is multiplied with, by hand from the configuration.
func TestActive(t *testing.T) {
	for name, want := range map[string]func(c *Config) int{
		"llama": func(c *Config) int {
			d := c.HeadDim
			layer := c.HiddenSize*d*(2*c.NumAttentionHeads+2*c.NumKeyValueHeads) + 3*c.HiddenSize*c.IntermediateSize
			return c.NumHiddenLayers*layer + c.VocabSize*c.HiddenSize
		},
		"deepseek-v3": func(c *Config) int {
			H, D := c.NumAttentionHeads, c.HiddenSize
			attention := D*c.QLoraRank + c.QLoraRank*H*(c.QKNopeHeadDim+c.QKRopeHeadDim) + D*(c.KVLoraRank+c.QKRopeHeadDim) + c.KVLoraRank*H*(c.QKNopeHeadDim+c.VHeadDim) + H*c.VHeadDim*D
			sparse := D*c.NumExperts + 3*D*c.MoEIntermediateSize*(c.NumExpertsPerTok+c.NumSharedExperts)
			n := c.NumHiddenLayers*attention + c.VocabSize*D
			for i := range c.NumHiddenLayers {
				if c.sparse(i) {
					n += sparse
				} else {
					n += 3 * D * c.IntermediateSize
				}
			}
			return n
		},
	} {
		shape, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := shape.Checkpoint(tensor.F32)
		m := openCheckpoint(t, c, err, Options{Masters: true})
		if got, want := m.Active(), int64(want(&m.Config)); got != want {
			t.Errorf("%s: %d numbers, want %d", name, got, want)
		}
	}
}

// TestActiveModules opens models with and without their modules of multi-token prediction.
func TestActiveModules(t *testing.T) {
	for _, name := range []string{"deepseek-v3-mtp", "deepseek-v4-mtp", "deepseek-v4-dspark"} {
		shape, err := tiny.Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		c, err := shape.Checkpoint(tensor.F32)
		want := openCheckpoint(t, c, err, Options{}).Active()
		if got := openCheckpoint(t, c, err, Options{MTP: true}).Active(); got != want {
			t.Errorf("%s: %d numbers with what guesses, want the %d of the model", name, got, want)
		}
	}
}

// TestActiveTables: rows of a table are looked up, those of each layer's inputs too.
func TestActiveTables(t *testing.T) {
	shape, err := tiny.Load(filepath.Join("testdata", "gemma4-e"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := shape.Checkpoint(tensor.F32)
	m := openCheckpoint(t, c, err, Options{})
	all := int64(0)
	for _, w := range m.Weights() {
		if w.Matrix != nil {
			all += int64(w.Rows) * int64(w.Cols)
		}
	}
	x := &m.Config // the head is the embedding, so that one counts
	table := int64(x.VocabSizePerLayerInput) * int64(x.NumHiddenLayers*x.HiddenSizePerLayerInput)
	if got := m.Active(); got != all-table {
		t.Errorf("%d numbers, want %d: all %d but %d of the table", got, all-table, all, table)
	}
}
