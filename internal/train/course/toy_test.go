package course

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/newfile"
)

const toyVocab = 8

// toy knows how often each token comes: a model with a weight a token, and a momentum of
// each.
type toy struct {
	W, M   [toyVocab]float64
	Took   int
	folder string // of its state
	failAt int    // the step that finds no number; 0: none
	full   bool
}

func (m *toy) gradient(b *dataset.Batch) (loss float64, g [toyVocab]float64) {
	sum := 0.0
	for _, w := range m.W {
		sum += math.Exp(w)
	}
	for i, id := range b.IDs {
		if w := float64(b.Weights[i]); w != 0 {
			loss -= w * (m.W[id] - math.Log(sum))
			for k := range g {
				g[k] += w * math.Exp(m.W[k]) / sum
			}
			g[id] -= w
		}
	}
	return loss, g
}

func (m *toy) Step(ctx context.Context, batches []*dataset.Batch) (Taken, error) {
	if err := ctx.Err(); err != nil {
		return Taken{}, err
	}
	if m.Took+1 == m.failAt {
		return Taken{}, ErrDiverged
	}
	rate := 0.3 / float64(1+m.Took)
	loss, n := 0.0, 0.0
	var g [toyVocab]float64
	for _, b := range batches {
		l, d := m.gradient(b)
		loss += l
		n += b.Targets()
		for k := range g {
			g[k] += d[k]
		}
	}
	norm := 0.0
	for k := range g {
		m.M[k] = 0.9*m.M[k] + g[k]/n
		m.W[k] -= rate * m.M[k]
		norm += g[k] * g[k] / n / n
	}
	m.Took++
	return Taken{Measured{Loss: loss / n}, math.Sqrt(norm), rate}, nil
}

func (m *toy) Measure(_ context.Context, batches []*dataset.Batch) (x Measured, err error) {
	n := 0.0
	for _, b := range batches {
		loss, _ := m.gradient(b)
		x.Loss += loss
		n += b.Targets()
	}
	x.Loss /= n
	return x, nil
}

func (m *toy) Answer(_ context.Context, ids []int32, _ int) ([]int32, error) {
	best := 0
	for k, w := range m.W {
		if w > m.W[best] {
			best = k
		}
	}
	return []int32{int32(best)}, nil
}

func (m *toy) statePath() string { return filepath.Join(m.folder, "state.json") }

func (m *toy) Save() error {
	if m.full {
		return &os.PathError{Op: "write", Path: m.statePath(), Err: errors.New("no space left on device")}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return newfile.Write(m.statePath(), b)
}

func (m *toy) Restore() (int, error) {
	b, err := os.ReadFile(m.statePath())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err == nil {
		err = json.Unmarshal(b, m)
	}
	return m.Took, err
}

func (m *toy) Forget() error { return os.Remove(m.statePath()) }

func (m *toy) Write(folder string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return newfile.Write(filepath.Join(folder, "model.json"), b)
}

// toySet has samples of one to four tokens of which all but the first are learned.
func toySet(n int) *dataset.Set {
	s := &dataset.Set{Files: []string{"a"}}
	add := func(to *dataset.Samples, i int) {
		for j := range 2 + i%4 {
			to.IDs = append(to.IDs, int32((i*i+j)%toyVocab))
			to.Learned = append(to.Learned, j > 0)
		}
		to.Ends = append(to.Ends, len(to.IDs))
		to.Origin = append(to.Origin, dataset.Place{Line: int32(i)})
	}
	for i := range n {
		add(&s.Train, i)
	}
	for i := range n / 4 {
		add(&s.Validation, i)
	}
	return s
}

// toySettings are those of a short run.
func toySettings() *Settings {
	s := Usual("sft")
	s.Length, s.Rows, s.RowsAtOnce, s.Epochs, s.Validation, s.Warmup, s.LearningRate = 8, 3, 2, 2, 0.2, 0, 0.3
	s.SaveEvery, s.ValidateEvery, s.SampleEvery, s.Samples = 3, 4, 5, 2
	return &s
}

// newToyRun returns a run of a toy whose clock goes on by a second each time.
func newToyRun(t testing.TB, folder string, m *toy) *Course {
	t.Helper()
	s := toySettings()
	p, err := NewPlan(toySet(40), s)
	if err != nil {
		t.Fatal(err)
	}
	m.folder = folder
	now := time.Unix(1e9, 0)
	return &Course{
		Settings: s, Folder: folder, Model: m, Plan: p,
		Decode: func(ids []int32) string { return strings.Trim(fmt.Sprint(ids), "[]") },
		Watch:  func(*Report) {},
		Now: func() time.Time {
			now = now.Add(time.Second)
			return now
		},
	}
}

// written reads what a run leaves of which every bit counts: the model, and the lines of
// its journals without their times.
func written(t testing.TB, folder string) (all []string) {
	t.Helper()
	model, err := os.ReadFile(filepath.Join(folder, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	all = append(all, string(model))
	metrics, err := os.ReadFile(filepath.Join(folder, metricsName))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(metrics)) {
		var m Metric
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		m.Seconds, m.TokensPerSecond = 0, 0
		b, _ := json.Marshal(m)
		all = append(all, string(b))
	}
	samples, err := os.ReadFile(filepath.Join(folder, samplesName))
	if err != nil {
		t.Fatal(err)
	}
	return append(all, slices.Collect(strings.Lines(string(samples)))...)
}
