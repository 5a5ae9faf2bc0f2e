package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What the scheduler promises, each by itself, in virtual time. The costs of small are
// those of a small model on two processors.

var small = costs{weights: 4e6, row: 4e5, depth: 40}

// virtual is an engine on a toy, and what was asked of it.
type virtual struct {
	*Engine
	t   *testing.T
	net *toy
}

func newVirtual(t *testing.T, c costs, o Options) *virtual {
	t.Helper()
	n := newToy([]int{0, 0}, c, rand.New(rand.NewPCG(1, 1)))
	o.Threads = 1
	e, err := toyEngine(n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.threads.leave()
		e.cache.Drop()
	})
	return &virtual{e, t, n}
}

// ask lets a request wait for its turn.
func (v *virtual) ask(ctx context.Context, tokens []int32, most int, who Owner) (*sequence, *Stream) {
	v.t.Helper()
	s, err := v.answering(ctx, Request{Tokens: tokens, MaxTokens: most, Sampling: off, Logprobs: -1, Owner: who})
	if err != nil {
		v.t.Fatal(err)
	}
	v.enqueue(s)
	return s, s.work.(*answer).stream
}

// until runs steps until a condition holds.
func (v *virtual) until(what string, is func() bool) {
	v.t.Helper()
	for range 200_000 {
		if is() {
			return
		}
		v.stepOnce()
	}
	v.t.Fatalf("%s: not in 200000 steps: %+v", what, v.Load())
}

func (v *virtual) idle() bool { return len(v.running)+len(v.waiting) == 0 }

// TestReadingBesideDecoding: while streams go on, a long prompt is read with as much of the
// time as it may have, and no more: on a small model, a large one, one whose memory is the
// limit, one that computes rows in fours, and one so slow that a single token is more than a
// step may take.
func TestReadingBesideDecoding(t *testing.T) {
	for name, c := range map[string]costs{
		"small": small,
		"large": {weights: 6e7, row: 8e6, depth: 200},
		"bound": {weights: 8e7, row: 3e6, depth: 100, bound: true},
		"fours": {weights: 1.2e7, row: 1.3e7, depth: 800, fours: true},
		"slow":  {weights: 5e8, row: 1.5e8},
	} {
		v := newVirtual(t, c, Options{Context: 30_000, Sequences: 5})
		if c.fours {
			for i := range 3 {
				v.ask(t.Context(), toyTokens(20, 3+i), 20_000, Owner{})
			}
		}
		_, stream := v.ask(t.Context(), toyTokens(20, 1), 20_000, Owner{})
		v.until("a stream", func() bool { return stream.Progress().Tokens > 20 })
		prompt := 16_000
		if name == "slow" {
			prompt = 40
		}
		long, other := v.ask(t.Context(), toyTokens(prompt, 2), 1, Owner{Tenant: "b"})
		from, before, tokens := v.net.clock, len(v.net.steps), stream.Progress().Tokens
		v.until("a long prompt", func() bool { return other.Progress().Tokens > 0 || stream.Progress().Tokens > 19_000 })
		took := v.net.clock.Sub(from)
		var read, decode time.Duration
		steps := v.net.steps[before:]
		for i, s := range steps {
			read += s.took - s.decode
			decode = s.decode // alone
			if name == "slow" {
				continue
			}
			var inWindow time.Duration
			for k := i; k >= 0 && s.from.Add(s.took).Sub(steps[k].from) <= 250*time.Millisecond; k-- {
				inWindow += steps[k].took - steps[k].decode
			}
			if inWindow > 100*time.Millisecond || s.took-s.decode > 100*time.Millisecond {
				t.Fatalf("%s: reading took %v of 250 ms, %v of a step", name, inWindow, s.took-s.decode)
			}
		}
		least := map[string]float64{"small": 0.25, "large": 0.25, "fours": 0.25, "slow": 0.15}[name] // where rows do not hide
		if share := float64(read) / float64(took); share > 0.4 || share < least {
			t.Errorf("%s: reading took %.0f %% of the time, want %.0f to 40", name, 100*share, 100*least)
		}
		if rate := float64(stream.Progress().Tokens-tokens) * float64(decode) / float64(took); rate < 0.6 {
			t.Errorf("%s: the stream had %.0f %% of its rate, want 60 or more", name, 100*rate)
		}
		// Alone a token takes 13 ms, and 6 more for looking back: a third of the time.
		if c.fours && took > 16_000*4*19*time.Millisecond {
			t.Errorf("%s: 16,000 tokens took %v", name, took)
		}
		if c.bound && took > 100*time.Second {
			t.Errorf("%s: what hides behind the weights took %v", name, took)
		}
		if other.Progress().Tokens == 0 {
			t.Errorf("%s: the prompt was read as far as %d of %d tokens", name, long.cache.Len(), prompt)
		}
	}
}

