package engine

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// TestSimulation runs engines on toys in virtual time: requests of several tenants and of
// batches arrive, are cancelled, have several answers, are preempted for want of pages,
// and what was computed is evicted, kept on a shelf and fetched again. After each step it
// checks what must hold. A failure says its seed, and
//
//	go test -run TestSimulation ./internal/engine -seed N
//
// runs that one again.

var (
	simulationSeeds = flag.Int("seeds", 150, "how many seeds TestSimulation runs")
	simulationFrom  = flag.Int("from", 0, "the first seed that TestSimulation runs")
	simulationSeed  = flag.Int("seed", -1, "the only seed that TestSimulation runs")
)

func TestSimulation(t *testing.T) {
	works := toyWorks(t)
	n := *simulationSeeds
	if testing.Short() {
		n /= 4
	}
	from, to := *simulationFrom, *simulationFrom+n
	if *simulationSeed >= 0 {
		from, to = *simulationSeed, *simulationSeed+1
	}
	var sum simulated
	for seed := from; seed < to; seed++ {
		x := newWorld(t, works, uint64(seed))
		x.run()
		sum.add(&x.simulated)
	}
	t.Logf("%d seeds: %+v", to-from, sum)
	if *simulationSeed < 0 && n >= 150 && (sum.Preempted == 0 || sum.Followed == 0 || sum.Evicted == 0 || sum.Fetched == 0 || sum.Cancelled == 0 || sum.Beside == 0 || sum.InTurns == 0 || sum.Yielded == 0 ||
		sum.Confirmed == 0 || sum.Confirmed == sum.Guessed) {
		t.Errorf("something did not happen in %d seeds: %+v", n, sum)
	}
}

// simulated counts what happened, so that a simulation in which nothing does is noticed.
type simulated struct {
	Works, Steps, Preempted, Yielded, Followed, Cancelled, Evicted, Fetched, Beside, InTurns int
	Tokens, Reread, Guessed, Confirmed                                                       int
	Longest                                                                                  time.Duration // that an answer of a batch was left out
}

func (a *simulated) add(b *simulated) {
	a.Works += b.Works
	a.Steps += b.Steps
	a.Preempted += b.Preempted
	a.Yielded += b.Yielded
	a.Followed += b.Followed
	a.Cancelled += b.Cancelled
	a.Evicted += b.Evicted
	a.Fetched += b.Fetched
	a.Beside += b.Beside
	a.InTurns += b.InTurns
	a.Longest = max(a.Longest, b.Longest)
	a.Tokens += b.Tokens
	a.Guessed += b.Guessed
	a.Confirmed += b.Confirmed
}

// toyWork is something that an engine is asked.
type toyWork struct {
	kind   string
	make   func(t *testing.T, e *Engine, ctx context.Context, who Owner) (*sequence, func() string)
	result []string // for each of toyWindows, of an engine that does nothing else
}

// toyWindows are the windows of the layers of toys.
var toyWindows = [][]int{{0, 0}, {0, 300, 0}, {100, 0, 0}, {0, 700, 2, 0}}

const toyContext = 1500

// toyTokens returns the beginning of one of a few texts, which begin alike.
func toyTokens(n, kind int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		like := kind
		if i < 200*(kind%4) {
			like = kind % 2
		}
		ids[i] = int32(mix(uint64(i), uint64(like)) % toyVocab)
	}
	return ids
}

// toyWorks returns what simulations pick from, with what comes of each alone.
func toyWorks(t *testing.T) []*toyWork {
	t.Helper()
	var works []*toyWork
	for i := range 40 {
		works = append(works, toyAnswer(i))
	}
	for i := range 6 {
		works = append(works, toyScore(i), toyEmbedding(i), toyLogits(i))
	}
	for _, windows := range toyWindows {
		for _, w := range works {
			n := newToy(windows, costs{weights: 1e6, row: 1e5}, rand.New(rand.NewPCG(0, 0)))
			e, err := toyEngine(n, Options{Threads: 1, Context: toyContext, Sequences: 1, Speculate: SpeculateOff})
			if err != nil {
				t.Fatal(err)
			}
			s, result := w.make(t, e, t.Context(), Owner{})
			for e.enqueue(s); len(e.running)+len(e.waiting) > 0; {
				e.stepOnce()
			}
			w.result = append(w.result, result())
			e.threads.leave()
			e.cache.Drop()
		}
	}
	return works
}

