package model

import (
	"math"
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
	for _, name := range goldenModels {
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
