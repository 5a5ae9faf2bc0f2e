package trained

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// preferenceSet is some preferences of a kind, of a model of more than 60 tokens.
func preferenceSet(kind string, n int) *dataset.Set {
	s := &dataset.Set{Files: []string{"a"}, Key: kind}
	add := func(role dataset.Role, i, size int) {
		for j := range 3 + size {
			id := (7*i + 3*j) % 60
			if j > 2 {
				id = (11*i + 5*j + 17*int(role)) % 60
			}
			s.Train.IDs = append(s.Train.IDs, int32(id))
			s.Train.Learned = append(s.Train.Learned, j > 2)
		}
		s.Train.Ends = append(s.Train.Ends, len(s.Train.IDs))
		s.Train.Origin = append(s.Train.Origin, dataset.Place{Line: int32(i + 1)})
		s.Train.Roles = append(s.Train.Roles, role)
	}
	for i := range n {
		switch {
		case kind == course.DPO:
			add(dataset.Chosen, i, 1+i%3)
			add(dataset.Rejected, i, 1+i%4)
			continue
		case i%3 == 0:
			add(dataset.Undesirable, i, 1+i%4)
		default:
			add(dataset.Desirable, i, 1+i%3)
		}
		add(dataset.Mismatched, i, 1+i%5)
	}
	return s
}

