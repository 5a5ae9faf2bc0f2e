package engine

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// A simulation of models runs an engine step by step, without its goroutine, so that a seed
// replays everything: what arrives when, what is cancelled, how large steps are.

// simulatedWork is something that an engine is asked, in many ways of being asked.
type simulatedWork struct {
	kind   string
	make   func(e *Engine, ctx context.Context) (*sequence, func() string)
	result string // of an engine that does nothing else
}

// simulatedWorks returns what the simulation picks from. Prompts share beginnings, some
// are longer than a page of the cache.
func simulatedWorks(t *testing.T) []*simulatedWork {
	t.Helper()
	var works []*simulatedWork
	for i := range 12 {
		works = append(works, &simulatedWork{kind: "answer", make: func(e *Engine, ctx context.Context) (*sequence, func() string) {
			r := request(i)
			if i%4 == 3 {
				r.Tokens = append(prompt(270, 1), prompt(i, i)...)
			}
			if i%3 == 2 {
				r.Guides = []Guide{&automaton{seed: uint64(i), every: i % 5}}
			}
			if i%5 == 4 {
				r.Logprobs = 2
			}
			s, err := e.answering(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			stream := s.work.(*answer).stream
			return s, func() string { return fmt.Sprint(stream.queue) }
		}})
	}
	for i := range 4 {
		works = append(works, &simulatedWork{kind: "score", make: func(e *Engine, ctx context.Context) (*sequence, func() string) {
			s, scores, err := e.scoring(append(prompt(20+250*(i%2), 1), prompt(30, i)...), 1+i*11, i)
			if err != nil {
				t.Fatal(err)
			}
			s.ctx = ctx
			return s, func() string { return fmt.Sprint(*scores) }
		}}, &simulatedWork{kind: "embedding", make: func(e *Engine, ctx context.Context) (*sequence, func() string) {
			var vector []float32
			s, err := e.embedding(append(prompt(260*(i%2), 1), prompt(30, i)...), EmbedOptions{Pooling: Pooling(i % 3), Length: LengthAny}, func(v []float32) { vector = v })
			if err != nil {
				t.Fatal(err)
			}
			s.ctx = ctx
			return s, func() string { return fmt.Sprint(vector) }
		}}, &simulatedWork{kind: "logits", make: func(e *Engine, ctx context.Context) (*sequence, func() string) {
			bits := map[int]uint32{}
			s := &sequence{engine: e, ctx: ctx, tokens: prompt(25+10*i, 1), from: i, most: 25 + 10*i, private: true, piece: i * 3, single: i, work: newGiven(func(pos int, x []float32) error {
				for _, v := range x {
					bits[pos] = bits[pos]*31 + math.Float32bits(v)
				}
				return nil
			})}
			return s, func() string { return fmt.Sprint(bits) }
		}})
	}
	return works
}

// simulate runs random works on an engine with random options, and checks it after each
// step.
func simulate(t *testing.T, m *model.Model, works []*simulatedWork, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	o := Options{Threads: 1, Context: 320, Sequences: 1 + rng.IntN(6), Chunk: []int{1 + rng.IntN(8), 20, 64, 512}[rng.IntN(4)]}
	if rng.IntN(2) == 0 {
		o.MemoryLimit = leastMemory(t, m, o) // for one alone
	}
	e, err := newStopped(m, &m.Config, o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.threads.leave()
	type live struct {
		*simulatedWork
		sequence *sequence
		result   func() string
		cancel   context.CancelFunc
		stopped  bool
	}
	var all []*live
	for left := 3 + rng.IntN(8); left > 0 || len(e.running)+len(e.waiting) > 0; {
		for left > 0 && rng.IntN(3) == 0 {
			left--
			x := &live{simulatedWork: works[rng.IntN(len(works))]}
			var ctx context.Context
			ctx, x.cancel = context.WithCancel(t.Context())
			x.sequence, x.result = x.make(e, ctx)
			e.enqueue(x.sequence)
			all = append(all, x)
		}
		if len(all) > 0 && rng.IntN(20) == 0 {
			x := all[rng.IntN(len(all))]
			x.cancel()
			x.stopped = true
		}
		e.stepOnce()
		checkEngine(t, e, seed)
	}
	if e.cache.Stats().Sequences != 0 || e.cache.Stats().HeldPages != 0 {
		t.Fatalf("seed %d: at the end there is %+v", seed, e.cache.Stats())
	}
	for i, x := range all {
		x.cancel()
		if f := finishOf(x.sequence); f.Reason == FinishNone || f.Reason == FinishError || f.Reason == FinishCancel && !x.stopped {
			t.Fatalf("seed %d: %s %d finished by %v", seed, x.kind, i, f)
		} else if f.Reason == FinishCancel {
			if a, ok := x.sequence.work.(*answer); ok && !begins(x.simulatedWork.result, fmt.Sprint(a.stream.queue)) {
				t.Fatalf("seed %d: %s %d came to %v, alone it gives %s", seed, x.kind, i, a.stream.queue, x.simulatedWork.result)
			}
		} else if got := x.result(); got != x.simulatedWork.result {
			t.Fatalf("seed %d: %s %d gave %s, alone it gives %s", seed, x.kind, i, got, x.simulatedWork.result)
		}
	}
}

// leastMemory returns the bytes of cache that one sequence takes.
func leastMemory(t *testing.T, m *model.Model, o Options) int64 {
	t.Helper()
	c, err := kvcache.New(m.CacheLayers(m.DefaultCache()), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return int64(c.Bytes(o.Context, o.Chunk))
}

// begins says whether the printed list whole begins with the elements of part.
func begins(whole, part string) bool {
	part = part[:len(part)-1] // the closing bracket
	return len(part) <= len(whole) && whole[:len(part)] == part
}

func finishOf(s *sequence) Finish {
	if a, ok := s.work.(*answer); ok {
		return a.stream.Finish()
	}
	return s.work.(*given).over
}

// checkEngine checks what must hold between two steps.
func checkEngine(t *testing.T, e *Engine, seed uint64) {
	t.Helper()
	tokens := 0
	for _, s := range e.running {
		if s.cache == nil || len(s.pending) == 0 || s.cache.Len()+len(s.pending) > s.most {
			t.Fatalf("seed %d: a running sequence of %d tokens, %d pending, %d at most", seed, s.cache.Len(), len(s.pending), s.most)
		}
	}
	for i := range e.batch.Segments {
		tokens += len(e.batch.Segments[i].Tokens)
	}
	stats := e.cache.Stats()
	switch {
	case stats.HeldBytes > e.limit:
		t.Fatalf("seed %d: %d bytes are held, of %d", seed, stats.HeldBytes, e.limit)
	case stats.Sequences != len(e.running) || len(e.running) > e.options.Sequences:
		t.Fatalf("seed %d: %d sequences run, %d are in the cache, %d may", seed, len(e.running), stats.Sequences, e.options.Sequences)
	case tokens > e.options.Chunk+forcedRun*e.options.Sequences:
		t.Fatalf("seed %d: a step of %d tokens, want at most %d of prompts", seed, tokens, e.options.Chunk)
	}
}

// TestModelSimulation: whatever runs beside it, cancelled or cut into pieces, every piece of
// work gives what it gives alone.
func TestModelSimulation(t *testing.T) {
	for _, name := range []string{"llama", "gemma3-text", "qwen3-next", "deepseek-v4"} {
		m := tinyModel(t, name)
		works := simulatedWorks(t)
		for _, w := range works {
			e, err := newStopped(m, &m.Config, Options{Threads: 1, Context: 320, Sequences: 1})
			if err != nil {
				t.Fatal(err)
			}
			s, result := w.make(e, t.Context())
			for e.enqueue(s); len(e.running)+len(e.waiting) > 0; {
				e.stepOnce()
			}
			e.threads.leave()
			w.result = result()
		}
		seeds := uint64(modelSeeds)
		if testing.Short() {
			seeds /= 4
		}
		for seed := range seeds {
			simulate(t, m, works, seed)
		}
	}
}

// modelSeeds is how many seeds of each model are run.
const modelSeeds = 12
