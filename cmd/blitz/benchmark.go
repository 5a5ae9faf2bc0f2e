package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// benchmark measures, in turns with another engine where there is one.
type benchmark struct {
	flags    *benchFlags
	peer     *peer // nil: none
	progress io.Writer
	trials   []benchTrial
	turns    []map[peerTest]float64 // of the peer: tokens a second
}

// benchTrial is a trial and what came of it.
type benchTrial struct {
	blitz.Trial
	timings []blitz.Timing
}

// measure runs all trials and notes their results.
func (b *benchmark) measure(ctx context.Context, m *blitz.Model, report *benchReport) error {
	f := b.flags
	o := f.engineOptions(m)
	o.Stretch = true
	// A page more, since each run writes to a copy of the page where its depth ends.
	o.Context = slices.Max(f.depths.v) + max(f.prompt.v, f.tokens.v) + kernel.PagePositions
	o.Sequences = slices.Max(f.batches.v)
	e, err := blitz.NewEngine(m, &o)
	if err != nil {
		return err
	}
	defer e.Close()
	report.Threads, report.Cache = e.Threads(), e.Cache()
	for _, depth := range f.depths.v {
		for _, batch := range f.batches.v {
			b.trials = append(b.trials, benchTrial{Trial: blitz.Trial{Depth: depth, Sequences: batch, Prompt: f.prompt.v, Tokens: f.tokens.v}})
		}
	}
	if b.peer == nil {
		err = b.time(ctx, e, f.repeat.v)
	} else if err = b.takeTurns(ctx, e); err == nil {
		report.Peer = &benchPeer{b.peer.engine, b.peer.commit, strings.Join(b.peer.argv, " ")}
	}
	if err != nil {
		return err
	}
	for i := range b.trials {
		report.Runs = append(report.Runs, b.runs(&b.trials[i], &report.Limits)...)
		report.Experts = append(report.Experts, b.trials[i].experts(m)...)
	}
	return nil
}

// time runs each trial so often.
func (b *benchmark) time(ctx context.Context, e *blitz.Engine, repeat int) error {
	for i := range b.trials {
		t := &b.trials[i]
		if isTerminal(b.progress) {
			fmt.Fprintf(b.progress, "blitz: depth %d, batch %d …\n", t.Depth, t.Sequences)
		}
		t.Repeat = repeat
		timings, err := e.Time(ctx, t.Trial)
		if err != nil {
			return err
		}
		t.timings = append(t.timings, timings...)
	}
	return nil
}

// takeTurns runs the trials and the peer once each, again and again; who comes first
// changes, so that neither always has the warmer machine.
func (b *benchmark) takeTurns(ctx context.Context, e *blitz.Engine) error {
	own := func() error {
		// The peer had the caches meanwhile, and warms itself up, too.
		warm := blitz.Trial{Sequences: 1, Prompt: min(b.flags.prompt.v, warmTokens), Tokens: min(b.flags.tokens.v, 1), Repeat: 1}
		if _, err := e.Time(ctx, warm); err != nil {
			return err
		}
		return b.time(ctx, e, 1)
	}
	for k := range b.flags.repeat.v {
		if k%2 == 0 {
			if err := own(); err != nil {
				return err
			}
		}
		if isTerminal(b.progress) {
			fmt.Fprintf(b.progress, "blitz: %s …\n", b.peer.engine)
		}
		found, err := b.peer.run(ctx)
		if err != nil {
			return err
		}
		if k == 0 {
			if err := b.match(found); err != nil {
				return err
			}
		}
		b.turns = append(b.turns, found)
		if k%2 == 1 {
			if err := own(); err != nil {
				return err
			}
		}
	}
	return nil
}

// warmTokens are enough to bring the weights and the threads back.
const warmTokens = 64

// match says on stderr which tests only one of both has. That there is none in common is
// an error.
func (b *benchmark) match(found map[peerTest]float64) error {
	rest := map[peerTest]bool{}
	for t := range found {
		rest[t] = true
	}
	var lacking []string
	common := false
	for i := range b.trials {
		for _, test := range b.trials[i].tests() {
			if rest[test.peerTest] {
				common = true
				delete(rest, test.peerTest)
			} else {
				lacking = append(lacking, test.String())
			}
		}
	}
	var more []string
	for t := range rest {
		more = append(more, printable(t.String()))
	}
	slices.Sort(more)
	if !common {
		return fmt.Errorf("--compare: %s measured %s, want one of %s", b.peer.engine, strings.Join(more, ", "), strings.Join(lacking, ", "))
	}
	if len(lacking) > 0 {
		fmt.Fprintf(b.progress, "blitz: note: %s did not measure %s\n", b.peer.engine, strings.Join(lacking, ", "))
	}
	if len(more) > 0 {
		fmt.Fprintf(b.progress, "blitz: note: %s of %s has nothing to be compared with\n", strings.Join(more, ", "), b.peer.engine)
	}
	return nil
}
