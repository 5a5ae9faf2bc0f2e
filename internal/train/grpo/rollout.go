package grpo

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Ask is a prompt to which answers are drawn.
type Ask struct {
	Prompt      []int32
	N           int // answers
	MaxTokens   int // of each; 0: as many as the context has room for
	Temperature float32
	Seed        uint64
	Ends        []int32 // tokens that end an answer, as its last
	Adapter     *model.Adapter
}

// Answer is what was drawn.
type Answer struct {
	IDs       []int32
	LogP      []float32 // of each, at temperature 1: CANON section 7
	Truncated bool      // it was cut at its longest
}

// Rollout draws the answers to all asks, batched: N of each, in their order. Answer i of an ask
// depends on the ask alone.
func Rollout(ctx context.Context, e *engine.Engine, asks []Ask) ([][]Answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the others where one fails
	var requests []engine.Request
	for _, a := range asks {
		for i := range a.N {
			requests = append(requests, engine.Request{
				Tokens: a.Prompt, MaxTokens: a.MaxTokens, Stop: a.Ends,
				Sampling: sample.Settings{Temperature: a.Temperature, TopP: 1, Penalties: sample.Penalties{Repetition: 1}, Seed: answerSeed(a.Seed, i)},
				Owner:    engine.Owner{Batch: true, Adapter: a.Adapter},
			})
		}
	}
	streams, err := e.SubmitAll(ctx, requests...)
	if err != nil {
		return nil, err
	}
	all := make([][]Answer, len(asks))
	for k, a := range asks {
		all[k] = make([]Answer, a.N)
		for i := range all[k] {
			if all[k][i], err = read(streams[i]); err != nil {
				return nil, fmt.Errorf("answer %d to prompt %d: %w", i, k, err)
			}
		}
		streams = streams[a.N:]
	}
	return all, nil
}

// read reads an answer to its end.
func read(s *engine.Stream) (a Answer, err error) {
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		a.IDs, a.LogP = append(a.IDs, t.ID), append(a.LogP, t.Logprob)
	}
	f := s.Finish()
	a.Truncated = f.Reason == engine.FinishLength || f.Reason == engine.FinishContext
	return a, f.Err
}

// answerSeed returns the seed of answer i.
func answerSeed(seed uint64, i int) uint64 {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64([]byte("completion"), seed), uint64(i)))
	return binary.LittleEndian.Uint64(sum[:])
}

// Text returns an answer without the token that ended it.
func (a *Answer) Text(ends []int32, decode func(ids []int32) (string, error)) (string, error) {
	ids := a.IDs
	if n := len(ids); n > 0 && !a.Truncated && slices.Contains(ends, ids[n-1]) {
		ids = ids[:n-1]
	}
	return decode(ids)
}