// TestShortBesideLong: a short prompt that comes while a long one is read, with and
// without a stream beside them, has its first token soon, whoever asks.
func TestShortBesideLong(t *testing.T) {
	for _, tenant := range []string{"", "other"} {
		for _, streams := range []int{0, 1, 8} {
			v := newVirtual(t, small, Options{Context: 16_000})
			for i := range streams {
				_, s := v.ask(t.Context(), toyTokens(20, i), 8000, Owner{})
				v.until("a stream", func() bool { return s.Progress().Tokens > 5 })
			}
			long, _ := v.ask(t.Context(), toyTokens(7000, 2), 100, Owner{})
			v.until("some of the long prompt", func() bool { return long.cache != nil && long.cache.Len() > 2500 })
			_, short := v.ask(t.Context(), toyTokens(60, 5), 3, Owner{Tenant: tenant})
			v.until("a short prompt", func() bool { return short.Progress().Tokens > 0 })
			if p := short.Progress(); p.First.Sub(p.Submitted) > 300*time.Millisecond || !long.reads() {
				t.Errorf("tenant %q, %d streams: the first token came after %v; the long prompt is read: %v", tenant, streams, p.First.Sub(p.Submitted), !long.reads())
			}
		}
	}
}

// TestTenantsShare: who has one prompt is not behind who has ten, and a long prompt ends
// though shorter ones of its own tenant go on coming.
func TestTenantsShare(t *testing.T) {
	v := newVirtual(t, small, Options{Context: 5000, Chunk: 256})
	var many []*sequence
	for i := range 10 {
		s, _ := v.ask(t.Context(), toyTokens(2000+i, 3+4*i), 1, Owner{Tenant: "many"})
		many = append(many, s)
	}
	one, _ := v.ask(t.Context(), toyTokens(3000, 1), 1, Owner{Tenant: "one"})
	v.until("the one", func() bool { return one.tenant == nil })
	if n := v.counts.PromptTokens; n > 2*3000+2*256 {
		t.Errorf("when the one prompt of 3000 tokens was read, %d were read in all", n)
	}
	v.until("all", v.idle)
	if slices.ContainsFunc(many, func(s *sequence) bool { return s.tenant != nil }) {
		t.Error("not all of the many ended")
	}

	long, _ := v.ask(t.Context(), toyTokens(4000, 1), 1, Owner{})
	n := 0
	v.until("a long prompt among short ones", func() bool {
		for n++; len(v.waiting)+len(v.running) < 4; n++ {
			v.ask(t.Context(), append(toyTokens(10, 2), toyTokens(300, n)[:290]...), 1, Owner{})
		}
		return long.tenant == nil
	})
}

// TestBatchYields: what somebody waits for is read before what is of a batch, and takes its
// place and its pages where there are no others.
func TestBatchYields(t *testing.T) {
	v := newVirtual(t, small, Options{Context: 3000, Sequences: 2, MemoryLimit: 2 * 8 * 256 * 12})
	var batch []*Stream
	for i := range 3 {
		_, s := v.ask(t.Context(), toyTokens(1000, 4*i), 50, Owner{Batch: true})
		batch = append(batch, s)
	}
	v.until("a batch", func() bool { return len(v.running) == 2 && v.running[0].cache.Len() > 500 })
	var all []*Stream
	for i := range 2 {
		_, s := v.ask(t.Context(), toyTokens(1400, 4+i), 20, Owner{Tenant: "a"})
		all = append(all, s)
	}
	v.until("what somebody waits for", func() bool {
		return !slices.ContainsFunc(all, func(s *Stream) bool { return s.Finish().Reason == FinishNone })
	})
	for i, s := range batch {
		if s.Progress().Tokens > 0 {
			t.Errorf("answer %d of the batch began before what somebody waited for was over", i)
		}
	}
	v.until("the batch", v.idle)
	if v.counts.Preemptions == 0 {
		t.Error("the batch gave nothing back")
	}
	for i, s := range batch {
		if s.Finish().Reason != FinishLength || s.Progress().Tokens != 50 {
			t.Errorf("answer %d of the batch: %d tokens, %v", i, s.Progress().Tokens, s.Finish())
		}
	}
}

