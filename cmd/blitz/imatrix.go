package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/gather"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// imatrixFlags are the flags of imatrix.
type imatrixFlags struct {
	out         string
	cpu         string
	chunks, ctx count
	threads     count
}

// imatrixContext is the usual length of a window.
const imatrixContext = 512

func newImatrix() *cobra.Command {
	f := &imatrixFlags{}
	cmd := &cobra.Command{
		Use:   "imatrix MODEL FILE --out F.gguf|F.dat",
		Short: "Gather what a model's weights are multiplied by, for quantize",
		Long: `Run a model over a text and gather an importance matrix: for each column of each
weight matrix the sum of squares of what it is multiplied by. quantize --imatrix
then errs where it matters least. MODEL is a GGUF file or a folder of
safetensors; weights go by the names that GGUF files have.

The text is cut into windows of --ctx tokens, each of which begins with BOS
where the model adds it; a rest is dropped. Each expert has sums and a count of
its own: one that no token chose is left as it is by quantize. How many threads
there are changes no bit.

The form is that of F's ending: .dat is the older one of llama.cpp, anything
else its GGUF form. Until all windows are done they stand in F.part, from which
the same command goes on.`,
		Example: `  blitz imatrix model.gguf text.txt --out imatrix.gguf
  blitz imatrix ./folder text.txt --out imatrix.dat --chunks 100`,
		Args: exactly("MODEL", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1]) },
	}
	f.chunks = count{min: 1, max: math.MaxInt32}
	f.ctx = count{v: imatrixContext, min: 16, max: math.MaxInt32, set: true}
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.out, "out", "", "`FILE` to write: .gguf or .dat")
	cmd.Flags().Var(&f.chunks, "chunks", "stop after `N` windows (default all of the text)")
	cmd.Flags().Var(&f.ctx, "ctx", "`tokens` of a window")
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	return cmd
}

func (f *imatrixFlags) run(cmd *cobra.Command, name, file string) error {
	if f.out == "" {
		return fault.Misuse(errors.New("imatrix: --out F.gguf or F.dat is missing"))
	}
	if f.cpu != "" {
		if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
			return fmt.Errorf("--cpu: %w", err)
		}
	}
	ctx := cmd.Context()
	path, err := locate(ctx, cmd, name)
	if err != nil {
		return err
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer files.Close()
	if err := files.CheckWeights(); err != nil {
		return err
	}
	ids, windows, err := readWindows(cmd, files, file, f.ctx.v)
	if err != nil {
		return err
	}
	if f.chunks.set {
		windows = windows[:min(len(windows), f.chunks.v)]
	}
	part, err := gather.NewPart(f.out, files, file, ids, f.ctx.v)
	if err != nil {
		return err
	}
	g, err := gather.Open(files, gather.Options{
		Options: model.Options{MemoryLimit: fit.MemoryLimit(), Interrupted: ctx.Err}, Threads: f.threads.v,
	})
	if err != nil {
		return err
	}
	defer g.Close()
	if n := g.Context(); f.ctx.v > n {
		err := fault.Misuse(fmt.Errorf("imatrix: --ctx is %d, the model's context %d", f.ctx.v, n))
		return fault.WithHint(err, fmt.Sprintf("--ctx %d is the longest window", n))
	}
	if err := part.Resume(g); err != nil {
		if errors.Is(err, gather.ErrOther) {
			err = fault.Misuse(err)
		}
		return err
	}
	if n := g.Matrix().Chunks; n > len(windows) {
		return fault.Misuse(fmt.Errorf("imatrix: %s has %d windows already, %d are asked for: remove it to begin anew", part.Path(), n, len(windows)))
	}
	p := newProgress(cmd.ErrOrStderr(), os.Getenv)
	err = f.gather(ctx, g, part, windows, p)
	p.end()
	if n := g.Matrix().Chunks; errors.Is(err, context.Canceled) && n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s has %d windows; the same command goes on\n", printable(part.Path()), n)
	}
	if err != nil {
		return err
	}
	if err := part.Finish(g, f.out); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %d windows of %d tokens, %d weights\n", printable(f.out), g.Matrix().Chunks, f.ctx.v, len(g.Matrix().Entries))
	return nil
}

// savePause is how long windows are gathered before the part is written again.
const savePause = 30 * time.Second

// gather runs the windows that are not gathered yet. What ends it leaves whole windows in
// the part.
func (f *imatrixFlags) gather(ctx context.Context, g *gather.Gatherer, part *gather.Part, windows [][]int32, p *progress) error {
	saved := time.Now()
	for i := g.Matrix().Chunks; i < len(windows); i++ {
		if err := ctx.Err(); err != nil {
			if failed := part.Save(g); failed != nil {
				return failed
			}
			return err
		}
		if err := g.Window(windows[i]); err != nil {
			return err
		}
		p.say(fmt.Sprintf("window %d of %d", i+1, len(windows)))
		if time.Since(saved) >= savePause {
			if err := part.Save(g); err != nil {
				return err
			}
			saved = time.Now()
		}
	}
	return nil
}
