package model

import (
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestMeter holds what a Meter adds up to what the shapes of a model say, for a prompt
// and for one token behind it.
func TestMeter(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		g, err := model.GGUF(tensor.Q8_0, tiny.Split)
		m := openGGUF(t, g, err, Options{})
		r := newRunner(t, m, kernel.CacheQ8, 2)
		const n = 20
		for _, tokens := range []int{n, 1} {
			r.step.Meter = new(Meter)
			seq := r.cache.Sequence()
			if err := seq.Reserve(n); err != nil {
				t.Fatal(err)
			}
			pos := n - tokens // a token is decoded behind whatever the pages hold
			h := r.m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Pos: pos, Tokens: mixedLengths(m.Config.VocabSize, n)[0][pos:], Logits: tokens}}})
			r.m.Logits(&r.step, h, 0, h.T)
			seq.Free()
			holdWork(t, name, r.step.Meter, m, pos, tokens)
		}
	}
}

// holdWork holds the work of tokens that begin at pos.
func holdWork(t *testing.T, name string, meter *Meter, m *Model, pos, tokens int) {
	t.Helper()
	c := &m.Config
	is := func(what string, got, want int64) {
		t.Helper()
		if got != want {
			t.Errorf("%s, %d tokens: %s is %d, want %d", name, tokens, what, got, want)
		}
	}
	weights := m.WeightBytes()
	if !c.TieWordEmbeddings {
		weights -= int64(m.embed.Bytes()) // rows of it are looked up
	}
	linear, experts, attention := meter.Of(OpLinear), meter.Of(OpExperts), meter.Of(OpAttention)
	if c.NumExperts == 0 {
		is("what products read", linear.ReadBytes, weights)
	} else if tokens == 1 {
		used := weights - linear.ReadBytes
		is("what experts read", experts.ReadBytes, used/int64(c.NumExperts)*int64(c.NumExpertsPerTok))
	}
	inside := int64(3 * c.NumExpertsPerTok * c.MoEIntermediateSize * c.HiddenSize * tokens * c.NumHiddenLayers)
	is("multiplications of experts", experts.IntMACs, inside)
	seen := int64(0)
	for i := range c.NumHiddenLayers {
		for p := pos; p < pos+tokens; p++ {
			n := p + 1
			if w := c.window(i); w > 0 {
				n = min(n, w)
			}
			seen += int64(n * c.NumAttentionHeads * 2 * c.HeadDim)
		}
	}
	is("multiplications of attention", attention.IntMACs, seen)
	is("calls of attention", int64(attention.Calls), int64(c.NumHiddenLayers))
	routers := int64(c.NumExperts * c.HiddenSize * tokens * c.NumHiddenLayers) // these are float
	is("float multiplications", meter.Total().FloatMACs, routers)
	calls := 0
	for _, o := range Ops() {
		calls += meter.Of(o).Calls
	}
	is("calls of all kinds", int64(meter.Total().Calls), int64(calls))
}
