package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/train/grpo"
)

// Answer is one that was drawn, as it can be read.
type Answer struct {
	Text      string
	Cut       bool // there is more of it
	Reward    float64
	Advantage float64
	Right     bool
	Truncated bool
	Tokens    int
	Checks    int
	Retries   int
}

// Group is a problem with answers to it.
type Group struct {
	Problem string
	Answers []Answer
}

// differs says whether the answers are worth differently.
func (g *Group) differs() bool {
	for _, a := range g.Answers {
		if a.Advantage != 0 {
			return true
		}
	}
	return false
}

// Rollout are some groups of a step.
type Rollout struct {
	Stage  string
	Step   int
	Groups []Group
}

// Moment is an answer that looks back.
type Moment struct {
	Stage, Problem string
	Step           int
	Answer
}

// What of the samples is shown: steps of a stage, groups of a step, answers of a group, bytes of a
// text, and answers that look back.
const (
	shownSteps   = 7
	shownGroups  = 4
	shownAnswers = 8
	shownText    = 6000
	shownMoments = 6
	maxProblem   = 1000
)

// sampleLine is a line of samples.jsonl. That of train demo has numbers and a target in place of a
// problem.
type sampleLine struct {
	Stage      string   `json:"stage"`
	Step       int      `json:"step"`
	Problem    string   `json:"problem"`
	Numbers    []int64  `json:"numbers"`
	Target     *float64 `json:"target"`
	Completion string   `json:"completion"`
	Reward     float64  `json:"reward"`
	Advantage  float64  `json:"advantage"`
	Correct    *bool    `json:"correct"`
	Truncated  bool     `json:"truncated"`
	Tokens     int      `json:"tokens"`
}

// problem returns the problem of a line.
func (l *sampleLine) problem() string {
	if l.Problem != "" || len(l.Numbers) == 0 || l.Target == nil {
		return start(l.Problem, maxProblem)
	}
	b, _ := json.Marshal(l.Numbers) // whole numbers
	t, _ := json.Marshal(*l.Target)
	return start(strings.ReplaceAll(strings.Trim(string(b), "[]"), ",", " ")+" = "+string(t), maxProblem)
}

// start returns at most n bytes of a text, without the memory of all of it.
func start(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n])
}

// place is a step of a stage.
type place struct {
	stage string
	step  int
}

// samples reads a file of answers twice: which steps there are, then some answers of some. part names
// the stage of all of them; "": they say it.
func (r *Run) samples(path, part string, words *grpo.Finder) error {
	steps := map[string][]int{}
	var stages []string
	err := each(path, maxLine, func(line []byte) error {
		var l struct {
			Stage string `json:"stage"`
			Step  int    `json:"step"`
		}
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		l.Stage = cmp.Or(part, l.Stage)
		of, ok := steps[l.Stage]
		if !ok {
			if len(stages) == maxStages {
				return fmt.Errorf("more than %d stages", maxStages)
			}
			stages = append(stages, l.Stage)
		}
		if n := len(of); n == 0 || of[n-1] != l.Step && n < maxSteps {
			steps[l.Stage] = append(of, l.Step)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p := &picker{words: words, wanted: map[place]*Rollout{}}
	var order []place
	for _, stage := range stages {
		for _, step := range spread(steps[stage], shownSteps) {
			at := place{stage, step}
			if p.wanted[at] != nil {
				continue // its lines do not stand together
			}
			p.wanted[at] = &Rollout{Stage: stage, Step: step}
			order = append(order, at)
		}
	}
	err = each(path, maxLine, func(line []byte) error {
		var l sampleLine
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		l.Stage = cmp.Or(part, l.Stage)
		p.take(&l)
		return nil
	})
	p.flush()
	for _, at := range order {
		if x := p.wanted[at]; len(x.Groups) > 0 {
			r.Samples = append(r.Samples, *x)
		}
	}
	r.Moments = append(r.Moments, p.moments...)
	return err
}

// spread returns at most n of a list: the first, the last, and some between.
func spread(list []int, n int) (some []int) {
	if len(list) <= n {
		return list
	}
	for i := range n {
		some = append(some, list[i*(len(list)-1)/(n-1)])
	}
	return some
}

// picker chooses what is shown of answers that pass by.
type picker struct {
	words   *grpo.Finder
	wanted  map[place]*Rollout
	moments []Moment // those that look back most, the first of equals

	at    place
	group Group
}

// take takes an answer.
func (p *picker) take(l *sampleLine) {
	a := Answer{
		Text: start(l.Completion, shownText), Cut: len(l.Completion) > shownText, Reward: l.Reward, Advantage: l.Advantage, Right: l.Reward > 0,
		Truncated: l.Truncated, Tokens: l.Tokens,
	}
	if l.Correct != nil {
		a.Right = *l.Correct
	}
	a.Checks, a.Retries = p.words.Count(l.Completion)
	problem := l.problem()
	p.moment(l, problem, &a)
	if at := (place{l.Stage, l.Step}); at != p.at || problem != p.group.Problem {
		p.flush()
		p.at, p.group = at, Group{Problem: problem}
	}
	if p.wanted[p.at] == nil {
		return
	}
	if g := &p.group; len(g.Answers) < shownAnswers {
		g.Answers = append(g.Answers, a)
	} else if last := &g.Answers[shownAnswers-1]; !slices.ContainsFunc(g.Answers, func(b Answer) bool { return b.Advantage != last.Advantage }) {
		*last = a // so that there is a difference to see
	}
}

// moment keeps an answer that looks back more often than one that is kept, one of a step.
func (p *picker) moment(l *sampleLine, problem string, a *Answer) {
	count := func(a *Answer) int { return a.Checks + a.Retries }
	if count(a) == 0 {
		return
	}
	m := Moment{Stage: l.Stage, Step: l.Step, Problem: problem, Answer: *a}
	same := slices.IndexFunc(p.moments, func(o Moment) bool { return o.Stage == m.Stage && o.Step == m.Step })
	switch {
	case same >= 0 && count(&p.moments[same].Answer) >= count(a):
		return
	case same >= 0:
		p.moments[same] = m
	default:
		p.moments = append(p.moments, m)
	}
	slices.SortStableFunc(p.moments, func(x, y Moment) int { return count(&y.Answer) - count(&x.Answer) })
	p.moments = p.moments[:min(len(p.moments), shownMoments)]
}

// flush keeps the group that is at its end: rather one whose answers are worth differently.
func (p *picker) flush() {
	x := p.wanted[p.at]
	g := p.group
	p.group = Group{}
	if x == nil || len(g.Answers) == 0 {
		return
	}
	if len(x.Groups) < shownGroups {
		x.Groups = append(x.Groups, g)
		return
	}
	if dull := slices.IndexFunc(x.Groups, func(o Group) bool { return !o.differs() }); dull >= 0 && g.differs() {
		x.Groups[dull] = g
	}
}
