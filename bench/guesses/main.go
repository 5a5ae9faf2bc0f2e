// Command guesses measures what speculation brings where a known share of guesses is right,
// whatever the model: an answer is given without guesses, and once more by an engine that
// is told it, with so many of its tokens replaced by others. Both are the same, or it fails.
//
//	go run ./bench/guesses -right 0.8 model.gguf
//
// The last line is JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// settings are the flags.
type settings struct {
	right                          float64
	pairs, prompt, tokens, threads int
}

func main() {
	var s settings
	flag.Float64Var(&s.right, "right", 0.8, "`share` of the guesses that are right")
	flag.IntVar(&s.pairs, "pairs", 5, "answers, each without and with guesses")
	flag.IntVar(&s.prompt, "prompt", 64, "tokens of each prompt, random ones")
	flag.IntVar(&s.tokens, "tokens", 128, "tokens of each answer")
	flag.IntVar(&s.threads, "threads", runtime.GOMAXPROCS(0), "processors")
	flag.Parse()
	if flag.NArg() != 1 || s.pairs < 1 || s.prompt < 1 || s.tokens < 3 {
		fmt.Fprintln(os.Stderr, "usage: guesses [flags] MODEL")
		os.Exit(2)
	}
	found, err := s.measure(context.Background(), flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "guesses:", err)
		os.Exit(1)
	}
	text, err := json.Marshal(found)
	if err != nil {
		fmt.Fprintln(os.Stderr, "guesses:", err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

// figures are tokens a second; medians.
type figures struct {
	Without  float64    `json:"without_tokens_per_s"`
	With     float64    `json:"with_tokens_per_s"`
	Ratio    float64    `json:"ratio"`
	Spread   [2]float64 `json:"ratio_from_to"`
	Guessed  uint64     `json:"guessed"`
	Accepted uint64     `json:"accepted"`
}

func (s *settings) measure(ctx context.Context, path string) (*figures, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	threads, err := engine.NewThreads(s.threads)
	if err != nil {
		return nil, err
	}
	defer threads.Close()
	o := engine.Options{Shared: threads, Context: s.prompt + s.tokens, Sequences: 1, Speculate: engine.SpeculateOff}
	without, err := engine.New(m, o)
	if err != nil {
		return nil, err
	}
	defer without.Close()
	told := &oracle{right: s.right, vocab: m.Config.VocabSize, rng: rand.New(rand.NewPCG(1, 2))}
	o.Foretell = told.tell
	with, err := engine.New(m, o)
	if err != nil {
		return nil, err
	}
	defer with.Close()
	return s.pairUp(ctx, without, with, told)
}

// pairUp answers prompts by both engines.
func (s *settings) pairUp(ctx context.Context, without, with *engine.Engine, told *oracle) (*figures, error) {
	var slow, fast, ratios []float64
	for k := range s.pairs + 1 {
		rng := rand.New(rand.NewPCG(uint64(k), 3))
		ids := make([]int32, s.prompt)
		for i := range ids {
			ids[i] = int32(rng.IntN(told.vocab))
		}
		want, a, err := s.answer(ctx, without, ids)
		if err != nil {
			return nil, err
		}
		told.text = append(slices.Clone(ids), want...)
		got, b, err := s.answer(ctx, with, ids)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(got, want) {
			return nil, fmt.Errorf("with guesses the answer is %v, without %v", got, want)
		}
		if k > 0 { // the first pair warms both
			slow, fast, ratios = append(slow, a), append(fast, b), append(ratios, b/a)
		}
	}
	l := with.Load()
	f := &figures{Without: median(slow), With: median(fast), Ratio: median(ratios), Guessed: l.Guessed, Accepted: l.Confirmed}
	f.Spread = [2]float64{slices.Min(ratios), slices.Max(ratios)}
	return f, nil
}

// answer returns the ids of a greedy answer and its tokens a second behind the first.
func (s *settings) answer(ctx context.Context, e *engine.Engine, ids []int32) ([]int32, float64, error) {
	r := engine.Request{Tokens: ids, MaxTokens: s.tokens, Logprobs: -1, Sampling: sample.Settings{TopP: 1, Penalties: sample.Penalties{Repetition: 1}}}
	stream, err := e.Submit(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	var got []int32
	for t, ok := stream.Next(); ok; t, ok = stream.Next() {
		got = append(got, t.ID)
	}
	if f := stream.Finish(); f.Err != nil {
		return nil, 0, f.Err
	}
	p := stream.Progress()
	return got, float64(len(got)-1) / max(p.Last.Sub(p.First), time.Nanosecond).Seconds(), nil
}

// oracle tells what comes, as far as it is to be right.
type oracle struct {
	text  []int32 // prompt and answer
	right float64
	vocab int
	rng   *rand.Rand
}

func (o *oracle) tell(dst, before []int32, most int) []int32 {
	for _, id := range o.text[min(len(before), len(o.text)):min(len(before)+most, len(o.text))] {
		if o.rng.Float64() >= o.right {
			id = (id + 1) % int32(o.vocab)
		}
		dst = append(dst, id)
	}
	return dst
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
