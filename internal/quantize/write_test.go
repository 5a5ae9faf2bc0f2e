package quantize

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// matrix is a tensor of a test's model.
type matrix struct {
	name  string
	typ   gguf.Type
	shape []int
}

// small has two layers, of which the second has experts.
func small() []matrix {
	return []matrix{
		{"token_embd.weight", gguf.F16, []int{40, 64}},
		{"output_norm.weight", gguf.F32, []int{64}},
		{"output.weight", gguf.F16, []int{40, 64}},
		{"blk.0.attn_norm.weight", gguf.F32, []int{64}},
		{"blk.0.attn_q.weight", gguf.F16, []int{64, 64}},
		{"blk.0.attn_v.weight", gguf.BF16, []int{32, 64}},
		{"blk.0.ffn_down.weight", gguf.F32, []int{64, 96}},
		{"blk.1.ffn_gate_inp.weight", gguf.F32, []int{3, 64}},
		{"blk.1.ffn_up_exps.weight", gguf.F16, []int{3, 32, 64}},
		{"blk.1.ffn_down_exps.weight", gguf.F16, []int{3, 64, 24}},
	}
}

// writeModel writes a model of seeded numbers; change may alter those of a tensor. split
// writes several files.
func writeModel(t *testing.T, tensors []matrix, split bool, change func(name string, x []float32)) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	w, err := gguf.Create(path)
	if split {
		path = filepath.Join(t.TempDir(), "model")
		w, err = gguf.CreateSplit(path, 20000)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, kv := range []gguf.KeyValue{
		{Key: "general.architecture", Value: gguf.ValueOf("llama")},
		{Key: "general.name", Value: gguf.ValueOf("small")},
		{Key: "general.file_type", Value: gguf.ValueOf(uint32(1))},
		{Key: "llama.block_count", Value: gguf.ValueOf(uint32(2))},
		{Key: "llama.attention.head_count", Value: gguf.ValueOf(uint32(4))},
		{Key: "llama.expert_count", Value: gguf.ValueOf(uint32(3))},
		{Key: "tokenizer.ggml.tokens", Value: gguf.ArrayOf([]string{"a", "b"})},
	} {
		_ = w.Put(kv.Key, kv.Value)
	}
	for _, m := range tensors {
		_ = w.Declare(m.name, m.typ, m.shape...)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for _, m := range tensors {
		n, _ := tensor.Elements(m.shape)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64() * 0.05)
		}
		if change != nil {
			change(m.name, x)
		}
		dtype, _ := tensor.ParseDType(m.typ.String())
		b := make([]byte, dtype.RowBytes(n))
		if err := quant.Encode(b, dtype, x); err != nil {
			t.Fatal(err)
		}
		_ = w.WriteTensor(m.name, b)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if split {
		first, _ := filepath.Glob(path + "-00001-of-*")
		return first[0]
	}
	return path
}

