package gather_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/gather"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
)

func load(t *testing.T, name string) *tiny.Model {
	t.Helper()
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writeGGUF(t *testing.T, m *tiny.Model, dt tensor.DType, how tiny.Spelling) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.gguf")
	g, err := m.GGUF(dt, how)
	if err == nil {
		err = g.Write(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func files(t *testing.T, path string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func open(t *testing.T, path string, threads int) *gather.Gatherer {
	t.Helper()
	g, err := gather.Open(files(t, path), gather.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return g
}

// windows are texts that look random, of lengths that no block divides.
func windows(lengths ...int) (list [][]int32) {
	state := uint32(7)
	for _, n := range lengths {
		ids := make([]int32, n)
		for i := range ids {
			state = state*1664525 + 1013904223
			ids[i] = int32(state>>16) % 190
		}
		list = append(list, ids)
	}
	return list
}

func run(t *testing.T, g *gather.Gatherer, list [][]int32) []importance.Entry {
	t.Helper()
	for _, ids := range list {
		if err := g.Window(ids); err != nil {
			t.Fatal(err)
		}
	}
	entries := slices.Clone(g.Matrix().Entries)
	slices.SortFunc(entries, func(a, b importance.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func same(a, b []importance.Entry) bool {
	return slices.EqualFunc(a, b, func(x, y importance.Entry) bool {
		return x.Name == y.Name && slices.Equal(x.Sums, y.Sums) && slices.Equal(x.Counts, y.Counts)
	})
}

// TestEntries gathers with a model of each family: there is an entry for each matrix of a
// layer, as long as quantize wants it, from a folder as from a file, whatever threads.
func TestEntries(t *testing.T) {
	list := windows(61, 17)
	for _, name := range []string{"llama", "qwen2", "qwen3", "qwen3-moe", "gemma3-text", "deepseek-v2", "deepseek-v2-lite", "deepseek-v3", "deepseek-v32", "kimi-k2"} {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			path := writeGGUF(t, m, tensor.F32, tiny.Split)
			entries := run(t, open(t, path, 2), list)
			wholeOf(t, path, entries, 61+17)
			if !same(run(t, open(t, path, 3), list), entries) {
				t.Error("three threads give other sums than two")
			}
			dir := t.TempDir()
			if err := m.WriteSafetensors(dir); err != nil {
				t.Fatal(err)
			}
			folder := run(t, open(t, dir, 1), list)
			if name == "llama" { // the order of sums in attention is another one
				near(t, folder, entries)
			} else if !same(folder, entries) {
				t.Error("the folder gives other sums than the file")
			}
		})
	}
}

// wholeOf looks for the entry of each matrix.
func wholeOf(t *testing.T, path string, entries []importance.Entry, tokens int) {
	t.Helper()
	f, err := gguf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	arch, _ := f.String("general.architecture")
	chosen, _ := f.Uint(arch + ".expert_used_count")
	byName := map[string]importance.Entry{}
	for _, e := range entries {
		byName[e.Name] = e
	}
	for _, x := range f.Tensors() {
		e, ok := byName[x.Name]
		if len(x.Shape) < 2 || !strings.HasPrefix(x.Name, "blk.") {
			if ok {
				t.Errorf("%s has an entry", x.Name)
			}
			continue
		}
		matrices := 1
		if len(x.Shape) == 3 {
			matrices = x.Shape[0]
		}
		experts := strings.Contains(x.Name, "_exps.")
		counts, seen := 1, tokens
		if experts {
			counts, seen = matrices, tokens*int(chosen)
		}
		total := float32(0)
		for _, n := range e.Counts {
			total += n
		}
		if !ok || len(e.Sums) != matrices*x.Shape[len(x.Shape)-1] || len(e.Counts) != counts || total != float32(seen) {
			t.Errorf("%s: %d sums, %d counts of %v tokens; want %d, %d, %d", x.Name, len(e.Sums), len(e.Counts), total, matrices*x.Shape[len(x.Shape)-1], counts, seen)
			continue
		}
		if strings.HasSuffix(x.Name, ".attn_q.weight") || strings.HasSuffix(x.Name, ".ffn_gate_inp.weight") {
			normed(t, f, x.Name, e, tokens)
		}
	}
	if len(byName) != len(entries) {
		t.Error("a name is there twice")
	}
}

// normed looks at the sums behind a norm: without its weights, the mean square of a token is 1.
func normed(t *testing.T, f *gguf.File, name string, e importance.Entry, tokens int) {
	t.Helper()
	norm := "attn_norm"
	if strings.Contains(name, "ffn") {
		norm = "ffn_norm"
	}
	x, ok := f.Tensor(name[:strings.LastIndexByte(strings.TrimSuffix(name, ".weight"), '.')+1] + norm + ".weight")
	if !ok {
		t.Fatalf("%s: no %s", name, norm)
	}
	w := f.Bytes(x)
	sum := 0.0
	for j, s := range e.Sums {
		v := float64(math.Float32frombits(uint32(w[4*j]) | uint32(w[4*j+1])<<8 | uint32(w[4*j+2])<<16 | uint32(w[4*j+3])<<24))
		sum += float64(s) / (v * v)
	}
	if want := float64(tokens * len(e.Sums)); math.Abs(sum/want-1) > 1e-3 {
		t.Errorf("%s: squares without the norm's weights are %g in sum, want %g", name, sum, want)
	}
}

// near says that sums are the same but for rounding.
func near(t *testing.T, a, b []importance.Entry) {
	t.Helper()
	for i, x := range a {
		for j, v := range x.Sums {
			if w := b[i].Sums[j]; x.Name != b[i].Name || math.Abs(float64(v-w)) > 1e-4*math.Abs(float64(w))+1e-9 {
				t.Errorf("%s %d: %v, want %s %v", x.Name, j, v, b[i].Name, w)
				return
			}
		}
	}
}

// TestOldLatent gathers for files that have W^UK and W^UV in one tensor.
func TestOldLatent(t *testing.T) {
	m := load(t, "deepseek-v2-lite")
	path := writeGGUF(t, m, tensor.F32, tiny.Unsplit)
	wholeOf(t, path, run(t, open(t, path, 2), windows(40)), 40)
}

// TestChosen gathers over so few tokens that not all experts are chosen.
func TestChosen(t *testing.T) {
	entries := run(t, open(t, writeGGUF(t, load(t, "qwen3-moe"), tensor.Q8_0, tiny.Split), 2), windows(1))
	never := 0
	for _, e := range entries {
		if !strings.Contains(e.Name, "_exps.") {
			continue
		}
		columns := len(e.Sums) / len(e.Counts)
		for i, n := range e.Counts {
			sums := e.Sums[i*columns:][:columns]
			nothing := slices.Equal(sums, make([]float32, columns))
			if (n == 0) != nothing {
				t.Errorf("%s: expert %d was chosen %v times, sums are zero: %v", e.Name, i, n, nothing)
			}
			if n == 0 {
				never++
			}
		}
	}
	if never == 0 {
		t.Error("every expert was chosen")
	}
}

// TestResume ends in the middle and goes on: the file is that of one go, byte for byte.
func TestResume(t *testing.T) {
	path := writeGGUF(t, load(t, "qwen3-moe"), tensor.F32, tiny.Split)
	c, list := files(t, path), windows(33, 20, 47)
	ids := slices.Concat(list...)
	at := t.TempDir()
	for _, out := range []string{"a.gguf", "a.dat"} {
		once, twice := filepath.Join(at, "once-"+out), filepath.Join(at, "twice-"+out)
		finish := func(g *gather.Gatherer, out string) {
			t.Helper()
			p, err := gather.NewPart(out, c, "text.txt", ids, 20)
			if err == nil {
				err = p.Finish(g, out)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		g := open(t, path, 2)
		run(t, g, list)
		finish(g, once)

		first := open(t, path, 1)
		run(t, first, list[:2])
		p, err := gather.NewPart(twice, c, "text.txt", ids, 20)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Save(first); err != nil {
			t.Fatal(err)
		}
		second := open(t, path, 3)
		if err := p.Resume(second); err != nil {
			t.Fatal(err)
		}
		run(t, second, list[second.Matrix().Chunks:])
		finish(second, twice)
		a, _ := os.ReadFile(once)
		b, err := os.ReadFile(twice)
		if err != nil || len(a) == 0 || !slices.Equal(a, b) {
			t.Errorf("%s: other bytes than of one go: %v", out, err)
		}
		if _, err := os.Stat(p.Path()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the part is left: %v", err)
		}

		if err := p.Save(second); err != nil {
			t.Fatal(err)
		}
		other, err := gather.NewPart(twice, c, "text.txt", ids[1:], 20)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Resume(open(t, path, 1)); !errors.Is(err, gather.ErrOther) {
			t.Errorf("the part of another text: got %v, want ErrOther", err)
		}
		if err := os.WriteFile(p.Path(), []byte("GGUF"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := p.Resume(open(t, path, 1)); !errors.Is(err, importance.ErrFormat) && !errors.Is(err, gguf.ErrFormat) {
			t.Errorf("a damaged part: got %v, want one of a format", err)
		}
	}
}

// TestRefused runs what is no text of the model, and a model that overflows.
func TestRefused(t *testing.T) {
	m := load(t, "qwen2")
	g := open(t, writeGGUF(t, m, tensor.F32, tiny.Split), 1)
	if err := g.Window([]int32{1, 1 << 20}); !errors.Is(err, model.ErrTokens) {
		t.Errorf("got %v, want ErrTokens", err)
	}
	x, err := m.GGUF(tensor.F32, tiny.Split)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Tensors {
		if x.Tensors[i].Name == "blk.1.attn_norm.weight" {
			for j := 3; j < len(x.Tensors[i].Data); j += 4 { // finite, and their squares are not
				x.Tensors[i].Data[j] = 0x7e
			}
		}
	}
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := x.Write(path); err != nil {
		t.Fatal(err)
	}
	bad := open(t, path, 1)
	if err := bad.Window(windows(20)[0]); !errors.Is(err, model.ErrTensor) || !strings.Contains(err.Error(), "blk.1.") {
		t.Errorf("got %v, want ErrTensor with the name of a weight", err)
	}
	if len(bad.Matrix().Entries) != 0 {
		t.Error("a window that failed was added")
	}
}
