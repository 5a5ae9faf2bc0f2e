package model

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// goldenModels are the folders of testdata: logits computed in float64 by an
// independent program on the same weights.
var goldenModels = []string{"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3", "gemma3-text"}

// Errors that are allowed, in deviations of the wanted logits: PyTorch in float32 is
// off by 1e-6 rms and 1e-5 at most; rounded caches as measured, doubled, where a
// rounded cache may change a router's choice.
const (
	floatRMS = 1e-5
	floatMax = 1e-4
)

var cacheRMS = map[kernel.CacheKind]float64{kernel.CacheF16: 5e-3, kernel.CacheBF16: 1.2e-1, kernel.CacheQ8: 2e-1}

// expectation is one golden folder.
type expectation struct {
	ids    [][]int32
	rows   [][]int32
	logits [][]float32
	greedy []int32
	steps  int // of greedy that were drawn
}

func loadExpectation(t *testing.T, name string) (*tiny.Model, *expectation) {
	t.Helper()
	folder := filepath.Join("testdata", name)
	m, err := tiny.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := golden.LoadNPZ(filepath.Join(folder, "expect.npz"))
	if err != nil {
		t.Fatal(err)
	}
	e := &expectation{}
	ints := func(key string) []int32 {
		v, err := a[key].Int32s()
		if err != nil {
			t.Fatal(key, err)
		}
		return v
	}
	for _, i := range []string{"0", "1"} {
		l, err := a["logits."+i].Float32s()
		if err != nil {
			t.Fatal(err)
		}
		e.ids, e.rows, e.logits = append(e.ids, ints("ids."+i)), append(e.rows, ints("rows."+i)), append(e.logits, l)
	}
	e.greedy, e.steps = ints("greedy"), a["greedy_gap"].Len()
	return m, e
}

// runner runs a model on sequences of its own.
type runner struct {
	m     *Model
	step  Step
	cache *kvcache.Cache
}

