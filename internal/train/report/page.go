package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"math"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// MaxPage bounds a page, in bytes.
const MaxPage = 1_000_000

// Name is that of the page in the folder of a run.
const Name = "report.html"

// Write makes the page of a run, and writes it into the run's folder.
func Write(folder string, words *grpo.Finder, p Power) error {
	r, err := Read(folder, words)
	if err != nil {
		return err
	}
	page, err := r.Page(words, p)
	if err != nil {
		return err
	}
	return newfile.Write(filepath.Join(folder, Name), page)
}

// texts is how many bytes of answers a page has at first; as long as it is too large it has half.
const texts = 400_000

// Page returns the page, at most MaxPage bytes.
func (r *Run) Page(words *grpo.Finder, p Power) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	v := r.view(words, p)
	for budget := texts; ; budget /= 2 {
		v.Samples, v.Moments = r.browser(words, budget), r.moments(words, budget/8)
		var b bytes.Buffer
		if err := page.Execute(&b, v); err != nil {
			return nil, err
		}
		if b.Len() <= MaxPage {
			return b.Bytes(), nil
		}
		if budget == 0 {
			return nil, fmt.Errorf("the page has %d bytes without answers, want at most %d: %w", b.Len(), MaxPage, ErrRun)
		}
	}
}

// view is what the page shows.
type view struct {
	Name, Lead  string
	Settings    string
	Table       string
	Power       Power
	Compared    string
	Difference  float64
	Passes      []template.HTML
	Stages      []stageView
	Evaluations []evaluationRow
	Costs       []costRow
	Prices      []priceRow
	Looking     []template.HTML
	Checks      string
	Retries     string
	Samples     []rolloutView
	Moments     []momentView
}

type stageView struct {
	Title string
	Plots []template.HTML
}

type evaluationRow struct{ When, Split, Problems, Greedy, Pass1, PassK, Majority, Length string }

type costRow struct{ Stage, Steps, Drawn, Trained, Time, Operations, KWh, USD, From, To string }

type priceRow struct{ Who, In, Out string }

// view computes what the page shows, but for answers.
func (r *Run) view(words *grpo.Finder, p Power) *view {
	v := &view{Power: p, Passes: r.passes(), Checks: spelled(words.Checks), Retries: spelled(words.Retries), Name: plain(r.Name), Settings: plain(r.Settings), Table: plain(r.Table)}
	compared := 0
	for _, s := range r.Stages {
		v.Stages = append(v.Stages, stageView{s.Title(), s.plots()})
		if x := s.looking(); x != "" {
			v.Looking = append(v.Looking, x)
		}
		for i := range s.Steps {
			compared += s.Steps[i].Compared
			v.Difference = max(v.Difference, math.Abs(s.Steps[i].LogPDiff))
		}
	}
	v.Compared = fmt.Sprint(compared)
	for i := range r.Evaluations {
		v.Evaluations = append(v.Evaluations, r.Evaluations[i].row())
	}
	stages, all := r.costs(p)
	if len(stages) > 1 {
		stages = append(stages, all)
	}
	for i := range stages {
		row := stages[i].row()
		if i < len(r.Stages) {
			row.From, row.To = r.Stages[i].course()
		}
		v.Costs = append(v.Costs, row)
	}
	list, times := all.prices(p)
	for _, x := range list {
		v.Prices = append(v.Prices, x.row("%.3g"))
	}
	v.Prices = append(v.Prices, times.row("%.1f ×"))
	v.Lead = r.lead(&all)
	return v
}

// lead says in a sentence what came of the run.
func (r *Run) lead(all *Cost) string {
	text := fmt.Sprintf("%d steps in %s.", all.Steps, duration(all.Seconds))
	for _, s := range r.Stages {
		if s.Draws() {
			a, b := s.Steps[0], s.Steps[len(s.Steps)-1]
			text += fmt.Sprintf(" %s: reward %.3f at the first step, %.3f at the last; tokens of an answer %.1f and %.1f.", s.Title(), a.Reward, b.Reward, a.Length, b.Length)
		}
	}
	return text
}

// course says how a stage began and ended.
func (s *Stage) course() (from, to string) {
	a, b := s.Steps[0], s.Steps[len(s.Steps)-1]
	if s.Draws() {
		return fmt.Sprintf("reward %.3f", a.Reward), fmt.Sprintf("%.3f", b.Reward)
	}
	return fmt.Sprintf("loss %.4f", a.Loss), fmt.Sprintf("%.4f", b.Loss)
}

func (e *Evaluation) row() evaluationRow {
	row := evaluationRow{When: e.title(), Split: word(e.Split), Problems: fmt.Sprint(e.Problems), Greedy: "–", Pass1: "–", PassK: "–", Majority: "–", Length: "–"}
	if e.Greedy != nil {
		row.Greedy = percent(task.Score{Value: *e.Greedy, StandardError: e.Stderr})
	}
	if s, ok := e.Pass["1"]; ok {
		row.Pass1 = percent(s)
	}
	if ks := counts(e); len(ks) > 1 {
		k := ks[len(ks)-1]
		row.PassK = fmt.Sprintf("%s (k = %d)", percent(e.Pass[fmt.Sprint(k)]), k)
		if s, ok := e.Majority[fmt.Sprint(k)]; ok {
			row.Majority = percent(s)
		}
	}
	if e.Length != nil {
		row.Length = fmt.Sprintf("%.1f", *e.Length)
	}
	return row
}

