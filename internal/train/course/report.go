package course

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/newfile"
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
	return newfile.Write(filepath.Join(r.Folder, reportName), page)
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
	curve := func(name string, of func(*Metric) (float64, bool)) *Series {
		c := &Series{Name: name}
		for i := range metrics {
			if v, ok := of(&metrics[i]); ok {
				c.Add(float64(metrics[i].Step), v)
			}
		}
		return c
	}
	for i := range metrics {
		hours += metrics[i].Seconds / 3600
	}
	loss := Plot("Loss", curve("each step", func(m *Metric) (float64, bool) { return m.Loss, true }),
		curve("smoothed", func(m *Metric) (float64, bool) { return m.Smoothed, true }),
		curve("validation", func(m *Metric) (float64, bool) {
			if m.Validation == nil {
				return 0, false
			}
			return *m.Validation, true
		}))
	rate := Plot("Learning rate", curve("rate", func(m *Metric) (float64, bool) { return m.Rate, true }))
	plots := []template.HTML{loss}
	if last.Rewards != nil {
		plots = append(plots, rewardPlots(curve)...)
	}
	norm := Plot("Norm of the gradients", curve("norm", func(m *Metric) (float64, bool) { return m.GradNorm, true }))
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"Settings": settings, "Kind": s.Kind, "Model": s.Model, "Last": last, "First": metrics[0], "Hours": fmt.Sprintf("%.2f", hours),
		"Plots": append(plots, rate, norm), "Pairs": pairs(samples),
	})
	return b.Bytes(), err
}

// rewardPlots are the curves of runs that learn preferences.
func rewardPlots(curve func(name string, of func(*Metric) (float64, bool)) *Series) (plots []template.HTML) {
	reward := func(name string, of func(*Rewards) *float64) *Series {
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
		Plot("Rewards", reward("margin", func(r *Rewards) *float64 { return r.Margin }), reward("chosen", func(r *Rewards) *float64 { return r.Chosen }),
			reward("rejected", func(r *Rewards) *float64 { return r.Rejected })),
		Plot("Accuracy", reward("each step", func(r *Rewards) *float64 { return &r.Accuracy }), validation))
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