func toyAnswer(i int) *toyWork {
	r := Request{Tokens: toyTokens([]int{1, 20, 255, 256, 257, 300, 520, 900, 1300}[i%9]+i%3, i%7), MaxTokens: 5 + i*37%120, Sampling: off, Logprobs: -1}
	r.Sampling.Temperature, r.Sampling.Seed = float32(i%3)*0.6, uint64(i)
	switch i % 5 {
	case 1:
		r.Sampling.Repetition, r.Sampling.TopK = 1.3, 20
	case 2:
		r.Logprobs = i % 3
	case 3:
		r.Stop = []int32{int32(i), 7, 50, 99}
	}
	if i%11 == 0 {
		r.MaxTokens = 0 // to the end of the context
		r.Tokens = toyTokens(toyContext-300, i%7)
	}
	if i%11 == 5 { // long ones behind short prompts: none of them asks for much at first
		r.Tokens, r.MaxTokens, r.Stop = toyTokens(220+i, i), 300+i*8, nil
	}
	return &toyWork{kind: fmt.Sprint("answer ", i), make: func(t *testing.T, e *Engine, ctx context.Context, who Owner) (*sequence, func() string) {
		r := r
		r.Owner = who
		var guide *automaton
		if i%6 == 5 {
			guide = &automaton{seed: uint64(i), every: i % 5}
			r.Guides = []Guide{guide}
		}
		s, err := e.answering(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		stream := s.work.(*answer).stream
		return s, func() string {
			if guide != nil && guide.fault != nil {
				t.Fatalf("a guide: %v", guide.fault)
			}
			return fmt.Sprint(stream.queue)
		}
	}}
}

func toyScore(i int) *toyWork {
	return &toyWork{kind: fmt.Sprint("score ", i), make: func(t *testing.T, e *Engine, ctx context.Context, who Owner) (*sequence, func() string) {
		s, scores, err := e.scoring(toyTokens(40+130*i, i), 1+i*70, i%3)
		if err != nil {
			t.Fatal(err)
		}
		s.ctx, s.owner = ctx, who
		return s, func() string { return fmt.Sprint(*scores) }
	}}
}

func toyEmbedding(i int) *toyWork {
	return &toyWork{kind: fmt.Sprint("embedding ", i), make: func(t *testing.T, e *Engine, ctx context.Context, who Owner) (*sequence, func() string) {
		var vector []float32
		s, err := e.embedding(toyTokens(30+200*i, i), EmbedOptions{Pooling: Pooling(i % 3), Length: LengthAny}, func(v []float32) { vector = v })
		if err != nil {
			t.Fatal(err)
		}
		s.ctx, s.owner = ctx, who
		return s, func() string { return fmt.Sprint(vector) }
	}}
}

// toyLogits is raw logits, every second time with those of the draft module. Each row is
// to come once.
func toyLogits(i int) *toyWork {
	return &toyWork{kind: fmt.Sprint("logits ", i), make: func(t *testing.T, e *Engine, ctx context.Context, who Owner) (*sequence, func() string) {
		ids := toyTokens(25+90*i, i)
		var rows, drafts []uint32
		note := func(all *[]uint32) func(int, []float32) error {
			next := 0
			return func(pos int, x []float32) error {
				if pos < next {
					t.Fatalf("row %d came twice", pos)
				}
				next = pos + 1
				sum := uint32(pos)
				for _, v := range x {
					sum = sum*31 + math.Float32bits(v)
				}
				*all = append(*all, sum)
				return nil
			}
		}
		s := &sequence{engine: e, ctx: ctx, owner: who, tokens: ids, most: len(ids), private: true, piece: i * 30, single: i * 2, work: newGiven(note(&rows))}
		if i%2 == 1 {
			s.drafts = note(&drafts)
		} else {
			s.from = i * 50
		}
		return s, func() string { return fmt.Sprint(rows, drafts) }
	}}
}

// world is an engine under simulation.
type world struct {
	simulated
	t       *testing.T
	works   []*toyWork
	rng     *rand.Rand
	seed    uint64
	windows int // which of toyWindows
	net     *toy
	engine  *Engine
	live    []*liveWork
	left    int // works to come
	fair    *fairness
	turns   turns
	noisy   bool
	idle    int // steps since something was computed
}

type liveWork struct {
	*toyWork
	sequence *sequence
	result   func() string
	cancel   context.CancelFunc
	stopped  bool
	left     int // steps until it is cancelled; below 0: it is not
}

func newWorld(t *testing.T, works []*toyWork, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 17))
	w := &world{t: t, works: works, rng: rng, seed: seed, left: 3 + rng.IntN(12), fair: newFairness(), turns: turns{}}
	w.windows = rng.IntN(len(toyWindows))
	c := costs{
		weights: math.Exp(rng.Float64()*5) * 4e5, // 0.4 to 60 ms
		row:     math.Exp(rng.Float64()*4) * 1e5, // 0.1 to 5.5 ms
		bound:   rng.IntN(3) == 0,
	}
	c.depth = c.row / 4000 * rng.Float64()
	c.fours = seed%3 == 1
	if w.noisy = rng.IntN(3) == 0; w.noisy {
		c.noise = 0.3
	}
	w.net = newToy(toyWindows[w.windows], c, rng)
	if seed%4 == 3 {
		w.left = 3 + rng.IntN(4)
	}
	o := Options{Threads: 1, Context: toyContext, Sequences: 1 + rng.IntN(12), Chunk: []int{1 + rng.IntN(20), 64, 200, 512}[rng.IntN(4)], Keep: rng.IntN(4) == 0}
	probe, err := kvcache.New(w.net.CacheLayers(0), math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	// Room for one of the whole context, and for some pages more.
	o.MemoryLimit = int64(probe.Bytes(toyContext, o.Chunk) + rng.IntN(4)*rng.IntN(5)*probe.Bytes(1, 1))
	if w.engine, err = toyEngine(w.net, o); err != nil {
		t.Fatal(err)
	}
	w.speculates()
	w.engine.together = []int{logitRows, 1, 2, 5}[seed/5%4] // guesses are cut apart there
	if rng.IntN(4) == 0 {                                   // short of memory, now and then
		w.engine.headroom.available = func() (int64, bool) { return w.engine.headroom.reserve - rng.Int64N(3)*rng.Int64N(o.MemoryLimit), true }
	}
	if o.Keep {
		w.engine.keeper = newKeeper(&memoryShelf{fails: func(pagestore.Sum) bool { return rng.IntN(8) == 0 }}, w.engine.cache)
		w.engine.keeper.patience = time.Hour
	}
	return w
}

