package course

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Model is what a run trains, and where it keeps its states.
type Model interface {
	// Step changes the weights by the gradients of batches, which are one step together,
	// whatever they are cut into. Where the loss or the norm is no number it changes nothing,
	// and its error wraps ErrDiverged.
	Step(ctx context.Context, batches []*dataset.Batch) (Taken, error)
	// Measure returns the loss of batches, all together, as a step finds it before it changes
	// anything; there is something to learn in them.
	Measure(ctx context.Context, batches []*dataset.Batch) (Measured, error)
	// Answer goes on from ids, most tokens at most, taking the likeliest each time.
	Answer(ctx context.Context, ids []int32, most int) ([]int32, error)
	// Save writes everything that the next steps depend on, so that it is there whole or the
	// state before is. Restore reads the last state, to the same bits, and returns how many
	// steps were taken before it; 0: there is none.
	Save() error
	Restore() (steps int, err error)
	// Write writes the model into a folder that can be opened as such.
	Write(folder string) error
	// Forget removes the states of a run that is at its end.
	Forget() error
}

// Measured is what batches give.
type Measured struct {
	Loss    float64
	Rewards *Rewards // of preferences; nil: there are none
}

// Taken is what a step found.
type Taken struct {
	Measured         // before the step
	GradNorm float64 // of all gradients together, before they are clipped
	Rate     float64 // the learning rate
}

// Report is what a run says while it goes on; one of its fields is set.
type Report struct {
	Metric *Metric
	Left   time.Duration // with Metric: until the end, about
	Sample *Sample
	Note   string
}

// Course is a run of training.
type Course struct {
	Settings *Settings
	Folder   string
	Model    Model
	Plan     *Plan
	Decode   func(ids []int32) string
	Watch    func(*Report)
	Now      func() time.Time

	step     int // that are done
	saved    int // the step of the state on the disk; 0: none
	savedAt  time.Time
	halfway  bool // what the last step did is not written down whole
	smoother Smoother
	metrics  *journal
	samples  *journal
	events   *Events
	file     *os.File // of events
	prompts  []prompt
	pace     []float64 // seconds of the last steps
}

// saveAfter is how long a run goes on without a state, where its settings name no steps.
const saveAfter = time.Minute

// The names of a run's files.
const (
	SettingsName = "run.toml"
	TokensName   = "examples.tokens"
	metricsName  = "metrics.jsonl"
	samplesName  = "samples.jsonl"
	reportName   = "report.html"
	doneName     = "done"
	eventsName   = "events.out.tfevents.0000000000.blitz"
)

// Done says whether the run of a folder came to its end.
func Done(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, doneName))
	return err == nil
}

// Go trains until the end, from the last state of the folder on if there is one. Where it
// is stopped, an error names the state from which the same run goes on.
func (r *Course) Go(ctx context.Context) error {
	err := r.begin()
	if err == nil {
		err = r.all(ctx)
	}
	for _, j := range []*journal{r.metrics, r.samples} {
		if j != nil {
			err = errors.Join(err, j.close())
		}
	}
	if r.file != nil {
		err = errors.Join(err, r.file.Close())
	}
	return err
}

// begin finds where the run stands, and opens what it writes.
func (r *Course) begin() (err error) {
	if err := os.MkdirAll(r.Folder, 0o777); err != nil {
		return err
	}
	if r.saved, err = r.Model.Restore(); err != nil {
		return err
	}
	if r.step = r.saved; r.saved > 0 {
		r.note("goes on behind step %d", r.step)
	}
	r.savedAt = r.Now()
	r.prompts = r.choosePrompts()
	return r.openFiles()
}

func (r *Course) note(format string, args ...any) {
	r.Watch(&Report{Note: fmt.Sprintf(format, args...)})
}

