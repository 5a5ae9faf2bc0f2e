package model

import (
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// mixedLengths returns sequences of these lengths.
func mixedLengths(vocab int, lengths ...int) (sequences [][]int32) {
	for i, n := range lengths {
		ids := make([]int32, n)
		for k := range ids {
			ids[k] = int32((k*k*7 + 13*i + k) % vocab)
		}
		sequences = append(sequences, ids)
	}
	return sequences
}

// TestSameBits holds the logits of every architecture to the same bits in any batch,
// chunking, thread count and on any implementation, float and quantised, in every
// cache kind and both forms of latent attention.
func TestSameBits(t *testing.T) {
	for _, name := range []string{"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
			t.Run(name+" "+dt.String(), func(t *testing.T) {
				g, err := model.GGUF(dt, tiny.Split)
				holdBits(t, openGGUF(t, g, err, Options{}))
			})
		}
	}
	for _, name := range latentModels {
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
				t.Run(name+" "+form.String()+" "+dt.String(), func(t *testing.T) {
					g, err := model.GGUF(dt, tiny.Split)
					holdBits(t, openGGUF(t, g, err, Options{Latent: form, MTP: model.Config.NextN > 0}))
				})
			}
		}
	}
}

// TestSameBitsNear is the same for the families near to them, from checkpoints.
func TestSameBitsNear(t *testing.T) {
	for _, name := range slices.Concat(nearModels, limitedModels, recurrentModels) {
		if name == "mistral3" { // ministral3 in a wrapper
			continue
		}
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			t.Run(name+" "+form.String(), func(t *testing.T) {
				c, err := model.Checkpoint(tensor.BF16)
				holdBits(t, openCheckpoint(t, c, err, Options{Latent: form}))
			})
		}
	}
}

// TestSameBitsSparseMTP is the same for sparse attention with a module of multi-token
// prediction, which has an indexer of its own.
func TestSameBitsSparseMTP(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v32")
	for _, form := range forms(model) {
		g, err := model.With(map[string]any{"num_nextn_predict_layers": 1}).GGUF(tensor.Q8_0, tiny.Split)
		holdBits(t, openGGUF(t, g, err, Options{Latent: form, MTP: true}))
	}
}

// TestSameBitsFP8 is the same for an FP8 checkpoint.
func TestSameBitsFP8(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3-fp8")
	for _, form := range forms(model) {
		c, err := model.FP8(false)
		holdBits(t, openCheckpoint(t, c, err, Options{Latent: form}))
	}
}

// TestSameBitsExpansions is the same for quantised W^UK and W^UV in one tensor and in
// two, of a K type, whose blocks of 256 want ranks as wide as published ones.
func TestSameBitsExpansions(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3")
	model = model.With(map[string]any{"kv_lora_rank": 256, "qk_nope_head_dim": 256, "num_hidden_layers": 2, "num_attention_heads": 2})
	types := []tensor.DType{tensor.Q4_K, tensor.Q6_K, tensor.Q8_0}
	if quick() {
		types = types[:1]
	}
	for _, dt := range types {
		for _, how := range []tiny.Spelling{tiny.Split, tiny.Unsplit} {
			for _, form := range forms(model) {
				t.Run(dt.String()+" "+[]string{"split", "unsplit"}[how]+" "+form.String(), func(t *testing.T) {
					g, err := model.GGUF(dt, how)
					holdBits(t, openGGUF(t, g, err, Options{Latent: form}))
				})
			}
		}
	}
}

// TestSameBitsManyChosen is the same for sparse attention whose chosen set itself
// crosses a split of 256.
func TestSameBitsManyChosen(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v32")
	model = model.With(map[string]any{"index_topk": 260, "num_hidden_layers": 2})
	sequences := mixedLengths(model.Config.VocabSize, 300, 33)
	for _, form := range forms(model) {
		g, err := model.GGUF(tensor.Q8_0, tiny.Split)
		m := openGGUF(t, g, err, Options{Latent: form})
		for _, kind := range []kernel.CacheKind{kernel.CacheF32, kernel.CacheQ8} {
			want := alone(t, m, kind, sequences)
			for _, p := range []plan{pieces(7), pieces(64), mixed(5, true)} {
				if err := sameBits(newRunner(t, m, kind, 3).run(t, sequences, p).logits, want.logits); err != nil {
					t.Errorf("%s %s: %v", form, kind, err)
				}
			}
		}
	}
}

// alone runs each sequence by itself, in one step and one thread.
func alone(t *testing.T, m *Model, kind kernel.CacheKind, sequences [][]int32) (all result) {
	t.Helper()
	r := newRunner(t, m, kind, 1)
	for _, ids := range sequences {
		one := r.run(t, [][]int32{ids}, whole)
		all.logits, all.drafts = append(all.logits, one.logits[0]), append(all.drafts, one.drafts[0])
	}
	return all
}