// speculates has some engines guess by a draft model that is mostly right, some with a module
// that writes beside, and some not at all; the others guess by n-grams.
func (w *world) speculates() {
	e := w.engine
	kind := w.seed % 5
	switch kind {
	case 0:
		e.guesser = nil
	case 1, 2:
		draft := doubtful{newToy(toyWindows[w.windows], costs{}, w.rng), rand.New(rand.NewPCG(w.seed, 3))}
		g, err := newDraftGuesser(draft, 0, e.limit/4, toyContext-50, e)
		if err != nil {
			w.t.Fatal(err)
		}
		e.guesser = g
		if kind == 2 {
			e.module = &mtpGuesser{engine: e}
		}
	}
}

// doubtful is a toy that is wrong now and then.
type doubtful struct {
	*toy
	doubts *rand.Rand
}

func (n doubtful) Logits(s *model.Step, hidden *model.Act, from, to int) *model.Act {
	if n.doubts.IntN(6) == 0 {
		hidden = &model.Act{T: hidden.T, D: hidden.D, X: slices.Clone(hidden.X)}
		for t := range hidden.T {
			hidden.Row(t)[0] = float32(n.doubts.IntN(1 << 16))
		}
	}
	return n.toy.Logits(s, hidden, from, to)
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d: %s (replay: go test -run TestSimulation ./internal/engine -seed %d)", w.seed, fmt.Sprintf(format, args...), w.seed)
}

