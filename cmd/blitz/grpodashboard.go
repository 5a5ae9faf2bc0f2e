package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// grpoDashboard shows how a run goes on that learns of its own answers: some lines that are drawn
// over and over where there is a terminal, else those that say hands it.
type grpoDashboard struct {
	redrawn
	title string
	steps int

	rewards, lengths []float64
	pace             []float64 // seconds of the last steps
	compared         int       // log-probabilities of rollout and trainer
	diff             float64   // the greatest of their differences
	sample           *grpo.Sample
}

func newGRPODashboard(w io.Writer, getenv func(string) string, title string, steps int) *grpoDashboard {
	return &grpoDashboard{redrawn: newRedrawn(w, getenv), title: title, steps: steps}
}

// paceSteps is how many steps the time that is left is told from.
const paceSteps = 20

// step takes what came of a rollout. It returns false where there is no terminal: then a line is
// all there is to show.
func (d *grpoDashboard) step(m *grpo.Metric) bool {
	d.rewards, d.lengths = append(d.rewards, m.Reward), append(d.lengths, m.Length)
	d.compared += m.Compared
	d.diff = max(d.diff, m.LogPDiff)
	if d.pace = append(d.pace, m.RolloutTime+m.TrainTime); len(d.pace) > paceSteps {
		d.pace = d.pace[1:]
	}
	if d.screen {
		d.redraw(d.lines(m))
	}
	return d.screen
}

// left returns how long the rest takes, if it goes on as the last steps did.
func (d *grpoDashboard) left(done int) time.Duration {
	sum := 0.0
	for _, s := range d.pace {
		sum += s
	}
	return time.Duration(sum / float64(max(1, len(d.pace))) * float64(d.steps-done) * float64(time.Second))
}

// lines are what stands on the terminal behind a rollout.
func (d *grpoDashboard) lines(m *grpo.Metric) []string {
	width := min(d.room()-8, 60)
	lines := []string{
		fmt.Sprintf("%s: rollout %d of %d, %s left", printable(d.title), m.Step+1, d.steps, formatDuration(d.left(m.Step+1))),
		"reward  " + sparkline(d.rewards, width),
		"length  " + sparkline(d.lengths, width),
		fmt.Sprintf("reward %.3f ± %.3f%s", m.Reward, m.RewardStd, rewardFigures(m.Rewards)),
		fmt.Sprintf("right %.1f %% of the answers, of %.1f %% of the problems one; %d of %d groups without a difference", 100*m.Correct, 100*m.Solved, m.DeadGroups, m.Groups),
		fmt.Sprintf("tokens an answer %.1f, of wrong ones %.1f, of 99 %% at most %d; cut %.1f %%", m.Length, m.LengthWrong, m.LengthP99, 100*m.Truncated),
		fmt.Sprintf("entropy %.3f   KL %.4f   clipped %.2f %%   norm %.3g   rate %.3g", m.Entropy, m.KL, 100*m.ClipFraction, m.GradNorm, m.Rate),
		fmt.Sprintf("looking back: %.2f self-checks and %.2f re-tries an answer", m.Checks, m.Retries),
		fmt.Sprintf("rollout and trainer differ by %g over %d log-probabilities   drawing %.1f s, learning %.1f s", d.diff, d.compared, m.RolloutTime, m.TrainTime),
	}
	if s := d.sample; s != nil {
		lines = append(lines, fmt.Sprintf("asked in rollout %d: %s", s.Step+1, shortened(s.Problem)), fmt.Sprintf("answers (advantage %+.2f): %s", s.Advantage, shortened(s.Completion)))
	}
	return lines
}

// rewardFigures tells what each function said, where there are several.
func rewardFigures(list []grpo.RewardFigure) string {
	var all []string
	for _, x := range list {
		all = append(all, fmt.Sprintf("%s %.3f ± %.3f", shortened(x.Name), x.Mean, x.Std))
	}
	if len(all) == 0 {
		return ""
	}
	return " (" + strings.Join(all, ", ") + ")"
}
