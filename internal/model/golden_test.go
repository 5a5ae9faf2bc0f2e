package model

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// The folders of testdata: logits computed in float64 by an independent program on
// the same weights. That of DeepSeek's FP8 checkpoints has a test of its own.
var (
	plainModels  = []string{"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3", "gemma3-text"}
	latentModels = []string{"deepseek-v2-lite", "deepseek-v2", "deepseek-v3", "deepseek-v3-mtp", "deepseek-v32", "glm4-moe-lite", "kimi-k2"}
	goldenModels = append(slices.Clone(plainModels), latentModels...)
	// nearModels are close to those, with an operation or two of their own.
	nearModels = []string{
		"phi3", "gpt-oss", "gpt-oss-mxfp4", "smollm3", "gemma2", "qwen2-moe", "glm4-moe", "minimax-m2",
		"ministral3", "mistral3", "mistral4", "mistral-large-3", "glm-moe-dsa", "gemma4", "gemma4-moe", "gemma4-e", "deepseek-v4", "deepseek-v4-pro",
	}
	// limitedModels have rotary frequencies that depend on how long a sequence may become: the
	// second sequence is within the original context, the first is beyond it.
	limitedModels = []string{"phi3-long", "llama-dynamic"}
	// recurrentModels keep states.
	recurrentModels = []string{"qwen3-next", "qwen3.5", "qwen3.5-moe"}
	// checkpointModels have no GGUF form of their own: in a wrapper, packed, or with other names.
	checkpointModels = []string{"gemma3", "mistral3", "gpt-oss-mxfp4", "mistral-large-3", "llama-dynamic"}
)

// Errors that are allowed, in deviations of the wanted logits: PyTorch in float32 is
// off by 1e-6 rms and 1e-5 at most; of rounded caches the median row counts, since a
// rounded cache may change a router's choice. The limits are about twice what was
// measured: for dense models, for models with experts, and twice that where positions
// are chosen too.
const (
	floatRMS = 1e-5
	floatMax = 1e-4
)

var cacheRow = map[kernel.CacheKind][2]float64{
	kernel.CacheF16: {2e-3, 5e-3}, kernel.CacheBF16: {2e-2, 1.2e-1}, kernel.CacheQ8: {4e-2, 2e-1},
}

// cacheLimit returns what the median row may be off with a rounded cache.
func cacheLimit(c *Config, kind kernel.CacheKind) float64 {
	limits := cacheRow[kind]
	switch {
	case c.IndexNHeads > 0:
		return 2 * limits[1]
	case c.NumExperts > 0, c.GlobalHeadDim > 0: // scores that are not scaled weigh what is rounded of keys
		return limits[1]
	case c.Recurrent != nil: // a state carries on what was rounded in each layer
		return 2 * limits[0]
	}
	return limits[0]
}

// expectation is one golden folder: logits of some rows of two sequences.
type expectation struct {
	ids    [][]int32
	logits map[string][]goldenRows // by name of the array
	greedy []int32
	steps  int // of greedy that were drawn
	chosen [][]int32
}

// goldenRows are rows of one sequence.
type goldenRows struct {
	rows   []int32
	logits []float32 // [rows, V]
}

// loaded keeps what loadExpectation read, by name.
var loaded = map[string]struct {
	model *tiny.Model
	e     *expectation
}{}

func loadExpectation(t *testing.T, name string) (*tiny.Model, *expectation) {
	t.Helper()
	if l, ok := loaded[name]; ok {
		return l.model, l.e
	}
	folder := filepath.Join("testdata", name)
	m, err := tiny.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	a, err := golden.LoadNPZ(filepath.Join(folder, "expect.npz"))
	if err != nil {
		t.Fatal(err)
	}
	e := &expectation{logits: map[string][]goldenRows{}, steps: a["greedy_gap"].Len()}
	ints := func(key string) []int32 {
		if _, there := a[key]; !there {
			return nil
		}
		v, err := a[key].Int32s()
		if err != nil {
			t.Fatal(key, err)
		}
		return v
	}
	for _, i := range []string{".0", ".1"} {
		e.ids = append(e.ids, ints("ids"+i))
		for key, rows := range map[string]string{"logits": "rows", "logits_ue8m0": "rows", "mtp_logits": "mtp_rows"} {
			if _, there := a[key+i]; there {
				l, err := a[key+i].Float32s()
				if err != nil {
					t.Fatal(key, err)
				}
				e.logits[key] = append(e.logits[key], goldenRows{ints(rows + i), l})
			}
		}
		if c := ints("chosen" + i); c != nil {
			e.chosen = append(e.chosen, c)
		}
	}
	e.greedy = ints("greedy")
	loaded[name] = struct {
		model *tiny.Model
		e     *expectation
	}{m, e}
	return m, e
}

