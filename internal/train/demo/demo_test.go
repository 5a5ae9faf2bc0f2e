package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// TestSearch writes a search, and wants each of many to end in an answer that is right.
func TestSearch(t *testing.T) {
	text, hit, found := search([3]int{3, 6, 7}, 45)
	const want = "6+3=9 7 45:+16-2*63\n6-3=3 7 45:+10-4*21\n6*3=18 7 45:+25-11*126\n6/3=2 7 45:+9-5*14\n" +
		"7+3=10 6 45:+16-4*60\n7-3=4 6 45:+10-2*24\n7*3=21 6 45:+27-15*126\n" +
		"7+6=13 3 45:+16-10*39\n7-6=1 3 45:+4-2*3\n7*6=42 3 45:+45"
	if text != want || !found || hit.expression([3]int{3, 6, 7}) != "(7*6)+3" {
		t.Errorf("the search is %q, %v, comes to %s", text, found, hit.expression([3]int{3, 6, 7}))
	}
	s := newSource("test", 1, 1)
	for range 500 {
		n, target, right, wrong := s.problem()
		if task.HeldOut([]int64{int64(n[0]), int64(n[1]), int64(n[2])}) {
			t.Fatalf("%v is held out", n)
		}
		text, hit, found := search(n, target)
		if v := task.Judge(countdown(n, target), text+answer(hit.expression(n))); !found || !v.Correct {
			t.Fatalf("%v = %d: %q is %+v", n, target, text, v)
		}
		for i, list := range [][]branch{right, wrong} {
			b := list[s.below(len(list))]
			if v := task.Judge(countdown(n, target), answer(b.expression(n))); v.Correct != (i == 0) || !v.Format {
				t.Fatalf("%v = %d: %q is %+v", n, target, b.expression(n), v)
			}
		}
	}
}

// TestMix counts what batches hold.
func TestMix(t *testing.T) {
	m := Usual(1).Mix
	searches, learned, guesses, wrong, lines, tokens, longest := 0, 0, 0, 0, 0, 0, 0
	for step := range 40 {
		b := m.batch(7, step, 4096)
		tokens += len(b.IDs)
		for at := 0; at < len(b.IDs); {
			to, first := at, -1
			for ; to < len(b.IDs) && b.Segments[to] == b.Segments[at]; to++ {
				if b.Weights[to] != 0 && first < 0 {
					first = to
				}
			}
			text, err := vocabulary.Decode(b.IDs[at:to])
			if err != nil {
				t.Fatal(err)
			}
			q, rest, _ := strings.Cut(text, "\n")
			short, target, ok := strings.Cut(q, " = ")
			switch {
			case !ok:
				lines += to - at
			case strings.HasPrefix(rest, "</think>"):
				guesses++
				if !task.Judge(parse(t, short, target), strings.TrimSuffix(rest, "<end>")).Correct {
					wrong++
				}
			default:
				searches++
				if first == at+len(q)+1 {
					learned++
				}
				longest = max(longest, to-at-len(q)-1)
				if !task.Judge(parse(t, short, target), strings.TrimSuffix(rest, "<end>")).Correct {
					t.Errorf("a search is wrong: %q", text)
				}
			}
			at = to
		}
	}
	near := func(what string, got, want, within float64) {
		if got < want-within || got > want+within {
			t.Errorf("%s is %.3f, want %.3f", what, got, want)
		}
	}
	near("the share of searches", float64(searches)/float64(searches+guesses), m.Traces, 0.03)
	near("that of those whose manner is learned", float64(learned)/float64(learned+guesses), m.Long, 0.03)
	near("that of wrong guesses", float64(wrong)/float64(guesses), m.Wrong, 0.03)
	near("that of lines", float64(lines)/float64(tokens), m.Lines, 0.02)
	if most := Usual(1).GRPO.MaxTokens; longest > most {
		t.Errorf("a search has %d tokens, the limit is %d", longest, most)
	}
}

// TestFarther makes problems of a new range, which can be solved.
func TestFarther(t *testing.T) {
	s := newSource("test", 1, 1)
	for range 200 {
		n, target := s.farther()
		for _, v := range n {
			if v < leastFar || v > mostFar {
				t.Fatalf("%v has %d", n, v)
			}
		}
		if _, hit, found := search(n, target); !found || !task.Judge(countdown(n, target), answer(hit.expression(n))).Correct {
			t.Fatalf("%v = %d has no answer", n, target)
		}
		if len(encode(nil, question(countdown(n, target)))) > longestQuestion {
			t.Fatalf("%v = %d is longer than %d", n, target, longestQuestion)
		}
	}
}