func openModel(t *testing.T, path string) Source {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	s, err := FromGGUF(f, filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func options(t *testing.T, label string) *Options {
	t.Helper()
	m, err := ParseMix(label)
	if err != nil {
		t.Fatal(err)
	}
	return &Options{Mix: m}
}

func newPlan(t *testing.T, src Source, o *Options) *Plan {
	t.Helper()
	p, err := NewPlan(src, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestWrite writes a model with 1 to 3 threads, and holds all tensors to their encoders
// and the metadata to what it was.
func TestWrite(t *testing.T) {
	path := writeModel(t, small(), false, nil)
	src := openModel(t, path)
	o := options(t, "Q8_0")
	var files [][]byte
	out := filepath.Join(t.TempDir(), "out.gguf")
	for threads := range 4 {
		if err := newPlan(t, src, o).Write(t.Context(), out, threads, nil); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if files = append(files, b); !bytes.Equal(b, files[0]) {
			t.Errorf("%d threads write another file", threads)
		}
	}
	if _, err := os.Stat(out + partSuffix); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the part is left: %v", err)
	}
	was, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer was.Close()
	is, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer is.Close()
	for _, kv := range was.KeyValues() {
		want := kv.Value
		if kv.Key == "general.file_type" {
			want = gguf.ValueOf(uint32(7))
		}
		if got, ok := is.Value(kv.Key); !ok || got != want {
			t.Errorf("key %s: %v, want %v", kv.Key, got, want)
		}
	}
	if n, _ := is.Uint("general.quantization_version"); n != 2 {
		t.Errorf("general.quantization_version is %d, want 2", n)
	}
	for _, old := range was.Tensors() {
		now, ok := is.Tensor(old.Name)
		if !ok || !slices.Equal(now.Shape, old.Shape) {
			t.Errorf("%s: shape %v, want %v", old.Name, now.Shape, old.Shape)
			continue
		}
		want := was.Bytes(old)
		switch {
		case strings.Contains(old.Name, "norm"), strings.Contains(old.Name, "inp"):
		case old.Name == "blk.1.ffn_down_exps.weight": // rows of 24
			if now.Type != gguf.F16 {
				t.Errorf("%s: type %s, want F16", now.Name, now.Type)
			}
		default:
			n, _ := tensor.Elements(old.Shape)
			dtype, _ := tensor.ParseDType(old.Type.String())
			x := make([]float32, n)
			if err := quant.Decode(x, dtype, want); err != nil {
				t.Fatal(err)
			}
			want = make([]byte, now.Size)
			if err := quant.Encode(want, tensor.Q8_0, x); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(is.Bytes(now), want) {
			t.Errorf("%s: other bytes than its encoder's", now.Name)
		}
	}
}

// counting is a Source that counts the pieces that are read, and runs a function before
// each.
type counting struct {
	Source
	reads  atomic.Int64
	before func(n int64)
}

func (c *counting) Rows(ctx context.Context, i, first int, dst []float32) error {
	n := c.reads.Add(1)
	if c.before != nil {
		c.before(n)
	}
	return c.Source.Rows(ctx, i, first, dst)
}

// large has matrices of several pieces.
func large() []matrix {
	return []matrix{
		{"token_embd.weight", gguf.F16, []int{300, 1024}},
		{"blk.0.attn_q.weight", gguf.F16, []int{300, 1024}},
		{"blk.0.attn_k.weight", gguf.F16, []int{300, 1024}},
		{"blk.0.ffn_up.weight", gguf.F16, []int{300, 1024}},
	}
}

// TestGoingOn ends a Write in the middle. The same one goes on, and writes what one that
// was never ended does; another one is refused.
func TestGoingOn(t *testing.T) {
	path := writeModel(t, large(), false, nil)
	want := filepath.Join(t.TempDir(), "want.gguf")
	whole := &counting{Source: openModel(t, path)}
	// As many threads as make the pieces smallest.
	const threads = allPieces / leastPiece
	if err := newPlan(t, whole, options(t, "Q8_0")).Write(t.Context(), want, threads, nil); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out.gguf")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := &counting{Source: openModel(t, path)}
	ended.before = func(n int64) {
		if n == 12 {
			cancel()
		}
	}
	// One thread, and pieces as small: what is written is then known.
	p := newPlan(t, ended, options(t, "Q8_0"))
	a, err := p.openPart([]string{out})
	if err != nil {
		t.Fatal(err)
	}
	w := &writing{plan: p, part: a, piece: leastPiece}
	w.start()
	if err := w.run(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("ended: %v, want context.Canceled", err)
	}
	a.close()
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a file before it is whole: %v", err)
	}

	err = newPlan(t, openModel(t, path), options(t, "F32")).Write(t.Context(), out, 1, nil)
	if !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), "Q8_0 of model.gguf") {
		t.Errorf("another command: %v, want it refused with the name of the first", err)
	}

	rest := &counting{Source: openModel(t, path)}
	var resumed int64
	report := func(q Progress) { resumed = q.Resumed }
	if err := newPlan(t, rest, options(t, "Q8_0")).Write(t.Context(), out, threads, report); err != nil {
		t.Fatal(err)
	}
	if got, all := rest.reads.Load(), whole.reads.Load(); got != all-11 {
		t.Errorf("going on read %d pieces of %d, want those behind the 11 that were written", got, all)
	}
	if resumed <= 0 {
		t.Errorf("resumed behind %d bytes, want some", resumed)
	}
	a1, _ := os.ReadFile(want)
	a2, _ := os.ReadFile(out)
	if !bytes.Equal(a1, a2) {
		t.Error("the file that was gone on with is another")
	}
}

// TestForeignPart finds something under the name of a part.
func TestForeignPart(t *testing.T) {
	path := writeModel(t, small(), false, nil)
	out := filepath.Join(t.TempDir(), "out.gguf")
	const text = "somebody's own file"
	if err := os.WriteFile(out+partSuffix, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := newPlan(t, openModel(t, path), options(t, "Q8_0"))
	if err := p.Write(t.Context(), out, 1, nil); !errors.Is(err, ErrOption) {
		t.Errorf("a file that is no part: %v, want it refused", err)
	}
	if b, _ := os.ReadFile(out + partSuffix); string(b) != text {
		t.Errorf("somebody's own file holds %q", b)
	}
	// A part that lost its record, as when the power fails behind the last byte.
	if err := os.WriteFile(out+partSuffix, p.files[0].Header, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Write(t.Context(), out, 1, nil); err != nil {
		t.Errorf("a part without a record: %v", err)
	}
}

func TestRefusedWeights(t *testing.T) {
	for _, c := range []struct {
		name  string
		value float64
	}{
		{"blk.0.attn_q.weight", math.NaN()},
		{"blk.0.ffn_down.weight", math.Inf(-1)},
		{"blk.1.ffn_up_exps.weight", math.NaN()},
		{"blk.0.attn_norm.weight", math.Inf(1)}, // copied
	} {
		src := openModel(t, writeModel(t, small(), false, func(name string, x []float32) {
			if name == c.name {
				x[len(x)-7] = float32(c.value)
			}
		}))
		out := filepath.Join(t.TempDir(), "out.gguf")
		err := newPlan(t, src, options(t, "Q8_0")).Write(t.Context(), out, 2, nil)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%g in %s: %v, want it refused by name", c.value, c.name, err)
		}
		if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
			t.Errorf("%g in %s: left %v", c.value, c.name, left)
		}
	}
}

// TestPlaces refuses places for the new file.
func TestPlaces(t *testing.T) {
	path := writeModel(t, small(), false, nil)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	link, hard := filepath.Join(dir, "link.gguf"), filepath.Join(dir, "hard.gguf")
	if err := errors.Join(os.Symlink(path, link), os.Link(path, hard)); err != nil {
		t.Skipf("no links here: %v; set TMPDIR to a folder of a file system that has them", err)
	}
	p := newPlan(t, openModel(t, path), options(t, "Q8_0"))
	for _, out := range []string{path, link, hard, dir} {
		if err := p.Write(t.Context(), out, 1, nil); !errors.Is(err, ErrOption) {
			t.Errorf("OUT is %s: %v, want it refused", out, err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the model was changed: %v", err)
	}
	err = p.Write(t.Context(), filepath.Join(dir, "nowhere", "out.gguf"), 1, nil)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a folder that is not there: %v", err)
	}
	p.Bytes = 1 << 60
	out := filepath.Join(dir, "out.gguf")
	if err := p.Write(t.Context(), out, 1, nil); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a disk that is too small: %v", err)
	}
	if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
		t.Errorf("a disk that is too small: left %v", left)
	}
}

