package blitz

import (
	"context"
	"time"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/model"
)

// Trial is what Time measures: sequences of random tokens, each with Depth of them
// in the cache before.
type Trial struct {
	Depth     int // tokens before, not timed
	Sequences int // at once
	Prompt    int // tokens of each sequence that are prefilled behind Depth, in the engine's chunks
	Tokens    int // tokens of each that are decoded behind Depth, one a step
	Repeat    int // how often
}

// Timing is how long one repetition of a trial took, and what was done meanwhile.
type Timing struct {
	Prefill, Decode         time.Duration
	PrefillWork, DecodeWork []Work
	// Of a model whose experts are not all in memory.
	PrefillExperts, DecodeExperts ExpertStats
}

// Work is what operations of one kind did.
type Work struct {
	Operation string
	Calls     int
	Time      time.Duration
	ReadBytes int64 // of weights and caches, which come from memory
	IntMACs   int64 // multiply-adds of 8-bit integers
	FloatMACs int64 // of float32
}

// Time runs a trial, with the steps that requests take, but without drawing. Nothing
// else runs meanwhile, so that nothing else is timed. The context of the engine must
// have room for it, and a page of 256 positions more where there is a Depth.
func (e *Engine) Time(ctx context.Context, t Trial) ([]Timing, error) {
	if e.run == nil {
		return nil, errFar
	}
	timings, err := e.run.Time(ctx, engine.Trial(t))
	if err != nil {
		return nil, err
	}
	all := make([]Timing, len(timings))
	for i := range timings {
		x := &timings[i]
		all[i] = Timing{x.Prefill, x.Decode, workOf(&x.PrefillMeter), workOf(&x.DecodeMeter), x.PrefillExperts, x.DecodeExperts}
	}
	return all, nil
}

// workOf returns what a meter counted, of the kinds that there were.
func workOf(m *model.Meter) []Work {
	var all []Work
	for _, o := range model.Ops() {
		if w := m.Of(o); w.Calls > 0 {
			all = append(all, Work{o.String(), w.Calls, w.Time, w.ReadBytes, w.IntMACs, w.FloatMACs})
		}
	}
	return all
}

// TotalWork adds up work of all kinds.
func TotalWork(all []Work) Work {
	var sum Work
	for _, w := range all {
		sum.Calls += w.Calls
		sum.Time += w.Time
		sum.ReadBytes += w.ReadBytes
		sum.IntMACs += w.IntMACs
		sum.FloatMACs += w.FloatMACs
	}
	return sum
}
