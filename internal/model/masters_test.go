package model

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestMasters opens models of all float types with weights of float32: the same logits, to
// the bit, and all that is float takes four bytes a number.
func TestMasters(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3-fp8", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		for _, dt := range []tensor.DType{tensor.BF16, tensor.F16} {
			open := func(masters bool) *Model {
				c, err := model.Checkpoint(dt)
				if name == "deepseek-v3-fp8" {
					c, err = model.FP8(false)
				}
				return openCheckpoint(t, c, err, Options{Masters: masters})
			}
			plain, masters := open(false), open(true)
			sequences := mixedLengths(plain.Config.VocabSize, 17)
			want := newRunner(t, plain, plain.DefaultCache(), 2).run(t, sequences, whole)
			got := newRunner(t, masters, masters.DefaultCache(), 2).run(t, sequences, whole)
			if err := sameBits(got.logits, want.logits); err != nil {
				t.Errorf("%s %v: %v", name, dt, err)
			}
			for _, w := range masters.Weights() {
				if w.Matrix != nil && w.Matrix.Float != tensor.F32 {
					t.Errorf("%s %v: %s is %v", name, dt, w.Tensor, w.Matrix.Float)
				}
			}
		}
	}
	model, _ := loadExpectation(t, "llama")
	g, err := model.GGUF(tensor.Q8_0, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/q.gguf"
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := openPath(path, Options{Masters: true}); !errors.Is(err, ErrTensor) {
		t.Errorf("quantised weights: got %v, want ErrTensor", err)
	}
}

// TestWeights holds the weights of a model to the tensors of its file: their places cover
// each tensor once, and what is unpacked packs again.
func TestWeights(t *testing.T) {
	for _, name := range []string{"qwen2", "qwen3-moe", "deepseek-v3", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			c, err := model.Checkpoint(tensor.F32)
			m := openCheckpoint(t, c, err, Options{Latent: form, Masters: true})
			stored := map[string][]float32{}
			for _, x := range c.Tensors {
				stored[x.Name] = decodeF32(x.Data)
			}
			seen := map[string][]int{}
			for _, w := range m.Weights() {
				what := fmt.Sprint(name, " ", form, " ", w.Tensor, " from row ", w.First)
				want := stored[w.Tensor]
				got := make([]float32, len(want))
				for i := range got {
					got[i] = float32(math.NaN())
				}
				w.Unpack(got, w.Values())
				if seen[w.Tensor] == nil {
					seen[w.Tensor] = make([]int, len(want))
				}
				for i, v := range got {
					if v != v {
						continue
					}
					seen[w.Tensor][i]++
					if v-w.Shift != want[i] && v != want[i]+w.Shift {
						t.Fatalf("%s: number %d is %v, want %v", what, i, v, want[i])
					}
				}
				again := make([]float32, w.Len())
				w.Pack(again, got)
				for i, v := range w.Values() {
					if again[i] != v {
						t.Fatalf("%s: number %d packs to %v, was %v", what, i, again[i], v)
					}
				}
			}
			for tensor, n := range seen {
				for i, k := range n {
					if k != 1 {
						t.Fatalf("%s %s: %s: number %d is in %d weights", name, form, tensor, i, k)
					}
				}
			}
			if len(seen) == 0 {
				t.Errorf("%s: no weights", name)
			}
		}
	}
}