// tinyFolder writes a tiny model into a folder.
func tinyFolder(t *testing.T, name string) string {
	t.Helper()
	shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", name))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := shape.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// learn returns the run of a folder that learns preferences, with the reference computed or
// read.
func learn(t *testing.T, kind, source, folder string, threads, atOnce int) (*course.Course, *Preference) {
	t.Helper()
	files, m := open(t, source)
	s := course.Usual(kind)
	s.Rows, s.RowsAtOnce, s.Epochs, s.SaveEvery, s.Samples, s.LearningRate = 4, atOnce, 2, 2, 0, 0.01
	set := preferenceSet(kind, 12)
	plan, err := course.NewPlan(set, &s)
	if err != nil {
		t.Fatal(err)
	}
	x, err := train.New(m, m.Weights(), train.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	p := &Preference{Model: &Model{
		Trainer: x, States: filepath.Join(folder, "state"),
		Output:   func(folder string) error { return Write(folder, files, m.Weights(), F32) },
		Settings: &train.Settings{Optimizer: train.DefaultOptimizer, Schedule: train.Schedule{Kind: "constant", LR: s.LearningRate, Steps: plan.Steps}},
	}}
	if p.DPO = (&policy.DPO{Beta: 0.5}); kind == course.KTO {
		p.DPO, p.KTO = nil, &policy.KTO{Beta: 0.5, Desirable: 1, Undesirable: 1.5}
	}
	if err := p.Open(s.Fixed()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if err := p.Refer(t.Context(), filepath.Join(folder, "reference.logp"), set, plan, func() {}); err != nil {
		t.Fatal(err)
	}
	return &course.Course{
		Settings: &s, Folder: folder, Model: p, Plan: plan, Now: time.Now,
		Decode: func(ids []int32) string { return fmt.Sprint(ids) }, Watch: func(*course.Report) {},
	}, p
}

// weightsOf reads the model that a run wrote.
func weightsOf(t *testing.T, folder string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPreferencesAreLearned holds that a run begins at the loss of a model that is its own
// reference, and tells answers apart at its end; that one which is killed goes on to the
// same bits, on another number of threads; and that nobody changes the reference meanwhile.
func TestPreferencesAreLearned(t *testing.T) {
	for kind, first := range map[string]float64{course.DPO: math.Ln2, course.KTO: (8*1 + 4*1.5) / 2 / 12} {
		source := tinyFolder(t, "llama")
		whole, folder := t.TempDir(), t.TempDir()
		r, p := learn(t, kind, source, whole, 1, 2)
		all := r.Plan.Batches(0)
		for i := 1; len(all) < 6 && i < r.Plan.Steps/2; i++ {
			all = append(all, r.Plan.Batches(i)...)
		}
		before, err := p.Measure(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		if kind == course.DPO && math.Abs(before.Loss-first) > 1e-12 || before.Rewards.Accuracy != 0 || *before.Rewards.Margin != 0 {
			t.Errorf("%s: %+v before anything is learned, want the loss %v", kind, before, first)
		}
		if err := r.Go(context.Background()); err != nil {
			t.Fatal(err)
		}
		after, err := p.Measure(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		if after.Loss > 0.7*before.Loss || after.Rewards.Accuracy < 0.9 || *after.Rewards.Margin < 0.5 {
			t.Errorf("%s: loss %v, %+v after, %v before", kind, after.Loss, after.Rewards, before.Loss)
		}

		r, half := learn(t, kind, source, folder, 1, 2)
		killed := errors.New("killed")
		func() {
			defer func() {
				if x := recover(); x != killed {
					t.Fatal(x)
				}
			}()
			r.Watch = func(x *course.Report) {
				if x.Metric != nil && x.Metric.Step == 3 {
					panic(killed)
				}
			}
			_ = r.Go(context.Background())
		}()
		half.Close()
		r, _ = learn(t, kind, source, folder, 2, 2)
		if err := r.Go(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(weightsOf(t, folder), weightsOf(t, whole)) {
			t.Errorf("%s: the run that was killed gave another model", kind)
		}
		metrics, err := os.ReadFile(filepath.Join(folder, "metrics.jsonl"))
		if err != nil || !strings.Contains(string(metrics), `"rewards":{"chosen":`) || strings.Contains(string(metrics), `"kl":`) != (kind == course.KTO) {
			t.Errorf("%s: metrics %s, error %v", kind, metrics, err)
		}
	}
}

// TestReferenceChanged refuses a reference that is not as it was written.
func TestReferenceChanged(t *testing.T) {
	source, folder := tinyFolder(t, "llama"), t.TempDir()
	r, p := learn(t, course.DPO, source, folder, 1, 2)
	path := filepath.Join(folder, "reference.logp")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-3] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	set := preferenceSet(course.DPO, 12)
	if err := p.Refer(t.Context(), path, set, r.Plan, func() { t.Error("it is computed again") }); !errors.Is(err, course.ErrState) {
		t.Errorf("error %v, want ErrState", err)
	}
	set.Key = "other"
	if err := p.Refer(t.Context(), path, set, r.Plan, func() {}); !errors.Is(err, course.ErrState) || !strings.Contains(err.Error(), "other examples") {
		t.Errorf("of other examples: error %v", err)
	}
}

// TestPreferenceGradient holds the gradient of a step to differences of its loss, along
// itself, and that how rows are cut changes the loss by nothing.
func TestPreferenceGradient(t *testing.T) {
	for _, kind := range []string{course.DPO, course.KTO} {
		r, p := learn(t, kind, tinyFolder(t, "llama"), t.TempDir(), 2, 3)
		if _, err := p.Step(t.Context(), r.Plan.Batches(0)); err != nil { // away from the reference
			t.Fatal(err)
		}
		batches := r.Plan.Batches(1)
		list, err := p.answers(t.Context(), batches)
		if err != nil {
			t.Fatal(err)
		}
		at, err := p.judge(list)
		if err != nil {
			t.Fatal(err)
		}
		weighted := make([]*train.Batch, len(batches))
		for i, b := range batches {
			weighted[i] = weigh(b, list[i])
		}
		p.Trainer.Losses = train.Losses{}
		if _, err := p.Trainer.Gradients(t.Context(), weighted...); err != nil {
			t.Fatal(err)
		}
		norm := train.Norm(p.Trainer.Last())
		const move = 1e-3 // of all weights together
		var steps [][]float32
		for _, g := range p.Trainer.Last().All {
			d := make([]float32, len(g.X))
			for k, v := range g.X {
				d[k] = float32(move / norm * float64(v))
			}
			steps = append(steps, d)
		}
		// The reference point of KTO has no gradient: it stays as it is.
		loss := func(share float32) float64 {
			t.Helper()
			for i, g := range p.Trainer.Last().All {
				w := g.Weight.Values()
				for k, d := range steps[i] {
					w[k] += share * d
				}
			}
			moved, err := p.answers(t.Context(), batches)
			if err != nil {
				t.Fatal(err)
			}
			for i := range moved {
				for k := range moved[i] {
					if moved[i][k].role == dataset.Mismatched {
						moved[i][k] = list[i][k]
					}
				}
			}
			x, err := p.judge(moved)
			if err != nil {
				t.Fatal(err)
			}
			return x.Loss
		}
		up := loss(1)
		down := loss(-2)
		if got := (up - down) / (2 * move); math.Abs(got-norm) > 0.02*norm {
			t.Errorf("%s: the loss changes by %v along a gradient of norm %v", kind, got, norm)
		}
		if back := loss(1); math.Abs(back-at.Loss) > 1e-5*at.Loss {
			t.Errorf("%s: loss %v, %v before the weights were moved and moved back", kind, back, at.Loss)
		}
	}
}

// TestPreferencesWhole holds that what rows are cut into changes no bit of the loss.
func TestPreferencesWhole(t *testing.T) {
	for _, kind := range []string{course.DPO, course.KTO} {
		source, losses := tinyFolder(t, "llama"), map[float64]bool{}
		for _, atOnce := range []int{1, 2, 4} {
			r, p := learn(t, kind, source, t.TempDir(), 2, atOnce)
			for _, v := range p.reference {
				for i := range v {
					v[i] -= float64(i%3) / 7 // so that there is something to see
				}
			}
			x, err := p.Measure(t.Context(), r.Plan.Batches(0))
			if err != nil {
				t.Fatal(err)
			}
			losses[x.Loss] = true
		}
		if len(losses) != 1 {
			t.Errorf("%s: losses %v", kind, losses)
		}
	}
}