// openFiles opens the journals, up to where the run stands, and writes the events anew.
func (r *Course) openFiles() (err error) {
	path := func(name string) string { return filepath.Join(r.Folder, name) }
	if r.file, err = os.Create(path(eventsName)); err != nil {
		return err
	}
	at := seconds(r.Now())
	if r.events, err = NewEvents(r.file, at); err != nil {
		return err
	}
	if r.metrics, err = openJournal(path(metricsName), func(line []byte) (bool, error) {
		var m Metric
		if err := unmarshal(line, &m); err != nil || m.Step > r.step {
			return false, err
		}
		r.smoother.Add(m.Loss)
		return true, r.events.Metric(at, &m)
	}); err != nil {
		return err
	}
	number := 0
	r.samples, err = openJournal(path(samplesName), func(line []byte) (bool, error) {
		var s Sample
		if err := unmarshal(line, &s); err != nil || s.Step > r.step || r.saved == 0 {
			return false, err
		}
		number++
		return true, r.events.Sample(at, number%max(1, len(r.prompts)), &s)
	})
	return err
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// all takes the steps that are left, and ends the run.
func (r *Course) all(ctx context.Context) error {
	if r.saved == 0 {
		if err := r.answers(ctx); err != nil {
			return err
		}
	}
	for r.step < r.Plan.Steps {
		err := r.one(ctx)
		if err == nil && r.saveIsDue() {
			err = r.save()
		}
		if err != nil {
			return r.stopped(err)
		}
	}
	if r.saved != r.step {
		if err := r.save(); err != nil {
			return r.stopped(err)
		}
	}
	return r.finish()
}

// stopped says from where a run goes on. One that was interrupted between steps keeps what
// it has.
func (r *Course) stopped(err error) error {
	if errors.Is(err, context.Canceled) && !r.halfway && r.step > r.saved {
		if failed := r.save(); failed != nil {
			err = errors.Join(err, failed)
		}
	}
	if r.saved == 0 {
		return fmt.Errorf("%w; there is no state yet, the same run begins anew", err)
	}
	return fmt.Errorf("%w; the last good state is that behind step %d: the same command goes on from there", err, r.saved)
}

func (r *Course) saveIsDue() bool {
	if n := r.Settings.SaveEvery; n > 0 {
		return r.step%n == 0
	}
	return r.Now().Sub(r.savedAt) >= saveAfter
}

// every says whether something is due behind a step, that is done every n steps, and if n
// is 0 so many times in all; always at the end.
func (r *Course) every(n, times int) bool {
	if r.step == r.Plan.Steps {
		return true
	}
	if n == 0 {
		if times == 0 {
			return false
		}
		n = max(1, r.Plan.Steps/times)
	}
	return r.step%n == 0
}

// validations is how often the validation loss is measured, where settings do not say.
const validations = 10

// one takes a step, and writes down what it did.
func (r *Course) one(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := r.Now()
	batches := r.Plan.Batches(r.step)
	taken, err := r.Model.Step(ctx, batches)
	if err != nil {
		return fmt.Errorf("step %d: %w", r.step+1, err)
	}
	epoch, share := r.Plan.Epoch(r.step)
	r.step++
	m := &Metric{
		Step: r.step, Epoch: float64(epoch) + share, Loss: taken.Loss, Smoothed: r.smoother.Add(taken.Loss), Rate: taken.Rate, GradNorm: taken.GradNorm,
		Seconds: r.Now().Sub(began).Seconds(), Rewards: taken.Rewards,
	}
	for _, b := range batches {
		m.Tokens += b.Tokens()
		m.Learned += int(b.Targets())
	}
	if m.Seconds > 0 {
		m.TokensPerSecond = float64(m.Tokens) / m.Seconds
	}
	if r.every(r.Settings.ValidateEvery, validations) {
		x, ok, err := r.Validate(ctx)
		if err != nil {
			return r.unwritten(err)
		}
		if ok {
			m.Validation, m.ValidationRewards = &x.Loss, x.Rewards
		}
	}
	if err := r.metrics.write(m); err != nil {
		return r.unwritten(err)
	}
	if err := r.events.Metric(seconds(r.Now()), m); err != nil {
		return r.unwritten(err)
	}
	r.Watch(&Report{Metric: m, Left: r.left(m.Seconds)})
	if r.every(r.Settings.SampleEvery, 0) {
		return r.unwritten(r.answers(ctx))
	}
	return nil
}

// unwritten notes that the journals do not have all of a step: no state may be behind it.
func (r *Course) unwritten(err error) error {
	r.halfway = err != nil
	return err
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// paceSteps is how many steps the time that is left is told from.
const paceSteps = 20

// left returns how long the rest takes, if it goes on as the last steps did.
func (r *Course) left(seconds float64) time.Duration {
	if r.pace = append(r.pace, seconds); len(r.pace) > paceSteps {
		r.pace = r.pace[1:]
	}
	sum := 0.0
	for _, s := range r.pace {
		sum += s
	}
	return time.Duration(sum / float64(len(r.pace)) * float64(r.Plan.Steps-r.step) * float64(time.Second))
}

// Validate returns the loss of validation samples; false: there are none.
func (r *Course) Validate(ctx context.Context) (x Measured, ok bool, err error) {
	batches := r.Plan.Validation()
	if !slices.ContainsFunc(batches, func(b *dataset.Batch) bool { return b.Targets() > 0 }) {
		return x, false, nil
	}
	if x, err = r.Model.Measure(ctx, batches); err != nil {
		return x, false, err
	}
	if !finite(x.Loss) {
		return x, false, fmt.Errorf("step %d: validation loss %g: %w", r.step, x.Loss, ErrDiverged)
	}
	return x, true, nil
}

// save brings everything to the disk.
func (r *Course) save() error {
	if err := errors.Join(r.metrics.sync(), r.samples.sync()); err != nil {
		return err
	}
	if err := r.Model.Save(); err != nil {
		return fmt.Errorf("state of step %d: %w", r.step, err)
	}
	r.saved, r.savedAt = r.step, r.Now()
	return nil
}

// finish writes the model and the report, and then that they are there.
func (r *Course) finish() error {
	if err := r.Model.Write(r.Folder); err != nil {
		return r.stopped(err)
	}
	if err := r.report(); err != nil {
		return r.stopped(err)
	}
	if err := newfile.Write(filepath.Join(r.Folder, doneName), []byte(fmt.Sprintf("%d steps\n", r.step))); err != nil {
		return r.stopped(err)
	}
	return r.Model.Forget()
}
