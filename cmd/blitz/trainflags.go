package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/train"
)

// trainFlags are the flags of every verb that trains.
type trainFlags struct {
	cpu       string
	threads   count
	recompute bool
}

func (f *trainFlags) add(cmd *cobra.Command) {
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().BoolVar(&f.recompute, "recompute", false, "compute layers again on the way back: less memory, the same bits")
}

// check selects the implementation.
func (f *trainFlags) check() error {
	if f.cpu == "" {
		return nil
	}
	if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
		return fmt.Errorf("--cpu: %w", err)
	}
	return nil
}

// options returns what the flags say of a trainer.
func (f *trainFlags) options() train.Options {
	o := train.Options{Threads: f.threads.v, Recompute: f.recompute}
	if o.Threads == 0 {
		o.Threads = engine.DefaultThreads()
	}
	return o
}

// checkRoom returns an error where a step on one of the batches has no room.
func (f *trainFlags) checkRoom(ctx context.Context, t *train.Trainer, batches ...*train.Batch) error {
	limit := fit.MemoryLimit()
	for _, b := range batches {
		err := t.CheckRoom(ctx, b, limit)
		if errors.Is(err, train.ErrNoRoom) && !f.recompute {
			err = fault.WithHint(err, "--recompute takes less")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// openTrained opens a model whose weights are to be changed, with its module of multi-token
// prediction if it has one.
func openTrained(ctx context.Context, cmd *cobra.Command, name string) (*model.Model, error) {
	files, err := openTraining(ctx, cmd, name)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return openWeights(ctx, cmd, name, files, model.Options{Masters: true})
}

// openTraining opens the files of a model.
func openTraining(ctx context.Context, cmd *cobra.Command, name string) (*checkpoint.Checkpoint, error) {
	path, err := locate(ctx, cmd, name)
	if err != nil {
		return nil, err
	}
	return checkpoint.Open(path)
}

// openAdapted opens a model of any type, which stays as it is, with an adapter that is to be
// changed.
func openAdapted(ctx context.Context, cmd *cobra.Command, name string, f *adapterFlags) (*model.Model, *model.Adapter, error) {
	a, err := adapter.Open(f.folder)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	files, err := openTraining(ctx, cmd, name)
	if err != nil {
		return nil, nil, err
	}
	defer files.Close()
	if !f.anyBase {
		if err := anyBaseHint(model.CheckBase(ctx, files, a, f.options().Digests)); err != nil {
			return nil, nil, err
		}
	}
	m, err := openWeights(ctx, cmd, name, files, model.Options{})
	if err != nil {
		return nil, nil, err
	}
	bound, err := m.Adapt(a, fit.MemoryLimit())
	if err != nil {
		m.Close()
		return nil, nil, err
	}
	return m, bound, nil
}

// openWeights reads the weights: masters that are changed, or as they are, or blank ones.
func openWeights(ctx context.Context, cmd *cobra.Command, name string, files *checkpoint.Checkpoint, o model.Options) (*model.Model, error) {
	o.MemoryLimit, o.SharedEnds, o.MTP, o.Interrupted = fit.MemoryLimit(), true, true, ctx.Err
	m, err := model.Open(files, o)
	if errors.Is(err, model.ErrNoMTP) {
		o.MTP = false
		m, err = model.Open(files, o)
	}
	if err != nil {
		return nil, err
	}
	noteAssumed(cmd, name, m.Config.Assumed)
	return m, nil
}