// TestTwoAtOnce has two commands write the same file.
func TestTwoAtOnce(t *testing.T) {
	src := openModel(t, writeModel(t, small(), false, nil))
	p := newPlan(t, src, options(t, "Q8_0"))
	out := filepath.Join(t.TempDir(), "out.gguf")
	a, err := p.openPart([]string{out})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	if err := p.Write(t.Context(), out, 1, nil); !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), "another blitz") {
		t.Errorf("a part that another one writes: %v", err)
	}
}

// TestKeepSplit writes as many files as the model has, and one of them all.
func TestKeepSplit(t *testing.T) {
	tensors := small()
	src := openModel(t, writeModel(t, tensors, true, nil))
	count := len(src.Files())
	if count < 3 {
		t.Fatalf("the model has %d files, want several", count)
	}
	dir := t.TempDir()
	one, prefix := filepath.Join(dir, "one.gguf"), filepath.Join(dir, "kept")
	o := options(t, "Q8_0")
	if err := newPlan(t, src, o).Write(t.Context(), one, 2, nil); err != nil {
		t.Fatal(err)
	}
	kept := *o
	kept.KeepSplit = true
	if err := newPlan(t, src, &kept).Write(t.Context(), prefix+".gguf", 2, nil); err != nil {
		t.Fatal(err)
	}
	a, err := gguf.Open(one)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := gguf.Open(gguf.PartName(prefix, 0, count))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, key := range []string{"split.no", "split.count", "split.tensors.count"} {
		if a.Has(key) {
			t.Errorf("one file has %s", key)
		}
	}
	for _, m := range tensors {
		x, _ := a.Tensor(m.name)
		y, _ := b.Tensor(m.name)
		if !bytes.Equal(a.Bytes(x), b.Bytes(y)) || len(a.Bytes(x)) == 0 {
			t.Errorf("%s: other bytes in one file than in several", m.name)
		}
	}
	if got := newPlan(t, src, &kept).Names(gguf.PartName(prefix, 0, count)); got[2] != gguf.PartName(prefix, 2, count) {
		t.Errorf("the third file of a split goes to %s", got[2])
	}
}

