package grpo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// begin returns the run of a folder, with a tiny model that is opened anew. An answer is right
// that has an even number of tokens.
func begin(t *testing.T, folder string, threads int, change func(s *Settings)) *Course {
	t.Helper()
	m, _ := open(t, "llama", tensor.F32, model.Options{Masters: true})
	s := Usual()
	s.Steps, s.Problems, s.Answers, s.MaxTokens, s.Updates, s.Warmup, s.LearningRate = 5, 3, 4, 6, 2, 0, 0.003
	s.Beta, s.ReferenceEvery, s.Curriculum, s.SaveEvery, s.SampleEvery, s.AtOnce = 0.01, 2, true, 2, 2, 64
	change(&s)
	p := newPolicy(t, m, m.Weights(), nil, threads)
	states, err := train.OpenFolder(filepath.Join(folder, "state"), p.Trainer.Identity(s.Fixed()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(states.Close)
	list, err := ParseList("list", []byte(strings.Repeat(`{"prompt": "a", "answer": "b"}`+"\n", 7)), task.Exact)
	if err != nil {
		t.Fatal(err)
	}
	number := 0
	for i := range list {
		list[i].(*task.Question).Text = strings.Repeat("x", i+1)
	}
	c := &Course{
		Settings: &s, Folder: folder, Policy: p, States: states, Watch: func(any) {}, Now: func() time.Time { number++; return time.Unix(int64(number), 0) },
		Problems: &Problems{List: list, Seed: 3, Curriculum: true, Prompt: func(p task.Problem) ([]int32, error) {
			return []int32{9, int32(10 + len(p.Short()))}, nil
		}},
		Drawing: Drawing{
			Answers: s.Answers, MaxTokens: s.MaxTokens, Temperature: 1, Decode: func(ids []int32) (string, error) { return strings.Repeat("<", len(ids)), nil },
			Judge: func(_ task.Problem, text string) task.Verdict {
				right := len(text)%2 == 0
				return task.Verdict{Format: true, Correct: right, Reward: map[bool]float64{true: 1}[right]}
			},
		},
	}
	p.Ends = make([]int32, 40)
	for i := range p.Ends {
		p.Ends[i] = int32(3 + 2*i)
	}
	return c
}

// result returns all that a run leaves, but times.
func result(t *testing.T, folder string, c *Course) (all [][]byte) {
	t.Helper()
	for _, w := range c.Policy.Trainer.Weights() {
		for _, v := range w.Values() {
			all = append(all, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	for _, name := range []string{"metrics.jsonl", "samples.jsonl"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			line, _, _ = bytes.Cut(line, []byte(`,"rollout_seconds"`))
			all = append(all, line)
		}
	}
	return all
}

// TestGoesOn ends a run behind each rollout, as a kill does (what is in memory is lost, files
// have lines that no state knows), and goes on with other threads: weights, metrics and answers
// are those of the run that was not ended.
func TestGoesOn(t *testing.T) {
	same := func(*Settings) {}
	whole := t.TempDir()
	c := begin(t, whole, 1, same)
	if err := c.Go(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := result(t, whole, c)
	if samples, err := os.ReadFile(filepath.Join(whole, "samples.jsonl")); err != nil || !bytes.Contains(samples, []byte(`"completion":"<<`)) {
		t.Errorf("samples.jsonl has no answer as it is: %v", err)
	}
	if n := c.Policy.Trainer.Done(); n < 5 {
		t.Fatalf("%d steps in 5 rollouts of two parts", n)
	}
	killed := errors.New("killed")
	folder := t.TempDir()
	for at := range 6 {
		c := begin(t, folder, 1+at%2, same)
		rollouts := 0
		c.Watch = func(v any) {
			if _, ok := v.(*Metric); ok {
				if rollouts++; rollouts == 1+at%3 && at < 5 {
					panic(killed)
				}
			}
		}
		err := func() (err error) {
			defer func() {
				if x := recover(); x == killed {
					err = killed
				} else if x != nil {
					panic(x)
				}
			}()
			return c.Go(t.Context())
		}()
		c.States.Close()
		if err == nil {
			if got := result(t, folder, c); !slices.EqualFunc(got, want, bytes.Equal) {
				t.Error("a run that was ended again and again came to something else")
			}
			return
		}
		if err != killed {
			t.Fatal(err)
		}
	}
	t.Error("the run never came to its end")
}

// TestRefill draws again where all answers have one reward.
func TestRefill(t *testing.T) {
	folder := t.TempDir()
	c := begin(t, folder, 1, func(s *Settings) { s.Refill, s.Steps = 2, 1 })
	c.Drawing.Judge = func(task.Problem, string) task.Verdict { return task.Verdict{Reward: 1, Correct: true} }
	var m *Metric
	c.Watch = func(v any) {
		if x, ok := v.(*Metric); ok {
			m = x
		}
	}
	if err := c.Go(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m.Rounds != 3 || m.Groups != 9 || m.DeadGroups != 9 || m.Learned != 0 || m.Updates != 0 || m.LogPDiff != 0 {
		t.Errorf("a rollout of dead groups is %+v", m)
	}
	p, err := c.Measure(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Doomed(); p.Groups != 7 || !errors.Is(err, course.ErrDoomed) || !strings.Contains(err.Error(), "all answers to 7 problems are right") {
		t.Errorf("a preflight of %+v: got %v", p, err)
	}
}

// TestDoomed refuses runs by what was measured.
func TestDoomed(t *testing.T) {
	good := Figures{Groups: 64, DeadGroups: 30, Correct: 0.3, Solved: 0.6}
	for want, change := range map[string]func(f *Figures){
		"": func(*Figures) {}, "cut": func(f *Figures) { f.Truncated = 0.6 },
		"none of": func(f *Figures) { f.Truncated, f.CutCorrect, f.Solved = 0.6, 0.1, 0 }, "none of the answers": func(f *Figures) { f.Correct, f.Solved = 0, 0 },
		"nothing to learn": func(f *Figures) { f.Correct = 1 }, "different reward": func(f *Figures) { f.DeadGroups = 64 },
	} {
		p := &Preflight{Figures: good}
		change(&p.Figures)
		if err := p.Doomed(); (err == nil) != (want == "") || err != nil && (!errors.Is(err, course.ErrDoomed) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v", want, err)
		}
	}
}

// TestCurriculum asks problems that are right some of the times more often.
func TestCurriculum(t *testing.T) {
	p := &Problems{List: make([]task.Problem, 10), Curriculum: true, tallies: make([]Tally, 10)}
	for i := range p.tallies {
		p.tallies[i] = Tally{Right: 100 * float64(i%2), Asked: 100}
	}
	p.tallies[4] = Tally{50, 100}
	counts := make([]int, 10)
	for step := range 400 {
		places := p.choose(step, 0, 2)
		if places[0] == places[1] {
			t.Fatal("a problem is asked twice")
		}
		for _, at := range places {
			counts[at]++
		}
	}
	for i, n := range counts {
		if i != 4 && n*2 > counts[4] {
			t.Errorf("problem %d was asked %d times, the one that is right half of the times %d", i, n, counts[4])
		}
	}
}

// TestSettings reads what is written, and refuses what cannot be, by name.
func TestSettings(t *testing.T) {
	s := Usual()
	s.Model, s.Data, s.Beta = "a \"b\"", []string{"x", "y"}, 0.5
	var got Settings
	if _, err := got.Parse("run.toml", s.TOML()); err != nil || string(got.TOML()) != string(s.TOML()) {
		t.Errorf("read back are %s, error %v", got.TOML(), err)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	other := s
	other.Beta, other.SaveEvery = 0.25, 99
	if err := s.Same(&other); !errors.Is(err, course.ErrOther) || !strings.Contains(err.Error(), "beta") {
		t.Errorf("another run: got %v", err)
	}
	for want, text := range map[string]string{
		"wide": "wide = 1", "answers": "answers = 1", "loss": `loss = "ppo"`, "kl": `kl = "k9"`, "updates": "updates = 99", "temperature": "temperature = nan",
		"clip_norm": "clip-norm = -1.0", "output-type": `output-type = "q4"`, "toml": "[",
	} {
		s := Usual()
		_, err := s.Parse("a.toml", []byte(text))
		if err == nil {
			err = s.Check()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for want, text := range map[string]string{":2": "\n{", "task": `{"task": "sums"}`, "answer": `{"prompt": "a"}`} {
		if _, err := ParseList("list", []byte(text), task.Exact); !errors.Is(err, course.ErrDoomed) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