// TestBatchBesideStream: beside 32 answers of a batch a stream keeps most of its rate, and
// they have what it does not need; they go on in turns, and all of them in each step as soon
// as nobody waits for the stream. A prompt that is read meanwhile takes most of what is
// theirs, and not all.
func TestBatchBesideStream(t *testing.T) {
	for name, c := range map[string]costs{
		"small": small,
		"large": {weights: 6e7, row: 8e6, depth: 200},
		"bound": {weights: 8e7, row: 3e6, depth: 100, bound: true},
		"slow":  {weights: 5e8, row: 1.5e8},
	} {
		v := newVirtual(t, c, Options{Context: 30_000, Speculate: SpeculateOff})
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		_, stream := v.ask(ctx, toyTokens(20, 1), 20_000, Owner{})
		v.until("a stream", func() bool { return stream.Progress().Tokens > 20 })
		var lines []*Stream
		for i := range 32 {
			_, s := v.ask(t.Context(), toyTokens(10+i, i), 3000, Owner{Batch: true})
			lines = append(lines, s)
		}
		all := func(tokens int) func() bool {
			return func() bool {
				return !slices.ContainsFunc(lines, func(s *Stream) bool { return s.Progress().Tokens < tokens })
			}
		}
		v.until(name+": all lines", all(20))
		beside := v.watch(stream, lines, all(60))
		if beside.rate < 0.6 || name != "slow" && (beside.others > 0.4 || !c.bound && beside.others < 0.25) {
			t.Errorf("%s: the stream has %.0f %% of its rate, the batch %.0f %% of the time", name, 100*beside.rate, 100*beside.others)
		}
		if beside.apart > 1 {
			t.Errorf("%s: of two lines of the batch, one went on %d times more than the other", name, beside.apart)
		}
		if name != "slow" {
			long, _ := v.ask(t.Context(), toyTokens(6000, 2), 1, Owner{Tenant: "b"})
			read := v.watch(stream, lines, func() bool { return long.drew })
			if read.rate < 0.6 || read.tokens == 0 || read.others > 0.4 {
				t.Errorf("%s, and a prompt: the stream has %.0f %% of its rate, the batch %d tokens", name, 100*read.rate, read.tokens)
			}
		}

		leave()
		v.stepOnce()
		alone := v.watch(stream, lines, func() bool { return lines[0].Progress().Tokens >= 200 })
		if alone.apart > 1 || alone.others > 0 {
			t.Errorf("%s: without a stream, a line of the batch went on %d times more than another; %.0f %% was beside", name, alone.apart, 100*alone.others)
		}
	}
}

// watched is how a stream and a batch share the time.
type watched struct {
	rate   float64 // of the stream, beside its own alone
	others float64 // of the time
	tokens int     // of the batch
	apart  int     // tokens between the lines of the batch that had most and least
}

// watch runs steps until a condition holds.
func (v *virtual) watch(stream *Stream, lines []*Stream, is func() bool) (x watched) {
	v.t.Helper()
	from, steps, tokens := v.net.clock, len(v.net.steps), stream.Progress().Tokens
	var before []int
	for _, s := range lines {
		before = append(before, s.Progress().Tokens)
	}
	v.until("what is watched", is)
	took := v.net.clock.Sub(from)
	var decode, others time.Duration
	for _, s := range v.net.steps[steps:] {
		decode, others = s.decode, others+s.took-s.decode
	}
	least, most := 1<<30, 0
	for i, s := range lines {
		n := s.Progress().Tokens - before[i]
		x.tokens += n
		least, most = min(least, n), max(most, n)
	}
	x.rate = float64(stream.Progress().Tokens-tokens) * float64(decode) / float64(took)
	x.others, x.apart = float64(others)/float64(took), most-least
	return x
}

