package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
)

// generateFlags are the flags of generate.
type generateFlags struct {
	engineFlags
	speculateFlags
	lora  adapterFlags
	jsonl bool
}

func newGenerate() *cobra.Command {
	f := &generateFlags{}
	cmd := &cobra.Command{
		Use:   "generate MODEL --jsonl",
		Short: "Go on from token ids, with the log-probability of each token",
		Long: `Go on from token ids. Each line of the standard input is an object: ids, a list;
max_tokens, from 1; and where wanted temperature (1; 0 is greedy), top_k (0:
all), top_p (1), min_p (0), seed (0), and stop, a list of ids that end the
answer as the model's own end tokens do. Nothing that the model's publisher
suggests is used. All lines are answered together; for each comes a line with
ids, their logp before temperature and cuts, finish (stop or length), and how
many tokens were drafted, which is guessed and computed before they were drawn,
and accepted.

` + jsonLinesHelp,
		Example: `  echo '{"ids": [1, 5], "max_tokens": 8}' | blitz generate model.gguf --jsonl
  blitz generate model.gguf --jsonl --speculate ngram < questions.jsonl`,
		Args: exactly("MODEL"),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "each line is an object with the ids and how to go on")
	f.engineFlags.add(cmd)
	f.speculateFlags.add(cmd)
	f.lora.add(cmd, "lora")
	return cmd
}

func (f *generateFlags) run(cmd *cobra.Command, name string) error {
	if !f.jsonl {
		return fault.Misuse(fmt.Errorf("generate: --jsonl is missing"))
	}
	if err := errors.Join(f.engineFlags.check(), f.speculateFlags.check("generate")); err != nil {
		return err
	}
	ctx := cmd.Context()
	closed, err := f.find(&f.engineFlags)
	defer closed()
	if err != nil {
		return err
	}
	m, err := f.openModel(ctx, name, f.wantsMTP())
	if errors.Is(err, blitz.ErrNoMTP) {
		return fault.Misuse(fmt.Errorf("generate: --speculate mtp: %w", err))
	}
	if err != nil {
		return err
	}
	defer m.Close()
	draft, err := f.speculateFlags.open(&f.engineFlags)
	if err != nil {
		return err
	}
	if draft != nil {
		defer draft.Close()
	}
	a, err := f.lora.load(ctx, m)
	if err != nil {
		return err
	}
	asked, err := f.read(cmd, m)
	if err != nil {
		return err
	}
	o := f.engineOptions(m)
	o.Context, o.Stretch, o.Sequences = 1, true, min(max(len(asked), 1), blitz.MaxAnswers)
	for i := range asked {
		asked[i].request.Adapter = a
		o.Context = max(o.Context, len(asked[i].request.Tokens)+asked[i].request.MaxTokens)
	}
	o.Speculate, o.Draft = f.source(&f.engineFlags), draft
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		return err
	}
	defer e.Close()
	err = generateAll(ctx, e, asked, cmd)
	if err == nil {
		keeperOf(cmd, m, name).end(ctx)
	}
	return err
}

// question is a line of the input: what is asked, or what is wrong with it.
type question struct {
	request blitz.Request
	err     error
}

// read reads all questions.
func (f *generateFlags) read(cmd *cobra.Command, m *blitz.Model) ([]question, error) {
	in := newLineReader(newInput(cmd.Context(), cmd.InOrStdin(), nil), maxLine)
	var asked []question
	total := 0
	err := in.each(func(line []byte, long error) error {
		q := question{err: long}
		if long == nil {
			q.request, q.err = readQuestion(line, m)
		}
		if total += len(q.request.Tokens); total > maxIDs {
			return fault.Refusal(fmt.Errorf("generate: more than %d ids in all", maxIDs))
		}
		asked = append(asked, q)
		return nil
	})
	return asked, err
}

// readQuestion reads a line.
func readQuestion(line []byte, m *blitz.Model) (r blitz.Request, err error) {
	if err := checkUTF8(line); err != nil {
		return r, err
	}
	q := struct {
		IDs         json.RawMessage `json:"ids"`
		MaxTokens   int             `json:"max_tokens"`
		Temperature float32         `json:"temperature"`
		TopK        int             `json:"top_k"`
		TopP        float32         `json:"top_p"`
		MinP        float32         `json:"min_p"`
		Seed        uint64          `json:"seed"`
		Stop        json.RawMessage `json:"stop"`
	}{Temperature: 1, TopP: 1, Stop: json.RawMessage("[]")}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return r, fmt.Errorf("invalid question: %w", err)
	}
	if d.More() {
		return r, errors.New("invalid question: more than one value")
	}
	switch {
	case q.IDs == nil:
		return r, errors.New("ids is missing")
	case q.MaxTokens < 1 || q.MaxTokens > maxPositions:
		return r, fmt.Errorf("max_tokens is %d, want 1 to %d", q.MaxTokens, maxPositions)
	}
	if r.Tokens, err = parseIDs(nil, q.IDs); err != nil {
		return r, fmt.Errorf("ids: %w", err)
	}
	if len(r.Tokens) == 0 {
		return r, errors.New("ids is empty, want a token id or more")
	}
	if r.StopTokens, err = parseIDs(nil, q.Stop); err != nil {
		return r, fmt.Errorf("stop: %w", err)
	}
	if err := m.CheckTokens(r.Tokens); err != nil {
		return r, err
	}
	r.MaxTokens, r.Logprobs = q.MaxTokens, true
	r.Sampling = &blitz.Sampling{Temperature: q.Temperature, TopK: q.TopK, TopP: &q.TopP, MinP: q.MinP, Seed: &q.Seed}
	return r, nil
}

// generateAll answers all questions together, and writes the answers in their order.
func generateAll(ctx context.Context, e *blitz.Engine, asked []question, cmd *cobra.Command) error {
	answers := make([]*blitz.Answer, len(asked))
	for i := range asked {
		if q := &asked[i]; q.err == nil {
			answers[i], q.err = e.Generate(ctx, q.request)
		}
	}
	return answerAll(cmd, len(asked), func(i int) ([]byte, error) {
		if err := asked[i].err; err != nil {
			return nil, err
		}
		return appendAnswer(nil, answers[i])
	})
}

// appendAnswer appends an answer as JSON when it is over.
func appendAnswer(dst []byte, a *blitz.Answer) ([]byte, error) {
	ids, logp := []byte(`{"ids": [`), []byte(`], "logp": [`)
	for t, err := range a.Tokens() {
		if err != nil {
			return nil, err
		}
		if len(ids) > len(`{"ids": [`) {
			ids, logp = append(ids, ", "...), append(logp, ", "...)
		}
		ids, logp = strconv.AppendInt(ids, int64(t.ID), 10), strconv.AppendFloat(logp, float64(t.Logprob), 'g', -1, 32)
	}
	u := a.Usage()
	return fmt.Appendf(dst, `%s%s], "finish": %q, "drafted": %d, "accepted": %d}`, ids, logp, a.Finish(), u.DraftedTokens, u.AcceptedTokens), nil
}
