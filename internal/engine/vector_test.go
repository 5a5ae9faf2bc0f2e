package engine

import (
	"errors"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// TestVectorNumbers: a hidden state that is no number makes no vector, of any length.
func TestVectorNumbers(t *testing.T) {
	e := &Engine{config: &model.Config{HiddenSize: 2}}
	for _, length := range []Length{LengthOne, LengthAny} {
		for _, bad := range []float64{math.NaN(), math.Inf(-1)} {
			if v, err := e.vector([]float64{1, bad}, 1, length); !errors.Is(err, sample.ErrLogits) {
				t.Errorf("length %d: %v makes %v, %v, want %v", length, bad, v, err, sample.ErrLogits)
			}
		}
	}
	if v, err := e.vector([]float64{1, math.MaxFloat64}, 1, LengthAny); !errors.Is(err, sample.ErrLogits) {
		t.Errorf("a number that is none of float32 makes %v, %v", v, err)
	}
}