// run runs all works to their end.
func (w *world) run() {
	e := w.engine
	defer e.threads.leave()
	for w.left > 0 || len(e.running)+len(e.waiting) > 0 {
		w.arrive()
		w.cancelSome()
		w.step()
	}
	w.checkEnd()
}

// arrive lets works come, alone, together, or several of one.
func (w *world) arrive() {
	every := 2 + int(w.seed%60)
	if len(w.engine.running)+len(w.engine.waiting) == 0 {
		w.net.clock = w.net.clock.Add(time.Duration(w.rng.IntN(1000)) * time.Millisecond)
		every = 1
	}
	for w.left > 0 && w.rng.IntN(every) == 0 {
		w.left--
		work := w.works[w.rng.IntN(len(w.works))]
		if w.seed%4 == 3 { // long answers, mostly
			work = w.works[[]int{5, 16, 27, 38, w.rng.IntN(len(w.works))}[w.rng.IntN(5)]]
			every = 3
		}
		who := Owner{Tenant: []string{"", "a", "b"}[w.rng.IntN(3)], Batch: w.rng.IntN(4) == 0}
		n := 1
		if w.rng.IntN(5) == 0 {
			n = 2 + w.rng.IntN(4)
		}
		for range n {
			x := &liveWork{toyWork: work}
			if w.rng.IntN(6) == 0 {
				x.left = 1 + w.rng.IntN(200)
			}
			var ctx context.Context
			ctx, x.cancel = context.WithCancel(w.t.Context())
			x.sequence, x.result = work.make(w.t, w.engine, ctx, who)
			w.engine.enqueue(x.sequence)
			w.live = append(w.live, x)
			w.Works++
		}
	}
}

func (w *world) cancelSome() {
	for _, x := range w.live {
		if x.left--; x.left == 0 {
			x.cancel()
			x.stopped = true
		}
	}
}

func (w *world) step() {
	e := w.engine
	before := e.Load()
	steps := len(w.net.steps)
	ran := e.stepOnce()
	if e.keeper != nil {
		e.keeper.some(w.rng)
		checkKeeper(w.t, e.keeper, w.seed)
	}
	w.Steps++
	if w.Steps > 100_000 {
		w.failf("no end: %d running, %d waiting, %+v", len(e.running), len(e.waiting), e.Load())
	}
	w.checkCache()
	w.checkSequences()
	w.checkLoad(before)
	w.fair.check(w, ran)
	if len(w.net.steps) > steps {
		w.idle = 0
		w.checkTime()
		w.turns.check(w)
	} else if w.idle++; w.idle > 1 && e.keeper == nil && len(e.running) > 0 {
		w.failf("%d steps in which nothing was computed, and %d run", w.idle, len(e.running))
	}
}

// checkCache: pages are counted once, and those of sequences that run are all that are
// held.
func (w *world) checkCache() {
	stats := w.engine.cache.Stats()
	spare := max(w.engine.limit/spareShare, w.engine.cache.Bytes(toyContext, w.engine.options.Chunk))
	if stats.HeldBytes+stats.CachedBytes+stats.FreeBytes > stats.LimitBytes || stats.CachedBytes+stats.FreeBytes > spare || stats.Sequences != len(w.engine.running) {
		w.failf("the cache has %+v, and %d run", stats, len(w.engine.running))
	}
	if len(w.engine.running) == 0 && stats.HeldPages != 0 {
		w.failf("nothing runs, and %d pages are held", stats.HeldPages)
	}
}

