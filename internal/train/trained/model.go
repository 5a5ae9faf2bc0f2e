package trained

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// Model is a model some of whose weights are trained: all of them, or those of an adapter.
type Model struct {
	Trainer  *train.Trainer
	Settings *train.Settings
	Ends     []int32 // the tokens that end an answer
	States   string  // folder of its states

	// Output writes what was trained into a folder. Changed is called when weights were
	// changed; nil: nothing depends on them.
	Output  func(folder string) error
	Changed func()

	states *train.Folder
}

var _ course.Model = (*Model)(nil)

// Open opens the folder of states. identity names the run to which they have to belong, with
// the weights that the model has.
func (m *Model) Open(identity ...[]byte) (err error) {
	m.states, err = train.OpenFolder(m.States, m.Trainer.Identity(identity...))
	return err
}

// Folder returns the folder of states, which is open.
func (m *Model) Folder() *train.Folder { return m.states }

// Close gives the folder of states to others.
func (m *Model) Close() {
	if m.states != nil {
		m.states.Close()
		m.states = nil
	}
}

// Step implements course.Model.
func (m *Model) Step(ctx context.Context, batches []*dataset.Batch) (course.Taken, error) {
	list := make([]*train.Batch, len(batches))
	for i, b := range batches {
		list[i] = batchOf(b)
	}
	return m.step(ctx, list)
}

// step changes the weights by the gradients of batches.
func (m *Model) step(ctx context.Context, list []*train.Batch) (course.Taken, error) {
	s, err := m.Trainer.Step(ctx, m.Settings, list...)
	if errors.Is(err, train.ErrDiverged) {
		err = fmt.Errorf("%w: %w", err, course.ErrDiverged)
	}
	if err != nil {
		return course.Taken{}, err
	}
	m.changed()
	return course.Taken{Measured: course.Measured{Loss: s.Loss}, GradNorm: s.GradNorm, Rate: s.LR}, nil
}

// Room returns the bytes that the first step of a run takes beside the weights; others have
// no more rows at once. An error that wraps train.ErrNoRoom says that they are more than
// limit; 0: any are there.
func (m *Model) Room(ctx context.Context, p *course.Plan, limit int64) (int64, error) {
	b := batchOf(p.Batches(0)[0])
	n, err := m.Trainer.Memory(ctx, b)
	if err != nil {
		return 0, err
	}
	return n, m.Trainer.CheckRoom(ctx, b, limit)
}

// Save implements course.Model.
func (m *Model) Save() error { return m.states.Save(m.Trainer, nil) }

// Restore implements course.Model.
func (m *Model) Restore() (steps int, err error) {
	err = m.states.Restore(m.Trainer)
	m.changed()
	return m.states.Step(), err
}

func (m *Model) changed() {
	if m.Changed != nil {
		m.Changed()
	}
}

// Forget implements course.Model.
func (m *Model) Forget() error {
	m.Close()
	return os.RemoveAll(m.States)
}

// batchOf returns a batch as a trainer takes it.
func batchOf(b *dataset.Batch) *train.Batch {
	return &train.Batch{Rows: b.B, Cols: b.T, IDs: b.IDs, Segments: b.Segments, Weights: b.Weights}
}

// Measure implements course.Model: the mean of -log p over what is predicted.
func (m *Model) Measure(ctx context.Context, batches []*dataset.Batch) (x course.Measured, err error) {
	sum, weight := 0.0, 0.0
	for _, b := range batches {
		if b.Targets() == 0 {
			continue
		}
		loss, err := m.Trainer.Loss(ctx, batchOf(b))
		if err != nil {
			return x, err
		}
		sum += loss
		weight += b.Targets()
	}
	x.Loss = sum / weight
	return x, nil
}

// Answer implements course.Model.
func (m *Model) Answer(ctx context.Context, ids []int32, most int) ([]int32, error) {
	return m.Trainer.Continue(ctx, ids, most, m.Ends)
}

// Write implements course.Model.
func (m *Model) Write(folder string) error { return m.Output(folder) }
