package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/fault"
)

// exampleFlags say how files of examples become rows of tokens.
type exampleFlags struct {
	length                            count
	long, turns, prompts, completions string
	preferences                       string
	specialTokens                     bool
	validation                        float64
	seed                              int64
}

// rowForms say what rows are.
var rowForms = map[string]string{
	dataset.PreferencesNone:   `a row is {"messages": […]}, {"prompt": …, "completion": …} or {"text": …}, one a line`,
	dataset.PreferencesPairs:  `a row is {"prompt": …, "chosen": …, "rejected": …}, one a line`,
	dataset.PreferencesLabels: `a row is {"prompt": …, "completion": …, "label": true or false}, one a line`,
}

// usualLength is how long a row usually is, in tokens.
const usualLength = 2048

func (f *exampleFlags) add(cmd *cobra.Command) {
	f.length = count{v: usualLength, min: 2, max: math.MaxInt32, set: true}
	fl := cmd.Flags()
	fl.Var(&f.length, "length", "`tokens` of a row, into which samples are packed")
	fl.StringVar(&f.long, "long", dataset.LongRefuse, "what becomes of a sample longer than a row: refuse, cut, skip, or split, for texts")
	fl.StringVar(&f.turns, "turns", dataset.TurnsAll, "what is learned of a conversation: all turns of the model, last, or each in a sample of its own")
	fl.StringVar(&f.prompts, "prompts", dataset.PromptsChat, "how prompt and completion are read: chat, as a question and its answer, or plain, as one text")
	fl.StringVar(&f.completions, "completions", dataset.CompletionsTemplate, "how the model's turn is written: template, or raw, as it stands behind the template's prompt")
	fl.StringVar(&f.preferences, "preferences", dataset.PreferencesNone, "rows are preferences: pairs, of chosen and rejected answers, or labels, of desirable ones and others")
	fl.BoolVar(&f.specialTokens, "special-tokens", false, "control tokens that plain texts spell are such")
	fl.Float64Var(&f.validation, "validation", 0, "the `share` of rows that only measures")
	fl.Int64Var(&f.seed, "seed", 1, "what the order of samples is drawn from")
}

func (f *exampleFlags) options() dataset.Options {
	return dataset.Options{
		Length: f.length.v, Long: f.long, Turns: f.turns, Prompts: f.prompts, Completions: f.completions, SpecialTokens: f.specialTokens, Preferences: f.preferences,
	}
}

// newEncoder returns what turns rows into samples of a model's tokens.
func (f *exampleFlags) newEncoder(ctx context.Context, files *checkpoint.Checkpoint) (*dataset.Encoder, error) {
	t, err := files.Tokenizer()
	if err != nil {
		return nil, err
	}
	template, err := files.Template()
	if err != nil && !errors.Is(err, checkpoint.ErrNoTemplate) {
		return nil, fmt.Errorf("%s: chat template: %w", files.Name(), err)
	}
	variables := checkpoint.TemplateVariables(t)
	return dataset.NewEncoder(ctx, t, template, variables, files.EndTokens(t.VocabSize()), f.options())
}

// load reads files of examples.
func (f *exampleFlags) load(ctx context.Context, files *checkpoint.Checkpoint, paths []string) (*dataset.Set, error) {
	e, err := f.newEncoder(ctx, files)
	if err != nil {
		return nil, err
	}
	s, err := dataset.Load(ctx, paths, e, f.validation)
	switch {
	case errors.Is(err, dataset.ErrTooLong):
		return nil, fault.WithHint(err, "--long cut leaves out its end, --long skip the whole sample, --long split makes several of a text; --length makes rows longer")
	case errors.Is(err, dataset.ErrEmpty):
		return nil, fault.WithHint(err, rowForms[f.preferences])
	}
	return s, err
}
