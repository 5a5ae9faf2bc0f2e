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
