package model

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestFP8 holds FP8 checkpoints of every architecture to checkpoints of float32 that
// have the same weights.
func TestFP8(t *testing.T) {
	near := []string{"qwen2-moe", "smollm3", "ministral3", "glm4-moe", "glm-moe-dsa", "minimax-m2", "gemma2"}
	for _, name := range slices.Concat(goldenModels, near) {
		t.Run(name, func(t *testing.T) {
			model, e := loadExpectation(t, name)
			c, err := model.FP8(false)
			got := newRunner(t, openCheckpoint(t, c, err, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
			want := newRunner(t, openCheckpoint(t, withoutFP8(t, c), nil, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
			rms, most := offBy(got.logits, want.logits)
			if !(rms <= floatRMS && most <= floatMax) {
				t.Errorf("off by %.2g rms and %.2g at most, want %.2g and %.2g", rms, most, floatRMS, floatMax)
			}
		})
	}
}

// withoutFP8 returns a checkpoint whose FP8 matrices are float32: codes times scales.
func withoutFP8(t *testing.T, c *tiny.Checkpoint) *tiny.Checkpoint {
	t.Helper()
	scales := map[string]tiny.Stored{}
	for _, x := range c.Tensors {
		if name, ok := strings.CutSuffix(x.Name, "_scale_inv"); ok {
			scales[name] = x
		}
	}
	if len(scales) == 0 {
		t.Fatal("the checkpoint has no FP8 matrix")
	}
	d := &tiny.Checkpoint{Config: []byte(strings.Replace(string(c.Config), `"quantization_config"`, `"unused"`, 1))}
	for _, x := range c.Tensors {
		if strings.HasSuffix(x.Name, "_scale_inv") {
			continue
		}
		if s, ok := scales[x.Name]; ok {
			scale, cols := decodeF32(s.Data), x.Shape[1]
			w := make([]float32, len(x.Data))
			for i, code := range x.Data {
				w[i] = quant.F8E4M3ToF32(code) * scale[i/cols/128*s.Shape[1]+i%cols/128]
			}
			x.Type, x.Data = tensor.F32, make([]byte, 4*len(w))
			if err := quant.Encode(x.Data, tensor.F32, w); err != nil {
				t.Fatal(err)
			}
		}
		d.Tensors = append(d.Tensors, x)
	}
	return d
}

// offBy returns the distance of logits in deviations of the wanted ones.
func offBy(got, want [][][]float32) (rms, most float64) {
	var sum, square, d2 float64
	n := 0.0
	for i := range want {
		for r := range want[i] {
			for j, w := range want[i][r] {
				d := float64(got[i][r][j]) - float64(w)
				sum, square, d2, n = sum+float64(w), square+float64(w)*float64(w), d2+d*d, n+1
				most = max(most, math.Abs(d))
			}
		}
	}
	deviation := math.Sqrt(square/n - sum/n*sum/n)
	return math.Sqrt(d2/n) / deviation, most / deviation
}

// TestFP8Scales: scales of other blocks, of rows, and of whole tensors, by both names.
func TestFP8Scales(t *testing.T) {
	blocks := func(height, width int) map[string]any {
		return map[string]any{"config_groups": map[string]any{"g": map[string]any{
			"format": "float-quantized", "weights": map[string]any{"num_bits": 8, "type": "float", "block_structure": []int{height, width}},
		}}, "quant_method": "compressed-tensors"}
	}
	for _, c := range []struct {
		name, ending  string
		height, width int // of a block; 0: whole
		axes          int // of the scales' shape
		setting       map[string]any
	}{
		{"blocks of 64 × 128", "_scale_inv", 64, 128, 2, map[string]any{"quant_method": "fp8", "weight_block_size": []int{64, 128}}},
		{"blocks of 32 × 256", "_scale", 32, 256, 2, blocks(32, 256)},
		{"rows", "_scale", 1, 0, 2, map[string]any{"quant_method": "compressed-tensors"}},
		{"rows on one axis", "_scale_inv", 1, 0, 1, map[string]any{"quant_method": "fp8"}},
		{"tensors", "_scale", 0, 0, 1, map[string]any{"quant_method": "fp8"}},
		{"tensors, a number", "_scale_inv", 0, 0, 0, map[string]any{"quant_method": "fp8"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"llama", "deepseek-v3"} {
				source, e := loadExpectation(t, name)
				stored, err := source.FP8(false)
				if err != nil {
					t.Fatal(err)
				}
				scaled := &tiny.Checkpoint{Config: source.With(map[string]any{"quantization_config": c.setting}).Raw}
				plain := &tiny.Checkpoint{Config: source.Raw}
				for _, x := range stored.Tensors {
					switch {
					case strings.HasSuffix(x.Name, "_scale_inv"):
					case x.Type != tensor.F8E4M3:
						scaled.Tensors, plain.Tensors = append(scaled.Tensors, x), append(plain.Tensors, x)
					default:
						w, scales := scaledFP8(t, x, c.height, c.width, c.axes)
						scales.Name = x.Name + c.ending
						scaled.Tensors, plain.Tensors = append(scaled.Tensors, x, scales), append(plain.Tensors, w)
					}
				}
				got := newRunner(t, openCheckpoint(t, scaled, nil, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
				want := newRunner(t, openCheckpoint(t, plain, nil, Options{}), kernel.CacheF32, 2).run(t, e.ids, whole)
				if rms, most := offBy(got.logits, want.logits); !(rms <= floatRMS && most <= floatMax) {
					t.Errorf("%s: off by %.2g rms and %.2g at most", name, rms, most)
				}
			}
		})
	}
}

// scaledFP8 makes scales for codes, a different one for each block, and the float32 weights
// that they stand for together.
func scaledFP8(t *testing.T, x tiny.Stored, height, width, axes int) (w, scales tiny.Stored) {
	t.Helper()
	rows, cols := x.Shape[0], x.Shape[1]
	height, width = cmp.Or(height, rows), cmp.Or(width, cols)
	shape := []int{(rows + height - 1) / height, (cols + width - 1) / width}
	s := make([]float32, shape[0]*shape[1])
	for i := range s {
		s[i] = 0.0004 * float32(1+i%5)
	}
	v := make([]float32, len(x.Data))
	for i, code := range x.Data {
		v[i] = quant.F8E4M3ToF32(code) * s[i/cols/height*shape[1]+i%cols/width]
	}
	w = tiny.Stored{Name: x.Name, Type: tensor.F32, Shape: x.Shape, Data: make([]byte, 4*len(v))}
	scales = tiny.Stored{Type: tensor.F32, Shape: shape[:axes], Data: make([]byte, 4*len(s))}
	for _, e := range []error{quant.Encode(w.Data, tensor.F32, v), quant.Encode(scales.Data, tensor.F32, s)} {
		if e != nil {
			t.Fatal(e)
		}
	}
	return w, scales
}
