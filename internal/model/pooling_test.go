package model

import (
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestRefusedHeads opens models that are to tell how well two texts go together, and have no
// head that can.
func TestRefusedHeads(t *testing.T) {
	source, _ := loadExpectation(t, "llama")
	for name, out := range map[string]int{"makes 0": 0, "head of 3 answers": 3} {
		g, err := source.GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		g.Put("llama.pooling_type", gguf.ValueOf(uint32(4)))
		g.Tensors = append(g.Tensors, tiny.Stored{Name: "cls.output.weight", Type: tensor.F32, Shape: []int{out, 256}, Data: make([]byte, 4*out*256)})
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrTensor, name)
	}
}

// TestRankWithoutHead opens an encoder that is to rank by its hidden states.
func TestRankWithoutHead(t *testing.T) {
	f, err := gguf.Open("testdata/encoders/minilm/model.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := &tiny.GGUF{Keys: f.KeyValues()}
	for _, x := range f.Tensors() {
		d, ok := tensor.ParseDType(x.Type.String())
		if !ok {
			t.Fatal(x.Type)
		}
		g.Tensors = append(g.Tensors, tiny.Stored{Name: x.Name, Type: d, Shape: x.Shape, Data: f.Bytes(x)})
	}
	g.Put("bert.pooling_type", gguf.ValueOf(uint32(4)))
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrTensor, "head of 0 answers")
}
