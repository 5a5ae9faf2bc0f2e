package quant

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// The errors of our encoders beside those of GGML's on the same tensors. Two builds
// of GGML itself differ by up to 5 % for a tensor and 0.3 % in the mean of a type.
const (
	worstMean   = 1.005 // the geometric mean of the ratios of a type
	worstTensor = 1.06  // one ratio
	noError     = 1e-9  // an error of GGML's that counts as none
)

// encoderErrors is testdata/encoders.json: what GGML's reference encoders make of
// seeded tensors.
type encoderErrors struct {
	Seed    int
	Tensors map[string]struct{ SHA, Weights string }
	// Types has for each type, and each tensor with or without "+imatrix", a digest of
	// the bytes, the squared error over the sum of squares, and the same weighted by
	// importances; or "same" where the encoder takes no notice of importances.
	Types map[string]map[string]json.RawMessage
}

func loadEncoderErrors(t testing.TB) (e encoderErrors) {
	t.Helper()
	b, err := os.ReadFile("testdata/encoders.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// want returns GGML's error, weighted where there are importances, and false where
// GGML has none.
func (e *encoderErrors) want(t testing.TB, kind, name string, weighted bool) (float64, bool) {
	t.Helper()
	key := name
	if weighted {
		key += "+imatrix"
	}
	raw, ok := e.Types[kind][key]
	if !ok || string(raw) == `"same"` {
		return 0, false
	}
	var fields []any
	if err := json.Unmarshal(raw, &fields); err != nil {
		t.Fatalf("%s %s: %v", kind, key, err)
	}
	return fields[len(fields)-1].(float64), true
}

// relativeError returns the weighted sum of the squared errors over that of the
// squares; w is nil for plain sums.
func relativeError(x, y, w []float32) float64 {
	var above, below float64
	for i := range x {
		weight := 1.0
		if w != nil {
			weight = float64(w[i])
		}
		off := float64(x[i]) - float64(y[i])
		above += weight * off * off
		below += weight * float64(x[i]) * float64(x[i])
	}
	if below == 0 {
		return 0
	}
	return above / below
}

// encodeRows encodes x row by row and returns what the bytes decode to.
func encodeRows(t testing.TB, kind tensor.DType, x, importance []float32) []float32 {
	t.Helper()
	y, b := make([]float32, len(x)), make([]byte, kind.RowBytes(seededColumns))
	for i := 0; i < len(x); i += seededColumns {
		var w []float32
		if importance != nil {
			w = importance[i:][:seededColumns]
		}
		if err := EncodeRow(b, kind, x[i:][:seededColumns], w); err != nil {
			t.Fatal(err)
		}
		if err := Decode(y[i:][:seededColumns], kind, b); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// TestEncoderErrors holds every encoder to the errors of GGML's.
func TestEncoderErrors(t *testing.T) {
	ref := loadEncoderErrors(t)
	tried := 0
	for kind := tensor.Q4_0; kind.IsQuantised(); kind++ {
		if !Encodes(kind) || ref.Types[kind.String()] == nil {
			continue
		}
		for _, weighted := range []bool{false, true} {
			tried++
			name := kind.String()
			if weighted {
				name += "+imatrix"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testEncoderErrors(t, &ref, kind, weighted)
			})
		}
	}
	if tried == 0 {
		t.Error("no encoder was tried")
	}
}

func testEncoderErrors(t *testing.T, ref *encoderErrors, kind tensor.DType, weighted bool) {
	sum, n := 0.0, 0
	for _, name := range seededNames {
		want, ok := ref.want(t, kind.String(), name, weighted)
		if !ok {
			continue
		}
		x := seeded(ref.Seed, name)
		var w []float32
		if weighted {
			w = seededImportance(ref.Seed, name, len(x))
		}
		got := relativeError(x, encodeRows(t, kind, x, w), w)
		if want <= noError {
			if got > noError {
				t.Errorf("%s: error %g, want %g", name, got, want)
			}
			continue
		}
		sum += math.Log(max(got/want, 1e-9))
		n++
		t.Logf("%-9s %.6g, %.4f of GGML's", name, got, got/want)
		if got > worstTensor*want {
			t.Errorf("%s: error %g, %.3f of GGML's, want at most %.2f", name, got, got/want, worstTensor)
		}
	}
	if n == 0 {
		return
	}
	mean := math.Exp(sum / float64(n))
	t.Logf("%.4f of GGML's errors in the mean of %d tensors", mean, n)
	if mean > worstMean {
		t.Errorf("%.4f of GGML's errors in the mean of %d tensors, want at most %.3f", mean, n, worstMean)
	}
}
