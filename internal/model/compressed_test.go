package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/compressed"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// asGPTQ stores the matrices of a model's layers as GPTQ does, symmetric of four bits, and
// returns the same as blocks of Q4_0, by name.
func asGPTQ(t *testing.T, m *tiny.Model) (*tiny.Checkpoint, map[string][]byte) {
	t.Helper()
	c, err := m.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	how := map[string]any{"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": false, "sym": true}
	g := &tiny.Checkpoint{Config: m.With(map[string]any{"quantization_config": how}).Raw}
	blocks := map[string][]byte{}
	for _, x := range c.Tensors {
		layer, is := strings.CutSuffix(x.Name, "_proj.weight")
		if !is || !strings.Contains(x.Name, "layers.") || x.Shape[1]%32 != 0 || x.Shape[0]%8 != 0 {
			g.Tensors = append(g.Tensors, x)
			continue
		}
		b := make([]byte, tensor.Q4_0.RowBytes(len(x.Data)/4))
		if err := quant.Encode(b, tensor.Q4_0, decodeF32(x.Data)); err != nil {
			t.Fatal(err)
		}
		blocks[x.Name] = b
		g.Tensors = append(g.Tensors, gptqTensors(layer+"_proj", b, x.Shape[0], x.Shape[1])...)
	}
	return g, blocks
}

// gptqTensors are a matrix of Q4_0 as GPTQ stores it.
func gptqTensors(layer string, b []byte, rows, cols int) []tiny.Stored {
	le, groups := binary.LittleEndian, cols/32
	values, scales := make([]byte, rows*cols/2), make([]byte, 2*groups*rows)
	zeros := bytes.Repeat([]byte{0x77}, groups*rows/2)
	for r := range rows {
		for k := range cols {
			block := b[18*(r*groups+k/32):]
			copy(scales[2*(k/32*rows+r):], block[:2])
			code := uint32(block[2+k%16]) >> (k % 32 / 16 * 4) & 15
			word := values[4*(k/8*rows+r):]
			le.PutUint32(word, le.Uint32(word)|code<<(k%8*4))
		}
	}
	return []tiny.Stored{
		{Name: layer + ".qweight", Type: tensor.I32, Shape: []int{cols / 8, rows}, Data: values},
		{Name: layer + ".qzeros", Type: tensor.I32, Shape: []int{groups, rows / 8}, Data: zeros},
		{Name: layer + ".scales", Type: tensor.F16, Shape: []int{groups, rows}, Data: scales},
	}
}

// TestCompressed opens checkpoints of GPTQ and holds the packed matrices to those of the
// same blocks of Q4_0: heads of one tensor, experts and turned ones among them.
func TestCompressed(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "deepseek-v3"} {
		t.Run(name, func(t *testing.T) {
			source, _ := loadExpectation(t, name)
			c, blocks := asGPTQ(t, source)
			m := openCheckpoint(t, c, nil, Options{})
			checked := map[string]bool{}
			for _, w := range m.weights {
				b, is := blocks[w.Tensor]
				if !is {
					continue
				}
				checked[w.Tensor] = true
				if w.Turned {
					checkTurned(t, w, b)
					continue
				}
				size := tensor.Q4_0.RowBytes(w.Cols)
				want, err := weights.FromBlocks(tensor.Q4_0, w.Rows, w.Cols, b[w.First*size:][:w.Rows*size])
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(w.Matrix.Data, want.Data) {
					t.Errorf("%s, rows from %d on: other weights", w.Tensor, w.First)
				}
			}
			if len(blocks) == 0 || len(checked) != len(blocks) {
				t.Errorf("%d of %d matrices were bound", len(checked), len(blocks))
			}
		})
	}
}

// checkTurned compares a matrix that is kept as float32 columns.
func checkTurned(t *testing.T, w *Weight, blocks []byte) {
	t.Helper()
	size := tensor.Q4_0.RowBytes(w.Cols)
	rows := make([]float32, w.Rows*w.Cols)
	if err := quant.Decode(rows, tensor.Q4_0, blocks[w.First*size:][:w.Rows*size]); err != nil {
		t.Fatal(err)
	}
	columns := make([]float32, len(rows))
	for i, v := range rows {
		columns[i%w.Cols*w.Rows+i/w.Cols] = v
	}
	if want := weights.FromFloats(w.Cols, w.Rows, columns); !bytes.Equal(w.Matrix.Data, want.Data) {
		t.Errorf("%s, rows from %d on, turned: other weights", w.Tensor, w.First)
	}
}

// TestCompressedRefused: what is wrong with packed tensors is a fault of the model's files.
func TestCompressedRefused(t *testing.T) {
	source, _ := loadExpectation(t, "llama")
	c, _ := asGPTQ(t, source)
	for i, x := range c.Tensors {
		if strings.HasSuffix(x.Name, ".scales") {
			c.Tensors[i].Name += "x"
			break
		}
	}
	folder := t.TempDir()
	if err := c.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := openPath(folder, Options{}); !errors.Is(err, ErrTensor) || !errors.Is(err, compressed.ErrTensor) {
		t.Errorf("without scales: got %v, want %v", err, ErrTensor)
	}
}
