package report

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"github.com/blitz-r1/blitz/internal/train/course"
)

// curve returns a curve of what each step has.
func (s *Stage) curve(name string, of func(*Step) float64) *course.Series {
	c := &course.Series{Name: name}
	for i := range s.Steps {
		c.Add(float64(s.Steps[i].Metric.Step), of(&s.Steps[i]))
	}
	return c
}

// plots draws how a stage went.
func (s *Stage) plots() (list []template.HTML) {
	if !s.Draws() {
		return []template.HTML{
			course.Plot("Loss", s.curve("each step", func(x *Step) float64 { return x.Loss })),
			course.Plot("Norm of the gradients", s.curve("norm", func(x *Step) float64 { return x.GradNorm })),
		}
	}
	list = append(list,
		course.Plot("Reward", s.curve("mean − spread", func(x *Step) float64 { return x.Reward - x.RewardStd }), s.curve("mean", func(x *Step) float64 { return x.Reward }),
			s.curve("mean + spread", func(x *Step) float64 { return x.Reward + x.RewardStd })),
		course.Plot("Right answers", s.curve("of all", func(x *Step) float64 { return x.Correct }), s.curve("problems with one", func(x *Step) float64 { return x.Solved }),
			s.curve("shorter half", func(x *Step) float64 { return x.CorrectShort }), s.curve("longer half", func(x *Step) float64 { return x.CorrectLong })))
	list = append(list, s.rewards()...)
	list = append(list,
		course.Plot("Tokens of an answer", s.curve("mean", func(x *Step) float64 { return x.Length }), s.curve("wrong ones", func(x *Step) float64 { return x.LengthWrong }),
			s.curve("99 % have at most", func(x *Step) float64 { return float64(x.LengthP99) })),
		course.Plot("Share of answers cut at the limit", s.curve("cut", func(x *Step) float64 { return x.Truncated })),
		course.Plot("Groups without a difference, of which nothing is learned", s.curve("share", func(x *Step) float64 { return float64(x.DeadGroups) / float64(max(1, x.Groups)) })),
		course.Plot("Entropy, nats a token", s.curve("entropy", func(x *Step) float64 { return x.Entropy })),
		course.Plot("Distance from the reference (KL)", s.curve("KL", func(x *Step) float64 { return x.KL })),
		course.Plot("Share of tokens where the clip decides", s.curve("clipped", func(x *Step) float64 { return x.ClipFraction })),
		course.Plot("Norm of the gradients", s.curve("norm", func(x *Step) float64 { return x.GradNorm })),
		course.Plot("Rollout and trainer: the greatest difference of a log-probability", s.curve("difference", func(x *Step) float64 { return x.LogPDiff })),
		course.Plot("Seconds of a step", s.curve("drawing", func(x *Step) float64 { return x.RolloutTime }), s.curve("learning", func(x *Step) float64 { return x.TrainTime })),
	)
	if s.Steps[len(s.Steps)-1].ExpertLoad > 0 {
		list = append(list, course.Plot("Tokens of the busiest expert, of the mean", s.curve("load", func(x *Step) float64 { return x.ExpertLoad })))
	}
	return list
}

// looking draws how often answers look back.
func (s *Stage) looking() template.HTML {
	if !s.Draws() {
		return ""
	}
	curves := []*course.Series{s.curve("self-checks", func(x *Step) float64 { return x.Checks }), s.curve("re-tries", func(x *Step) float64 { return x.Retries })}
	return course.Plot("Self-checks and re-tries, an answer: "+s.Title(), curves...)
}

// shownRewards is how many functions have a plot of their own.
const shownRewards = 12

// rewards draws each function's mean and spread.
func (s *Stage) rewards() (list []template.HTML) {
	var names []string
	for i := range s.Steps {
		for _, x := range s.Steps[i].Rewards {
			if !slices.Contains(names, x.Name) && len(names) < shownRewards {
				names = append(names, x.Name)
			}
		}
	}
	for _, name := range names {
		low, mean, high := &course.Series{Name: "mean − spread"}, &course.Series{Name: "mean"}, &course.Series{Name: "mean + spread"}
		for i := range s.Steps {
			for _, x := range s.Steps[i].Rewards {
				if x.Name == name {
					at := float64(s.Steps[i].Metric.Step)
					low.Add(at, x.Mean-x.Std)
					mean.Add(at, x.Mean)
					high.Add(at, x.Mean+x.Std)
				}
			}
		}
		list = append(list, course.Plot("Reward: "+name, low, mean, high))
	}
	return list
}

// passes draws pass@k of measurements, the first and the last of each split.
func (r *Run) passes() (list []template.HTML) {
	for _, split := range r.splits() {
		var curves []*course.Series
		for _, e := range ends(r.evaluations(split)) {
			c := &course.Series{Name: e.title()}
			for _, k := range counts(e) {
				c.Add(float64(k), e.Pass[strconv.Itoa(k)].Value)
			}
			if len(c.X) > 1 {
				curves = append(curves, c)
			}
		}
		if len(curves) > 0 && len(curves) <= course.MaxCurves {
			list = append(list, course.Plot(fmt.Sprintf("pass@k over k: %s", word(split)), curves...))
		}
	}
	return list
}

// title names a measurement.
func (e *Evaluation) title() string {
	if e.Stage != "" {
		return fmt.Sprintf("%s %d", word(e.Stage), e.Step)
	}
	return fmt.Sprintf("behind %d", e.Step)
}

// counts returns the k of a measurement's pass@k.
func counts(e *Evaluation) (ks []int) {
	for name := range e.Pass {
		if k, err := strconv.Atoi(name); err == nil && k > 0 {
			ks = append(ks, k)
		}
	}
	slices.Sort(ks)
	return ks
}

// splits returns the splits that were measured.
func (r *Run) splits() (names []string) {
	for i := range r.Evaluations {
		if s := r.Evaluations[i].Split; !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return names
}

// evaluations returns the measurements of a split.
func (r *Run) evaluations(split string) (list []*Evaluation) {
	for i := range r.Evaluations {
		if e := &r.Evaluations[i]; e.Split == split {
			list = append(list, e)
		}
	}
	return list
}

// ends returns the first of a list, and the last of each stage.
func ends(list []*Evaluation) (some []*Evaluation) {
	for i, e := range list {
		if i == 0 || i == len(list)-1 || list[i+1].Stage != e.Stage {
			some = append(some, e)
		}
	}
	return some
}
