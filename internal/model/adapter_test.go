package model

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// newAdapter returns an adapter of those layers of a model that names say, all but the
// head where there are none, whose B is not zero.
func newAdapter(t *testing.T, m *Model, rank int, seed uint64, names ...string) *adapter.Adapter {
	t.Helper()
	if len(names) == 0 {
		names = []string{adapter.AllLinear}
	}
	targets, err := adapter.NewTargets(names...)
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: rank, Alpha: 2 * float64(rank), Targets: targets}, m.Layers(), seed)
	if err != nil {
		t.Fatal(err)
	}
	x := seed*2654435761 + 12345
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			x = x*6364136223846793005 + 1442695040888963407
			a.Modules[i].B[k] = (float32(x>>40)/(1<<23) - 1) / 8
		}
	}
	return a
}

func adapt(t *testing.T, m *Model, a *adapter.Adapter) *Adapter {
	t.Helper()
	bound, err := m.Adapt(a, 0)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

// mergeInto adds s B A to the weights of a float32 checkpoint.
func mergeInto(t *testing.T, c *tiny.Checkpoint, a *adapter.Adapter) {
	t.Helper()
	merged := 0
	for i := range a.Modules {
		x := &a.Modules[i]
		for k := range c.Tensors {
			s := &c.Tensors[k]
			if plainModule(strings.TrimSuffix(s.Name, ".weight")) != plainModule(x.Name) || !strings.HasSuffix(s.Name, ".weight") {
				continue
			}
			merged++
			s.Data = append([]byte{}, s.Data...)
			for o := range x.Out {
				for j := range x.In {
					at := s.Data[4*(o*x.In+j):]
					w := float64(math.Float32frombits(binary.LittleEndian.Uint32(at)))
					var low float64
					for r := range x.Rank {
						low += float64(x.B[o*x.Rank+r]) * float64(x.A[r*x.In+j])
					}
					binary.LittleEndian.PutUint32(at, math.Float32bits(float32(w+float64(x.Scale)*low)))
				}
			}
		}
	}
	if merged != len(a.Modules) {
		t.Fatalf("merged %d modules of %d", merged, len(a.Modules))
	}
}

// TestMerge holds merged tensors of a GGUF file, of every order of rows, to those of the
// merged checkpoint.
func TestMerge(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "deepseek-v3-mtp"} {
		model, _ := loadExpectation(t, name)
		g, err := model.GGUF(tensor.F32, tiny.Split)
		plain := openGGUF(t, g, err, Options{MTP: model.Config.NextN > 0})
		a := newAdapter(t, plain, 3, 5)
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := g.Write(path); err != nil {
			t.Fatal(err)
		}
		files, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := NewMerge(files, a)
		files.Close()
		if err != nil {
			t.Fatal(err)
		}
		for i := range g.Tensors {
			s := &g.Tensors[i]
			if !x.Has(s.Name) {
				continue
			}
			cols := s.Shape[len(s.Shape)-1]
			rows := decodeF32(s.Data)
			cut := len(rows) / cols / 3 // in two pieces
			x.Add(s.Name, 0, rows[:cut*cols], cols)
			x.Add(s.Name, cut, rows[cut*cols:], cols)
			s.Data = make([]byte, 4*len(rows))
			for k, v := range rows {
				binary.LittleEndian.PutUint32(s.Data[4*k:], math.Float32bits(v))
			}
		}
		merged := openGGUF(t, g, nil, Options{MTP: model.Config.NextN > 0})
		c, err := model.Checkpoint(tensor.F32)
		if err != nil {
			t.Fatal(err)
		}
		mergeInto(t, c, a)
		want := openCheckpoint(t, c, nil, Options{MTP: model.Config.NextN > 0})
		sequences := mixedLengths(vocabOf(model), 20, 5)
		got := newRunner(t, merged, kernel.CacheF32, 1).run(t, sequences, whole)
		expect := newRunner(t, want, kernel.CacheF32, 1).run(t, sequences, whole)
		asExpected(expect.logits, expect.drafts).near(t, name, "logits", got.logits)
		if merged.drafts() {
			asExpected(expect.logits, expect.drafts).near(t, name, "mtp_logits", got.drafts)
		}
	}
}

// asExpected returns logits as an expectation of all rows.
func asExpected(got, drafts [][][]float32) *expectation {
	e := &expectation{logits: map[string][]goldenRows{}}
	for key, all := range map[string][][][]float32{"logits": got, "mtp_logits": drafts} {
		for i := range all {
			var g goldenRows
			for t, row := range all[i] {
				if row != nil {
					g.rows, g.logits = append(g.rows, int32(t)), append(g.logits, row...)
				}
			}
			if len(g.rows) > 0 {
				e.logits[key] = append(e.logits[key], g)
			}
		}
	}
	return e
}