func TestRequantize(t *testing.T) {
	src := openModel(t, writeModel(t, []matrix{{"blk.0.attn_q.weight", gguf.Q8_0, []int{8, 64}}, {"token_embd.weight", gguf.F16, []int{8, 64}}}, false, nil))
	o := options(t, "F16")
	if _, err := NewPlan(src, o); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "Q8_0") || !strings.Contains(err.Error(), "attn_q") {
		t.Errorf("a quantised model: %v, want it refused", err)
	}
	o.AllowRequantize = true
	if err := newPlan(t, src, o).Write(t.Context(), filepath.Join(t.TempDir(), "out.gguf"), 1, nil); err != nil {
		t.Errorf("--allow-requantize: %v", err)
	}
	if err := newPlan(t, src, options(t, "Q8_0")).Write(t.Context(), filepath.Join(t.TempDir(), "out.gguf"), 1, nil); err != nil {
		t.Errorf("the type that it has: %v, want a copy", err)
	}
}

func TestOverrides(t *testing.T) {
	src := openModel(t, writeModel(t, small(), false, nil))
	o := options(t, "Q8_0")
	o.Embedding, o.Output = tensor.BF16, tensor.F32
	for _, text := range []string{`BLK\.0\.attn_(q|k)=f32`, "attn=F16", "nothing=Q8_0"} {
		r, err := ParseOverride(text)
		if err != nil {
			t.Fatal(err)
		}
		o.Overrides = append(o.Overrides, r)
	}
	p := newPlan(t, src, o)
	want := map[string]tensor.DType{
		"token_embd.weight": tensor.BF16, "output.weight": tensor.F32, "blk.0.attn_q.weight": tensor.F32, "blk.0.attn_v.weight": tensor.F16,
		"blk.0.ffn_down.weight": tensor.Q8_0, "blk.1.ffn_down_exps.weight": tensor.F16, "blk.0.attn_norm.weight": tensor.F32,
	}
	for i := range p.Tensors {
		if w, ok := want[p.Tensors[i].Name]; ok && p.Tensors[i].To != w {
			t.Errorf("%s: %s, want %s", p.Tensors[i].Name, p.Tensors[i].To, w)
		}
	}
	notes := strings.Join(p.Notes, "; ")
	if !strings.Contains(notes, "nothing=Q8_0") || !strings.Contains(notes, "F16 in place of Q8_0 for rows of 24 (1 tensor)") || len(p.Notes) != 2 {
		t.Errorf("notes: %s", notes)
	}
	for _, text := range []string{"attn_q", "=Q8_0", "attn_q=Q9_0", "attn_q=Q4_K_M", "(=Q8_0"} {
		if _, err := ParseOverride(text); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %v, want it refused", text, err)
		}
	}
}

