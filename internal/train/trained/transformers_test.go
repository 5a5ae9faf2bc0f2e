package trained

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/merge"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
)

// transformers computes logits in Python. Without what that needs the test is skipped.
type transformers struct{ python string }

func newTransformers(t *testing.T) *transformers {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import torch, transformers, peft").Run()
	}
	if err != nil {
		t.Skip("there is no python3 with torch, transformers and peft: pip install torch transformers peft")
	}
	return &transformers{python}
}

// logits returns the logits of a model, with an adapter of PEFT's where one is named.
func (x *transformers) logits(t *testing.T, ids []int32, folder string, adapters ...string) []float32 {
	t.Helper()
	text, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "logits")
	args := append([]string{filepath.Join("testdata", "logits.py"), folder, string(text), out}, adapters...)
	if said, err := exec.CommandContext(t.Context(), x.python, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	logits := make([]float32, len(raw)/4)
	for i := range logits {
		logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return logits
}

// ownLogits returns the logits of all ids.
func ownLogits(t *testing.T, m *model.Model, a *model.Adapter, ids []int32) []float32 {
	t.Helper()
	w := kernel.NewWorkers(1)
	defer w.Close()
	kind := m.DefaultCache()
	cache, err := kvcache.New(m.CacheLayers(kind), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	seq := cache.Private()
	defer seq.Free()
	if err := seq.Reserve(len(ids)); err != nil {
		t.Fatal(err)
	}
	step := &model.Step{Workers: w, Kind: kind}
	hidden := m.Forward(step, &model.Batch{Segments: []model.Segment{{Seq: seq, Tokens: ids, Logits: len(ids), Adapter: a}}})
	x := m.Logits(step, hidden, 0, len(ids))
	var logits []float32
	for i := range ids {
		logits = append(logits, x.Row(i)...)
	}
	return logits
}

// floatError is how far sums of float32 in another order may be off, relative.
const floatError = 1e-5

func holdLogits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d logits, want %d", what, len(got), len(want))
	}
	off, size := 0.0, 0.0
	for i, v := range got {
		off += (float64(v) - float64(want[i])) * (float64(v) - float64(want[i]))
		size += float64(want[i]) * float64(want[i])
	}
	if !(size > 0 && math.Sqrt(off/size) <= floatError) {
		t.Errorf("%s: logits are off by %.1e of their norm, want at most %.0e", what, math.Sqrt(off/size), floatError)
	}
}

// trainSome makes a few steps, and wants them to change something.
func trainSome(t *testing.T, x *train.Trainer, ids []int32) {
	t.Helper()
	b := &train.Batch{Rows: 1, Cols: len(ids), IDs: ids, Segments: make([]int32, len(ids)), Weights: make([]float32, len(ids))}
	for i := range ids {
		b.Segments[i], b.Weights[i] = 1, 1
	}
	s := &train.Settings{Optimizer: train.DefaultOptimizer, Schedule: train.Schedule{Kind: "constant", LR: 3e-3}}
	var losses []float64
	for range 4 {
		r, err := x.Step(t.Context(), s, b)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, r.Loss)
	}
	if losses[3] >= losses[0] {
		t.Errorf("losses %v", losses)
	}
}

// TestTransformers: what was trained has the same logits in transformers: whole models, and
// adapters through PEFT and merged.
func TestTransformers(t *testing.T) {
	python := newTransformers(t)
	for _, name := range []string{"llama", "qwen2", "deepseek-v3"} {
		t.Run(name, func(t *testing.T) {
			shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", name))
			if err != nil {
				t.Fatal(err)
			}
			folder := t.TempDir()
			if err := shape.WriteSafetensors(folder); err != nil {
				t.Fatal(err)
			}
			ids := make([]int32, 40)
			for i := range ids {
				ids[i] = int32(3 + i*i*7%(shape.Config.VocabSize-3))
			}
			files, m := open(t, folder)
			x, err := train.New(m, m.Weights(), train.Options{Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Close()
			trainSome(t, x, ids)
			out := t.TempDir()
			if err := Write(out, files, m.Weights(), F32); err != nil {
				t.Fatal(err)
			}
			holdLogits(t, "all weights", python.logits(t, ids, out), ownLogits(t, m, nil, ids))
			if shape.Config.Routed == 0 { // transformers has experts in one tensor, which PEFT's files have not
				holdAdapter(t, python, folder, ids)
			}
		})
	}
}

// holdAdapter trains an adapter and holds it in PEFT, and merged in transformers.
func holdAdapter(t *testing.T, python *transformers, folder string, ids []int32) {
	t.Helper()
	files, err := checkpoint.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	targets, err := adapter.NewTargets(adapter.AllLinear)
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: 4, Alpha: 8, Targets: targets}, m.Layers(), 1)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := m.Adapt(a, 0)
	if err != nil {
		t.Fatal(err)
	}
	x, err := train.New(m, bound.Weights(), train.Options{Threads: 1, Adapter: bound})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	trainSome(t, x, ids)
	bound.Numbers(a)
	written := t.TempDir()
	if err := a.Write(written); err != nil {
		t.Fatal(err)
	}
	want := ownLogits(t, m, bound, ids)
	holdLogits(t, "PEFT", python.logits(t, ids, folder, written), want)
	again, err := adapter.Open(written)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	merged := filepath.Join(t.TempDir(), "merged")
	if err := merge.Folder(t.Context(), files, again, merged, merge.Options{Type: tensor.F32, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	holdLogits(t, "merged", python.logits(t, ids, merged), want)
}
