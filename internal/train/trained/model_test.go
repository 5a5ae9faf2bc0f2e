package trained

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// set is some samples of a model of more than 60 tokens.
func set() *dataset.Set {
	s := &dataset.Set{Files: []string{"a"}}
	for i := range 30 {
		for j := range 3 + i%5 {
			s.Train.IDs = append(s.Train.IDs, int32((7*i+3*j)%60))
			s.Train.Learned = append(s.Train.Learned, j > 1)
		}
		s.Train.Ends = append(s.Train.Ends, len(s.Train.IDs))
		s.Train.Origin = append(s.Train.Origin, dataset.Place{})
	}
	return s
}

// begin returns the run of a folder, of a tiny model that is opened anew.
func begin(t *testing.T, source, folder string, threads int) (*course.Course, *Model) {
	t.Helper()
	files, m := open(t, source)
	s := course.Usual("sft")
	s.Rows, s.RowsAtOnce, s.Epochs, s.SaveEvery, s.Samples, s.LearningRate, s.BiasGamma = 5, 2, 2, 2, 1, 0.01, 0.001
	plan, err := course.NewPlan(set(), &s)
	if err != nil {
		t.Fatal(err)
	}
	x, err := train.New(m, m.Weights(), train.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	trained := &Model{
		Trainer: x, States: filepath.Join(folder, "state"),
		Output: func(folder string) error { return Write(folder, files, m.Weights(), F32) },
		Settings: &train.Settings{
			Optimizer: train.DefaultOptimizer, MTPWeight: s.MTPWeight, BiasGamma: s.BiasGamma,
			Schedule: train.Schedule{Kind: "cosine", LR: s.LearningRate, Warmup: plan.Warmup, Steps: plan.Steps},
		},
	}
	if err := trained.Open(s.Fixed()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(trained.Close)
	return &course.Course{
		Settings: &s, Folder: folder, Model: trained, Plan: plan, Now: time.Now,
		Decode: func(ids []int32) string { return fmt.Sprint(ids) }, Watch: func(*course.Report) {},
	}, trained
}

// TestGoesOn ends runs of tiny models behind some steps, as a kill does (what is in memory
// is lost), and goes on with another number of threads: the model has the same bits.
func TestGoesOn(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3"} {
		shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", name))
		if err != nil {
			t.Fatal(err)
		}
		source := t.TempDir()
		if err := shape.WriteSafetensors(source); err != nil {
			t.Fatal(err)
		}
		whole, folder := t.TempDir(), t.TempDir()
		r, _ := begin(t, source, whole, 1)
		if err := r.Go(context.Background()); err != nil {
			t.Fatal(err)
		}
		r, first := begin(t, source, folder, 1)
		killed := errors.New("killed")
		func() {
			defer func() {
				if x := recover(); x != killed {
					t.Fatal(x)
				}
			}()
			r.Watch = func(x *course.Report) {
				if x.Metric != nil && x.Metric.Step == 3 { // the last state is behind step 2
					panic(killed)
				}
			}
			_ = r.Go(context.Background())
		}()
		first.Close()
		r, second := begin(t, source, folder, 2)
		if n, err := second.Restore(); n != 2 || err != nil {
			t.Fatalf("%s: the state is behind step %d, error %v, want 2", name, n, err)
		}
		if err := r.Go(context.Background()); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(whole, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(folder, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the run that was killed gave another model", name)
		}
	}
}
