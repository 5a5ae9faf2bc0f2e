package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/packed"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// keptModel opens a model with experts, most of which stay on the disk, and the same with all
// in memory. image is what they are read from.
func keptModel(t *testing.T, name string) (few, all *model.Model, image string) {
	t.Helper()
	g, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := g.WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	o := model.Options{MTP: g.Config.NextN > 0}
	n, err := model.Survey(files, o)
	if err != nil {
		t.Fatal(err)
	}
	all = openModel(t, path, o)
	folder := filepath.Join(t.TempDir(), "images")
	o.Images = &model.Images{Store: packed.New(packed.Options{Folder: folder, Limit: 1 << 40})}
	o.ExpertMemory = n.LeastExperts
	few = openModel(t, path, o)
	images, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(images) != 1 {
		t.Fatalf("%v, %v: want an image", images, err)
	}
	if err := os.Chmod(images[0], 0o600); err != nil {
		t.Fatal(err)
	}
	return few, all, images[0]
}

// TestExpertsUnread: experts that cannot be read end the answers of the step with an error,
// and nothing of the step is found later: once they are there again, answers are those of a
// model that has all in memory.
func TestExpertsUnread(t *testing.T) {
	for _, c := range []struct {
		name      string
		speculate Speculation
	}{{"deepseek-v3", SpeculateOff}, {"deepseek-v3-mtp", SpeculateMTP}, {"qwen3.5-moe", SpeculateNgram}, {"deepseek-v4", SpeculateNgram}} {
		few, all, image := keptModel(t, c.name)
		o := Options{Context: 200, Threads: 2, Speculate: c.speculate}
		e := newEngine(t, few, o)
		var want [][]int32
		reference := newEngine(t, all, o)
		asked := func(i int) Request {
			r := request(i)
			for k := range r.Tokens {
				r.Tokens[k] %= int32(few.Config.VocabSize)
			}
			return r
		}
		for i := range 4 {
			s, err := reference.Submit(t.Context(), asked(i))
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, collect(s))
		}
		whole, err := os.ReadFile(image)
		if err != nil {
			t.Fatal(err)
		}
		for round := range 2 {
			var all []Request
			for i := range want {
				all = append(all, asked(i))
			}
			streams, err := e.SubmitAll(t.Context(), all...)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range streams {
				if got := collect(s); !slices.Equal(got, want[i]) || s.Finish().Err != nil {
					t.Errorf("%s, round %d: request %d is answered %v, %v; want %v", c.name, round, i, got, s.Finish().Err, want[i])
				}
			}
			if err := os.Truncate(image, int64(len(whole)/4)); err != nil {
				t.Fatal(err)
			}
			if streams, err = e.SubmitAll(t.Context(), all...); err != nil {
				t.Fatal(err)
			}
			for i, s := range streams {
				collect(s)
				if f := s.Finish(); f.Reason != FinishError || f.Err == nil || !strings.Contains(f.Err.Error(), "expert ") {
					t.Errorf("%s: request %d without experts ends with %v, %v, want an error", c.name, i, f.Reason, f.Err)
				}
			}
			err = e.Evaluate(t.Context(), [][]int32{asked(1).Tokens}, Plan{}, func(int, int, []float32) error { return nil })
			if err == nil || errors.Is(err, context.Canceled) {
				t.Errorf("%s: evaluating without experts: %v, want an error", c.name, err)
			}
			if _, err := e.Time(t.Context(), Trial{Sequences: 1, Prompt: 20, Tokens: 2, Repeat: 1}); err == nil {
				t.Errorf("%s: timing without experts: no error", c.name)
			}
			if l := e.Load(); l.Running != 0 || l.HeldBytes != 0 {
				t.Errorf("%s: %d sequences hold %d bytes", c.name, l.Running, l.HeldBytes)
			}
			if err := os.WriteFile(image, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}