// writeImportance writes an importance matrix of seeded numbers; change may alter it.
func writeImportance(t *testing.T, change func(m *importance.Matrix)) *importance.File {
	t.Helper()
	rng := rand.New(rand.NewPCG(9, 9))
	m := &importance.Matrix{Datasets: []string{"text"}, Chunks: 3, ChunkSize: 512}
	for _, x := range small() {
		if len(x.shape) < 2 || strings.Contains(x.name, "inp") {
			continue
		}
		e := importance.Entry{Name: x.name, Counts: []float32{1}}
		columns := x.shape[len(x.shape)-1]
		if len(x.shape) > 2 {
			e.Counts = slices.Repeat(e.Counts, x.shape[0])
		}
		for range columns * len(e.Counts) {
			e.Sums = append(e.Sums, float32(0.1+rng.Float64()))
		}
		m.Entries = append(m.Entries, e)
	}
	change(m)
	path := filepath.Join(t.TempDir(), "imatrix.gguf")
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	f, err := importance.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// entry returns the entry of a name.
func entry(m *importance.Matrix, name string) *importance.Entry {
	i := slices.IndexFunc(m.Entries, func(e importance.Entry) bool { return e.Name == name })
	return &m.Entries[i]
}

func TestImportances(t *testing.T) {
	src := openModel(t, writeModel(t, small(), false, nil))
	plan := func(change func(m *importance.Matrix)) (*Plan, error) {
		o := options(t, "Q8_0")
		r, err := ParseOverride("ffn_up_exps=IQ2_XXS")
		if err != nil {
			t.Fatal(err)
		}
		o.Overrides = []Override{r}
		o.Importance, o.ImportancePath = writeImportance(t, change), "imatrix.gguf"
		return NewPlan(src, o)
	}
	p, err := plan(func(*importance.Matrix) {})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, kv := range p.pairs() {
		keys[kv.Key] = kv.Value.String()
	}
	for key, want := range map[string]string{"quantize.imatrix.file": "imatrix.gguf", "quantize.imatrix.dataset": "text", "quantize.imatrix.entries_count": "7", "quantize.imatrix.chunks_count": "3"} {
		if keys[key] != want {
			t.Errorf("%s is %q, want %q", key, keys[key], want)
		}
	}
	_, err = plan(func(m *importance.Matrix) {
		e := entry(m, "blk.0.attn_q.weight")
		e.Sums = e.Sums[:32]
	})
	if !errors.Is(err, importance.ErrFormat) || !strings.Contains(err.Error(), "blk.0.attn_q.weight") {
		t.Errorf("another length: %v, want it refused by name", err)
	}
	if _, err = plan(func(m *importance.Matrix) { e := entry(m, "token_embd.weight"); e.Sums = e.Sums[:32] }); err != nil {
		t.Errorf("another length for the embedding: %v", err)
	}
	_, err = plan(func(m *importance.Matrix) {
		m.Entries = m.Entries[:0]
		m.Entries = append(m.Entries, importance.Entry{Name: "x", Sums: []float32{1}, Counts: []float32{1}})
	})
	if !errors.Is(err, importance.ErrFormat) {
		t.Errorf("entries of another model: %v, want them refused", err)
	}
	p, err = plan(func(m *importance.Matrix) { entry(m, "blk.0.attn_v.weight").Name = "blk.9.attn_v.weight" })
	if err != nil || len(p.Notes) != 2 || !strings.Contains(p.Notes[0], "no entries for 1 of") {
		t.Errorf("an entry that is missing: %v, notes %v", err, p.Notes)
	}
}

// TestNeeds refuses types of few bits without importances, before anything is written.
func TestNeeds(t *testing.T) {
	tensors := []matrix{{"token_embd.weight", gguf.F16, []int{8, 256}}, {"blk.0.attn_q.weight", gguf.F16, []int{8, 256}}, {"blk.0.ffn_up.weight", gguf.F16, []int{8, 256}}}
	src := openModel(t, writeModel(t, tensors, false, nil))
	for _, label := range []string{"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "Q2_K_S"} {
		p := newPlan(t, src, options(t, label))
		if len(p.Needs) != 2 {
			t.Errorf("%s: %v need importances, want both matrices", label, p.Needs)
		}
		out := filepath.Join(t.TempDir(), "out.gguf")
		err := p.Write(t.Context(), out, 1, nil)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "imatrix") || !strings.Contains(err.Error(), "blk.0.attn_q.weight") {
			t.Errorf("%s: %v, want it refused by name", label, err)
		}
		if left, _ := filepath.Glob(out + "*"); len(left) > 0 {
			t.Errorf("%s: left %v", label, left)
		}
	}
	for _, label := range []string{"Q2_K", "Q4_K_M", "IQ4_XS", "IQ3_S", "TQ2_0"} {
		if p := newPlan(t, src, options(t, label)); len(p.Needs) > 0 {
			t.Errorf("%s: %v need importances, want none", label, p.Needs)
		}
	}
}