// off returns the error of the golden rows in deviations of the logits: rms, the
// largest, and the median over rows of a row's rms.
func (e *expectation) off(array string, got [][][]float32) (rms, worst, median float64) {
	var sum, square, d2 float64
	var rows []float64
	n := 0
	for i, g := range e.logits[array] {
		V := len(g.logits) / len(g.rows)
		for k, row := range g.rows {
			var r2 float64
			for v, want := range g.logits[k*V : (k+1)*V] {
				w := float64(want)
				d := float64(got[i][row][v]) - w
				if d != d {
					return math.Inf(1), math.Inf(1), math.Inf(1)
				}
				sum, square, r2, n = sum+w, square+w*w, r2+d*d, n+1
				worst = max(worst, math.Abs(d))
			}
			rows = append(rows, math.Sqrt(r2/float64(V)))
			d2 += r2
		}
	}
	mean := sum / float64(n)
	dev := math.Sqrt(square/float64(n) - mean*mean)
	slices.Sort(rows)
	return math.Sqrt(d2/float64(n)) / dev, worst / dev, rows[len(rows)/2] / dev
}

// near reports logits that are off by more than float arithmetic is.
func (e *expectation) near(t *testing.T, what, array string, got [][][]float32) {
	t.Helper()
	if rms, worst, _ := e.off(array, got); rms > floatRMS || worst > floatMax {
		t.Errorf("%s: %s off by %.1e rms, %.1e at most, limits %.0e and %.0e", what, array, rms, worst, floatRMS, floatMax)
	}
}

// forms returns the forms of attention that a golden model runs in.
func forms(m *tiny.Model) []LatentForm {
	if m.Config.KVLora > 0 {
		return []LatentForm{Absorbed, Expanded}
	}
	return []LatentForm{Absorbed}
}

// openCheckpoint writes a checkpoint and opens it.
func openCheckpoint(t *testing.T, c *tiny.Checkpoint, err error, o Options) *Model {
	t.Helper()
	folder := t.TempDir()
	if err == nil {
		err = c.Write(folder, 1)
	}
	if err != nil {
		t.Fatal(err)
	}
	return open(t, folder, o)
}

// openGGUF writes a GGUF file and opens it.
func openGGUF(t *testing.T, g *tiny.GGUF, err error, o Options) *Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err == nil {
		err = g.Write(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return open(t, path, o)
}

func open(t *testing.T, path string, o Options) *Model {
	t.Helper()
	m, err := openPath(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// TestGolden holds logits to those computed in float64, in every cache kind and both
// forms of latent attention, and greedy ids to those of the reference.
func TestGolden(t *testing.T) {
	for _, name := range slices.Concat(goldenModels, nearModels, limitedModels, recurrentModels) {
		model, e := loadExpectation(t, name)
		for _, form := range forms(model) {
			t.Run(name+" "+form.String(), func(t *testing.T) {
				c, err := model.Checkpoint(tensor.F32)
				m := openCheckpoint(t, c, err, Options{Latent: form})
				r := newRunner(t, m, kernel.CacheF32, 2)
				exact := r.run(t, e.ids, whole)
				e.near(t, "float", "logits", exact.logits)
				greedy(t, r, e)
				for kind := range cacheRow {
					if quick() && kind != kernel.CacheQ8 {
						continue
					}
					got := newRunner(t, m, kind, 2).run(t, e.ids, whole)
					if _, _, median := e.off("logits", got.logits); median > cacheLimit(&m.Config, kind) {
						t.Errorf("cache %s: the median row is off by %.1e, limit %.1e", kind, median, cacheLimit(&m.Config, kind))
					}
					if sameBits(got.logits, exact.logits) == nil {
						t.Errorf("cache %s: the same bits as with f32, want rounded ones", kind)
					}
				}
			})
		}
	}
}

// greedy draws the reference's greedy ids, where it has some.
func greedy(t *testing.T, r *runner, e *expectation) {
	t.Helper()
	if len(e.greedy) == 0 {
		return
	}
	ids := slices.Clone(e.greedy[:len(e.greedy)-e.steps])
	seq := r.cache.Sequence()
	defer seq.Free()
	for range e.steps {
		next := ids[seq.Len():]
		if err := seq.Reserve(len(next)); err != nil {
			t.Fatal(err)
		}
		h := r.m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Pos: seq.Len(), Tokens: next, Logits: 1}}})
		seq.Append(next)
		ids = append(ids, int32(argmax(r.m.Logits(&r.step, h, 0, 1).X)))
	}
	for i, id := range ids {
		if id != e.greedy[i] {
			t.Fatalf("greedy token %d is %d, want %d", i, id, e.greedy[i])
		}
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
	for _, name := range slices.Concat(goldenModels, nearModels, limitedModels, recurrentModels) {
		if slices.Contains(checkpointModels, name) {
			continue
		}
		model, e := loadExpectation(t, name)
		for _, dt := range []tensor.DType{tensor.F32, tensor.BF16, tensor.Q8_0} {
			if quick() && dt == tensor.F32 {
				continue // the checkpoints of TestGolden are float32
			}
			g, err := model.GGUF(dt, tiny.Split)
			m := openGGUF(t, g, err, Options{})
			got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
			if dt != tensor.Q8_0 {
				e.near(t, name+" as "+dt.String(), "logits", got.logits)
			} else if _, _, median := e.off("logits", got.logits); median > cacheLimit(&m.Config, kernel.CacheQ8) {
				t.Errorf("%s as Q8_0: the median row is off by %.1e, limit %.1e", name, median, cacheLimit(&m.Config, kernel.CacheQ8))
			}
		}
	}
}

