package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// TestKeepSimulation runs engines on toys one after the other, each of which ends when its
// work is done, or is killed before, on one shelf whose reads and writes come when they
// like and may fail, with prompts that begin alike, tenants, cancels and little memory:
// every answer is what it is alone.
func TestKeepSimulation(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 40
	}
	requests, want := keepRequests(t)
	var sum keepCounts
	for seed := range uint64(seeds) {
		simulateKeeping(t, requests, want, seed, &sum)
	}
	t.Logf("%+v", sum)
	if sum.fetched == 0 || sum.tails == 0 || sum.killed == 0 || sum.cancelled == 0 || sum.evicted == 0 || sum.answers < seeds {
		t.Errorf("something did not happen: %+v", sum)
	}
}

// keepCounts counts what happened.
type keepCounts struct{ answers, fetched, tails, killed, cancelled, evicted int }

const keepContext = 2800

// keepRequests returns requests, and for each of toyWindows what comes of them alone.
func keepRequests(t *testing.T) (requests []Request, want [][]string) {
	for i, n := range []int{300, 512, 513, 700, 1024, 1300, 2200, 2305, 2500} {
		for kind := range 2 {
			requests = append(requests, Request{Tokens: toyTokens(n, kind), MaxTokens: 2 + i*40%300, Sampling: off, Logprobs: 1})
		}
	}
	for windows := range toyWindows {
		var all []string
		for _, r := range requests {
			e := keepEngine(t, windows, Options{Sequences: 1}, rand.New(rand.NewPCG(0, 0)))
			s, err := e.answering(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for e.enqueue(s); len(e.running)+len(e.waiting) > 0; {
				e.stepOnce()
			}
			all = append(all, fmt.Sprint(s.work.(*answer).stream.queue))
			e.threads.leave()
			e.cache.Drop()
		}
		want = append(want, all)
	}
	return requests, want
}

func keepEngine(t *testing.T, windows int, o Options, r *rand.Rand) *Engine {
	t.Helper()
	o.Threads, o.Context = 1, keepContext
	e, err := toyEngine(newToy(toyWindows[windows], costs{weights: 1e6, row: 1e5}, r), o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func simulateKeeping(t *testing.T, requests []Request, want [][]string, seed uint64, sum *keepCounts) {
	r := rand.New(rand.NewPCG(seed, 3))
	windows := r.IntN(len(toyWindows))
	shelf := &memoryShelf{fails: func(pagestore.Sum) bool { return r.IntN(20) == 0 }}
	for range 4 {
		o := Options{Sequences: 1 + r.IntN(3), Chunk: 64 + r.IntN(600), Keep: true}
		if r.IntN(2) == 0 {
			probe, err := kvcache.New(newToy(toyWindows[windows], costs{}, r).CacheLayers(0), math.MaxInt)
			if err != nil {
				t.Fatal(err)
			}
			o.MemoryLimit = int64(probe.Bytes(keepContext, o.Chunk) + r.IntN(5)*probe.Bytes(1, 1))
		}
		e := keepEngine(t, windows, o, r)
		e.keeper = newKeeper(shelf, e.cache)
		e.keeper.patience = time.Hour
		simulateLife(t, e, r, requests, want[windows], seed, sum)
		load := e.Load()
		sum.fetched += int(load.FetchedTokens)
		if load.FetchedTokens%kvcache.PagePositions != 0 {
			sum.tails++
		}
		sum.evicted += int(load.EvictedPages)
		e.threads.leave()
		e.cache.Drop()
	}
}

// simulateLife runs some requests on an engine step by step, and its keeper's goroutines
// with it.
func simulateLife(t *testing.T, e *Engine, r *rand.Rand, requests []Request, want []string, seed uint64, sum *keepCounts) {
	type live struct {
		which    int
		sequence *sequence
		cancel   context.CancelFunc
	}
	var all []*live
	life := -1 // steps until it is killed
	if r.IntN(3) == 0 {
		life = r.IntN(200)
	}
	for left := 1 + r.IntN(4); left > 0 || len(e.running)+len(e.waiting) > 0; life-- {
		if life == 0 {
			e.abort()
			sum.killed++
			break
		}
		if left > 0 && r.IntN(10) == 0 {
			left--
			x := &live{which: r.IntN(len(requests))}
			request := requests[x.which]
			request.Tenant = []string{"", "a"}[r.IntN(4)/3]
			var ctx context.Context
			ctx, x.cancel = context.WithCancel(t.Context())
			var err error
			if x.sequence, err = e.answering(ctx, request); err != nil {
				t.Fatal(err)
			}
			e.enqueue(x.sequence)
			all = append(all, x)
		}
		if len(all) > 0 && r.IntN(300) == 0 {
			all[r.IntN(len(all))].cancel()
		}
		e.stepOnce()
		e.keeper.some(r)
		checkKeeper(t, e.keeper, seed)
	}
	if stats := e.cache.Stats(); stats.Sequences != 0 || stats.HeldPages != 0 {
		t.Fatalf("seed %d: at the end: %+v", seed, stats)
	}
	for i, x := range all {
		x.cancel()
		got := fmt.Sprint(x.sequence.work.(*answer).stream.queue)
		switch f := finishOf(x.sequence); {
		case f.Reason == FinishCancel || errors.Is(f.Err, ErrClosed):
			sum.cancelled++
			if got != "[]" && !begins(want[x.which], got) {
				t.Fatalf("seed %d: answer %d of request %d came to %s", seed, i, x.which, differs(got, want[x.which]))
			}
		case got != want[x.which]:
			t.Fatalf("seed %d: answer %d of request %d gave %s", seed, i, x.which, differs(got, want[x.which]))
		default:
			sum.answers++
		}
	}
}

// some does some of what the goroutines do, and always the same of a seed.
func (k *keeper) some(r *rand.Rand) {
	for range r.IntN(3) {
		if len(k.wanted) > 0 {
			k.readOne(<-k.wanted)
		}
		if len(k.full) > 0 {
			p := <-k.full
			_ = k.shelf.Write(p)
			k.blank <- p
		}
		if len(k.used) > 0 {
			<-k.used
		}
	}
}

// checkKeeper checks that no memory of pages is lost or twice there.
func checkKeeper(t *testing.T, k *keeper, seed uint64) {
	t.Helper()
	ready := 0
	if f := k.fetch; f != nil {
		ready = len(f.ready)
		if f.put > f.asked || f.asked > len(f.sequence.sums) || f.sequence.fetched {
			t.Fatalf("seed %d: a fetch of %d pages, %d asked for, %d there", seed, len(f.sequence.sums), f.asked, f.put)
		}
	}
	if n := len(k.slots) + k.reading + ready; n != cap(k.wanted) || len(k.wanted)+len(k.arrived) != k.reading {
		t.Fatalf("seed %d: %d slots, want %d; %d with the reader, want %d", seed, n, cap(k.wanted), len(k.wanted)+len(k.arrived), k.reading)
	}
	if n := len(k.blank) + len(k.full); n != writeAhead {
		t.Fatalf("seed %d: %d pages to be written, want %d", seed, n, writeAhead)
	}
}
