package course

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// report writes report.html: a page that needs nothing else.
func (r *Course) report() error {
	var metrics []Metric
	var samples []Sample
	read := func(name string, line func([]byte) error) error {
		f, err := os.Open(filepath.Join(r.Folder, name))
		if err != nil {
			return err
		}
		defer f.Close()
		in := bufio.NewScanner(f)
		in.Buffer(nil, maxMetric)
		for in.Scan() {
			if err := line(in.Bytes()); err != nil {
				return err
			}
		}
		return in.Err()
	}
	err := errors.Join(
		read(metricsName, func(line []byte) error {
			var m Metric
			err := unmarshal(line, &m)
			metrics = append(metrics, m)
			return err
		}),
		read(samplesName, func(line []byte) error {
			var s Sample
			err := unmarshal(line, &s)
			samples = append(samples, s)
			return err
		}))
	if err != nil {
		return err
	}
	page, err := Page(r.Settings, metrics, samples)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(r.Folder, reportName), page)
}

// pair is what a model answered before and after.
type pair struct{ Prompt, Wanted, Before, After string }

// Page returns the report of a run as one HTML page without scripts: curves, settings,
// answers before and after.
func Page(s *Settings, metrics []Metric, samples []Sample) ([]byte, error) {
	if len(metrics) == 0 {
		return nil, fmt.Errorf("no step is written down: %w", ErrState)
	}
	type row struct{ Name, Value, Help string }
	var settings []row
	for _, k := range s.Keys() {
		settings = append(settings, row{k.Name, k.Text(), k.Help})
	}
	last := metrics[len(metrics)-1]
	hours := 0.0
	curve := func(name string, of func(*Metric) (float64, bool)) *series {
		c := &series{name: name}
		for i := range metrics {
			if v, ok := of(&metrics[i]); ok {
				c.x, c.y = append(c.x, float64(metrics[i].Step)), append(c.y, v)
			}
		}
		return c
	}
	for i := range metrics {
		hours += metrics[i].Seconds / 3600
	}
	loss := plot("Loss", curve("each step", func(m *Metric) (float64, bool) { return m.Loss, true }),
		curve("smoothed", func(m *Metric) (float64, bool) { return m.Smoothed, true }),
		curve("validation", func(m *Metric) (float64, bool) {
			if m.Validation == nil {
				return 0, false
			}
			return *m.Validation, true
		}))
	rate := plot("Learning rate", curve("rate", func(m *Metric) (float64, bool) { return m.Rate, true }))
	plots := []template.HTML{loss}
	if last.Rewards != nil {
		plots = append(plots, rewardPlots(curve)...)
	}
	norm := plot("Norm of the gradients", curve("norm", func(m *Metric) (float64, bool) { return m.GradNorm, true }))
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"Settings": settings, "Kind": s.Kind, "Model": s.Model, "Last": last, "First": metrics[0], "Hours": fmt.Sprintf("%.2f", hours),
		"Plots": append(plots, rate, norm), "Pairs": pairs(samples),
	})
	return b.Bytes(), err
}

// rewardPlots are the curves of runs that learn preferences.
func rewardPlots(curve func(name string, of func(*Metric) (float64, bool)) *series) (plots []template.HTML) {
	reward := func(name string, of func(*Rewards) *float64) *series {
		return curve(name, func(m *Metric) (float64, bool) {
			if m.Rewards == nil || of(m.Rewards) == nil {
				return 0, false
			}
			return *of(m.Rewards), true
		})
	}
	validation := curve("validation", func(m *Metric) (float64, bool) {
		if m.ValidationRewards == nil {
			return 0, false
		}
		return m.ValidationRewards.Accuracy, true
	})
	return append(plots,
		plot("Rewards", reward("margin", func(r *Rewards) *float64 { return r.Margin }), reward("chosen", func(r *Rewards) *float64 { return r.Chosen }),
			reward("rejected", func(r *Rewards) *float64 { return r.Rejected })),
		plot("Accuracy", reward("each step", func(r *Rewards) *float64 { return &r.Accuracy }), validation))
}

// pairs puts the first and the last answer to each prompt beside each other.
func pairs(samples []Sample) (list []pair) {
	at := map[string]int{}
	for _, s := range samples {
		i, ok := at[s.Prompt]
		if !ok {
			i = len(list)
			at[s.Prompt] = i
			list = append(list, pair{Prompt: s.Prompt, Wanted: s.Wanted, Before: s.Answer})
		}
		list[i].After = s.Answer
	}
	return list
}