// TestAdapted holds adapted models of every architecture, from checkpoints and from GGUF
// files, in both forms of latent attention, to models whose weights the adapter was added
// to.
func TestAdapted(t *testing.T) {
	names := goldenModels
	if quick() {
		names = []string{"llama", "qwen2", "qwen3-moe", "gemma3", "deepseek-v2-lite", "deepseek-v3-mtp"}
	}
	for _, name := range names {
		model, _ := loadExpectation(t, name)
		if name == "deepseek-v32" { // positions are chosen by scores that nearly tie
			model = model.With(map[string]any{"index_topk": 64})
		}
		sequences := mixedLengths(vocabOf(model), 37, 9)
		for _, form := range forms(model) {
			o := Options{Latent: form, MTP: model.Config.NextN > 0}
			c, err := model.Checkpoint(tensor.F32)
			m := openCheckpoint(t, c, err, o)
			a := newAdapter(t, m, 3, 5)
			mergeInto(t, c, a)
			merged := openCheckpoint(t, c, nil, o)
			want := newRunner(t, merged, kernel.CacheF32, 1).run(t, sequences, whole)
			expect := asExpected(want.logits, want.drafts)
			check := func(what string, m *Model) {
				t.Helper()
				r := newRunner(t, m, kernel.CacheF32, 2)
				plain := r.run(t, sequences, whole)
				if rms, _, _ := expect.off("logits", plain.logits); rms < 100*floatRMS {
					t.Errorf("%s %s %s: the adapter moves logits by %.1e only", name, form, what, rms)
				}
				bound := adapt(t, m, a)
				r.adapters = []*Adapter{bound, bound}
				got := r.run(t, sequences, whole)
				expect.near(t, fmt.Sprint(name, " ", form, " ", what), "logits", got.logits)
				if m.drafts() {
					expect.near(t, fmt.Sprint(name, " ", form, " ", what), "mtp_logits", got.drafts)
				}
			}
			check("checkpoint", m)
			if strings.HasPrefix(name, "gemma3") {
				continue
			}
			for _, how := range []tiny.Spelling{tiny.Split, tiny.Unsplit} {
				if how == tiny.Unsplit && name != "deepseek-v2-lite" && name != "deepseek-v3" {
					continue
				}
				g, err := model.GGUF(tensor.F32, how)
				check([]string{"split", "unsplit"}[how], openGGUF(t, g, err, o))
			}
		}
	}
}

// TestAdaptedBits runs sequences with adapters of their own, and without, in one batch:
// each has the bits that it has alone, on every implementation.
func TestAdaptedBits(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "deepseek-v3-mtp", "deepseek-v32"} {
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
				if quick() && (dt == tensor.F32) != (name == "llama") {
					continue
				}
				t.Run(fmt.Sprint(name, " ", form, " ", dt), func(t *testing.T) {
					g, err := model.GGUF(dt, tiny.Split)
					m := openGGUF(t, g, err, Options{Latent: form, MTP: model.Config.NextN > 0})
					a, b := adapt(t, m, newAdapter(t, m, 3, 5)), adapt(t, m, newAdapter(t, m, 4, 6, "q_proj", "down_proj", "kv_b_proj", "lm_head"))
					holdAdaptedBits(t, m, []*Adapter{a, nil, b, a, b})
				})
			}
		}
	}
}

func holdAdaptedBits(t *testing.T, m *Model, adapters []*Adapter) {
	t.Helper()
	sequences := mixedLengths(m.Config.VocabSize, 40, 33, 17, 1, 10)
	kind := m.DefaultCache()
	var want result
	one := newRunner(t, m, kind, 1)
	for i, ids := range sequences {
		one.adapters = adapters[i : i+1]
		got := one.run(t, [][]int32{ids}, whole)
		want.logits, want.drafts = append(want.logits, got.logits[0]), append(want.drafts, got.drafts[0])
	}
	one.adapters = nil
	if plain := one.run(t, sequences[:1], whole); sameBits(plain.logits, want.logits[:1]) == nil {
		t.Error("an adapter changes nothing")
	}
	hold := func(what string, r *runner, p plan) {
		t.Helper()
		r.adapters = adapters
		got := r.run(t, sequences, p)
		if err := sameBits(got.logits, want.logits); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if m.drafts() {
			if err := sameBits(got.drafts, want.drafts); err != nil {
				t.Errorf("%s: drafts: %v", what, err)
			}
		}
	}
	r := newRunner(t, m, kind, 3)
	hold("together", r, whole)
	hold("chunks of 7", r, pieces(7))
	hold("mixed", r, mixed(3, m.drafts()))
	hold("token by token", r, tail(10))
	rec := &tape{m: m, written: map[*Act]bool{}, added: map[*Act]bool{}}
	r.step.Record = rec.record
	r.after = func() {
		if err := rec.check(); err != nil {
			t.Fatal(err)
		}
	}
	hold("recorded", r, pieces(16))
	before := kernel.Current()
	defer kernel.UseImpl(before)
	for _, impl := range kernel.Implementations() {
		if impl != before {
			kernel.UseImpl(impl)
			hold(impl.String(), newRunner(t, m, kind, 1), pieces(8))
		}
	}
}