// parse returns a problem of its text.
func parse(t *testing.T, numbers, target string) task.Problem {
	t.Helper()
	p, err := task.ParseProblem("countdown", []byte(`{"numbers": [`+strings.ReplaceAll(numbers, " ", ",")+`], "target": `+target+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// small are settings of a run of seconds.
func small() *Settings {
	s := Usual(3)
	s.Shape = Shape{Hidden: 32, Inner: 64, Layers: 2, Heads: 2, Context: 64}
	s.Pretrain.Steps, s.Pretrain.Tokens, s.Pretrain.Decay, s.Pretrain.Warmup = 60, 512, 10, 5
	s.GRPO.Steps, s.GRPO.Problems, s.GRPO.Answers, s.GRPO.MaxTokens, s.GRPO.SampleEvery = 3, 4, 4, 40, 2
	s.Eval, s.Baseline = Eval{Problems: 8, Sampled: 2, Answers: 2, Range: 3}, true
	return s
}

// TestRun runs all stages in small, with one thread and with two, and reads what comes of it.
func TestRun(t *testing.T) {
	var models [][]byte
	for threads := 1; threads <= 2; threads++ {
		folder := filepath.Join(t.TempDir(), "run")
		r := &Run{Settings: small(), Folder: folder, Threads: threads, Watch: func(any) {}, Now: time.Now}
		if err := r.Go(t.Context()); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(folder, "model", "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, b)
		var metrics []Metric
		for _, l := range read[Metric](t, folder, "metrics.jsonl") {
			if l.Stage == stageGRPO {
				metrics = append(metrics, l)
			}
		}
		for i, m := range metrics {
			if m.Step != i || m.LogPDiff != 0 || m.Groups != 4 {
				t.Errorf("step %d is %+v", i, m)
			}
		}
		samples, evals := read[Sample](t, folder, "samples.jsonl"), read[Evaluation](t, folder, "eval.jsonl")
		if len(metrics) != 3 || len(samples) != 2*16 || len(evals) != 6 || evals[0].Problems != 8 {
			t.Errorf("%d steps, %d samples, measurements %+v", len(metrics), len(samples), evals)
		}
		operations, examples := 0.0, 0.0
		for _, m := range metrics {
			operations += m.Operations
			if m.Operations == 0 || m.Rewards[0].Name != "correct" || m.Rewards[0].Mean != m.Correct {
				t.Errorf("step %d is %+v", m.Step, m)
			}
		}
		for _, p := range read[Pretrained](t, folder, "metrics.jsonl") {
			if p.Stage == stageExamples {
				examples += p.Operations
			}
		}
		if step := 6 * float64(metrics[0].Active) * 600; math.Abs(examples-operations) > step {
			t.Errorf("examples in place of GRPO took %g operations, GRPO %g", examples, operations)
		}
		for i, e := range evals {
			if want := []string{"grpo test", "grpo range", "grpo test", "grpo range", "sft test", "sft range"}[i]; e.Stage+" "+e.Split != want || (e.Split == SplitTest) != (e.Pass["2"].StandardError != nil) {
				t.Errorf("measurement %d is %+v, want that of %s", i, e, want)
			}
		}
		for _, s := range samples {
			if task.HeldOut(s.Numbers) {
				t.Errorf("%v is held out", s.Numbers)
			}
		}
		if err := r.Go(t.Context()); !errors.Is(err, train.ErrSettings) {
			t.Errorf("a second run in the folder: got %v, want ErrSettings", err)
		}
		s := new(Settings)
		text, err := os.ReadFile(filepath.Join(folder, "run.toml"))
		if err == nil {
			err = s.Parse("run.toml", text)
		}
		if err != nil || *s != *r.Settings {
			t.Errorf("run.toml has %+v, error %v", s, err)
		}
	}
	if !bytes.Equal(models[0], models[1]) {
		t.Error("another number of threads makes another model")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &Run{Settings: small(), Folder: filepath.Join(t.TempDir(), "run"), Threads: 1, Watch: func(any) {}, Now: time.Now}
	if err := r.Go(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

// read reads a file of JSON lines.
func read[T any](t *testing.T, folder, name string) (list []T) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// TestTokenizer opens the tokenizer that a run writes: it finds the same tokens.
func TestTokenizer(t *testing.T) {
	folder := t.TempDir()
	s := Usual(1).Shape
	if err := s.write(folder); err != nil {
		t.Fatal(err)
	}
	files, err := checkpoint.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	k, err := files.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	const text = "3 6 7 = 45\n6*7=42 3 45:+45</think><answer>(6*7)+3</answer>"
	ids, err := k.Encode(text, 0)
	if want := encode(nil, text); err != nil || !slices.Equal(ids, want) {
		t.Errorf("the tokens are %v, error %v, want %v", ids, err, want)
	}
	if got, err := k.Decode(ids); err != nil || got != text {
		t.Errorf("the text is %q, error %v", got, err)
	}
	if ends := files.EndTokens(vocabSize); !slices.Equal(ends, []int32{letters.End}) {
		t.Errorf("the end tokens are %v", ends)
	}
}

// TestRefusedSettings wants the setting named.
func TestRefusedSettings(t *testing.T) {
	for want, text := range map[string]string{
		"wide": "wide = 1", "mix.long": "[mix]\nlong = 1.5", "context": "[model]\ncontext = 10", "grpo.answers": "[grpo]\nanswers = 1", "toml": "[",
	} {
		s := Usual(1)
		err := s.Parse("a.toml", []byte(text))
		if err == nil {
			err = s.Check()
		}
		if !errors.Is(err, train.ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want ErrSettings and %s", text, err, want)
		}
	}
}
