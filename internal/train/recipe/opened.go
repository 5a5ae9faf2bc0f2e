package recipe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/internal/train/letters"
)

// opened is a model whose weights may be changed.
type opened struct {
	*model.Model
	files   *checkpoint.Checkpoint
	trainer *train.Trainer // nil: there is none
	engine  *engine.Engine // nil: there is none
	size    size
}

// open opens the model of a folder; one without weights is zeros. module opens that of
// multi-token prediction, too, where there is one.
func (r *Run) open(ctx context.Context, folder string, module bool) (*opened, error) {
	files, err := checkpoint.Open(folder)
	if err != nil {
		return nil, err
	}
	blank := errors.Is(files.CheckWeights(), fs.ErrNotExist)
	o := model.Options{Masters: true, SharedEnds: true, Blank: blank, MTP: module, MemoryLimit: r.MemoryLimit, Interrupted: ctx.Err}
	m, err := model.Open(files, o)
	if errors.Is(err, model.ErrNoMTP) {
		o.MTP = false
		m, err = model.Open(files, o)
	}
	if err != nil {
		return nil, errors.Join(err, files.Close())
	}
	t := &r.Settings.Teacher
	return &opened{Model: m, files: files, size: sizeOf(m.Weights(), t.Chosen, t.Experts)}, nil
}

func (o *opened) close() {
	if o.engine != nil {
		o.engine.Close()
	}
	if o.trainer != nil {
		o.trainer.Close()
	}
	o.Close()
	_ = o.files.Close() // it was only read
}

// train gets a trainer ready.
func (o *opened) train(r *Run) (err error) {
	o.trainer, err = train.New(o.Model, o.Weights(), train.Options{Threads: r.Threads})
	return err
}

// atOnce is how many tokens are computed together.
const atOnce = 4096

// answer gets an engine ready for so many answers at once.
func (o *opened) answer(r *Run, answers int) (err error) {
	o.engine, err = engine.New(o.Model, engine.Options{Threads: r.Threads, Sequences: min(answers, maxAnswers), Context: r.Settings.Context, Chunk: atOnce})
	return err
}

// maxAnswers is how many answers are drawn at once.
const maxAnswers = 1024

// policy returns engine and trainer as one that answers, and learns where there is a trainer.
func (o *opened) policy() *grpo.Policy {
	return &grpo.Policy{Engine: o.engine, Trainer: o.trainer, Ends: []int32{letters.End}, AtOnce: atOnce, Active: o.Active()}
}

// ask returns a problem as a policy is asked it.
func ask(p task.Problem, number int) (grpo.Problem, error) {
	ids, err := vocabulary.Encode(nil, prompt(p))
	return grpo.Problem{Problem: p, Number: number, Prompt: ids}, err
}

// writeDone says that a stage's model is there.
func writeDone(folder, what string) error {
	return newfile.Write(filepath.Join(folder, "done"), []byte(what+"\n"))
}

// exists says whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
