package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// TestDashboard draws some steps on a terminal of 40 columns, and as plain lines.
func TestDashboard(t *testing.T) {
	s := course.Usual("sft")
	s.Model = "a model with a name that is longer than a line of this terminal"
	loss := 1.5
	reports := []*course.Report{
		{Sample: &course.Sample{Prompt: "a\x1b[31mb", Answer: "水水水水水水水水水水水水水水水水水水水水水水水"}},
		{Metric: &course.Metric{Step: 1, Loss: 2, Smoothed: 2, TokensPerSecond: 100}, Left: 90 * time.Second},
		{Metric: &course.Metric{Step: 2, Loss: 1, Smoothed: 1.4, Validation: &loss}},
	}
	draw := func(screen bool) string {
		var b bytes.Buffer
		now := time.Unix(0, 0)
		d := &dashboard{redrawn: redrawn{w: &b, screen: screen, width: func() int { return 40 }}, settings: &s, steps: 2, now: func() time.Time {
			now = now.Add(time.Second)
			return now
		}}
		for _, r := range reports {
			d.show(r)
		}
		d.end()
		return b.String()
	}
	screen := draw(true)
	if n := strings.Count(screen, "\x1b[6A\x1b[J"); n != 1 {
		t.Errorf("the lines before are erased %d times, want once: %q", n, screen)
	}
	for line := range strings.Lines(strings.ReplaceAll(screen, "\x1b[6A\x1b[J", "")) {
		if line = strings.TrimSuffix(line, "\n"); displaywidth.String(line) > 39 || strings.Contains(line, "\x1b") {
			t.Errorf("line %q", line)
		}
	}
	if !strings.Contains(screen, "█▁\n") || !strings.Contains(screen, "now, vali…\n") {
		t.Errorf("drawn is %q", screen)
	}
	plain := draw(false)
	if n := strings.Count(plain, "\n"); n != 3 || strings.Contains(plain, "\x1b") || !strings.Contains(plain, "step 2 of 2: loss 1.0000, smoothed 1.4000, validation 1.5000, ") {
		t.Errorf("%d lines: %q", n, plain)
	}
}

// TestGRPODashboard draws rollouts on a terminal of 50 columns; elsewhere it leaves the line to its
// caller.
func TestGRPODashboard(t *testing.T) {
	var b bytes.Buffer
	d := &grpoDashboard{redrawn: redrawn{w: &b, screen: true, width: func() int { return 50 }}, title: "grpo of \x1b[31ma model", steps: 4}
	m := &grpo.Metric{
		Figures:  grpo.Figures{Reward: 0.25, RewardStd: 0.5, Groups: 8, DeadGroups: 3, Length: 12, LengthWrong: 14, Rewards: []grpo.RewardFigure{{Name: "evil\x1b[2J", Mean: 0.5}}},
		Learning: grpo.Learning{Compared: 100}, RolloutTime: 20, TrainTime: 40,
	}
	if !d.step(m) {
		t.Error("a terminal is none")
	}
	d.sample = &grpo.Sample{Problem: "3 5 7 = 22", Completion: "wait \x1b[31m", Advantage: 1.5}
	next := *m
	next.Step, next.Reward = 1, 0.5
	d.step(&next)
	d.end()
	text := b.String()
	if n := strings.Count(text, "\x1b[9A\x1b[J"); n != 1 {
		t.Errorf("the lines before are erased %d times, want once: %q", n, text)
	}
	for line := range strings.Lines(strings.ReplaceAll(text, "\x1b[9A\x1b[J", "")) {
		if line = strings.TrimSuffix(line, "\n"); displaywidth.String(line) > 49 || strings.Contains(line, "\x1b") {
			t.Errorf("line %q", line)
		}
	}
	for _, want := range []string{"rollout 2 of 4, 2 min left", "reward  ▁█\n", "0.500 ± 0.500", "rollout and trainer differ by 0 over 200 log", "(advantage +1.50): wait"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not drawn: %q", want, text)
		}
	}
	d = &grpoDashboard{redrawn: redrawn{w: &b}, steps: 4}
	if d.step(m) || d.diff != 0 || d.compared != 100 {
		t.Errorf("where there is no terminal: %+v", d)
	}
}

func TestSparkline(t *testing.T) {
	for _, c := range []struct {
		values []float64
		width  int
		want   string
	}{
		{nil, 10, ""}, {[]float64{1, 1}, 10, "██"}, {[]float64{0, 7, 3.5}, 10, "▁█▅"}, {[]float64{0, 0, 8, 8}, 2, "▁█"}, {[]float64{1}, 0, ""},
	} {
		if got := sparkline(c.values, c.width); got != c.want {
			t.Errorf("%v in %d: %q, want %q", c.values, c.width, got, c.want)
		}
	}
}

// TestPreflightWarnings holds what is said before a run that may be meant otherwise.
func TestPreflightWarnings(t *testing.T) {
	s := course.Usual("sft")
	set := &dataset.Set{}
	p := &preflight{settings: &s, set: set, loss: 3}
	if w := p.warnings(math.Log(50000)); len(w) != 0 {
		t.Errorf("warnings %q of nothing", w)
	}
	set.Counts = dataset.Counts{Tally: dataset.Tally{Rows: 8, Broken: 2}, Samples: 10, Cut: 3, Endless: 1}
	p.loss = 20
	w := p.warnings(math.Log(50000))
	for _, part := range []string{"2 rows are not usable, 2 of 10", "30 % of the samples", "1 sample teach", "higher than by chance"} {
		if !slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, part) }) {
			t.Errorf("no warning says %q: %q", part, w)
		}
	}
}