// holdBits runs sequences alone, together, in chunks, token by token and in mixed
// batches, and reports bits that differ. The longest crosses a split of attention,
// token by token too.
func holdBits(t *testing.T, m *Model) {
	t.Helper()
	lengths := []int{265, 33, 1, 10}
	if quick() {
		lengths[0] = 40
	}
	drafting := m.drafts()
	sequences := mixedLengths(m.Config.VocabSize, lengths...)
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		if quick() && kind != m.DefaultCache() {
			continue
		}
		want := alone(t, m, kind, sequences)
		if err := finite(want.logits); err != nil {
			t.Fatal(err)
		}
		runners := map[int]*runner{1: newRunner(t, m, kind, 1), 2: newRunner(t, m, kind, 2), 3: newRunner(t, m, kind, 3)}
		check := func(what string, threads int, p plan) {
			t.Helper()
			got := runners[threads].run(t, sequences, p)
			if err := sameBits(got.logits, want.logits); err != nil {
				t.Errorf("cache %s, %s, %d threads: %v", kind, what, threads, err)
			}
			if drafting {
				if err := sameBits(got.drafts, want.drafts); err != nil {
					t.Errorf("cache %s, %s, %d threads: drafts: %v", kind, what, threads, err)
				}
			}
		}
		check("mixed", 3, mixed(3, drafting))
		if kind != kernel.CacheF32 && kind != kernel.CacheQ8 {
			continue
		}
		check("together", 2, whole)
		check("token by token", 1, tail(30))
		check("chunks of 7", 1, pieces(7))
		check("chunks of 32", 2, pieces(32))
		holdImplementations(t, m, kind, sequences[2:], result{want.logits[2:], want.drafts[2:]}) // portable code is slow
	}
}

// holdImplementations runs sequences on every other implementation of the machine.
func holdImplementations(t *testing.T, m *Model, kind kernel.CacheKind, sequences [][]int32, want result) {
	t.Helper()
	before := kernel.Current()
	defer kernel.UseImpl(before)
	for _, impl := range kernel.Implementations() {
		if impl == before {
			continue
		}
		kernel.UseImpl(impl)
		got := newRunner(t, m, kind, 1).run(t, sequences, pieces(8))
		if err := sameBits(got.logits, want.logits); err != nil {
			t.Errorf("cache %s on %s: %v", kind, impl, err)
		}
		if m.drafts() {
			if err := sameBits(got.drafts, want.drafts); err != nil {
				t.Errorf("cache %s on %s: drafts: %v", kind, impl, err)
			}
		}
	}
}

// TestNoGarbage prefills and decodes without allocating, once the step has seen its
// batch.
func TestNoGarbage(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "gemma3-text", "deepseek-v3", "deepseek-v3-mtp", "deepseek-v32", "deepseek-v4"} {
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			g, err := model.GGUF(tensor.Q8_0, tiny.Split)
			m := openGGUF(t, g, err, Options{Latent: form, MTP: model.Config.NextN > 0})
			r := newRunner(t, m, kernel.CacheQ8, 2)
			seq := r.cache.Sequence()
			if err := seq.Reserve(200); err != nil {
				t.Fatal(err)
			}
			runs, prompted := 50, 33
			if quick() {
				runs, prompted = 10, 18
			}
			hold := func(what string, step func()) {
				for range 12 { // experts and chosen positions may need more room with other tokens
					step()
				}
				var n float64
				for range 5 { // threads that wait for a busy processor allocate too, now and then
					if n = testing.AllocsPerRun(runs, step); n <= 0.5 {
						return
					}
				}
				t.Errorf("%s %s: a step that %s allocates %v times, want none", name, form, what, n)
			}
			ids := mixedLengths(m.Config.VocabSize, 70)[0]
			prompt := Batch{Segments: []Segment{{Seq: seq, Tokens: ids[:prompted], Logits: 1}}}
			drafts := Batch{Segments: []Segment{{Seq: seq, Tokens: ids[1 : prompted+1]}}}
			hold("prefills", func() { // the same positions again and again
				h := r.m.Forward(&r.step, &prompt)
				r.m.Logits(&r.step, h, 0, 1)
			})
			if m.drafts() {
				prompt.Segments[0].Logits, drafts.Segments[0].Logits = prompted, prompted
				hold("drafts", func() {
					h := r.m.Draft(&r.step, &drafts, r.m.Forward(&r.step, &prompt))
					r.m.DraftLogits(&r.step, h, 0, h.T)
				})
			}
			b := Batch{Segments: []Segment{{Seq: seq, Tokens: []int32{5}, Logits: 1}}}
			hold("decodes", func() {
				b.Segments[0].Pos = seq.Len()
				r.m.Logits(&r.step, r.m.Forward(&r.step, &b), 0, 1)
				seq.Append(b.Segments[0].Tokens)
			})
			seq.Free()
		}
	}
}
