package train

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// adaptedTrainer opens a model as it is, and trains an adapter of it.
func adaptedTrainer(t *testing.T, files *checkpoint.Checkpoint, a *adapter.Adapter, o Options, mtp bool) *Trainer {
	t.Helper()
	m, err := model.Open(files, model.Options{SharedEnds: true, MTP: mtp})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if o.Adapter, err = m.Adapt(a, 0); err != nil {
		t.Fatal(err)
	}
	x, err := New(m, o.Adapter.Weights(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// openFiles writes a tiny model and opens its files.
func openFiles(t *testing.T, write func(folder string) (path string, err error)) *checkpoint.Checkpoint {
	t.Helper()
	path, err := write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { files.Close() })
	return files
}

func asFolder(m *tiny.Model) func(string) (string, error) {
	return func(folder string) (string, error) { return folder, m.WriteSafetensors(folder) }
}

func asGGUF(m *tiny.Model, t tensor.DType) func(string) (string, error) {
	return func(folder string) (string, error) {
		path := filepath.Join(folder, "model.gguf")
		return path, m.WriteGGUF(path, t)
	}
}

// gradientsOf returns the gradient of each tensor.
func gradientsOf(all *model.Gradients) map[string][]float32 {
	of := map[*model.Weight]*model.Gradient{}
	var weights []*model.Weight
	for _, x := range all.All {
		of[x.Weight], weights = x, append(weights, x.Weight)
	}
	tensors := map[string][]float32{}
	for _, x := range Tensors(weights) {
		b := x.Values(func(w *model.Weight) []float32 {
			if of[w].Touched {
				return of[w].X
			}
			return nil
		})
		tensors[x.Name] = append([]float32(nil), kernel.FloatsOf(b)...)
	}
	return tensors
}

// TestAdapterGolden holds gradients of an adapter to golden data.
func TestAdapterGolden(t *testing.T) {
	folder := filepath.Join("testdata", "lora", "qwen2-rslora")
	base := loadGrad(t, "qwen2")
	npz, err := golden.LoadNPZ(filepath.Join(folder, "expect.npz"))
	if err != nil {
		t.Fatal(err)
	}
	var about struct{ Seed int }
	raw, err := os.ReadFile(filepath.Join(folder, "about.json"))
	if err == nil {
		err = json.Unmarshal(raw, &about)
	}
	g := &goldenGrad{npz: map[string]golden.Array{}, tiny: &tiny.Model{Config: base.tiny.Config, Seed: about.Seed}}
	for name, a := range npz {
		g.npz["lora."+name] = a
	}
	if err == nil {
		err = json.Unmarshal(npz["names"].Data, &g.names)
	}
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	x := adaptedTrainer(t, openFiles(t, asFolder(base.tiny)), a, Options{Threads: 2}, false)
	r, err := x.Gradients(t.Context(), g.batch(t, "lora"))
	if err != nil {
		t.Fatal(err)
	}
	want := g.floats(t, "lora.loss")[0]
	near(t, "loss", r.Loss, want, lossLimit*max(1, math.Abs(want)))
	g.holdGradients(t, "lora", x.gradients)
}

// newAdapter returns an adapter of all linear layers of a model whose B is not zero.
func newAdapter(t *testing.T, m *model.Model, rank int) *adapter.Adapter {
	t.Helper()
	targets, err := adapter.NewTargets(adapter.AllLinear)
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: rank, Alpha: 2 * float64(rank), Targets: targets}, m.Layers(), 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32((k*7+i*5)%11-5) / 64
		}
	}
	return a
}

