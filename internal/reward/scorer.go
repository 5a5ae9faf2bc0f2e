package reward

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/sandbox"
)

// A Score is what a reward says of a sample.
type Score struct {
	Value   float64
	Skipped bool   // nothing: it counts as if it had not been asked
	Note    string // why, in words of the reward; may be ""
}

// Func is a reward as a Go function. Any goroutine calls it. An error is a fault: the sample
// is skipped by it.
type Func func(ctx context.Context, s *Sample) (Score, error)

// Options are what a Scorer needs beside the rewards.
type Options struct {
	Confine []string        // the command that calls sandbox.Main: this program, and its verb
	Script  []string        // the command that calls ScriptMain
	Funcs   map[string]Func // of kind function, by name
	Workers int             // samples that are scored at once; 0: 1
}

// Outcome is what all rewards say of a sample.
type Outcome struct {
	Total *float64 // the weighted sum of what was said; nil: nothing was
	Parts []Score  // in the order of the rewards, without their weights
}

// function is a reward that is ready.
type function struct {
	name   string
	weight float64
	score  Func
	close  func()

	mu     sync.Mutex
	faults int // that followed each other
	all    int
}

// maxFaults is how many samples a reward may fail at, one behind the other, before it is
// believed to be of no use.
const maxFaults = 32

// Scorer has the rewards of a run. Any goroutine may use it.
type Scorer struct {
	functions []*function
	workers   int
}

// New makes the rewards ready. What they need and the system lacks is refused: a program that
// is not there, a sandbox that cannot be. It is to be closed.
func New(ctx context.Context, rewards []Reward, o Options) (*Scorer, error) {
	if err := Check(rewards); err != nil {
		return nil, err
	}
	s := &Scorer{workers: max(1, o.Workers)}
	for i := range rewards {
		r := &rewards[i]
		f := &function{name: r.label(), weight: r.weight(), close: func() {}}
		if err := f.make(ctx, r, &o, s.workers); err != nil {
			s.Close()
			return nil, fmt.Errorf("reward %s: %w", message.Clean(f.name), err)
		}
		s.functions = append(s.functions, f)
	}
	return s, nil
}

// make makes the function that a reward describes.
func (f *function) make(ctx context.Context, r *Reward, o *Options, workers int) (err error) {
	part := r.Part
	if part == "" {
		part = usualParts[r.Kind]
	}
	switch r.Kind {
	case Countdown, Arithmetic:
		f.score = verdict(r.Kind)
	case Exact, Numeric, Choice, Regex:
		f.score, err = compared(r, part)
	case Schema:
		f.score, err = schema(r, part)
	case Format:
		f.score = format(r.Plain)
	case Language:
		f.score = language(r.Language, part)
	case Length:
		f.score = overlong(r)
	case Repetition:
		f.score = repetition(r, part)
	case Command:
		f.score, err = command(r, part, o)
	case Program, Starlark:
		var p *pool
		if p, err = newPool(ctx, r, o, workers); err == nil {
			f.score, f.close = p.score, p.close
		}
	case Function:
		if f.score = o.Funcs[r.Name]; f.score == nil {
			err = fmt.Errorf("there is no Go function of that name: %w", ErrConfig)
		}
	}
	return err
}

// Names are those of the rewards.
func (s *Scorer) Names() (names []string) {
	for _, f := range s.functions {
		names = append(names, f.name)
	}
	return names
}

// Faults is how many samples each reward failed at so far.
func (s *Scorer) Faults() (list []int) {
	for _, f := range s.functions {
		f.mu.Lock()
		list = append(list, f.all)
		f.mu.Unlock()
	}
	return list
}

// Close ends the programs.
func (s *Scorer) Close() {
	for _, f := range s.functions {
		f.close()
	}
}

// Score says what samples are worth: of each in its place, whatever the order in which they
// were looked at. An error is one of all: it was cancelled, or a reward fails at everything.
func (s *Scorer) Score(ctx context.Context, samples []Sample) ([]Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outcomes := make([]Outcome, len(samples))
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(s.workers, len(samples)) {
		wait.Go(func() {
			for i := range next {
				if err := s.one(ctx, &samples[i], &outcomes[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range samples {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wait.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return outcomes, nil
}

// one scores a sample.
func (s *Scorer) one(ctx context.Context, sample *Sample, out *Outcome) error {
	out.Parts = make([]Score, len(s.functions))
	total, said := 0.0, false
	for i, f := range s.functions {
		score, err := f.ask(ctx, sample)
		if err != nil {
			return err
		}
		out.Parts[i] = score
		if !score.Skipped {
			total, said = total+float64(f.weight*score.Value), true
		}
	}
	if said && !math.IsInf(total, 0) {
		out.Total = &total
	}
	return nil
}

// ask asks one reward. A fault skips the sample; too many of them are an error.
func (f *function) ask(ctx context.Context, s *Sample) (Score, error) {
	score, err := f.score(ctx, s)
	if ctx.Err() != nil {
		return Score{}, context.Cause(ctx)
	}
	if err == nil && (math.IsNaN(score.Value) || math.IsInf(score.Value, 0)) {
		err = fmt.Errorf("it said %v, want a number", score.Value)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.faults = 0
		return score, nil
	}
	f.faults++
	f.all++
	if f.faults >= maxFaults {
		return Score{}, fmt.Errorf("reward %s: it failed at %d samples one behind the other, the last time: %w", message.Clean(f.name), f.faults, err)
	}
	return Score{Skipped: true, Note: message.Line(err.Error(), 300)}, nil
}

// Check of the system is done when a reward that needs it is made.
func confined(o *Options) error {
	if err := sandbox.Check(); err != nil {
		return err
	}
	if len(o.Confine) == 0 {
		return fmt.Errorf("this program cannot be run again: %w", sandbox.ErrMissing)
	}
	return nil
}
