package model

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestSingleExperts: old GGUF files, with a tensor for each expert, hold the same model.
func TestSingleExperts(t *testing.T) {
	source, _ := loadExpectation(t, "qwen3-moe")
	g, err := source.GGUF(tensor.Q8_0, tiny.Split)
	stacked := openGGUF(t, g, err, Options{})
	single := &tiny.GGUF{Keys: g.Keys}
	for _, x := range g.Tensors {
		before, is := strings.CutSuffix(x.Name, "_exps.weight")
		if !is {
			single.Tensors = append(single.Tensors, x)
			continue
		}
		for e, data := range slices.Collect(slices.Chunk(x.Data, len(x.Data)/x.Shape[0])) {
			single.Tensors = append(single.Tensors, tiny.Stored{Name: fmt.Sprintf("%s.%d.weight", before, e), Type: x.Type, Shape: x.Shape[1:], Data: data})
		}
	}
	m := openGGUF(t, single, nil, Options{})
	if len(single.Tensors) == len(g.Tensors) || len(m.weights) != len(stacked.weights) {
		t.Fatalf("%d tensors, of %d; %d weights, want %d", len(single.Tensors), len(g.Tensors), len(m.weights), len(stacked.weights))
	}
	for i, w := range m.weights {
		if w.Matrix != nil && !bytes.Equal(w.Matrix.Data, stacked.weights[i].Matrix.Data) {
			t.Errorf("%s holds other weights than rows from %d on of %s", w.Tensor, stacked.weights[i].First, stacked.weights[i].Tensor)
		}
	}
	// One expert that is missing is named.
	single.Tensors = slices.DeleteFunc(single.Tensors, func(x tiny.Stored) bool { return strings.HasSuffix(x.Name, "blk.1.ffn_up.2.weight") })
	err = openError(t, t.TempDir()+"/m.gguf", single.Write)
	if err == nil || !strings.Contains(err.Error(), "blk.1.ffn_up.2.weight: is missing") {
		t.Errorf("without an expert: got %v", err)
	}
}