// TestAdapterChain holds gradients of adapters to what the gradients of a model whose weights
// they are merged into say: dA = s Bᵀ dW and dB = s dW Aᵀ.
func TestAdapterChain(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "deepseek-v3-mtp"} {
		t.Run(name, func(t *testing.T) {
			tm, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			files := openFiles(t, asFolder(tm))
			merged := openTiny(t, tm)
			a := newAdapter(t, merged, 3)
			mergeInto(t, merged, files, a)
			losses := Losses{MTPWeight: 0.3, BalanceAlpha: 0.01}
			b := someBatch(merged.Config.VocabSize)
			whole := newTrainer(t, merged, Options{Threads: 2})
			whole.Losses = losses
			want, err := whole.Gradients(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			x := adaptedTrainer(t, files, a, Options{Threads: 2}, tm.Config.NextN > 0)
			x.Losses = losses
			got, err := x.Gradients(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "loss", got.Loss, want.Loss, lossLimit*max(1, math.Abs(want.Loss)))
			holdChain(t, a, gradientsOf(x.gradients), gradientsOf(whole.gradients))
		})
	}
}

// mergeInto adds an adapter to the weights of a model that is trained.
func mergeInto(t *testing.T, m *model.Model, files *checkpoint.Checkpoint, a *adapter.Adapter) {
	t.Helper()
	merge, err := model.NewMerge(files, a)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range m.Weights() {
		if !merge.Has(w.Tensor) {
			continue
		}
		n, _ := tensor.Elements(w.Shape)
		whole := make([]float32, n)
		w.Unpack(whole, w.Values())
		merge.Add(w.Tensor, 0, whole, w.Shape[len(w.Shape)-1])
		w.Pack(w.Values(), whole)
	}
}

func holdChain(t *testing.T, a *adapter.Adapter, got, whole map[string][]float32) {
	t.Helper()
	if len(got) != 2*len(a.Modules) {
		t.Fatalf("%d gradients, want %d", len(got), 2*len(a.Modules))
	}
	moved := 0
	for i := range a.Modules {
		m := &a.Modules[i]
		dW := whole[m.Name+".weight"]
		dA, dB := make([]float64, len(m.A)), make([]float64, len(m.B))
		for o := range m.Out {
			for j := range m.In {
				d := float64(m.Scale) * float64(dW[o*m.In+j])
				for r := range m.Rank {
					dA[r*m.In+j] += d * float64(m.B[o*m.Rank+r])
					dB[o*m.Rank+r] += d * float64(m.A[r*m.In+j])
				}
			}
		}
		for name, want := range map[string][]float64{adapter.TensorA(m.Name): dA, adapter.TensorB(m.Name): dB} {
			var off, norm float64
			for k, v := range got[name] {
				off += (float64(v) - want[k]) * (float64(v) - want[k])
				norm += want[k] * want[k]
			}
			if norm > 0 {
				moved++
			}
			if !(math.Sqrt(off) <= 2e-4*math.Sqrt(norm)) {
				t.Errorf("%s is off by %.1e, of a norm of %.1e", name, math.Sqrt(off), math.Sqrt(norm))
			}
		}
	}
	if moved < len(a.Modules) {
		t.Errorf("%d of %d gradients are not zero", moved, 2*len(a.Modules))
	}
}

// TestAdapterSameBits computes gradients of an adapter on several numbers of threads and with
// layers computed again: the same bits, over float and quantised weights.
func TestAdapterSameBits(t *testing.T) {
	for _, name := range []string{"qwen3-moe", "deepseek-v3-mtp"} {
		tm, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
			files := openFiles(t, asGGUF(tm, dt))
			a := newAdapter(t, openTiny(t, tm), 2)
			var want map[string][]float32
			for _, o := range []Options{{Threads: 1}, {Threads: 3}, {Threads: 2, Recompute: true}} {
				x := adaptedTrainer(t, files, a, o, tm.Config.NextN > 0)
				x.Losses = Losses{MTPWeight: 0.3}
				if _, err := x.Gradients(t.Context(), someBatch(tm.Config.VocabSize)); err != nil {
					t.Fatal(err)
				}
				got := gradientsOf(x.gradients)
				if want == nil {
					want = got
				}
				for tensor, v := range want {
					for k := range v {
						if math.Float32bits(v[k]) != math.Float32bits(got[tensor][k]) {
							t.Fatalf("%s %s %+v: %s: number %d is %v, want %v", name, dt, o, tensor, k, got[tensor][k], v[k])
						}
					}
				}
			}
		}
	}
}

