package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/safetensors"
)

// trainGradFlags are the flags of train grad.
type trainGradFlags struct {
	trainFlags
	adapterFlags
	batch, out string
	losses     train.Losses
}

func newTrainGrad() *cobra.Command {
	f := &trainGradFlags{}
	cmd := &cobra.Command{
		Use:   "grad MODEL --batch FILE --out FILE",
		Short: "Compute the losses of a batch and the gradient of every weight",
		Long: `Compute the losses of a packed batch and the gradient of every weight.

FILE of --batch is a safetensors file with ids and segments, I32 [rows,
columns], weights, F32 of that shape, and optionally divisor, F32 [1]. A sample
is a run of one segment number other than 0 in a row, and sees itself only. The
loss is Σ weight · (-log p) / divisor over the ids behind the first of their
sample, the divisor the sum of their weights where none is given.

--out gets loss, loss_main, loss_mtp, loss_balance and grad_norm, F64 [1]; logp,
F32 [rows, columns], the log-probability of each predicted id; grad.NAME, F32,
of every trained tensor; load.L, I32, the rows that each expert of layer L had.
With --adapter only the adapter is trained, by the names in its file, and the
model may be of any type. Threads, --cpu and --recompute change no bit.`,
		Example: `  blitz train grad ./folder --batch batch.safetensors --out grad.safetensors
  blitz train grad ./folder --batch batch.safetensors --out grad.safetensors \
    --mtp-weight 0.3 --balance-alpha 0.0001 --recompute`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.trainFlags.add(cmd)
	f.adapterFlags.add(cmd, "adapter")
	cmd.Flags().StringVar(&f.batch, "batch", "", "safetensors `FILE` with a packed batch")
	cmd.Flags().StringVar(&f.out, "out", "", "safetensors `FILE` to write")
	cmd.Flags().Float64Var(&f.losses.MTPWeight, "mtp-weight", train.DefaultMTPWeight, "`weight` of the loss of a module of multi-token prediction")
	cmd.Flags().Float64Var(&f.losses.BalanceAlpha, "balance-alpha", 0, "`weight` of the balance loss of experts")
	return cmd
}

// gradients computes what is wanted, if there is room for it.
func (f *trainGradFlags) gradients(ctx context.Context, t *train.Trainer, b *train.Batch) (*train.Result, error) {
	if err := f.checkRoom(ctx, t, b); err != nil {
		return nil, err
	}
	return t.Gradients(ctx, b)
}

func (f *trainGradFlags) run(cmd *cobra.Command, name string) error {
	switch {
	case f.batch == "":
		return fault.Misuse(errors.New("train grad: --batch FILE is missing"))
	case f.out == "":
		return fault.Misuse(errors.New("train grad: --out FILE is missing"))
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := f.losses.Check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	batches, err := train.ReadBatches(f.batch, 1, train.One)
	if err != nil {
		return err
	}
	m, weights, o, err := f.open(cmd, name)
	if err != nil {
		return err
	}
	defer m.Close()
	t, err := train.New(m, weights, o)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer t.Close()
	t.Losses = f.losses
	r, err := f.gradients(ctx, t, batches[0])
	if errors.Is(err, train.ErrBatch) {
		err = fmt.Errorf("%s: %w", f.batch, err)
	}
	if err != nil {
		return err
	}
	w, err := create(ctx, f.out, safetensors.Create)
	if err != nil {
		return err
	}
	defer w.Abort()
	return train.WriteResult(w, batches[0], r, t.Last())
}

// open opens what is trained: the model, or an adapter of it.
func (f *trainGradFlags) open(cmd *cobra.Command, name string) (m *model.Model, weights []*model.Weight, o train.Options, err error) {
	o = f.trainFlags.options()
	if f.folder == "" {
		if f.anyBase {
			return nil, nil, o, fault.Misuse(errors.New("--any-base: no --adapter"))
		}
		if m, err = openTrained(cmd.Context(), cmd, name); err != nil {
			return nil, nil, o, err
		}
		return m, m.Weights(), o, nil
	}
	if m, o.Adapter, err = openAdapted(cmd.Context(), cmd, name, &f.adapterFlags); err != nil {
		return nil, nil, o, err
	}
	return m, o.Adapter.Weights(), o, nil
}
