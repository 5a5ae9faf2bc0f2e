package train

import (
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
)

// someBatch returns two samples in one row and one in another, with padding.
func someBatch(vocab int) *Batch {
	b := &Batch{Rows: 2, Cols: 24, IDs: make([]int32, 48), Segments: make([]int32, 48), Weights: make([]float32, 48)}
	state := uint32(5)
	for i := range b.IDs {
		state = state*1664525 + 1013904223
		b.IDs[i] = int32(state>>16) % int32(vocab)
		b.Weights[i] = float32(state>>8&3) / 2
		switch {
		case i < 15:
			b.Segments[i] = 1
		case i < 24:
			b.Segments[i] = 2
		case i < 45:
			b.Segments[i] = 1
		}
	}
	return b
}

// TestNumeric holds the gradient of each weight of every architecture to differences of the
// loss: along the gradient itself, and along a direction that is half of it and half noise.
func TestNumeric(t *testing.T) {
	for _, name := range []string{
		"llama", "qwen3", "qwen3-moe", "gemma3-text", "deepseek-v2", "deepseek-v3-mtp", "glm4-moe-lite", "kimi-k2",
		"smollm3", "gemma2", "qwen2-moe", "minimax-m2", "mistral4",
	} {
		t.Run(name, func(t *testing.T) {
			tm, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			m := openTiny(t, tm)
			x := newTrainer(t, m, Options{Threads: 2})
			x.Losses = Losses{MTPWeight: 0.3}
			if name == "qwen3" {
				x.Losses.LabelSmoothing, x.Losses.ZLoss = 0.1, 0.01
			}
			if name == "qwen3-moe" { // elsewhere what is chosen by scores alone cannot be seen to change
				x.Losses.BalanceAlpha = 0.05
			}
			b := someBatch(m.Config.VocabSize)
			r, err := x.Gradients(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			chosen := r.Loads
			var saved [][]float32
			for _, g := range x.gradients.All {
				d := make([]float32, len(g.X))
				if g.Touched {
					copy(d, g.X)
				}
				saved = append(saved, d)
			}
			checked := 0
			for i, g := range x.gradients.All {
				if i%3 != 0 || testing.Short() && i%15 != 0 {
					continue
				}
				checked += holdNumeric(t, x, b, g.Weight, saved[i], chosen)
			}
			if checked < 4 {
				t.Errorf("%d directions were looked at", checked)
			}
		})
	}
}

// numericLimit is how far differences may be off the gradient, relative: what rounding of the
// loss and its curvature leave.
const numericLimit = 0.02

// holdNumeric returns how many directions of a weight were looked at: not those in which
// tokens go to other experts than those that were chosen.
func holdNumeric(t *testing.T, x *Trainer, b *Batch, w *model.Weight, gradient []float32, chosen map[int][]int32) (n int) {
	t.Helper()
	norm, size := 0.0, 0.0
	values := w.Values()
	for i, v := range gradient {
		norm += float64(v) * float64(v)
		size += float64(values[i]) * float64(values[i])
	}
	norm, size = math.Sqrt(norm), math.Sqrt(size)
	if norm < 1e-3 { // the loss is not exact enough
		return 0
	}
	noise := tiny.Noise(9, w.Tensor, len(values))
	before := append([]float32{}, values...)
	defer copy(values, before)
	for _, mix := range []float64{0, 1} {
		direction := make([]float64, len(values))
		length, slope := 0.0, 0.0
		for i, v := range gradient {
			direction[i] = float64(v) / norm
			if before[i] != 0 {
				direction[i] += mix * noise[i] / math.Sqrt(float64(len(values)))
			}
			length += direction[i] * direction[i]
			slope += direction[i] * float64(v)
		}
		step := min(0.001/math.Abs(slope), 0.01*size/math.Sqrt(length))
		same := true
		loss := func(s float64) float64 {
			for i, v := range before {
				values[i] = float32(float64(v) + s*direction[i])
			}
			r, err := x.Gradients(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			same = same && reflect.DeepEqual(r.Loads, chosen)
			return r.Loss
		}
		got := (loss(step) - loss(-step)) / (2 * step)
		if !same {
			continue
		}
		rounding := 4e-7 / step
		if !(math.Abs(got-slope) <= numericLimit*math.Abs(slope)+rounding) {
			t.Errorf("%s, row %d: the loss changes by %v, its gradient says %v", w.Tensor, w.First, got, slope)
		}
		n++
	}
	return n
}

// TestUntrained wants models to be refused whose attention is chosen by an indexer.
func TestUntrained(t *testing.T) {
	tm, err := tiny.Load(filepath.Join("..", "model", "testdata", "deepseek-v32"))
	if err != nil {
		t.Fatal(err)
	}
	m := openTiny(t, tm)
	if _, err := New(m, m.Weights(), Options{}); !errors.Is(err, model.ErrNoBackward) {
		t.Errorf("got %v, want ErrNoBackward", err)
	}
}
