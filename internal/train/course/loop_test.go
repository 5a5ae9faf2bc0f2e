package course

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/dataset"
)

// TestGo takes a whole run: its loss falls, and what it writes is there.
func TestGo(t *testing.T) {
	folder := t.TempDir()
	r := newToyRun(t, folder, &toy{})
	var reports []*Report
	r.Watch = func(x *Report) { reports = append(reports, x) }
	if err := r.Go(context.Background()); err != nil {
		t.Fatal(err)
	}
	var metrics []*Metric
	samples := 0
	for _, x := range reports {
		if x.Metric != nil {
			metrics = append(metrics, x.Metric)
		}
		if x.Sample != nil {
			samples++
		}
	}
	if len(metrics) != r.Plan.Steps || r.Plan.Steps < 10 {
		t.Fatalf("%d metrics of %d steps", len(metrics), r.Plan.Steps)
	}
	first, last := metrics[0], metrics[len(metrics)-1]
	if !(last.Smoothed < first.Loss) || last.Validation == nil || last.Epoch != 2 {
		t.Errorf("first %+v, last %+v", first, last)
	}
	if want := 2 * (1 + r.Plan.Steps/5 + min(1, r.Plan.Steps%5)); samples != want {
		t.Errorf("%d answers, want %d", samples, want)
	}
	if !Done(folder) {
		t.Error("the run is not marked as done")
	}
	if _, err := os.Stat(filepath.Join(folder, "state.json")); err == nil {
		t.Error("a state is left")
	}
	page, err := os.ReadFile(filepath.Join(folder, reportName))
	if err != nil || strings.Count(string(page), "<svg") != 3 || !strings.Contains(string(page), "learning-rate") {
		t.Errorf("report of %d bytes, error %v", len(page), err)
	}
	if strings.Contains(string(page), "http") || strings.Contains(string(page), "<script") {
		t.Error("the report needs something else, or runs a script")
	}
}