// TestGoldenFP8 reads DeepSeek's FP8 checkpoints: float scales, as V3 and R1 have
// them, and powers of two, as V3.1; the latter also as the one byte that is all they
// hold.
func TestGoldenFP8(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v3-fp8")
	for _, form := range forms(model) {
		for array, ue8m0 := range map[string]bool{"logits": false, "logits_ue8m0": true} {
			c, err := model.FP8(ue8m0)
			m := openCheckpoint(t, c, err, Options{Latent: form})
			got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
			e.near(t, form.String(), array, got.logits)
			if ue8m0 {
				m = openCheckpoint(t, scalesInBytes(c), nil, Options{Latent: form})
				if err := sameBits(newRunner(t, m, kernel.CacheF32, 1).run(t, e.ids, whole).logits, got.logits); err != nil {
					t.Errorf("%s: scales of type F8_E8M0: %v", form, err)
				}
			}
		}
	}
}

// scalesInBytes stores scales that are powers of two as F8_E8M0.
func scalesInBytes(c *tiny.Checkpoint) *tiny.Checkpoint {
	d := &tiny.Checkpoint{Config: c.Config}
	for _, x := range c.Tensors {
		if filepath.Ext(x.Name) == ".weight_scale_inv" {
			var codes []byte
			for _, v := range decodeF32(x.Data) {
				codes = append(codes, byte(math.Float32bits(v)>>23))
			}
			x.Type, x.Data = tensor.F8E8M0, codes
		}
		d.Tensors = append(d.Tensors, x)
	}
	return d
}

// TestGoldenMTP holds the guesses of the module of multi-token prediction to those
// computed in float64, from checkpoints and GGUF files, with copies of embedding and
// head and without.
func TestGoldenMTP(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v3-mtp")
	c, errC := model.Checkpoint(tensor.BF16)
	g, errG := model.GGUF(tensor.F32, tiny.Split)
	bare, errB := model.GGUF(tensor.F32, tiny.Split)
	if errC != nil || errG != nil || errB != nil {
		t.Fatal(errC, errG, errB)
	}
	bare.Drop("blk.3.nextn.embed_tokens.weight", "blk.3.nextn.shared_head_head.weight")
	for _, form := range forms(model) {
		o := Options{Latent: form, MTP: true}
		for what, m := range map[string]*Model{
			"checkpoint": openCheckpoint(t, c, nil, o), "GGUF": openGGUF(t, g, nil, o), "GGUF without copies": openGGUF(t, bare, nil, o),
		} {
			got := newRunner(t, m, kernel.CacheF32, 2).run(t, e.ids, whole)
			e.near(t, what+" "+form.String(), "logits", got.logits)
			e.near(t, what+" "+form.String(), "mtp_logits", got.drafts)
		}
	}
}