// checkSequences: each is in one place, in order; what was cancelled is gone.
func (w *world) checkSequences() {
	e := w.engine
	if len(e.running) > e.options.Sequences {
		w.failf("%d run, at most %d may", len(e.running), e.options.Sequences)
	}
	if !slices.IsSortedFunc(e.running, urgent) {
		w.failf("those that run are not in the order of their urgency")
	}
	running := map[Owner]int{}
	for _, s := range e.running {
		running[s.owner]++
		if s.cache == nil || len(s.pending) == 0 || s.cache.Len()+len(s.pending) > s.most {
			w.failf("a running sequence has %d pending", len(s.pending))
		}
	}
	for _, s := range e.waiting {
		if s.cache != nil || s.pending != nil || s.tenant == nil {
			w.failf("a waiting sequence has pages")
		}
	}
	for name, t := range e.tenants {
		for kind := range 2 {
			if n := running[Owner{Tenant: name, Batch: kind == 1}]; t.running[kind] != n || t.sequences[kind] < n || t.read[kind] < 0 {
				w.failf("tenant %q has %d running and %d in all, want %d running; read %d", name, t.running[kind], t.sequences[kind], n, t.read[kind])
			}
		}
	}
	for _, x := range w.live {
		if x.stopped {
			if finishOf(x.sequence).Reason == FinishNone {
				w.failf("%s goes on after it was cancelled", x.kind)
			}
		}
		if x.sequence.leader != nil {
			w.Followed++
		}
	}
}

// checkLoad: what others are told is so.
func (w *world) checkLoad(before Load) {
	e := w.engine
	l, stats := e.Load(), e.cache.Stats()
	preempted := 0
	for _, s := range e.waiting {
		if s.begun {
			preempted++
		}
	}
	if l.Running != len(e.running) || l.Waiting != len(e.waiting) || l.Preempted != preempted || l.HeldBytes != stats.HeldBytes || l.LimitBytes != e.limit {
		w.failf("the load is %+v; %d run, %d wait, %d of them preempted", l, len(e.running), len(e.waiting), preempted)
	}
	if l.Preemptions > before.Preemptions && len(e.running) > 0 && !e.running[0].owner.Batch {
		for _, s := range e.waiting {
			if s.begun && s.owner.Batch {
				w.Yielded++
				break
			}
		}
	}
}

const (
	heldWindow = 100 * time.Millisecond // 40 % of 250 ms
	heldStep   = 100 * time.Millisecond
	// Where a few tokens hide behind the weights and more do not, a step is misjudged now
	// and then.
	hiddenWindow = 130 * time.Millisecond
	hiddenStep   = 130 * time.Millisecond
)

// checkTime: what is done beside the answers that go on takes at most 40 % of any 250 ms, and
// no step takes more than 100 ms longer than those alone; unless that is but one token.
func (w *world) checkTime() {
	steps := w.net.steps
	s := &steps[len(steps)-1]
	if s.decode == 0 || s.beside() == 0 {
		return
	}
	w.Beside++
	if s.limited && len(s.drawn) > 0 {
		w.InTurns++
	}
	if w.noisy || s.beside() <= 1 {
		return
	}
	most, mostStep := heldWindow, heldStep
	if w.net.costs.bound {
		most, mostStep = hiddenWindow, hiddenStep
	}
	if more := s.took - s.decode; more > mostStep {
		w.failf("a step of %d tokens beside others took %v longer than those alone, which take %v", s.beside(), more, s.decode)
	}
	end := s.from.Add(s.took)
	var sum time.Duration
	for i := len(steps) - 1; i >= 0 && end.Sub(steps[i].from) <= 250*time.Millisecond; i-- {
		if steps[i].decode > 0 {
			sum += steps[i].took - steps[i].decode
		}
	}
	if sum > most {
		w.failf("in 250 ms, %v beside decoding", sum)
	}
}

// turns is since when answers of batches were left out of steps, and which others went on
// since then.
type turns map[*sequence]*leftOut

type leftOut struct {
	since  time.Time
	passed map[*sequence]bool
}

// check: each step goes on with all answers that somebody waits for, and with those of
// batches where nobody waits. Otherwise those have turns: none goes on twice while another
// one waits, and none waits for long.
func (all turns) check(w *world) {
	s := &w.net.steps[len(w.net.steps)-1]
	for x := range all {
		if !slices.Contains(s.left, x) {
			delete(all, x)
		}
	}
	for _, x := range s.left {
		if !x.owner.Batch || !s.limited {
			w.failf("an answer of %+v was left out of a step; somebody waits for another: %v", x.owner, s.limited)
		}
		if all[x] == nil {
			all[x] = &leftOut{since: s.from, passed: map[*sequence]bool{}}
		}
		for _, y := range s.drawn {
			if all[x].passed[y] {
				w.failf("an answer of a batch went on twice while another one waited")
			}
			all[x].passed[y] = true
		}
		waited := s.from.Add(s.took).Sub(all[x].since)
		w.Longest = max(w.Longest, waited)
		if waited > longestTurn {
			w.failf("an answer of a batch was left out of steps for %v", waited)
		}
	}
}