// TestKilled copies the folder of a run whenever the run says something, as if it were
// killed there, and goes on from each copy: all end with the same bits.
func TestKilled(t *testing.T) {
	folder, copies := t.TempDir(), t.TempDir()
	r := newToyRun(t, folder, &toy{})
	n := 0
	r.Watch = func(*Report) {
		to := filepath.Join(copies, string(rune('a'+n/26))+string(rune('a'+n%26)))
		if err := os.CopyFS(to, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		n++
	}
	if err := r.Go(context.Background()); err != nil {
		t.Fatal(err)
	}
	want := written(t, folder)
	list, err := filepath.Glob(filepath.Join(copies, "*"))
	if err != nil || len(list) < 20 {
		t.Fatalf("%d copies, error %v", len(list), err)
	}
	for i, at := range list {
		// What a kill leaves behind the last whole line.
		f, err := os.OpenFile(filepath.Join(at, metricsName), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"step": 3, "lo`); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := newToyRun(t, at, &toy{}).Go(context.Background()); err != nil {
			t.Fatalf("copy %d: %v", i, err)
		}
		if got := written(t, at); !slices.Equal(got, want) {
			t.Fatalf("copy %d: got %q, want %q", i, got, want)
		}
	}
}

// TestInterrupted ends a run between steps: it keeps all that it has, and goes on to the
// same bits.
func TestInterrupted(t *testing.T) {
	whole := t.TempDir()
	if err := newToyRun(t, whole, &toy{}).Go(context.Background()); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	r := newToyRun(t, folder, &toy{})
	r.Watch = func(x *Report) {
		if x.Metric != nil && x.Metric.Step == 4 {
			cancel()
		}
	}
	err := r.Go(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "behind step 4") {
		t.Fatalf("error %v, want that of the context with step 4", err)
	}
	again := &toy{}
	if err := newToyRun(t, folder, again).Go(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, want := written(t, folder), written(t, whole); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestStops holds that a run that finds no number, or no room, names its last good state.
func TestStops(t *testing.T) {
	r := newToyRun(t, t.TempDir(), &toy{failAt: 8})
	err := r.Go(context.Background())
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 8: ") || !strings.Contains(err.Error(), "behind step 6:") {
		t.Errorf("error %v", err)
	}
	if steps, err := (&toy{folder: r.Folder}).Restore(); steps != 6 || err != nil {
		t.Errorf("the state is behind step %d, error %v", steps, err)
	}
	full := &toy{}
	r = newToyRun(t, t.TempDir(), full)
	r.Watch = func(x *Report) { full.full = x.Metric != nil && x.Metric.Step >= 6 }
	if err := r.Go(context.Background()); err == nil || !strings.Contains(err.Error(), "state of step 6") || !strings.Contains(err.Error(), "behind step 3:") {
		t.Errorf("error %v", err)
	}
	if steps, err := (&toy{folder: r.Folder}).Restore(); steps != 3 || err != nil {
		t.Errorf("the state is behind step %d, error %v", steps, err)
	}
	r = newToyRun(t, t.TempDir(), &toy{failAt: 1})
	if err := r.Go(context.Background()); !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "begins anew") {
		t.Errorf("error %v", err)
	}
}

// TestPlan holds that every sample is taken once an epoch, however rows are cut.
func TestPlan(t *testing.T) {
	for _, rows := range []int{1, 2, 3, 5, 7, 1000} {
		s := toySettings()
		s.Rows, s.RowsAtOnce = rows, 1+rows/3
		p, err := NewPlan(toySet(50), s)
		if err != nil {
			t.Fatal(err)
		}
		learned, epoch := 0, 0
		for step := range p.Steps {
			for _, b := range p.Batches(step) {
				if b.B > s.RowsAtOnce {
					t.Fatalf("%d rows at once, want at most %d", b.B, s.RowsAtOnce)
				}
				learned += int(b.Targets())
			}
			e, share := p.Epoch(step)
			if share == 1 {
				if want := p.set.Train.Targets(); learned != want {
					t.Errorf("%d rows a step: epoch %d has %d predictions, want %d", rows, e, learned, want)
				}
				learned = 0
				epoch++
			}
		}
		if epoch != 2 {
			t.Errorf("%d rows a step: %d epochs, want 2", rows, epoch)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	set := toySet(3)
	set.Validation.Ends = nil
	if _, err := NewPlan(set, toySettings()); !errors.Is(err, ErrDoomed) || !strings.Contains(err.Error(), "none of") {
		t.Errorf("empty validation: error %v", err)
	}
	set = toySet(0)
	if _, err := NewPlan(set, toySettings()); !errors.Is(err, ErrDoomed) {
		t.Errorf("nothing to train on: error %v", err)
	}
	s := toySettings()
	s.Warmup = 10_000
	if _, err := NewPlan(toySet(20), s); !errors.Is(err, ErrDoomed) {
		t.Errorf("a long warm-up: error %v", err)
	}
}

// TestSize holds what rows and steps a plan takes where the settings leave it open.
func TestSize(t *testing.T) {
	for _, c := range []struct{ samples, size, length, rows int }{
		{10, 20, 20, 13}, // 256 tokens a step
		{1000, 64, 64, 63},
		{10_000, 100, 100, 82}, // 8192
	} {
		set := &dataset.Set{Files: []string{"a"}}
		for range c.samples {
			set.Train.IDs = append(set.Train.IDs, make([]int32, c.size)...)
			set.Train.Learned = append(set.Train.Learned, make([]bool, c.size)...)
			set.Train.Ends = append(set.Train.Ends, len(set.Train.IDs))
		}
		s := Usual("sft")
		p, err := NewPlan(set, &s)
		if err != nil {
			t.Fatal(err)
		}
		if p.Length != c.length || p.Rows != c.rows || p.Warmup != p.Steps/30 {
			t.Errorf("%d samples of %d tokens: %d rows of %d, warm-up of %d in %d steps", c.samples, c.size, p.Rows, p.Length, p.Warmup, p.Steps)
		}
	}
}