// TestPromptsAreReadOnce: several answers to one prompt, and prompts that begin alike and
// come together, compute the beginning once; those of another tenant compute their own.
func TestPromptsAreReadOnce(t *testing.T) {
	v := newVirtual(t, small, Options{Context: 3000})
	for range 5 {
		v.ask(t.Context(), toyTokens(700, 1), 3, Owner{})
	}
	v.until("five answers", v.idle)
	if n := v.counts.PromptTokens; n != 700+4 {
		t.Errorf("five answers to a prompt of 700 tokens computed %d, want 704", n)
	}
	before := v.counts.PromptTokens
	for i := range 4 {
		own := toyTokens(1000, 8)
		own[900] = int32(i) // each goes on in its own way
		v.ask(t.Context(), own, 1, Owner{})
	}
	v.until("four questions", v.idle)
	if n := v.counts.PromptTokens - before; n != 1000+3*100 {
		t.Errorf("four prompts that begin with the same 900 of 1000 tokens computed %d, want 1300", n)
	}
	before = v.counts.PromptTokens
	v.ask(t.Context(), toyTokens(700, 1), 1, Owner{Tenant: "other"})
	v.until("another tenant", v.idle)
	if n := v.counts.PromptTokens - before; n != 700 {
		t.Errorf("another tenant's prompt computed %d of 700 tokens", n)
	}
}

// TestPagesAsNeeded: requests that might take the whole context run at once where what they
// have has room; where that grows beyond it, the newest waits, and all come to what they
// come to alone.
func TestPagesAsNeeded(t *testing.T) {
	const page = 2 * 8 * 256
	alone := newVirtual(t, small, Options{Context: 1500})
	v := newVirtual(t, small, Options{Context: 1500, Sequences: 8, MemoryLimit: 8 * page})
	var want [][]int32
	var all []*Stream
	for i := range 4 {
		_, s := alone.ask(t.Context(), toyTokens(100, i), 0, Owner{})
		alone.until("an answer", alone.idle)
		want = append(want, collect(s))
		_, s = v.ask(t.Context(), toyTokens(100, i), 0, Owner{})
		all = append(all, s)
	}
	v.until("all run", func() bool { return len(v.running) == 4 })
	v.until("the end", v.idle)
	for i, s := range all {
		if got := collect(s); !slices.Equal(got, want[i]) || s.Finish().Reason != FinishContext {
			t.Errorf("answer %d: %d tokens, %v, alone %d", i, len(got), s.Finish(), len(want[i]))
		}
		if i > 0 && s.Progress().Last.Before(all[i-1].Progress().Last) {
			t.Errorf("answer %d was over before the one that came before it", i)
		}
	}
	if l := v.Load(); l.Preemptions == 0 || l.HeldBytes != 0 || l.LimitBytes != 8*page {
		t.Errorf("the load is %+v, want preemptions", l)
	}
}

// TestCancelledWhileRead: a prompt that is cancelled is gone with the next step, and its
// pages with it.
func TestCancelledWhileRead(t *testing.T) {
	v := newVirtual(t, costs{weights: 1e8, row: 1e7}, Options{Context: 20_000})
	ctx, cancel := context.WithCancel(t.Context())
	s, stream := v.ask(ctx, toyTokens(15_000, 1), 5, Owner{})
	v.until("some of it", func() bool { return s.cache != nil && s.cache.Len() > 600 })
	from, n := v.net.clock, len(v.net.steps)
	v.stepOnce()
	cancel()
	v.stepOnce()
	if f := stream.Finish(); f.Reason != FinishCancel || v.Load().HeldBytes != 0 || !v.idle() {
		t.Errorf("finished by %v, the load is %+v", f, v.Load())
	}
	if took := v.net.clock.Sub(from); took > 500*time.Millisecond || len(v.net.steps) != n+1 {
		t.Errorf("a step of reading took %v", took)
	}
}

// TestStepsAllocateNothing: once it has seen its largest batch, a step allocates what
// answers keep of their tokens, and no more.
func TestStepsAllocateNothing(t *testing.T) {
	m := tinyModel(t, "llama")
	e, err := newStopped(m, &m.Config, Options{Context: 300, Sequences: 16, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.threads.leave()
	for i := range 16 {
		r := request(i)
		r.Tokens, r.MaxTokens, r.Sampling.Temperature, r.Sampling.Repetition = prompt(40, i), 0, 0.7, 1
		s, err := e.answering(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		stream := s.work.(*answer).stream
		stream.queue = make([]Token, 0, 300)
		e.enqueue(s)
	}
	for range 40 {
		e.stepOnce()
	}
	if n := testing.AllocsPerRun(50, func() { e.stepOnce() }); n > 1 {
		t.Errorf("a step allocates %v times", n)
	}
	e.abort()
}