// percent writes a score with its standard error.
func percent(s task.Score) string {
	if s.StandardError == nil {
		return fmt.Sprintf("%.1f %%", 100*s.Value)
	}
	return fmt.Sprintf("%.1f ± %.1f %%", 100*s.Value, 100**s.StandardError)
}

func (c *Cost) row() costRow {
	row := costRow{
		Stage: word(c.Stage), Steps: fmt.Sprint(c.Steps), Drawn: count(c.Drawn), Trained: count(c.Trained), Time: duration(c.Seconds),
		Operations: "–", KWh: fmt.Sprintf("%.3g", c.KWh), USD: fmt.Sprintf("%.3g", c.USD),
	}
	if c.Operations > 0 {
		row.Operations = count(c.Operations)
	}
	return row
}

func (p *Price) row(form string) priceRow {
	in := fmt.Sprintf(form, p.In)
	if p.AtMost {
		in = "≤ " + in
	}
	return priceRow{p.Who, in, fmt.Sprintf(form, p.Out)}
}

// spelled writes words as they are looked for.
func spelled(words []string) string {
	var quoted []string
	for _, w := range words {
		if w == "\n" {
			w = "the end of a line of a search"
		}
		quoted = append(quoted, w)
	}
	if len(quoted) == 0 {
		return "none"
	}
	return strings.Join(quoted, " · ")
}

type rolloutView struct {
	Title  string
	Groups []groupView
}

type groupView struct {
	Problem string
	Answers []answerView
}

type answerView struct {
	Class string // right or wrong
	Style template.CSS
	Title string
	Text  template.HTML
}

type momentView struct {
	Where string
	answerView
}

// browser returns the answers to read, of about so many bytes of text.
func (r *Run) browser(words *grpo.Finder, budget int) (list []rolloutView) {
	answers := 0
	for _, x := range r.Samples {
		for _, g := range x.Groups {
			answers += len(g.Answers)
		}
	}
	if answers == 0 || budget == 0 {
		return nil
	}
	each := max(100, budget/answers)
	for _, x := range r.Samples {
		v := rolloutView{Title: strings.TrimSpace(fmt.Sprintf("%s step %d", word(x.Stage), x.Step))}
		for _, g := range x.Groups {
			group := groupView{Problem: plain(g.Problem)}
			for i := range g.Answers {
				group.Answers = append(group.Answers, g.Answers[i].view(words, each))
			}
			v.Groups = append(v.Groups, group)
		}
		list = append(list, v)
	}
	return list
}

// moments returns the answers that look back, of about so many bytes of text.
func (r *Run) moments(words *grpo.Finder, budget int) (list []momentView) {
	if len(r.Moments) == 0 || budget == 0 {
		return nil
	}
	for i := range r.Moments {
		m := &r.Moments[i]
		list = append(list, momentView{
			strings.TrimSpace(fmt.Sprintf("%s step %d: %s", word(m.Stage), m.Step, plain(start(m.Problem, 200)))), m.view(words, max(100, budget/len(r.Moments))),
		})
	}
	return list
}

// view returns an answer, at most so many bytes of it, coloured by its advantage: each of its
// tokens has the same.
func (a *Answer) view(words *grpo.Finder, most int) answerView {
	text := start(a.Text, most)
	cut := ""
	if a.Cut || len(text) < len(a.Text) {
		cut = " …"
	}
	v := answerView{Class: "wrong", Text: template.HTML(marked(words, text) + cut)} // escaped
	if a.Right {
		v.Class = "right"
	}
	v.Style = "background:#8882"
	if a.Advantage != 0 {
		hue := 130
		if a.Advantage < 0 {
			hue = 10
		}
		v.Style = template.CSS(fmt.Sprintf("background:hsl(%d 70%% 50%% / %.2f)", hue, 0.08+0.4*min(math.Abs(a.Advantage), 3)/3)) // numbers
	}
	v.Title = fmt.Sprintf("advantage %+.2f · reward %.3g · %s", a.Advantage, a.Reward, v.Class)
	if a.Tokens > 0 {
		v.Title += fmt.Sprintf(" · %d tokens", a.Tokens)
	}
	if a.Truncated {
		v.Title += " · cut at the limit"
	}
	if a.Checks+a.Retries > 0 {
		v.Title += fmt.Sprintf(" · self-checks %d, re-tries %d", a.Checks, a.Retries)
	}
	return v
}

// marked returns a text as HTML, with where it looks back marked. Words that are ends of lines are
// not: there is nothing of them to see.
func marked(words *grpo.Finder, text string) string {
	var b strings.Builder
	at := 0
	for _, p := range words.Find(text) {
		if text[p.From:p.To] == "\n" {
			continue
		}
		b.WriteString(html.EscapeString(plain(text[at:p.From])))
		class := "c"
		if p.Retry {
			class = "r"
		}
		fmt.Fprintf(&b, `<mark class="%s">%s</mark>`, class, html.EscapeString(plain(text[p.From:p.To])))
		at = p.To
	}
	b.WriteString(html.EscapeString(plain(text[at:])))
	return b.String()
}

// plain covers what a text could do to the page around it: control characters, and those that
// change the direction of writing.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return '�'
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("report").Parse(pageText))
