package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/sample"
)

type benchFlags struct {
	engineFlags
	prompt, tokens int
	depths         []int
	batches        []int
	repeat         int
}

func newBench() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench MODEL",
		Short: "Measure how fast a model runs here, beside the machine's limits",
		Args:  exactly("MODEL"),
		RunE:  func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), args[0]) },
	}
	f.engineFlags.add(cmd)
	cmd.Flags().IntVarP(&f.prompt, "prompt", "p", 512, "tokens of the prompt that is prefilled")
	cmd.Flags().IntVarP(&f.tokens, "tokens", "n", 64, "tokens that are decoded")
	cmd.Flags().IntSliceVarP(&f.depths, "depth", "d", []int{0}, "tokens in the cache before")
	cmd.Flags().IntSliceVarP(&f.batches, "batch", "b", []int{1}, "sequences at once")
	cmd.Flags().IntVarP(&f.repeat, "repeat", "r", 5, "times each test is run")
	return cmd
}

func (f *benchFlags) run(ctx context.Context, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	start := time.Now()
	m, err := f.openModel(ctx, name, false)
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Printf("load %.3f s\n", time.Since(start).Seconds())
	for _, depth := range f.depths {
		for _, batch := range f.batches {
			o, err := f.engineOptions(m)
			if err != nil {
				return err
			}
			o.Context, o.Sequences = depth+f.prompt+f.tokens+1, batch
			e, err := engine.New(m, o)
			if err != nil {
				return err
			}
			var pp, tg []float64
			for range f.repeat {
				p, t, err := benchOnce(ctx, e, m.Config.VocabSize, f.prompt, f.tokens, depth, batch)
				if err != nil {
					return err
				}
				pp, tg = append(pp, p), append(tg, t)
			}
			slices.Sort(pp)
			slices.Sort(tg)
			fmt.Printf("depth %d batch %d: pp%d %.1f tok/s (%.1f-%.1f)  tg%d %.1f tok/s (%.1f-%.1f)\n", depth, batch, f.prompt, pp[len(pp)/2], pp[0], pp[len(pp)-1], f.tokens, tg[len(tg)/2], tg[0], tg[len(tg)-1])
			e.Close()
		}
	}
	return nil
}

func benchOnce(ctx context.Context, e *engine.Engine, vocab, prompt, tokens, depth, batch int) (pp, tg float64, err error) {
	random := func(n int) []int32 {
		ids := make([]int32, n)
		for i := range ids {
			ids[i] = rand.Int32N(int32(vocab))
		}
		return ids
	}
	greedy := sample.Settings{TopP: 1, Penalties: sample.Penalties{Repetition: 1}}
	start := time.Now()
	s, err := e.Submit(ctx, engine.Request{Tokens: random(prompt), MaxTokens: 1, Sampling: greedy, Logprobs: -1})
	if err != nil {
		return 0, 0, err
	}
	for _, ok := s.Next(); ok; _, ok = s.Next() {
	}
	pp = float64(prompt) / time.Since(start).Seconds()
	var streams []*engine.Stream
	for range batch {
		s, err := e.Submit(ctx, engine.Request{Tokens: random(max(1, depth)), MaxTokens: tokens + 1, Sampling: greedy, Logprobs: -1})
		if err != nil {
			return 0, 0, err
		}
		streams = append(streams, s)
	}
	for _, s := range streams {
		s.Next()
	}
	start = time.Now()
	n := 0
	for _, s := range streams {
		for _, ok := s.Next(); ok; _, ok = s.Next() {
			n++
		}
	}
	return pp, float64(n) / time.Since(start).Seconds(), nil
}
