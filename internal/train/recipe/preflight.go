package recipe

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// Preflight is what a run takes on this machine, measured on random weights and computed from
// that. How long answers are nobody knows before: it is assumed.
type Preflight struct {
	Teacher, Student Pace
	Stages           []StageTime
	Total            time.Duration
	Length           int // tokens of an answer, assumed
}

// Pace is how fast a model is, and what it needs.
type Pace struct {
	Parameters, Active int
	Read               float64 // tokens/s that are learned of examples, with the module of multi-token prediction
	Learned            float64 // tokens/s that are learned of its own answers
	Drawn              float64 // tokens/s that are drawn
	Memory             int64   // bytes of a step beside the weights
}

// StageTime is what a stage takes, about.
type StageTime struct {
	Stage, Title string
	Time         time.Duration
}

// assumedLength is the share of the longest answer that answers are assumed to have.
const assumedLength = 3

// Preflight measures small steps in a folder of its own, which is removed.
func (r *Run) Preflight(ctx context.Context) (p *Preflight, err error) {
	if err := r.Settings.Check(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "blitz-recipe-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	probe := *r
	probe.Folder = folder
	if err := probe.write(); err != nil {
		return nil, err
	}
	p = &Preflight{Length: max(1, r.Settings.AllTasks.MaxTokens/assumedLength)}
	if p.Teacher, err = probe.pace(ctx, teacherName); err != nil {
		return nil, err
	}
	if p.Student, err = probe.pace(ctx, studentName); err != nil {
		return nil, err
	}
	p.plan(r)
	return p, nil
}

// pace measures the model of a shape.
func (r *Run) pace(ctx context.Context, shape string) (p Pace, err error) {
	for _, module := range []bool{true, false} {
		m, err := r.open(ctx, filepath.Join(r.Folder, shape), module)
		if err != nil {
			return p, err
		}
		err = r.paceOf(ctx, m, module, &p)
		m.close()
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// paceOf measures a model, the second time without its module.
func (r *Run) paceOf(ctx context.Context, m *opened, module bool, p *Pace) (err error) {
	trained.RandomizeByWidth(m.Weights(), m.Config.NumHiddenLayers, r.Settings.Seed)
	if err := m.train(r); err != nil {
		return err
	}
	b, err := r.probe()
	if err != nil {
		return err
	}
	memory, err := m.trainer.Memory(ctx, b) // which measures steps that are smaller than any before
	if err != nil {
		return err
	}
	p.Memory = max(p.Memory, memory)
	rate, err := r.learnRate(ctx, m, b)
	if err != nil || module {
		p.Parameters, p.Read = m.size.All, rate
		return err
	}
	p.Active, p.Learned = m.size.Active, rate
	if err := m.answer(r, r.Settings.Zero.Problems*r.Settings.Zero.Answers); err != nil {
		return err
	}
	p.Drawn, err = r.drawRate(ctx, m)
	return err
}

// probe returns a batch of the corpus.
func (r *Run) probe() (*train.Batch, error) {
	b := &train.Batch{Rows: 1}
	err := r.Settings.Corpus.read(&r.Settings.Problems, 0, min(r.Settings.Base.Tokens, atOnce), func(x *Example) error {
		ids, err := vocabulary.Encode(nil, x.Prompt+x.Completion)
		segment := int32(1)
		if n := len(b.Segments); n > 0 {
			segment += b.Segments[n-1]
		}
		for _, id := range ids {
			b.IDs, b.Segments, b.Weights = append(b.IDs, id), append(b.Segments, segment), append(b.Weights, 1)
		}
		b.Cols = len(b.IDs)
		return err
	})
	return b, err
}

// learnRate returns how many tokens are learned a second: of the second step, as memory is there
// then.
func (r *Run) learnRate(ctx context.Context, m *opened, b *train.Batch) (rate float64, err error) {
	s := r.Settings.Base.settings(2)
	for range 2 {
		began := r.Now()
		if _, err := m.trainer.Step(ctx, s, b); err != nil {
			return 0, err
		}
		rate = float64(len(b.IDs)) / max(1e-9, r.Now().Sub(began).Seconds())
	}
	return rate, nil
}

// drawRate returns how many tokens are drawn a second by a model that does not come to an end.
func (r *Run) drawRate(ctx context.Context, m *opened) (float64, error) {
	x := &r.Settings.Zero
	source := newSource(&r.Settings.Problems, "probe", 0, 0)
	var list []task.Problem
	for range x.Problems {
		list = append(list, source.problem(practice, 0))
	}
	d := &grpo.Drawing{Answers: x.Answers, MaxTokens: min(probeLength, x.MaxTokens), Temperature: 1, Judge: task.Judge, Decode: vocabulary.Decode}
	began := r.Now()
	round, err := r.draw(ctx, m, "probe", list, 0, d)
	if err != nil {
		return 0, err
	}
	return float64(round.Figures().Tokens) / max(1e-9, r.Now().Sub(began).Seconds()), nil
}

// probeLength is how many tokens are drawn of an answer that is only measured.
const probeLength = 32

// plan computes what stages take.
func (p *Preflight) plan(r *Run) {
	x, l := r.Settings, float64(p.Length)
	seconds := func(tokens, rate float64) float64 { return tokens / max(1e-9, rate) }
	rl := func(s *Reinforced, w *Pace) float64 {
		drawn := float64(s.Steps*s.Problems*s.Answers) * l
		return seconds(drawn*(1+refilled*float64(min(1, s.Refill))), w.Drawn) + seconds(drawn, w.Learned)
	}
	// A third of what is drawn is right and can be read, as a guess.
	tuned := func(s *Tuned, of, w *Pace) (time, trained float64) {
		trained = float64(s.Training.Epochs*s.Problems*s.PerProblem) * l / 3
		return seconds(float64(s.Problems*s.Answers)*l, of.Drawn) + seconds(trained, w.Read), trained
	}
	t, d := &p.Teacher, &p.Student
	cold, coldTokens := tuned(&x.ColdStart, t, t)
	rejection, rejectionTokens := tuned(&x.Rejection, t, t)
	distilled, distilledTokens := tuned(&x.Distillation, t, d)
	steps := float64(x.Zero.Steps*x.Zero.Problems*x.Zero.Answers + x.Reasoning.Steps*x.Reasoning.Problems*x.Reasoning.Answers + x.AllTasks.Steps*x.AllTasks.Problems*x.AllTasks.Answers)
	passes := 4*l*steps + 3*(coldTokens+rejectionTokens) + l*float64(x.ColdStart.Problems*x.ColdStart.Answers+x.Rejection.Problems*x.Rejection.Answers)
	ratio := float64(t.Active) / float64(max(1, d.Active))
	control := (3*distilledTokens + ratio*l*float64(x.Distillation.Problems*x.Distillation.Answers)) / 4 // a token that is drawn and learned is four passes
	times := []float64{
		seconds(float64(x.Base.Steps*x.Base.Tokens), t.Read), rl(&x.Zero, t), cold, rl(&x.Reasoning, t), rejection, rl(&x.AllTasks, t),
		seconds(float64(x.StudentBase.Steps*x.StudentBase.Tokens), d.Read), distilled, seconds(float64(x.Settled.Steps*x.Distillation.Training.Tokens), d.Read),
		seconds(control, d.Drawn) + seconds(control, d.Learned),
		seconds(passes/3, t.Read),
	}
	for i, s := range r.stages() {
		w := t
		if s.dense {
			w = d
		}
		e := &x.Evaluation
		measured := seconds(float64(3*e.Problems+e.Sampled*e.Answers)*l, w.Drawn)
		y := StageTime{s.name, s.title, time.Duration((times[i] + measured) * float64(time.Second))}
		p.Stages, p.Total = append(p.Stages, y), p.Total+y.Time
	}
}

// refilled is how much more is drawn where groups without a difference are drawn again, assumed.
const refilled = 0.5