// series is a curve.
type series struct {
	name string
	x, y []float64
}

// The size of a plot and its margins, and the colours of its curves.
const (
	plotWidth, plotHeight = 760, 280
	plotLeft, plotBottom  = 64, 36
	plotTop               = 28
)

var plotColours = []string{"#9bb8d3", "#1f5f99", "#c2571a"}

// maxPoints is how many points a curve is drawn with.
const maxPoints = 2000

// plot draws curves as SVG.
func plot(title string, curves ...*series) template.HTML {
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for i := range c.x {
			x0, x1 = min(x0, c.x[i]), max(x1, c.x[i])
			y0, y1 = min(y0, c.y[i]), max(y1, c.y[i])
		}
	}
	if y0 == y1 {
		y0, y1 = y0-math.Abs(y0)/2-1e-9, y1+math.Abs(y1)/2+1e-9
	}
	x1 = max(x1, x0+1)
	px := func(x float64) float64 { return plotLeft + (x-x0)/(x1-x0)*(plotWidth-plotLeft-12) }
	py := func(y float64) float64 {
		return plotHeight - plotBottom - (y-y0)/(y1-y0)*(plotHeight-plotBottom-plotTop)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label=%q><text x="%d" y="18" class="t">%s</text>`, plotWidth, plotHeight, title, plotLeft, title)
	const ticks = 4
	for i := range ticks + 1 {
		share := float64(i) / ticks
		y, x := y0+share*(y1-y0), x0+share*(x1-x0)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="g"/><text x="%d" y="%.1f" class="y">%.4g</text>`, plotLeft, plotWidth-12, py(y), py(y), plotLeft-6, py(y)+4, y)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="x">%.0f</text>`, px(x), plotHeight-plotBottom+18, x)
	}
	legend := plotWidth - 12
	for i := len(curves) - 1; i >= 0; i-- {
		c, colour := curves[i], plotColours[i]
		if len(c.x) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<text x="%d" y="18" class="l" fill="%s">%s</text>`, legend, colour, c.name)
		legend -= 12 + 7*len(c.name)
	}
	for i, c := range curves {
		if len(c.x) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="`, plotColours[i])
		step := (len(c.x) + maxPoints - 1) / maxPoints
		for k := 0; k < len(c.x); k += step {
			fmt.Fprintf(&b, "%.1f,%.1f ", px(c.x[k]), py(c.y[k]))
		}
		end := len(c.x) - 1
		fmt.Fprintf(&b, `%.1f,%.1f"/>`, px(c.x[end]), py(c.y[end]))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // numbers, and words of this file
}

var page = template.Must(template.New("report").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Kind}} of {{.Model}}</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 820px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font: 13px/1.45 ui-monospace, monospace } code { font: 13px ui-monospace, monospace }
svg { width: 100%; height: auto; margin: .5rem 0 } svg text { font: 12px system-ui, sans-serif; fill: currentColor } svg .t { font-weight: 600; font-size: 14px } svg .y, svg .l { text-anchor: end } svg .x { text-anchor: middle } svg .g { stroke: #8884 }
small { opacity: .75 }
</style></head><body>
<h1>{{.Kind}} of {{.Model}}</h1>
<p>{{.Last.Step}} steps in {{.Hours}} h; loss {{printf "%.4f" .First.Loss}} at the first, {{printf "%.4f" .Last.Smoothed}} (smoothed) at the last{{with .Last.Validation}}, validation {{printf "%.4f" .}}{{end}}.</p>
{{range .Plots}}{{.}}
{{end}}
{{if .Pairs}}<h2>Answers</h2>
{{range .Pairs}}<table>
<tr><th>Prompt</th><td><pre>{{.Prompt}}</pre></td></tr>
<tr><th>Before</th><td><pre>{{.Before}}</pre></td></tr>
<tr><th>After</th><td><pre>{{.After}}</pre></td></tr>
<tr><th>Example</th><td><pre>{{.Wanted}}</pre></td></tr>
</table><br>
{{end}}{{end}}
<h2>Settings</h2>
<table>{{range .Settings}}<tr><td><code>{{.Name}}</code></td><td><code>{{.Value}}</code></td><td><small>{{.Help}}</small></td></tr>
{{end}}</table>
</body></html>
`))
