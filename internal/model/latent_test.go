package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// wideRanks is a model whose W^UK and W^UV have rows of a K type's blocks both ways.
var wideRanks = map[string]any{"kv_lora_rank": 256, "qk_nope_head_dim": 256, "v_head_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2}

// TestExpansionProducts holds W^UK and W^UV of every head to the product that CANON
// section 6 says: that of the stored type where its blocks run along the summed axis,
// else float32 products of the decoded and turned matrix.
func TestExpansionProducts(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3")
	model = model.With(wideRanks)
	for _, dt := range []tensor.DType{tensor.F32, tensor.BF16, tensor.Q8_0, tensor.Q4_K, tensor.Q6_K} {
		for _, how := range []tiny.Spelling{tiny.Split, tiny.Unsplit} {
			g, err := model.GGUF(dt, how)
			for _, form := range forms(model) {
				m := openGGUF(t, g, err, Options{Latent: form})
				l := &m.net.(*deepseek).layers[0].latent
				across := (form == Expanded) == (how == tiny.Split) // what is stored runs across the summed axis
				for h := range l.H {
					what := fmt.Sprintf("%s spelling %d %s head %d", dt, how, form, h)
					k, v := storedExpansions(g, l, h, how)
					if across {
						holdProduct(t, what+" W^UK", &l.UK[h].Matrix, decodedTurned(t, k), weights.Source{})
					} else {
						holdProduct(t, what+" W^UK", &l.UK[h].Matrix, nil, weights.Source{Type: k.Type, Data: k.Data})
					}
					holdProduct(t, what+" W^UV", &l.UV[h].Matrix, nil, weights.Source{Type: v.Type, Data: v.Data})
				}
			}
		}
	}
}

// storedExpansions returns the stored rows of W^UK and W^UV of a head of layer 0.
func storedExpansions(g *tiny.GGUF, l *Latent, h int, how tiny.Spelling) (k, v tiny.Stored) {
	part := func(name string, first, rows, cols int) tiny.Stored {
		for _, x := range g.Tensors {
			if x.Name == name {
				n := x.Type.RowBytes(cols)
				return tiny.Stored{Name: name, Type: x.Type, Shape: []int{rows, cols}, Data: x.Data[first*n : (first+rows)*n]}
			}
		}
		panic("no tensor " + name)
	}
	if how == tiny.Split {
		return part("blk.0.attn_k_b.weight", h*l.C, l.C, l.P), part("blk.0.attn_v_b.weight", h*l.V, l.V, l.C)
	}
	row := h * (l.P + l.V)
	return part("blk.0.attn_kv_b.weight", row, l.P, l.C), part("blk.0.attn_kv_b.weight", row+l.P, l.V, l.C)
}

// decodedTurned returns the columns of a stored matrix as rows.
func decodedTurned(t *testing.T, x tiny.Stored) [][]float32 {
	t.Helper()
	rows, cols := x.Shape[0], x.Shape[1]
	w := make([]float32, rows*cols)
	if err := quant.Decode(w, x.Type, x.Data); err != nil {
		t.Fatal(err)
	}
	turned := make([][]float32, cols)
	for c := range turned {
		for r := range rows {
			turned[c] = append(turned[c], w[r*cols+c])
		}
	}
	return turned
}

// holdProduct multiplies m with a vector and holds the result to that of the rows, one
// fused step after the other, or to that of the stored matrix.
func holdProduct(t *testing.T, what string, m *kernel.Matrix, rows [][]float32, src weights.Source) {
	t.Helper()
	x := make([]float32, m.Cols)
	for i := range x {
		x[i] = float32(math.Sin(float64(3*i + 1)))
	}
	want := make([]float32, m.Rows)
	if rows == nil {
		stored, err := weights.FromBlocks(src.Type, m.Rows, m.Cols, src.Data)
		if err != nil {
			t.Fatal(err)
		}
		want = multiplied(&stored, x)
	}
	for r, row := range rows {
		for k, w := range row {
			want[r] = kernel.FMA(w, x[k], want[r])
		}
	}
	if rows != nil && len(rows) != m.Rows {
		t.Fatalf("%s: %d rows, want %d", what, m.Rows, len(rows))
	}
	if float := rows != nil || src.Type.IsFloat(); m.IsFloat() != float {
		t.Fatalf("%s: multiplied as float: %v, want %v", what, m.IsFloat(), float)
	}
	for r, got := range multiplied(m, x) {
		if math.Float32bits(got) != math.Float32bits(want[r]) {
			t.Fatalf("%s: row %d gives %v, want %v", what, r, got, want[r])
		}
	}
}

// multiplied returns the product of a matrix and a vector.
func multiplied(m *kernel.Matrix, x []float32) []float32 {
	y := make([]float32, m.Blocks()*kernel.RowBlock)
	var scratch kernel.Scratch
	if m.IsFloat() {
		var f kernel.F32
		f.Reset(1, len(x))
		f.Set(0, x)
		kernel.FloatProduct(y, len(y), &f, m, 0, m.Blocks(), &scratch)
	} else {
		var q kernel.Q8
		q.Reset(1, len(x))
		q.Quantise(0, x)
		kernel.Product(y, len(y), &q, m, 0, m.Blocks(), &scratch)
	}
	return y[:m.Rows]
}

// TestLatentRows holds the cache of a layer to what the form stores: absorbed a row of
// c^KV and the roped part for all heads, expanded keys and values of every head.
func TestLatentRows(t *testing.T) {
	model, _ := loadExpectation(t, "glm4-moe-lite") // widths that are no multiples of 32
	c, err := model.Checkpoint(tensor.F32)
	for form, want := range map[LatentForm]int{
		Absorbed: kernel.CacheF32.KeyBytes(64 + 32), Expanded: 4 * (kernel.CacheF32.KeyBytes(24+16) + kernel.CacheF32.ValueBytes(40)),
	} {
		m := openCheckpoint(t, c, err, Options{Latent: form})
		for i, l := range m.CacheLayers(kernel.CacheF32) {
			if l.Bytes != want {
				t.Errorf("%s: layer %d keeps %d bytes of a page, want %d", form, i, l.Bytes, want)
			}
		}
	}
}
