package model

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestPackedFloats opens a folder of nvfp4-pack-quantized: every row has the numbers that its
// codes and scales say, and logits are those of the same numbers as float32, but for what
// activations of eight bits cost.
func TestPackedFloats(t *testing.T) {
	source, e := loadExpectation(t, "llama")
	plain, err := source.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	how := map[string]any{
		"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized",
		"config_groups": map[string]any{"group_0": map[string]any{"weights": map[string]any{"num_bits": 4, "type": "float", "group_size": 16}}},
	}
	packed, numbers := &tiny.Checkpoint{Config: source.With(map[string]any{"quantization_config": how}).Raw}, map[string][]float32{}
	for i, x := range plain.Tensors {
		layer, is := strings.CutSuffix(x.Name, "_proj.weight")
		if !is {
			packed.Tensors = append(packed.Tensors, x)
			continue
		}
		parts, w := packedFloats(layer+"_proj", i, x.Shape[0], x.Shape[1])
		packed.Tensors, numbers[x.Name] = append(packed.Tensors, parts...), w
		if err := quant.Encode(plain.Tensors[i].Data, tensor.F32, w); err != nil {
			t.Fatal(err)
		}
	}
	m, checked := openCheckpoint(t, packed, nil, Options{}), map[string]bool{}
	for _, w := range m.weights {
		want, is := numbers[w.Tensor]
		if !is {
			continue
		}
		checked[w.Tensor] = true
		row := make([]float32, w.Cols)
		for r := range w.Rows {
			if w.Matrix.Row(row, r); !slices.Equal(row, want[(w.First+r)*w.Cols:][:w.Cols]) {
				t.Fatalf("%s, row %d: other numbers", w.Tensor, w.First+r)
			}
		}
	}
	if len(checked) != len(numbers) || len(checked) != 7*3 {
		t.Errorf("%d of %d matrices were bound, want 21", len(checked), len(numbers))
	}
	got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
	want := newRunner(t, openCheckpoint(t, plain, nil, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
	if rms, _ := offBy(got.logits, want.logits); !(rms <= 0.05) {
		t.Errorf("logits are off by %.2g rms, want 0.05", rms)
	}
}

// packedFloats makes a matrix of random codes, and its numbers: those of E2M1 times a scale of
// sixteen, by the scale of all of them.
func packedFloats(layer string, seed, rows, cols int) ([]tiny.Stored, []float32) {
	const global = 64
	e2m1 := [8]float32{0, 0.5, 1, 1.5, 2, 3, 4, 6}
	codes, scales, w := make([]byte, rows*cols/2), make([]byte, rows*cols/16), make([]float32, rows*cols)
	for g, x := range tiny.Noise(seed, layer+".scales", len(scales)) {
		scales[g] = byte(0x38 + int(math.Abs(x)*4)%8) // from 1 to 1.875
	}
	for i, x := range tiny.Noise(seed, layer, len(w)) {
		code := byte(min(math.Abs(x)*2.5, 7))
		w[i] = e2m1[code] * quant.F8E4M3ToF32(scales[i/16]) / global
		if x < 0 {
			code, w[i] = code|8, -w[i]
		}
		codes[i/2] |= code << (i % 2 * 4)
	}
	return []tiny.Stored{
		{Name: layer + ".weight_packed", Type: tensor.U8, Shape: []int{rows, cols / 2}, Data: codes},
		{Name: layer + ".weight_scale", Type: tensor.F8E4M3, Shape: []int{rows, cols / 16}, Data: scales},
		{Name: layer + ".weight_global_scale", Type: tensor.F32, Shape: []int{1}, Data: binary.LittleEndian.AppendUint32(nil, math.Float32bits(global))},
	}, w
}
