package model

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// withNVFP4 returns a GGUF file one of whose matrices is NVFP4, with these factors of
// the shape in its tensor of factors; no such tensor where shape is nil.
func withNVFP4(t *testing.T, weight string, shape []int, factors ...float32) (*tiny.GGUF, tiny.Stored) {
	t.Helper()
	model, _ := loadExpectation(t, "llama")
	g, err := model.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	var changed tiny.Stored
	g.Tensors = edit(g.Tensors, weight+".weight", func(x *tiny.Stored) {
		x.Type = tensor.NVFP4
		x.Data = make([]byte, x.Shape[0]*tensor.NVFP4.RowBytes(x.Shape[1]))
		for i := range x.Data {
			x.Data[i] = byte(i*i*31+7*i) &^ 0x40
		}
		changed = *x
	})
	if shape != nil {
		var bits []byte
		for _, f := range factors {
			bits = binary.LittleEndian.AppendUint32(bits, math.Float32bits(f))
		}
		g.Tensors = append(g.Tensors, tiny.Stored{Name: weight + ".scale", Type: tensor.F32, Shape: shape, Data: bits})
	}
	return g, changed
}

// TestNVFP4 multiplies the scales of an NVFP4 matrix with the factor of its tensor, 1
// where the file has none.
func TestNVFP4(t *testing.T) {
	const weight = "blk.0.ffn_down"
	for _, c := range []struct {
		shape   []int
		factors []float32
		want    float32
	}{{nil, nil, 1}, {[]int{1}, []float32{0.25}, 0.25}} {
		g, x := withNVFP4(t, weight, c.shape, c.factors...)
		m := openGGUF(t, g, nil, Options{})
		down := &m.net.(*llama).layers[0].mlp.Down
		stored, row := make([]float32, down.Rows*down.Cols), make([]float32, down.Cols)
		if err := quant.Decode(stored, x.Type, x.Data); err != nil {
			t.Fatal(err)
		}
		for r := range down.Rows {
			down.Row(row, r)
			for k, got := range row {
				if want := stored[r*down.Cols+k] * c.want; got != want {
					t.Fatalf("factor %v: row %d column %d is %v, want %v", c.want, r, k, got, want)
				}
			}
		}
	}
}

// TestRefusedFactor opens NVFP4 matrices whose tensor of factors has none.
func TestRefusedFactor(t *testing.T) {
	const weight = "blk.0.ffn_down"
	g, _ := withNVFP4(t, weight, []int{0})
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := g.Write(path); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrTensor, weight+".scale", "[0]", "one number a matrix")
}

// TestNVFP4Experts multiplies the scales of each expert with its own factor, where one
// tensor holds them all, and where gate and up are one tensor too.
func TestNVFP4Experts(t *testing.T) {
	const E, I, D = 4, 32, 64
	model, _ := loadExpectation(t, "deepseek-v3")
	model = model.With(map[string]any{
		"n_routed_experts": E, "n_group": 1, "topk_group": 1, "num_experts_per_tok": 2, "moe_intermediate_size": I, "hidden_size": D,
	})
	for _, merged := range []bool{false, true} {
		g, err := model.GGUF(tensor.F32, tiny.Split)
		if err != nil {
			t.Fatal(err)
		}
		weight, rows := "blk.1.ffn_gate_exps", I
		if merged {
			g.Tensors = mergeExperts(g.Tensors)
			weight, rows = "blk.1.ffn_gate_up_exps", 2*I
		}
		var stored []float32
		spoil := func(x *tiny.Stored) { // all of a layer's inner matrices have one form
			x.Type, x.Data = tensor.NVFP4, make([]byte, E*rows*tensor.NVFP4.RowBytes(D))
			for i := range x.Data {
				x.Data[i] = byte(i*i*31+7*i) &^ 0x40
			}
			stored = make([]float32, E*rows*D)
			if err := quant.Decode(stored, x.Type, x.Data); err != nil {
				t.Fatal(err)
			}
		}
		if !merged {
			g.Tensors = edit(g.Tensors, "blk.1.ffn_up_exps.weight", spoil)
		}
		g.Tensors = edit(g.Tensors, weight+".weight", spoil)
		var factors []byte
		for e := range E {
			factors = binary.LittleEndian.AppendUint32(factors, math.Float32bits(float32(e+1)/4))
		}
		g.Tensors = append(g.Tensors, tiny.Stored{Name: weight + ".scale", Type: tensor.F32, Shape: []int{E}, Data: factors})
		m := openGGUF(t, g, nil, Options{})
		experts := m.net.(*deepseek).layers[1].experts
		row := make([]float32, D)
		for e := range E {
			experts.Gate[e].Row(row, I-1)
			for k, got := range row {
				if want := stored[(e*rows+I-1)*D+k] * float32(e+1) / 4; got != want {
					t.Fatalf("merged %v: gate of expert %d, column %d is %v, want %v", merged, e, k, got, want)
				}
			}
			if merged {
				experts.Up[e].Row(row, 0)
				for k, got := range row {
					if want := stored[(e*rows+I)*D+k] * float32(e+1) / 4; got != want {
						t.Fatalf("up of expert %d, column %d is %v, want %v", e, k, got, want)
					}
				}
			}
		}
	}
}

// TestRefusedFactors opens NVFP4 matrices whose factors are no numbers, or make
// infinities.
func TestRefusedFactors(t *testing.T) {
	const weight = "blk.0.ffn_down"
	for _, factor := range []float64{math.NaN(), math.Inf(-1), 1e36} {
		g, _ := withNVFP4(t, weight, []int{1}, float32(factor))
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		refused(t, path, ErrTensor, weight+".scale", "element 0")
	}
}
