package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/safetensors"
)

// trainStepFlags are the flags of train step.
type trainStepFlags struct {
	trainFlags
	batches, settings, out, checkpoint string
	save                               counts
}

func newTrainStep() *cobra.Command {
	f := &trainStepFlags{}
	cmd := &cobra.Command{
		Use:   "step MODEL --batches FILE --settings FILE.json --out FILE",
		Short: "Train on packed batches, a step each",
		Long: `Train on packed batches, a step each. FILE of --batches has 0.ids, 0.segments,
0.weights, where wanted 0.divisor, then 1.ids and so on, as train grad has them.
FILE.json is an object with

optimizer        kind (adamw), beta1, beta2, eps, weight_decay, clip_norm, where
                 0 is none
schedule         as train schedule has it
mtp_weight       of the loss of a module of multi-token prediction
balance_alpha    of the balance loss of experts
bias_gamma       how far the correction bias of an expert moves a step
label_smoothing  the share of a target that all tokens have alike (0)
z_loss           of the square of the logarithm of a row's sum (0)

--out gets loss, grad_norm (before the clip), lr and seconds, F64 [steps]; and
for each K of --save all tensors behind K steps, as K.NAME, F32.

With --checkpoint the state is written behind every step, and the same command
goes on from there to the same bits, whenever it was ended. A loss that is no
number ends the run, and leaves the state before. Threads, --cpu and --recompute
change no bit.`,
		Example: `  blitz train step ./folder --batches batches.safetensors \
    --settings run.json --out steps.safetensors
  blitz train step ./folder --batches batches.safetensors \
    --settings run.json --out steps.safetensors --save 1,10 --checkpoint ./state`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.trainFlags.add(cmd)
	f.save = counts{min: 1, max: math.MaxInt32}
	cmd.Flags().StringVar(&f.batches, "batches", "", "safetensors `FILE` with packed batches")
	cmd.Flags().StringVar(&f.settings, "settings", "", "JSON `FILE` with optimizer, schedule and losses")
	cmd.Flags().StringVar(&f.out, "out", "", "safetensors `FILE` to write")
	cmd.Flags().Var(&f.save, "save", "write all weights behind so many `steps` too, with commas between")
	cmd.Flags().StringVar(&f.checkpoint, "checkpoint", "", "`folder` for the state behind every step, to go on from")
	return cmd
}

// maxSettings bounds a file of settings.
const maxSettings = 1 << 20

func (f *trainStepFlags) run(cmd *cobra.Command, name string) error {
	for _, x := range []struct{ flag, value string }{{"--batches FILE", f.batches}, {"--settings FILE.json", f.settings}, {"--out FILE", f.out}} {
		if x.value == "" {
			return fault.Misuse(fmt.Errorf("train step: %s is missing", x.flag))
		}
	}
	if err := f.check(); err != nil {
		return err
	}
	settings, err := readSettings(f.settings)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	batches, err := train.ReadBatches(f.batches, -1, train.Numbered)
	if err != nil {
		return err
	}
	m, err := openTrained(ctx, cmd, name)
	if err != nil {
		return err
	}
	defer m.Close()
	t, err := train.New(m, m.Weights(), f.options())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer t.Close()
	s := &train.Steps{Trainer: t, Settings: settings, Batches: batches, Save: f.save.v}
	err = s.Check()
	if err == nil {
		err = f.checkRoom(ctx, t, batches...)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.batches, err)
	}
	return f.steps(ctx, s)
}

// steps runs the steps and writes what they gave.
func (f *trainStepFlags) steps(ctx context.Context, s *train.Steps) error {
	if f.checkpoint != "" {
		identity, err := s.Identity()
		if err != nil {
			return err
		}
		if s.Folder, err = train.OpenFolder(f.checkpoint, identity); err != nil {
			return err
		}
		defer s.Folder.Close()
	}
	if err := s.Run(ctx); err != nil {
		if errors.Is(err, train.ErrDiverged) {
			err = fault.WithHint(err, "a lower learning rate, a longer warm-up or a clip of the norm may help")
		}
		return err
	}
	s.Trainer.Close() // the file's name is the last thing that a run does
	w, err := create(ctx, f.out, safetensors.Create)
	if err != nil {
		return err
	}
	defer w.Abort()
	return s.Write(w)
}

// readSettings reads the settings of steps.
func readSettings(path string) (*train.Settings, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxSettings {
		return nil, fault.Misuse(fmt.Errorf("%s: %d bytes, want settings of at most %d", path, info.Size(), maxSettings))
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := train.ParseSettings(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
