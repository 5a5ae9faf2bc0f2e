package train

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
)

// TestMemory holds what steps take to what was computed before: activations and the tape's
// own are counted, of batches much longer than those that were measured.
func TestMemory(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "deepseek-v3-mtp"} {
		for _, recompute := range []bool{false, true} {
			tm, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			x := newTrainer(t, openTiny(t, tm), Options{Threads: 2, Recompute: recompute})
			b := &Batch{Rows: 3, Cols: 200, IDs: make([]int32, 600), Segments: make([]int32, 600), Weights: make([]float32, 600)}
			for i := range b.IDs {
				b.IDs[i], b.Segments[i], b.Weights[i] = int32(i*i%150), int32(1+i%200/90), 1
			}
			want, err := x.Memory(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := x.Gradients(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			parts := int64(0)
			for _, g := range x.gradients.All {
				parts += 12 * int64(len(g.X))
			}
			got := parts + x.step.Bytes() + x.tape.Bytes()
			for range 9 { // three samples in each of three rows
				got += int64(x.cache.Bytes(90, 90))
			}
			if got > want || want > 3*got {
				t.Errorf("%s, recompute %v: %d bytes were taken, %d computed", name, recompute, got, want)
			}
			if err := x.CheckRoom(t.Context(), b, want-1); !errors.Is(err, ErrNoRoom) {
				t.Errorf("less room: got %v, want ErrNoRoom", err)
			}
			if err := x.CheckRoom(t.Context(), b, want); err != nil {
				t.Error(err)
			}
		}
	}
}
