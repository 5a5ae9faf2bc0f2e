package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/train/course"
)

// dashboard shows how a run goes on: some lines that are drawn over and over where there is
// a terminal, else a line a step, few of them a second.
type dashboard struct {
	redrawn
	settings *course.Settings
	steps    int
	now      func() time.Time

	at         time.Time
	losses     []float64 // smoothed, of all steps
	validation *float64
	sample     *course.Sample
	last       *course.Report
}

// dashboardPause is how long there is nothing new to see, at least.
const dashboardPause = 200 * time.Millisecond

func newDashboard(w io.Writer, getenv func(string) string, s *course.Settings, steps int) *dashboard {
	return &dashboard{redrawn: newRedrawn(w, getenv), settings: s, steps: steps, now: time.Now}
}

// show takes what a run says.
func (d *dashboard) show(r *course.Report) {
	switch {
	case r.Note != "":
		d.note(r.Note)
		return
	case r.Sample != nil:
		d.sample = r.Sample
		if !d.screen {
			fmt.Fprintf(d.w, "step %d: asked %q, answers %q\n", r.Sample.Step, shortened(r.Sample.Prompt), shortened(r.Sample.Answer))
			return
		}
	case r.Metric != nil:
		d.last = r
		d.losses = append(d.losses, r.Metric.Smoothed)
		if r.Metric.Validation != nil {
			d.validation = r.Metric.Validation
		}
	}
	ends := r.Metric != nil && (r.Metric.Step == d.steps || r.Metric.Validation != nil)
	if now := d.now(); ends || now.Sub(d.at) >= dashboardPause {
		d.at = now
		d.draw()
	}
}

// shortened is the end of a text, in one line.
func shortened(text string) string {
	const most = 60
	r := []rune(strings.TrimSpace(printable(text)))
	if len(r) > most {
		r = append([]rune("…"), r[len(r)-most:]...)
	}
	return string(r)
}

func (d *dashboard) draw() {
	if d.last == nil {
		return
	}
	m := d.last.Metric
	validation := ""
	if d.validation != nil {
		validation = fmt.Sprintf(", validation %.4f", *d.validation)
	}
	if !d.screen {
		if m.Validation == nil {
			validation = ""
		}
		if m.Rewards != nil {
			validation += ", " + rewardsText(m.Rewards)
		}
		fmt.Fprintf(d.w, "step %d of %d: loss %.4f, smoothed %.4f%s, rate %.3g, norm %.3g, %.0f tokens/s, %s left\n",
			m.Step, d.steps, m.Loss, m.Smoothed, validation, m.Rate, m.GradNorm, m.TokensPerSecond, formatDuration(d.last.Left))
		return
	}
	lines := []string{
		fmt.Sprintf("%s of %s: step %d of %d, epoch %.2f", d.settings.Kind, printable(d.settings.Model), m.Step, d.steps, m.Epoch),
		sparkline(d.losses, min(d.room(), 60)),
		fmt.Sprintf("loss %.4f smoothed, %.4f now%s", m.Smoothed, m.Loss, validation),
		fmt.Sprintf("learning rate %.3g   norm of gradients %.3g   %.0f tokens/s   %s left", m.Rate, m.GradNorm, m.TokensPerSecond, formatDuration(d.last.Left)),
	}
	if m.Rewards != nil {
		lines = append(lines, "rewards: "+rewardsText(m.Rewards))
	}
	if s := d.sample; s != nil {
		lines = append(lines, fmt.Sprintf("asked behind step %d: %s", s.Step, shortened(s.Prompt)), "answers: "+shortened(s.Answer))
	}
	d.redraw(lines)
}

// rewardsText tells what answers are worth by what was learned of preferences.
func rewardsText(r *course.Rewards) string {
	text := fmt.Sprintf("told apart %.0f %%", 100*r.Accuracy)
	for _, x := range []struct {
		name string
		v    *float64
	}{{"margin", r.Margin}, {"chosen", r.Chosen}, {"rejected", r.Rejected}, {"distance", r.KL}} {
		if x.v != nil {
			text += fmt.Sprintf(", %s %.4g", x.name, *x.v)
		}
	}
	return text
}

// sparkline draws values as bars in one line, each that of several where there are more.
func sparkline(values []float64, width int) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	if len(values) == 0 || width < 1 {
		return ""
	}
	n := min(len(values), width)
	shown := make([]float64, n)
	least, most := values[0], values[0]
	for i := range shown {
		from, to := i*len(values)/n, (i+1)*len(values)/n
		for _, v := range values[from:to] {
			shown[i] += v / float64(to-from)
		}
		least, most = min(least, shown[i]), max(most, shown[i])
	}
	var b strings.Builder
	for _, v := range shown {
		at := len(bars) - 1
		if most > least {
			at = min(at, int((v-least)/(most-least)*float64(len(bars))))
		}
		b.WriteRune(bars[max(0, at)])
	}
	return b.String()
}
