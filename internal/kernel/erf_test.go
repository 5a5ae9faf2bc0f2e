package kernel

import (
	"math"
	"testing"
)

func TestGeluErf(t *testing.T) {
	var x, y []float32
	for v := -12.0; v <= 12; v += 0.0037 {
		x = append(x, float32(v))
	}
	x = append(x, 0, 1e-30, -1e-30, 1e30, -1e30, math.MaxFloat32, float32(math.Sqrt2), -float32(math.Sqrt2), 2*float32(math.Sqrt2))
	y = make([]float32, len(x))
	GeluErfAll(y, x)
	for i, v := range x {
		want := 0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2)
		if err := math.Abs(float64(y[i]) - want); !(err <= 2e-7*max(1, math.Abs(float64(v)))) {
			t.Errorf("gelu(%v) = %v, want %v", v, y[i], want)
		}
	}
	nan := []float32{float32(math.NaN())}
	if GeluErfAll(nan, nan); !math.IsNaN(float64(nan[0])) {
		t.Errorf("gelu(NaN) = %v, want NaN", nan[0])
	}
}
