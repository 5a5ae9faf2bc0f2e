package train

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/safetensors"
)

// The golden steps are of the model testdata/grad/llama.
func goldenSteps(t *testing.T, run string) (g *goldenGrad, s *Settings, batches []*Batch) {
	t.Helper()
	g = loadGrad(t, "llama")
	folder := filepath.Join("testdata", "step", "llama")
	var err error
	if g.npz, err = golden.LoadNPZ(filepath.Join(folder, "expect.npz")); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(folder, "about.json"))
	var about struct {
		Runs map[string]json.RawMessage `json:"runs"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &about)
	}
	if err == nil {
		s, err = ParseSettings(about.Runs[run])
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		batches = append(batches, g.batch(t, fmt.Sprintf("%s.%d", run, i)))
	}
	return g, s, batches
}

// TestGoldenSteps holds ten steps to golden data.
func TestGoldenSteps(t *testing.T) {
	for _, run := range []string{"cosine", "wsd"} {
		g, settings, batches := goldenSteps(t, run)
		x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 2})
		begin := map[string][]float32{}
		for _, w := range g.tiny.Tensors() {
			begin[w.Name] = g.tiny.Weight(w)
		}
		steps := &Steps{Trainer: x, Settings: settings, Batches: batches, Save: []int{10}}
		if err := steps.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			want := func(name string) float64 { return g.floats(t, run+"."+name)[i] }
			near(t, fmt.Sprint(run, " loss ", i), steps.log.Loss[i], want("loss"), 6e-5*want("loss"))
			near(t, fmt.Sprint(run, " norm ", i), steps.log.GradNorm[i], want("grad_norm"), 6e-5*want("grad_norm"))
			near(t, fmt.Sprint(run, " rate ", i), steps.log.LR[i], want("lr"), 1e-9*want("lr"))
		}
		norms := g.floats(t, run+".10.norms")
		for i, name := range g.names {
			for _, x := range outputsOf("", x.weights, func(i int) []float32 { return steps.kept[10][i] }) {
				if x.name != name {
					continue
				}
				sum := 0.0
				for k, v := range decodeFloats(x.bytes()) {
					d := float64(v) - float64(begin[name][k])
					sum += d * d
				}
				near(t, "the change of "+name, math.Sqrt(sum), norms[i], 1e-3*norms[i])
			}
		}
	}
}

// TestAccumulation makes a step of two batches that are the halves of one.
func TestAccumulation(t *testing.T) {
	g := loadGrad(t, "llama")
	x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 1})
	b := g.batch(t, "sft")
	whole, err := x.Gradients(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	norm := Norm(x.gradients)
	rows := func(from, to int) *Batch {
		return &Batch{Rows: to - from, Cols: b.Cols, IDs: b.IDs[from*b.Cols : to*b.Cols], Segments: b.Segments[from*b.Cols : to*b.Cols], Weights: b.Weights[from*b.Cols : to*b.Cols]}
	}
	parts, err := x.Gradients(t.Context(), rows(0, 1), rows(1, 3))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "loss", parts.Loss, whole.Loss, 1e-7*whole.Loss)
	near(t, "norm", Norm(x.gradients), norm, 1e-6*norm)
	if !slices.Equal(parts.LogP, whole.LogP) {
		t.Error("the log-probabilities have other bits")
	}
}

// resumable returns a run of the golden steps in a folder.
func resumable(t *testing.T, folder string, change func(*Settings)) (*Steps, error) {
	t.Helper()
	g, settings, batches := goldenSteps(t, "cosine")
	change(settings)
	x := newTrainer(t, openTiny(t, g.tiny), Options{Threads: 1})
	s := &Steps{Trainer: x, Settings: settings, Batches: batches[:4], Save: []int{1, 4}}
	id, err := s.Identity()
	if err == nil {
		s.Folder, err = OpenFolder(folder, id)
	}
	if err == nil {
		t.Cleanup(s.Folder.Close)
	}
	return s, err
}

// bits returns all but the times of what a run writes.
func bits(t *testing.T, s *Steps) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.safetensors")
	w, err := safetensors.Create(path)
	if err == nil {
		err = s.Write(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for _, x := range f.Tensors() {
		b, err := f.Bytes(x)
		if err != nil {
			t.Fatal(err)
		}
		if x.Name != "seconds" {
			all = append(all, x.Name+string(b))
		}
	}
	return strings.Join(all, "\n")
}

// TestResume ends a run behind each step and goes on: the same bits. Then it changes each
// file of the folder.
func TestResume(t *testing.T) {
	same := func(*Settings) {}
	whole, err := resumable(t, t.TempDir(), same)
	if err == nil {
		err = whole.Run(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	want := bits(t, whole)
	folder := t.TempDir()
	for n := 1; n <= 4; n++ {
		s, err := resumable(t, folder, same)
		if err != nil {
			t.Fatal(err)
		}
		all := s.Batches
		s.Batches = all[:n]
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s.Batches = all; n == 4 && bits(t, s) != want {
			t.Error("a run that was ended behind each step has other bits")
		}
		if _, err := resumable(t, folder, same); !errors.Is(err, ErrSettings) {
			t.Errorf("beside another run: got %v, want ErrSettings", err)
		}
		s.Folder.Close()
	}
	if _, err := resumable(t, folder, func(s *Settings) { s.Schedule.LR *= 2 }); !errors.Is(err, ErrSettings) {
		t.Errorf("another run's folder: got %v, want ErrSettings", err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil || len(files) != 5 { // the lock, the manifest, a state, two weights
		t.Fatalf("%d files, %v: %v", len(files), err, files)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			continue
		}
		raw[len(raw)/2] ^= 0x40
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := resumable(t, folder, same); !errors.Is(err, ErrState) {
			t.Errorf("%s changed: got %v, want ErrState", filepath.Base(path), err)
		}
		raw[len(raw)/2] ^= 0x40
		if err := os.WriteFile(path, raw, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := resumable(t, folder, same); err != nil {
		t.Error(err)
	}
}

// TestDiverged wants weights and state to stay as they were behind the last good step.
func TestDiverged(t *testing.T) {
	folder := t.TempDir()
	s, err := resumable(t, folder, func(s *Settings) { s.Schedule = Schedule{Kind: "constant", LR: 1e38}; s.Optimizer.WeightDecay = 0 })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), "step 1") {
		t.Errorf("got %v, want ErrDiverged at step 1", err)
	}
	if n := s.Folder.Step(); n != 1 || s.Trainer.Done() != 1 {
		t.Errorf("state behind %d steps, %d done, want 1", n, s.Trainer.Done())
	}
}

// TestBias moves the correction bias of each router towards even loads.
func TestBias(t *testing.T) {
	tm, err := tiny.Load(filepath.Join("testdata", "grad", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	x := newTrainer(t, openTiny(t, tm), Options{Threads: 1})
	before := map[int][]float32{}
	for _, w := range x.weights {
		if !w.Trained() {
			before[w.Corrects] = slices.Clone(w.Vector)
		}
	}
	s := &Settings{Optimizer: DefaultOptimizer, Schedule: Schedule{Kind: "constant"}, BiasGamma: 0.25}
	r, err := x.Step(t.Context(), s, loadGrad(t, "deepseek-v3").batch(t, "sft"))
	if err != nil {
		t.Fatal(err)
	}
	if len(before) != 3 { // two layers and the module
		t.Errorf("%d routers", len(before))
	}
	for _, w := range x.weights {
		if w.Trained() {
			continue
		}
		load, total := r.Loads[w.Corrects], 0
		for _, n := range load {
			total += int(n)
		}
		for i, n := range load {
			want := before[w.Corrects][i]
			switch mean := float64(total) / float64(len(load)); {
			case float64(n) < mean:
				want += 0.25
			case float64(n) > mean:
				want -= 0.25
			}
			if w.Vector[i] != want {
				t.Errorf("layer %d, expert %d: bias %v, want %v", w.Corrects, i, w.Vector[i], want)
			}
		}
	}
}

// TestRefusedSettings wants the key named.
func TestRefusedSettings(t *testing.T) {
	for want, text := range map[string]string{
		"momentum":        `{"momentum": 0.9}`,
		"kind":            `{"optimizer": {"kind": "sgd"}}`,
		"beta1":           `{"optimizer": {"beta1": 1}}`,
		"beta2":           `{"optimizer": {"beta2": -0.1}}`,
		"eps":             `{"optimizer": {"eps": 0}}`,
		"weight_decay":    `{"optimizer": {"weight_decay": -1}}`,
		"clip_norm":       `{"optimizer": {"clip_norm": -1}}`,
		"schedule.kind":   `{}`,
		"mtp_weight":      `{"schedule": {"kind": "constant"}, "mtp_weight": -1}`,
		"balance_alpha":   `{"schedule": {"kind": "constant"}, "balance_alpha": -1}`,
		"label_smoothing": `{"schedule": {"kind": "constant"}, "label_smoothing": 1}`,
		"z_loss":          `{"schedule": {"kind": "constant"}, "z_loss": -1}`,
		"bias_gamma":      `{"schedule": {"kind": "constant"}, "bias_gamma": -1}`,
		"more behind":     `{"schedule": {"kind": "constant"}} {}`,
	} {
		if _, err := ParseSettings([]byte(text)); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want ErrSettings and %s", text, err, want)
		}
	}
}