func newRunner(t *testing.T, m *Model, kind kernel.CacheKind, threads int) *runner {
	t.Helper()
	cache, err := kvcache.New(m.CacheLayers(kind), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	w := kernel.NewWorkers(threads)
	t.Cleanup(w.Close)
	return &runner{m: m, step: Step{Workers: w, Kind: kind}, cache: cache}
}

// run computes the logits of all rows: a step takes the next chunk of every
// sequence.
func (r *runner) run(t *testing.T, sequences [][]int32, chunk int) [][]float32 {
	t.Helper()
	out := make([][]float32, len(sequences))
	seqs := make([]*kvcache.Sequence, len(sequences))
	for i := range seqs {
		seqs[i] = r.cache.Sequence()
		defer seqs[i].Free()
	}
	for {
		var b Batch
		var which []int
		for i, ids := range sequences {
			at := seqs[i].Len()
			if n := min(chunk, len(ids)-at); n > 0 {
				if err := seqs[i].Reserve(n); err != nil {
					t.Fatal(err)
				}
				b.Segments = append(b.Segments, Segment{Seq: seqs[i], Pos: at, Tokens: ids[at : at+n], Logits: n})
				which = append(which, i)
			}
		}
		if len(which) == 0 {
			return out
		}
		h := r.m.Forward(&r.step, &b)
		l := r.m.Logits(&r.step, h, 0, h.T)
		row := 0
		for k, i := range which {
			n := len(b.Segments[k].Tokens)
			out[i] = append(out[i], l.X[row*l.D:(row+n)*l.D]...)
			row += n
			seqs[i].Append(b.Segments[k].Tokens)
		}
	}
}

// off returns the error of the golden rows in deviations of the logits.
func (e *expectation) off(got [][]float32, V int) (rms, worst float64) {
	var sum, square, d2 float64
	n := 0
	for i, want := range e.logits {
		for k, row := range e.rows[i] {
			for v := range V {
				w := float64(want[k*V+v])
				d := float64(got[i][int(row)*V+v]) - w
				if d != d {
					return math.Inf(1), math.Inf(1)
				}
				sum, square, d2, n = sum+w, square+w*w, d2+d*d, n+1
				worst = max(worst, math.Abs(d))
			}
		}
	}
	mean := sum / float64(n)
	dev := math.Sqrt(square/float64(n) - mean*mean)
	return math.Sqrt(d2/float64(n)) / dev, worst / dev
}

func openTiny(t *testing.T, model *tiny.Model) *Model {
	t.Helper()
	folder := t.TempDir()
	if err := model.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	m, err := Open(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// TestGolden holds logits to those computed in float64, in every cache kind, and
// greedy ids to those of the reference.
func TestGolden(t *testing.T) {
	for _, name := range goldenModels {
		t.Run(name, func(t *testing.T) {
			model, e := loadExpectation(t, name)
			m := openTiny(t, model)
			V := m.Config.VocabSize
			r := newRunner(t, m, kernel.CacheF32, 2)
			rms, worst := e.off(r.run(t, e.ids, 512), V)
			if rms > floatRMS || worst > floatMax {
				t.Errorf("off by %.1e rms, %.1e at most, limits %.0e and %.0e", rms, worst, floatRMS, floatMax)
			}
			ids := append([]int32{}, e.greedy[:len(e.greedy)-e.steps]...)
			for range e.steps {
				logits := r.run(t, [][]int32{ids}, 512)[0]
				ids = append(ids, int32(argmax(logits[len(logits)-V:])))
			}
			for i, id := range ids {
				if id != e.greedy[i] {
					t.Fatalf("greedy token %d is %d, want %d", i, id, e.greedy[i])
				}
			}
			for kind, limit := range cacheRMS {
				if rms, _ := e.off(newRunner(t, m, kind, 2).run(t, e.ids, 512), V); rms > limit {
					t.Errorf("cache %s: off by %.1e, limit %.0e", kind, rms, limit)
				}
			}
		})
	}
}

func argmax(x []float32) int {
	best := 0
	for i, v := range x {
		if v > x[best] {
			best = i
		}
	}
	return best
}

// TestGoldenGGUF reads the same models as GGUF files, float32 and Q8_0.
func TestGoldenGGUF(t *testing.T) {
	for _, name := range []string{"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3-text"} {
		model, e := loadExpectation(t, name)
		for _, c := range []struct {
			t     tensor.DType
			limit float64
		}{{tensor.F32, floatRMS}, {tensor.BF16, floatRMS}, {tensor.Q8_0, 0.1}} {
			path := filepath.Join(t.TempDir(), "model.gguf")
			if err := model.WriteGGUF(path, c.t); err != nil {
				t.Fatal(err)
			}
			m, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			rms, _ := e.off(newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, 512), m.Config.VocabSize)
			if rms > c.limit {
				t.Errorf("%s as GGUF %s: off by %.1e, limit %.0e", name, c.t, rms, c.limit)
			}
			m.Close()
		}
	}
}

// TestSameBits holds logits to the same bits in any batch, chunking, thread count and
// on any implementation, float and quantised, in every cache kind.
func TestSameBits(t *testing.T) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	for _, name := range []string{"llama", "qwen3-moe", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		path := filepath.Join(t.TempDir(), "model.gguf")
		for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
			if err := model.WriteGGUF(path, dt); err != nil {
				t.Fatal(err)
			}
			m, err := Open(path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var sequences [][]int32
			for i, n := range []int{270, 33, 1, 18} { // the first crosses a split of attention
				ids := make([]int32, n)
				for k := range ids {
					ids[k] = int32((k*k*7 + 13*i + k) % m.Config.VocabSize)
				}
				sequences = append(sequences, ids)
			}
			for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
				kernel.UseImpl(before)
				want := make([][]float32, len(sequences))
				for i, ids := range sequences {
					want[i] = newRunner(t, m, kind, 1).run(t, [][]int32{ids}, 512)[0]
				}
				for threads, chunks := range map[int][]int{1: {7}, 2: {64, 512}, 3: {1}} {
					for _, chunk := range chunks {
						compareBits(t, name, newRunner(t, m, kind, threads).run(t, sequences, chunk), want)
					}
				}
				for _, impl := range kernel.Implementations() {
					kernel.UseImpl(impl)
					compareBits(t, name+" "+impl.String(), newRunner(t, m, kind, 2).run(t, sequences[2:], 8), want[2:])
				}
			}
			m.Close()
		}
	}
}

func compareBits(t *testing.T, what string, got, want [][]float32) {
	t.Helper()
	for i := range want {
		for k, w := range want[i] {
			if math.Float32bits(got[i][k]) != math.Float32bits(w) {
				t.Fatalf("%s: sequence %d: logit %d is %v, want %v", what, i, k, got[i][k], w)
			}
		}
	}
}

// TestNoGarbage decodes without allocating, once the step has seen its batch.
func TestNoGarbage(t *testing.T) {
	for _, name := range []string{"llama", "qwen3-moe", "gemma3-text"} {
		model, _ := loadExpectation(t, name)
		path := filepath.Join(t.TempDir(), "model.gguf")
		if err := model.WriteGGUF(path, tensor.Q8_0); err != nil {
			t.Fatal(err)
		}
		m, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		r := newRunner(t, m, kernel.CacheQ8, 2)
		seq := r.cache.Sequence()
		if err := seq.Reserve(200); err != nil {
			t.Fatal(err)
		}
		b := Batch{Segments: []Segment{{Seq: seq, Tokens: []int32{5}, Logits: 1}}}
		decode := func() {
			b.Segments[0].Pos = seq.Len()
			r.m.Logits(&r.step, r.m.Forward(&r.step, &b), 0, 1)
			seq.Append(b.Segments[0].Tokens)
		}
		for range 3 { // experts may need more room with other tokens
			decode()
		}
		if n := testing.AllocsPerRun(100, decode); n > 0.5 {
			t.Errorf("%s: a step allocates %v times, want none", name, n)
		}
		seq.Free()
		m.Close()
	}
}
