package train

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Limits of what float32 may be off the golden data, which was computed in float64 by an
// independent program. PyTorch in float32 is off by a quarter of each at most.
const (
	lossLimit   = 1e-5 // relative
	logpLimit   = 6e-5 // absolute
	gradLimit   = 4e-5 // of a tensor's norm
	medianLimit = 6e-6
)

// golden models of testdata/grad, with the settings of their losses.
type goldenGrad struct {
	folder string
	tiny   *tiny.Model
	losses Losses
	npz    map[string]golden.Array
	names  []string
}

func loadGrad(t *testing.T, name string) *goldenGrad {
	t.Helper()
	g := &goldenGrad{folder: filepath.Join("testdata", "grad", name)}
	var err error
	if g.tiny, err = tiny.Load(g.folder); err != nil {
		t.Fatal(err)
	}
	if g.npz, err = golden.LoadNPZ(filepath.Join(g.folder, "expect.npz")); err != nil {
		t.Fatal(err)
	}
	var about struct {
		Settings struct {
			MTPWeight    float64 `json:"mtp_weight"`
			BalanceAlpha float64 `json:"balance_alpha"`
		} `json:"settings"`
	}
	raw, err := os.ReadFile(filepath.Join(g.folder, "about.json"))
	if err == nil {
		err = json.Unmarshal(raw, &about)
	}
	if err == nil {
		err = json.Unmarshal(g.npz["names"].Data, &g.names)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.losses = Losses{MTPWeight: about.Settings.MTPWeight, BalanceAlpha: about.Settings.BalanceAlpha}
	return g
}

// openTiny opens a tiny model for training.
func openTiny(t *testing.T, m *tiny.Model) *model.Model {
	t.Helper()
	folder := t.TempDir()
	if err := m.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	files, err := checkpoint.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	x, err := model.Open(files, model.Options{Masters: true, SharedEnds: true, MTP: m.Config.NextN > 0})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

func newTrainer(t *testing.T, m *model.Model, o Options) *Trainer {
	t.Helper()
	x, err := New(m, m.Weights(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// array returns numbers of the golden data.
func array[T any](t *testing.T, a golden.Array, get func(golden.Array) ([]T, error)) []T {
	t.Helper()
	v, err := get(a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (g *goldenGrad) floats(t *testing.T, name string) []float64 {
	t.Helper()
	if v, err := g.npz[name].Float64s(); err == nil {
		return v
	}
	var list []float64
	for _, v := range array(t, g.npz[name], golden.Array.Float32s) {
		list = append(list, float64(v))
	}
	return list
}

func (g *goldenGrad) batch(t *testing.T, kind string) *Batch {
	t.Helper()
	ids := g.npz[kind+".ids"]
	b := &Batch{
		Rows: ids.Shape[0], Cols: ids.Shape[1], IDs: array(t, ids, golden.Array.Int32s),
		Segments: array(t, g.npz[kind+".segments"], golden.Array.Int32s), Weights: array(t, g.npz[kind+".weights"], golden.Array.Float32s),
	}
	if d, ok := g.npz[kind+".divisor"]; ok {
		b.Divisor = array(t, d, golden.Array.Float32s)[0]
	}
	return b
}

func near(t *testing.T, what string, got, want, limit float64) {
	t.Helper()
	if !(math.Abs(got-want) <= limit) {
		t.Errorf("%s is %v, want %v ± %.1e", what, got, want, limit)
	}
}

// TestGolden holds losses, log-probabilities and every gradient to golden data.
func TestGolden(t *testing.T) {
	for _, name := range []string{"llama", "qwen2", "deepseek-v3"} {
		g := loadGrad(t, name)
		x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 2})
		x.Losses = g.losses
		for _, kind := range []string{"sft", "policy"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				r, err := x.Gradients(t.Context(), g.batch(t, kind))
				if err != nil {
					t.Fatal(err)
				}
				g.holdLosses(t, kind, r)
				near(t, "grad_norm", Norm(x.gradients), g.floats(t, kind+".grad_norm")[0], gradLimit*g.floats(t, kind+".grad_norm")[0])
				g.holdGradients(t, kind, x.gradients)
			})
		}
	}
}

func (g *goldenGrad) holdLosses(t *testing.T, kind string, r *Result) {
	t.Helper()
	want := func(what string) float64 { return g.floats(t, kind+"."+what)[0] }
	scale := lossLimit * max(1, math.Abs(want("loss")))
	near(t, "loss", r.Loss, want("loss"), scale)
	near(t, "loss_main", r.Main, want("loss_main"), scale)
	near(t, "loss_mtp", r.MTP, want("loss_mtp"), scale)
	near(t, "loss_balance", r.Balance, want("loss_balance"), scale)
	for i, v := range g.floats(t, kind+".logp") {
		if v == 0 {
			near(t, "a log-probability of nothing", float64(r.LogP[i]), 0, 0)
		}
		near(t, fmt.Sprint("log-probability ", i), float64(r.LogP[i]), v, logpLimit)
	}
	layers := 0
	for layer, load := range r.Loads {
		layers++
		want := array(t, g.npz[fmt.Sprintf("%s.load.%d", kind, layer)], golden.Array.Int32s)
		if !slices.Equal(load, want) {
			t.Errorf("load of layer %d is %v, want %v", layer, load, want)
		}
	}
	if (layers > 0) != (g.tiny.Config.Routed > 0) {
		t.Errorf("loads of %d layers", layers)
	}
}

// holdGradients holds norm, projections and entries of each tensor's gradient.
func (g *goldenGrad) holdGradients(t *testing.T, kind string, all *model.Gradients) {
	t.Helper()
	of := map[*model.Weight]*model.Gradient{}
	var weights []*model.Weight
	for _, x := range all.All {
		of[x.Weight], weights = x, append(weights, x.Weight)
	}
	norms, proj, entries := g.floats(t, kind+".norms"), g.floats(t, kind+".proj"), g.floats(t, kind+".entries")
	total, size := 0.0, 0
	tensors := map[string][]float64{}
	for _, x := range Tensors(weights) {
		var v []float64
		for _, f := range kernel.FloatsOf(x.Values(func(w *model.Weight) []float32 {
			if of[w].Touched {
				return of[w].X
			}
			return nil
		})) {
			v = append(v, float64(f))
		}
		tensors[x.Name], size = v, size+len(v)
	}
	for _, n := range norms {
		total += n * n
	}
	if len(tensors) != len(g.names) {
		t.Errorf("%d tensors, want %d", len(tensors), len(g.names))
	}
	var off []float64
	for i, name := range g.names {
		v := tensors[name]
		if v == nil {
			t.Fatalf("%s has no gradient", name)
		}
		floor := 1e-3 * math.Sqrt(total*float64(len(v))/float64(size))
		scale := max(norms[i], floor)
		own, worst := 0.0, 0.0
		for _, x := range v {
			own += x * x
		}
		worst = math.Abs(math.Sqrt(own)-norms[i]) / scale
		square := 0.0
		for j := range 4 {
			p := -proj[4*i+j]
			for k, n := range tiny.Noise(g.tiny.Seed, fmt.Sprintf("projection %d of %s", j, name), len(v)) {
				p += n * v[k]
			}
			square += p * p / 4
		}
		worst = max(worst, math.Sqrt(square)/scale)
		largest, far := scale/math.Sqrt(float64(len(v))), 0.0
		for j, n := range tiny.Noise(g.tiny.Seed, "entries of "+name, 8) {
			at := int(math.Abs(n)*1e6) % len(v)
			largest, far = max(largest, math.Abs(entries[8*i+j])), max(far, math.Abs(v[at]-entries[8*i+j]))
		}
		worst = max(worst, far/largest)
		if !(worst <= gradLimit) {
			t.Errorf("gradient of %s is off by %.1e of its norm, limit %.0e", name, worst, gradLimit)
		}
		off = append(off, worst)
	}
	slices.Sort(off)
	if m := off[len(off)/2]; !(m <= medianLimit) {
		t.Errorf("the median gradient is off by %.1e, limit %.0e", m, medianLimit)
	}
}

// TestSameBits computes gradients on several numbers of threads, implementations, with layers
// computed again, twice with one trainer, and with other padding: the same bits.
func TestSameBits(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3"} {
		g := loadGrad(t, name)
		m := openTiny(t, g.tiny)
		compute := func(o Options, change func(*Batch), times int) (bits []uint32) {
			x := newTrainer(t, m, o)
			x.Losses = g.losses
			b := g.batch(t, "sft")
			change(b)
			var r *Result
			for range times {
				var err error
				if r, err = x.Gradients(t.Context(), b); err != nil {
					t.Fatal(err)
				}
				if n := x.tape.Lent(); n != 0 {
					t.Fatalf("%s: %d numbers are still lent", name, n)
				}
			}
			for _, v := range []float64{r.Main, r.MTP, r.Balance} {
				bits = append(bits, uint32(math.Float64bits(v)), uint32(math.Float64bits(v)>>32))
			}
			for _, v := range r.LogP {
				bits = append(bits, math.Float32bits(v))
			}
			for _, d := range x.gradients.All {
				for _, v := range d.X {
					bits = append(bits, math.Float32bits(v))
				}
			}
			return bits
		}
		same := func(*Batch) {}
		want := compute(Options{Threads: 1}, same, 1)
		padding := func(b *Batch) {
			for i, s := range b.Segments {
				if s == 0 {
					b.IDs[i], b.Weights[i] = -7, float32(math.NaN())
				}
			}
		}
		for what, got := range map[string][]uint32{
			"three threads": compute(Options{Threads: 3}, same, 1), "recompute": compute(Options{Threads: 2, Recompute: true}, same, 2),
			"a second time": compute(Options{Threads: 2}, same, 2), "other padding": compute(Options{Threads: 1}, padding, 1),
		} {
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s: other bits", name, what)
			}
		}
		for _, i := range kernel.Implementations() {
			if testing.Short() && i == kernel.Portable && name != "llama" {
				continue
			}
			before := kernel.Current()
			kernel.UseImpl(i)
			got := compute(Options{Threads: 2}, same, 1)
			kernel.UseImpl(before)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v: other bits", name, i)
			}
		}
	}
}
