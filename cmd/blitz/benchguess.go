package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
)

// benchGuess is what guesses brought answers behind one kind of prompt.
type benchGuess struct {
	Test     string    `json:"test"` // random64: 64 tokens behind random ones; again64: behind a passage that repeats itself
	Without  benchRate `json:"without_tokens_per_s"`
	With     benchRate `json:"with_tokens_per_s"`
	Ratio    benchRate `json:"ratio"` // of each turn
	Drafted  int       `json:"drafted"`
	Accepted int       `json:"accepted"`
}

// passage is how many tokens a passage has that repeats itself.
const passage = 24

// measureGuesses has greedy answers given with guesses and without, in turns.
func (f *benchFlags) measureGuesses(ctx context.Context, m, draft *blitz.Model) ([]benchGuess, error) {
	shared, err := blitz.NewThreads(f.threads.v)
	if err != nil {
		return nil, err
	}
	defer shared.Close()
	prompt := max(f.prompt.v, 2*passage)
	engineOf := func(kind string, draft *blitz.Model) (*blitz.Engine, error) {
		o := f.engineOptions(m)
		o.Threads, o.Shared, o.Stretch = 0, shared, true
		o.Context, o.Sequences, o.Speculate, o.Draft = prompt+f.tokens.v, 1, kind, draft
		return blitz.NewEngine(m, &o)
	}
	without, err := engineOf(engine.SpeculateOff.String(), nil)
	if err != nil {
		return nil, err
	}
	defer without.Close()
	with, err := engineOf(f.guess.kind.v, draft)
	if err != nil {
		return nil, err
	}
	defer with.Close()
	var all []benchGuess
	for _, kind := range []struct {
		name   string
		period int
	}{{"random", prompt}, {"again", passage}} {
		g, err := f.guessTurns(ctx, without, with, prompt, kind.period)
		if err != nil {
			return nil, err
		}
		g.Test = fmt.Sprintf("%s%d", kind.name, f.tokens.v)
		all = append(all, g)
	}
	return all, nil
}

// guessTurns has both engines answer prompts of so many tokens, of which those of a period
// come again and again. Answers that end at once say nothing.
func (f *benchFlags) guessTurns(ctx context.Context, without, with *blitz.Engine, prompt, period int) (benchGuess, error) {
	var g benchGuess
	var slow, fast, ratios []float64
	for seed := uint64(0); len(ratios) < f.repeat.v; seed++ {
		if int(seed) > 4*f.repeat.v {
			return g, errors.New("bench: --speculate: nearly every answer to random tokens ends at once: there is nothing to measure")
		}
		rng := rand.New(rand.NewPCG(seed, uint64(period)))
		ids := make([]int32, prompt)
		for i := range ids {
			if ids[i] = int32(rng.IntN(with.Model().VocabSize())); i >= period {
				ids[i] = ids[i-period]
			}
		}
		order := []*blitz.Engine{without, with}
		if seed%2 == 1 {
			slices.Reverse(order)
		}
		usage, text := map[*blitz.Engine]blitz.Usage{}, map[*blitz.Engine][]int32{}
		for _, e := range order {
			a, err := e.Generate(ctx, blitz.Request{Tokens: ids, MaxTokens: f.tokens.v, Sampling: &blitz.Sampling{}})
			if err != nil {
				return g, err
			}
			for t, err := range a.Tokens() {
				if err != nil {
					return g, err
				}
				text[e] = append(text[e], t.ID)
			}
			usage[e] = a.Usage()
		}
		if !slices.Equal(text[without], text[with]) {
			return g, fmt.Errorf("bench: --speculate: an answer with guesses is another than without: %v and %v", text[with], text[without])
		}
		a, b := usage[without].DecodeRate(), usage[with].DecodeRate()
		if a <= 0 || b <= 0 {
			continue
		}
		slow, fast, ratios = append(slow, a), append(fast, b), append(ratios, b/a)
		g.Drafted += usage[with].DraftedTokens
		g.Accepted += usage[with].AcceptedTokens
	}
	g.Without, g.With, g.Ratio = rateOf(slow), rateOf(fast), rateOf(ratios)
	return g, nil
}

// writeGuesses prints what guesses brought.
func writeGuesses(w io.Writer, all []benchGuess) error {
	rows := [][]string{{"answers", "tokens/s without", "with guesses", "ratio", "min", "max", "guessed", "right"}}
	for _, g := range all {
		right := ""
		if g.Drafted > 0 {
			right = formatShare(float64(g.Accepted) / float64(g.Drafted))
		}
		rows = append(rows, []string{
			g.Test, formatRate(g.Without.Median), formatRate(g.With.Median),
			fmt.Sprintf("%.2f ×", g.Ratio.Median), fmt.Sprintf("%.2f", g.Ratio.Min), fmt.Sprintf("%.2f", g.Ratio.Max),
			fmt.Sprint(g.Drafted), right,
		})
	}
	fmt.Fprintln(w)
	return writeTable(w, rows...)
}
