package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// hostile is a text that wants to be more than text.
const hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(2)> \u202ewait, \x1b[31mno\x00 \"'&"

// write writes a folder of a run of two stages with so many steps, and answers of so many bytes of
// each wide-th of them and the last.
func write(t *testing.T, steps, wide, size int) string {
	t.Helper()
	folder := t.TempDir()
	var metrics, samples, evals strings.Builder
	line := func(b *strings.Builder, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
	}
	for i := range steps {
		line(&metrics, map[string]any{"stage": "pretrain", "step": i, "loss": 3.0 / float64(1+i), "grad_norm": 1, "tokens": 100, "seconds": 2, "operations": 1e9})
	}
	for i := range steps {
		m := &Step{Stage: "grpo<b>", Metric: grpo.Metric{
			Step: i, Figures: grpo.Figures{
				Reward: float64(i), RewardStd: 0.5, Groups: 4, Tokens: 1000, Length: 10, Checks: 1,
				Rewards: []grpo.RewardFigure{{Name: hostile, Mean: 0.5, Std: 0.25}, {Name: "format", Mean: 1}},
			},
			Trained: 2000, Learning: grpo.Learning{Compared: 7, Operations: 2e9, Active: 1e6}, RolloutTime: 3, TrainTime: 5,
		}}
		line(&metrics, m)
		for g := range 6 {
			if i%wide != 0 && i != steps-1 {
				break
			}
			for k := range 10 {
				text := fmt.Sprintf("%d %s", k, hostile) + strings.Repeat("<", size)
				line(&samples, map[string]any{
					"stage": "grpo<b>", "step": i, "problem": fmt.Sprintf("problem %d %s", g, hostile), "completion": text, "reward": k % 2,
					"advantage": float64(g%2) * float64(k%2*2-1), "correct": k%2 == 1, "tokens": 12,
				})
			}
		}
	}
	se := 0.02
	for i, v := range []float64{0.25, 0.75} {
		line(&evals, map[string]any{
			"stage": "grpo", "step": i * steps, "split": "test", "problems": 64, "greedy": v, "stderr": se, "length": 10 + 70*i,
			"pass": map[string]task.Score{"1": {Value: v, StandardError: &se}, "2": {Value: v + 0.1, StandardError: &se}}, "maj": map[string]task.Score{"2": {Value: v}},
		})
	}
	for name, text := range map[string]string{
		"metrics.jsonl": metrics.String(), "samples.jsonl": samples.String(), "eval.jsonl": evals.String(), "run.toml": "# " + hostile + "\nseed = 1\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestPage makes a page of a run whose texts are hostile: they stay texts, and all that was measured
// is there.
func TestPage(t *testing.T) {
	folder := write(t, 20, 1, 0)
	if err := Write(folder, grpo.Words, Power{Watts: 36, Price: 0.5}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(folder, Name))
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for _, bad := range []string{"<script", "<img", "\x1b", "\x00", "\u202e", "grpo<b>", "http:", "https:", "//", "NaN", "Inf"} {
		if at := strings.Index(page, bad); at >= 0 {
			t.Errorf("the page has %q: %q", bad, page[max(0, at-60):at+40])
		}
	}
	for what, want := range map[string]string{
		"what came of it": "reward 0.000 at the first step, 19.000 at the last",
		"the difference":  "Of 140 log-probabilities of rollouts none differs by more than <b>0</b>",
		"greedy":          "25.0 ± 2.0 %", "after": "75.0 ± 2.0 %", "pass@k": "85.0 ± 2.0 % (k = 2)", "maj@k": "75.0 %",
		"time of drawing and learning": "2.7 min", "operations": "40 billion",
		"energy": `<td class="n">0.002</td>`, // 200 s at 36 W
		// 60 s for 20,000 tokens: 3,000 s for a million, at 36 W and 0.5 USD a kWh 0.015 USD.
		"a million tokens":              `<td class="n">≤ 0.015</td><td class="n">0.015</td>`,
		"of as many as R1":              `37 billion active parameters in place of 1 million</td><td class="n">≤ 555</td>`,
		"the 27 times":                  `<td>o1 ÷ R1</td><td class="n">27.3 ×</td><td class="n">27.4 ×</td>`,
		"o1":                            `<td class="n">15</td><td class="n">60</td>`,
		"R1":                            `<td class="n">0.55</td><td class="n">2.19</td>`,
		"a function":                    "Reward: format",
		"a re-try":                      `<mark class="r">wait</mark>`,
		"the word list":                 "hold on",
		"an answer that is likelier":    "advantage &#43;1.00 · reward 1 · right · 12 tokens",
		"an answer that is less so":     "advantage -1.00 · reward 0 · wrong · 12 tokens",
		"red":                           "hsl(10 70% 50% / 0.21)",
		"green":                         "hsl(130 70% 50% / 0.21)",
		"settings":                      "seed = 1",
		"the first step of the answers": "step 0</b>",
		"the last":                      "step 19</b>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: %q is not in the page", what, want)
		}
	}
	if n := strings.Count(page, "<svg"); n < 16 {
		t.Errorf("%d plots", n)
	}
	if open, end := len(regexp.MustCompile(`<details`).FindAllString(page, -1)), strings.Count(page, "</details>"); open != end || open < 7*4*8 {
		t.Errorf("%d details begin, %d end", open, end)
	}
}

// TestRecipe makes a page of stages in folders of their own.
func TestRecipe(t *testing.T) {
	folder := t.TempDir()
	for i, name := range []string{"02-zero", "01-base"} {
		if err := os.Rename(write(t, 3+i, 1, 0), filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"stages.md": "| a table |\n", "01-base/metrics.jsonl": `{"step": 1, "loss": 2, "tokens": 10, "seconds": 4}` + "\n", "01-base/samples.jsonl": `{"step": 0, "prompt": "a", "answer": "no answer of a policy"}` + "\n",
		"01-base/score.json": `{"problems": 9, "k": 16, "greedy": {"value": 0.5, "stderr": 0.01}, "pass_k": {"value": 0.625}, "new_range": {"value": 0.125}, "multiply_adds": 4000000000}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Read(folder, grpo.Searches)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Page(grpo.Searches, UsualPower)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	if strings.Contains(page, "no answer of a policy") || strings.Index(page, "How it went: 01-base") > strings.Index(page, "How it went: 02-zero") {
		t.Error("stages are not in their order, or what they answered to examples is shown")
	}
	for _, want := range []string{"| a table |", "How it went: 02-zero", "50.0 ± 1.0 %", "62.5 % (k = 16)", "12.5 %", "8 billion", "02-zero step 2</b>", "37 billion active"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "01-base", "score.json"), []byte("["), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(folder, grpo.Searches); !errors.Is(err, ErrRun) || !strings.Contains(err.Error(), "score.json") {
		t.Errorf("a damaged score: got %v", err)
	}
}

// TestBounds makes a page of a long run with long answers of what grows when it is escaped.
func TestBounds(t *testing.T) {
	r, err := Read(write(t, 400, 60, 3000), grpo.Words)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Page(grpo.Words, UsualPower)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > MaxPage || len(b) < MaxPage/4 || !strings.Contains(string(b), "&lt;&lt;&lt; …") {
		t.Errorf("the page has %d bytes", len(b))
	}
}

// TestDamaged refuses what is no run, by name and line.
func TestDamaged(t *testing.T) {
	for want, texts := range map[string]map[string]string{
		"metrics.jsonl has no step": {},
		"metrics.jsonl:2":           {"metrics.jsonl": "{\"step\": 0}\n{\"step\": \n"},
		"samples.jsonl:1":           {"metrics.jsonl": "{\"step\": 0}\n", "samples.jsonl": "[]\n"},
		"eval.jsonl:1":              {"metrics.jsonl": "{\"step\": 0}\n", "eval.jsonl": "{\"pass\": 3}\n"},
	} {
		folder := t.TempDir()
		for name, text := range texts {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if err := Write(folder, grpo.Words, UsualPower); !errors.Is(err, ErrRun) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want ErrRun and %q", err, want)
		}
		if _, err := os.Stat(filepath.Join(folder, Name)); err == nil {
			t.Errorf("%s: a page was written", want)
		}
	}
	r := &Run{Stages: []*Stage{{Steps: []Step{{}}}}}
	for _, p := range []Power{{Watts: 0, Price: 1}, {Watts: 1, Price: -1}} {
		if _, err := r.Page(grpo.Words, p); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

// TestWritten makes a page of a run that is being written, or was killed: of its last lines a part
// is there.
func TestWritten(t *testing.T) {
	folder := write(t, 4, 1, 10)
	want, err := Read(folder, grpo.Words)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"metrics.jsonl", "samples.jsonl", "eval.jsonl"} {
		f, err := os.OpenFile(filepath.Join(folder, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(`{"step": 5, "stage": "grpo`); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(folder, grpo.Words)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want what whole lines say", err)
	}
}

// TestManyStages refuses files whose lines are of more stages than a page can show.
func TestManyStages(t *testing.T) {
	var lines strings.Builder
	for i := range maxStages + 1 {
		fmt.Fprintf(&lines, "{\"step\": 0, \"stage\": \"%d\", \"groups\": 1}\n", i)
	}
	for name, texts := range map[string]map[string]string{
		"metrics.jsonl:65": {"metrics.jsonl": lines.String()},
		"samples.jsonl:65": {"metrics.jsonl": "{\"step\": 0}\n", "samples.jsonl": lines.String()},
	} {
		folder := t.TempDir()
		for file, text := range texts {
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Read(folder, grpo.Words); !errors.Is(err, ErrRun) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want ErrRun and %s", err, name)
		}
	}
}

// TestKept holds what is kept of long lines, and of steps that come again, to what a page shows.
func TestKept(t *testing.T) {
	folder := t.TempDir()
	rewards := strings.Repeat(`{"name": "`+strings.Repeat("n", 100)+`"}, `, 5000) + `{"name": "last"}`
	answer := strings.Repeat("x", 1<<18)
	var samples strings.Builder
	for i := range 6 {
		for g := range shownGroups {
			for range shownAnswers {
				fmt.Fprintf(&samples, "{\"step\": %d, \"problem\": \"%d\", \"completion\": \"%s\", \"reward\": 1}\n", i%3, g, answer)
			}
		}
	}
	for name, text := range map[string]string{"metrics.jsonl": `{"step": 0, "groups": 1, "rewards": [` + rewards + "]}\n", "samples.jsonl": samples.String()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held()
	r, err := Read(folder, grpo.Words)
	if err != nil {
		t.Fatal(err)
	}
	if now := held(); now > before+8<<20 {
		t.Errorf("the run takes %d bytes, want at most 8 MiB", now-before)
	}
	if n := len(r.Samples); n != 3 {
		t.Errorf("%d steps of answers, want 3", n)
	}
	if x := r.Stages[0].Steps[0].Rewards; len(x) != shownRewards || len(x[0].Name) > 64 {
		t.Errorf("%d rewards are kept, the first of %d bytes", len(x), len(x[0].Name))
	}
}