// quantised writes a model with weights of a type, or with the same numbers as float32.
func quantised(m *tiny.Model, dt tensor.DType, decoded bool) func(string) (string, error) {
	return func(folder string) (string, error) {
		g, err := m.GGUF(dt, tiny.Split)
		for i := 0; decoded && err == nil && i < len(g.Tensors); i++ {
			s := &g.Tensors[i]
			n, _ := tensor.Elements(s.Shape)
			v := make([]float32, n)
			err = quant.Decode(v, s.Type, s.Data)
			s.Type, s.Data = tensor.F32, kernel.BytesOf(v)
		}
		path := filepath.Join(folder, "model.gguf")
		if err == nil {
			err = g.Write(path)
		}
		return path, err
	}
}

// TestAdapterQuantised: over quantised weights the gradients of an adapter point where those
// over the same numbers as float32 do.
func TestAdapterQuantised(t *testing.T) {
	tm, err := tiny.Load(filepath.Join("..", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	a := newAdapter(t, openTiny(t, tm), 4)
	compute := func(dt tensor.DType, decoded bool) map[string][]float32 {
		x := adaptedTrainer(t, openFiles(t, quantised(tm, dt, decoded)), a, Options{Threads: 2}, false)
		if _, err := x.Gradients(t.Context(), someBatch(tm.Config.VocabSize)); err != nil {
			t.Fatal(err)
		}
		return gradientsOf(x.gradients)
	}
	for _, dt := range []tensor.DType{tensor.Q8_0, tensor.Q6_K, tensor.Q4_K} {
		want, got := compute(dt, true), compute(dt, false)
		var xy, xx, yy float64
		for name, v := range want {
			for k := range v {
				x, y := float64(v[k]), float64(got[name][k])
				xy, xx, yy = xy+x*y, xx+x*x, yy+y*y
			}
		}
		const least = 0.99 // activations of eight bits leave a cosine of about 0.999
		if c := xy / math.Sqrt(xx*yy); !(c >= least) {
			t.Errorf("%s: cosine %.4f, want %.2f", dt, c, least)
		}
	}
}

// TestAdapterSteps: an adapter that is trained is the one that is written, also where the
// model needs A turned; the model's weights stay.
func TestAdapterSteps(t *testing.T) {
	tm, err := tiny.Load(filepath.Join("..", "model", "testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	files := openFiles(t, asGGUF(tm, tensor.Q8_0))
	a := newAdapter(t, openTiny(t, tm), 2)
	x := adaptedTrainer(t, files, a, Options{Threads: 2}, false)
	b := someBatch(tm.Config.VocabSize)
	s := &Settings{Optimizer: DefaultOptimizer, Schedule: Schedule{Kind: "constant", LR: 3e-3}}
	var first, last float64
	for i := range 12 {
		r, err := x.Step(t.Context(), s, b)
		if err != nil {
			t.Fatal(err)
		}
		if last = r.Loss; i == 0 {
			first = r.Loss
		}
	}
	if !(last < 0.9*first) {
		t.Errorf("loss %v after 12 steps, %v before", last, first)
	}
	now, err := x.Gradients(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	before := a.Digest()
	x.adapter.Numbers(a)
	if a.Digest() == before {
		t.Error("the digest is the one before training")
	}
	folder := t.TempDir()
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
	written, err := adapter.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	r, err := adaptedTrainer(t, files, written, Options{Threads: 1}, false).Gradients(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if r.Loss != now.Loss {
		t.Errorf("loss of the adapter as it was written %v, want %v", r.Loss, now.Loss)
	}
}