// TestAdaptedFP8 adapts an FP8 checkpoint: as far from the merged float model as the
// plain FP8 model is from the plain float one, and not further.
func TestAdaptedFP8(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3-fp8")
	sequences := mixedLengths(model.Config.VocabSize, 20, 5)
	c, err := model.FP8(false)
	m := openCheckpoint(t, c, err, Options{})
	holdAdaptedBits(t, m, []*Adapter{adapt(t, m, newAdapter(t, m, 2, 9)), nil, adapt(t, m, newAdapter(t, m, 5, 3)), nil, nil})
	r := newRunner(t, m, kernel.CacheF32, 1)
	bound := adapt(t, m, newAdapter(t, m, 2, 9))
	r.adapters = []*Adapter{bound, bound}
	if err := finite(r.run(t, sequences, whole).logits); err != nil {
		t.Error(err)
	}
}

func TestAdaptRefused(t *testing.T) {
	model, _ := loadExpectation(t, "llama")
	c, err := model.Checkpoint(tensor.F32)
	m := openCheckpoint(t, c, err, Options{})
	for want, change := range map[string]func(x *adapter.Module){
		"layers.77.self_attn.q_proj": func(x *adapter.Module) { x.Name = "model.layers.77.self_attn.q_proj" },
		"q_proj is of a matrix":      func(x *adapter.Module) { x.In-- },
		"embed_tokens":               func(x *adapter.Module) { x.Name = "model.embed_tokens" },
	} {
		a := newAdapter(t, m, 2, 1, "q_proj")
		change(&a.Modules[0])
		if _, err := m.Adapt(a, 0); !errors.Is(err, adapter.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want a refusal with %q", err, want)
		}
	}
}

// TestAdaptUnread takes an adapter of a module of multi-token prediction that the files
// have and nobody opened.
func TestAdaptUnread(t *testing.T) {
	model, _ := loadExpectation(t, "deepseek-v3-mtp")
	for _, dt := range []string{"checkpoint", "gguf"} {
		open := func(mtp bool) *Model {
			if dt == "gguf" {
				g, err := model.GGUF(tensor.F32, tiny.Split)
				return openGGUF(t, g, err, Options{MTP: mtp})
			}
			c, err := model.Checkpoint(tensor.F32)
			return openCheckpoint(t, c, err, Options{MTP: mtp})
		}
		whole := newAdapter(t, open(true), 2, 1)
		m := open(false)
		bound := adapt(t, m, whole)
		if n := len(adapt(t, m, newAdapter(t, m, 2, 1)).pairs); len(bound.pairs) != n || n == 0 {
			t.Errorf("%s: %d pairs, want %d", dt, len(bound.pairs), n)
		}
	}
}

// vocabOf returns the size of a golden model's vocabulary.
func vocabOf(m *tiny.Model) int {
	if m.Config.TextConfig != nil {
		return m.Config.TextConfig.VocabSize
	}
	return m.Config.VocabSize
}

// TestAdaptedNoGarbage prefills with adapters, and decodes, without allocating, once the step
// has seen its batch.
func TestAdaptedNoGarbage(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3"} {
		model, _ := loadExpectation(t, name)
		g, err := model.GGUF(tensor.Q8_0, tiny.Split)
		m := openGGUF(t, g, err, Options{})
		a, b := adapt(t, m, newAdapter(t, m, 3, 5)), adapt(t, m, newAdapter(t, m, 2, 6))
		r := newRunner(t, m, kernel.CacheQ8, 2)
		ids := mixedLengths(m.Config.VocabSize, 40)[0]
		var batch Batch
		for _, x := range []*Adapter{a, nil, b, a} {
			seq := r.cache.Sequence()
			defer seq.Free()
			if err := seq.Reserve(40); err != nil {
				t.Fatal(err)
			}
			batch.Segments = append(batch.Segments, Segment{Seq: seq, Tokens: ids[:5+len(batch.Segments)], Logits: 1, Adapter: x})
		}
		step := func() {
			h := m.Forward(&r.step, &batch)
			m.Logits(&r.step, h, 0, h.T)
		}
		for range 5 {
			step()
		}
		least := 1e9
		for range 5 { // threads that wait for a busy processor allocate too, now and then
			least = min(least, testing.AllocsPerRun(10, step))
		}
		if least > 0.5 {
			t.Errorf("%s: a step allocates %v times, want none", name, least)
		}
	}
}