// longestTurn is how long the slowest of the simulated machines may leave an answer of a batch
// out of its steps.
const longestTurn = 2 * time.Second

// fairness counts what was read for each tenant since another one wants to be read, too.
type fairness struct{ ahead map[[2]Owner]int }

func newFairness() *fairness { return &fairness{ahead: map[[2]Owner]int{}} }

// check: of two tenants that both have something to read all the while, none is ahead of
// the other by more than two steps' tokens. Nothing is read for a batch while somebody
// waits for what could be read.
func (f *fairness) check(w *world, ran bool) {
	e := w.engine
	wants := map[Owner]bool{}
	for _, s := range e.running {
		if s.reads() && s.piece+s.single == 0 { // and takes what it gets
			wants[s.owner] = true
		}
	}
	var read map[Owner]int
	if ran && len(e.batched) > 0 {
		read = w.net.steps[len(w.net.steps)-1].of
	}
	for pair := range f.ahead {
		if !wants[pair[0]] || !wants[pair[1]] {
			delete(f.ahead, pair)
		}
	}
	for a := range wants {
		for b := range wants {
			if a == b || a.Batch != b.Batch {
				continue
			}
			n, both := f.ahead[[2]Owner{a, b}]
			if !both {
				f.ahead[[2]Owner{a, b}] = 0 // from now on
				continue
			}
			n += read[a] - read[b]
			f.ahead[[2]Owner{a, b}] = n
			if n > 4*e.options.Chunk+64 {
				w.failf("%d more tokens were read for %+v than for %+v, which wants as much", n, a, b)
			}
		}
	}
	for a := range wants {
		for b, n := range read {
			if !a.Batch && b.Batch && n > e.options.Chunk {
				w.failf("%d tokens of a batch were read while %+v waits", n, a)
			}
		}
	}
}

// checkEnd: all came to what they come to alone, and nothing is left.
func (w *world) checkEnd() {
	e := w.engine
	stats := e.cache.Stats()
	if stats.Sequences != 0 || stats.HeldPages != 0 || len(e.tenants) != 0 {
		w.failf("at the end there are %d tenants and %+v", len(e.tenants), stats)
	}
	for _, x := range w.live {
		x.cancel()
		f, got, want := finishOf(x.sequence), x.result(), x.toyWork.result[w.windows]
		_, answers := x.sequence.work.(*answer)
		switch {
		case f.Reason == FinishNone || f.Reason == FinishError || f.Reason == FinishCancel && !x.stopped:
			w.failf("%s finished by %v", x.kind, f)
		case f.Reason == FinishCancel:
			w.Cancelled++
			if answers && got != "[]" && !begins(want, got) {
				w.failf("%s, cancelled, came to %s", x.kind, differs(got, want))
			}
		case got != want:
			w.failf("%s gave %s", x.kind, differs(got, want))
		}
	}
	l := e.Load()
	w.Preempted, w.Evicted, w.Fetched = int(l.Preemptions), int(l.EvictedPages), int(l.FetchedTokens)
	w.Tokens = int(l.PromptTokens + l.DecodedTokens)
	w.Guessed, w.Confirmed = int(l.Guessed), int(l.Confirmed)
	e.cache.Drop()
	if stats := e.cache.Stats(); stats.HeldBytes+stats.CachedBytes+stats.FreeBytes != 0 {
		w.failf("memory is left: %+v", stats)
	}
}

// differs tells where two texts part.
func differs(got, want string) string {
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	part := func(s string) string { return s[max(0, n-40):min(len(s), n+40)] }
	return fmt.Sprintf("%q, alone %q", part(got), part(want))
}