// TestExpertsHaveTheirOwn encodes each expert with its own importances, whether they are
// one entry or, as in old files, one for each expert.
func TestExpertsHaveTheirOwn(t *testing.T) {
	const name = "blk.1.ffn_up_exps.weight"
	tensors := []matrix{{name, gguf.F16, []int{3, 2, 256}}}
	path := writeModel(t, tensors, false, nil)
	src := openModel(t, path)
	rng := rand.New(rand.NewPCG(3, 3))
	sums := make([]float32, 3*256)
	for i := range sums {
		sums[i] = float32(rng.ExpFloat64())
	}
	one := func(m *importance.Matrix) {
		m.Entries = []importance.Entry{{Name: name, Sums: sums, Counts: []float32{1, 0, 2}}}
	}
	each := func(m *importance.Matrix) {
		m.Entries = []importance.Entry{
			{Name: "blk.1.ffn_up.0.weight", Sums: sums[:256], Counts: []float32{1}},
			{Name: "blk.1.ffn_up.2.weight", Sums: sums[512:], Counts: []float32{2}},
		}
	}
	x := make([]float32, 3*2*256)
	if err := src.Rows(t.Context(), 0, 0, x); err != nil {
		t.Fatal(err)
	}
	var want []byte
	for r := range 6 {
		w := slices.Repeat([]float32{1}, 256)
		for i := range w {
			switch r / 2 {
			case 0:
				w[i] = sums[i]
			case 2:
				w[i] = sums[512+i] / 2
			}
		}
		row := make([]byte, tensor.IQ2_XXS.RowBytes(256))
		if err := quant.EncodeRow(row, tensor.IQ2_XXS, x[256*r:][:256], w); err != nil {
			t.Fatal(err)
		}
		want = append(want, row...)
	}
	for what, change := range map[string]func(*importance.Matrix){"one entry": one, "entries of each": each} {
		o := options(t, "IQ2_XXS")
		o.Importance = writeImportance(t, change)
		out := filepath.Join(t.TempDir(), "out.gguf")
		if err := newPlan(t, src, o).Write(t.Context(), out, 2, nil); err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, _ := f.Tensor(name); got.Type != gguf.IQ2_XXS || !bytes.Equal(f.Bytes(got), want) {
			t.Errorf("%s: %s with other bytes than those of each expert's own importances", what, got.Type)
		}
	}
}

// TestEmpty plans tensors without numbers, whose other axes may be of any length.
func TestEmpty(t *testing.T) {
	src := openModel(t, writeModel(t, []matrix{{"blk.0.ffn_up_exps.weight", gguf.F16, []int{1 << 40, 1 << 10, 0}}, {"blk.0.attn_q.weight", gguf.F16, []int{0, 64}}, {"token_embd.weight", gguf.F16, []int{2, 64}}}, false, nil))
	out := filepath.Join(t.TempDir(), "out.gguf")
	if err := newPlan(t, src, options(t, "Q8_0")).Write(t.Context(), out, 2, nil); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if e, _ := f.Tensor("token_embd.weight"); e.Type != gguf.Q8_0 {
		t.Errorf("the embedding is %s, want Q8_0", e.Type)
	}
}
