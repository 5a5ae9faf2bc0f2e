package train

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// TestOddShapes holds gradients to differences where no width is a multiple of what the
// products are cut into, with windows and several pages of positions, and wants the same
// bits of threads, layers computed again and implementations.
func TestOddShapes(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"llama":       {"vocab_size": 101, "hidden_size": 42, "intermediate_size": 50, "num_attention_heads": 6, "num_key_value_heads": 3, "head_dim": 14, "num_hidden_layers": 2},
		"gemma3-text": {"vocab_size": 77, "hidden_size": 36, "intermediate_size": 29, "sliding_window": 5},
		"deepseek-v3": {"vocab_size": 101, "hidden_size": 52, "intermediate_size": 21, "moe_intermediate_size": 19, "kv_lora_rank": 22, "q_lora_rank": 18, "v_head_dim": 10, "qk_nope_head_dim": 9},
	} {
		tm, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		m := openTiny(t, tm.With(change))
		b := &Batch{Rows: 1, Cols: 281, Divisor: 100}
		for i := range 281 {
			b.IDs, b.Weights = append(b.IDs, int32(i*i*31%m.Config.VocabSize)), append(b.Weights, float32(i%3)-0.5)
			segment := int32(1)
			if i >= 262 {
				segment = 2
			}
			b.Segments = append(b.Segments, segment)
		}
		var want []uint32
		compute := func(o Options) (x *Trainer, bits []uint32) {
			x = newTrainer(t, m, o)
			r, err := x.Gradients(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.LogP {
				bits = append(bits, math.Float32bits(v))
			}
			for _, g := range x.gradients.All {
				for _, v := range g.X {
					bits = append(bits, math.Float32bits(v))
				}
			}
			return x, bits
		}
		x, want := compute(Options{Threads: 1})
		for what, o := range map[string]Options{"two threads": {Threads: 2}, "recompute": {Threads: 3, Recompute: true}} {
			if _, got := compute(o); !slices.Equal(got, want) {
				t.Errorf("%s: %s: other bits", name, what)
			}
		}
		if len(kernel.Implementations()) > 1 && !testing.Short() && name == "llama" {
			before := kernel.Current()
			kernel.UseImpl(kernel.Portable)
			_, got := compute(Options{Threads: 2})
			kernel.UseImpl(before)
			if !slices.Equal(got, want) {
				t.Errorf("%s: portable: other bits", name)
			}
		}
		chosen, err := x.Gradients(t.Context(), b)
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for i, g := range x.gradients.All {
			if i%11 == 0 {
				d := make([]float32, len(g.X))
				if g.Touched {
					copy(d, g.X)
				}
				checked += holdNumeric(t, x, b, g.Weight, d, chosen.Loads)
				if _, err := x.Gradients(t.Context(), b); err != nil { // of the weights as they were
					t.Fatal(err)
				}
			}
		}
		if checked == 0 {
			t.Errorf("%s: no direction was looked at", name)
		}
	}
}
