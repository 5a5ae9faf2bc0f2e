package main

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
)

// adapterFlags are the flags of verbs that take an adapter.
type adapterFlags struct {
	folder  string
	anyBase bool
	flag    string // what --adapter is called
}

// add adds the flags: an adapter by name, and what it may be of.
func (f *adapterFlags) add(cmd *cobra.Command, name string) {
	f.flag = name
	cmd.Flags().StringVar(&f.folder, name, "", "low-rank adapter (LoRA) of the model, a `FOLDER` as PEFT writes it")
	cmd.Flags().BoolVar(&f.anyBase, "any-base", false, "take an adapter that says it was trained on other files than the model's")
}

// load loads the adapter for a model; nil: none is asked for.
func (f *adapterFlags) load(ctx context.Context, m *blitz.Model) (*blitz.Adapter, error) {
	if f.folder == "" {
		if f.anyBase {
			return nil, fault.Misuse(errors.New("--any-base: no --" + f.flag))
		}
		return nil, nil
	}
	a, err := m.LoadAdapter(ctx, f.folder, f.options())
	return a, anyBaseHint(err)
}

func (f *adapterFlags) options() *blitz.AdapterOptions {
	o := &blitz.AdapterOptions{AnyBase: f.anyBase}
	if home, _, err := homeFolder(os.Getenv); err == nil {
		o.Digests = home
	}
	return o
}

// anyBaseHint says what can be done about an adapter of another base.
func anyBaseHint(err error) error {
	if errors.Is(err, blitz.ErrOtherBase) {
		return fault.WithHint(err, "--any-base takes it for another quantisation of the same model, whose answers differ a little")
	}
	return err
}
