package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz"
)

// world is memory and models that stand for those of a machine. Time is that of a
// synctest bubble.
type world struct {
	t        *testing.T
	mu       sync.Mutex
	rng      *rand.Rand
	capacity int64
	used     int64
	opening  int
	open     map[string]*fakeModel // by key
	failed   map[string]time.Time  // of the last load, where it failed
	left     int                   // candidates and models that are not closed
	silent   bool                  // the system does not say what memory there is
	calm     bool                  // no load fails by itself
}

var errFake = errors.New("a load that fails")

func (w *world) fault(format string, args ...any) { w.t.Errorf(format, args...) }

// take changes what is used.
func (w *world) take(n int64) {
	if w.used += n; w.used > w.capacity {
		w.fault("%d bytes are used, there are %d", w.used, w.capacity)
	}
}

func (w *world) chance(n int) bool { return w.rng.IntN(n) == 0 && !w.calm }

func (w *world) available() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.silent {
		return 0
	}
	free := w.capacity - w.used
	for _, f := range w.open {
		free += f.mapped() // which systems take for memory that can be had
	}
	return max(free, 1)
}

func (w *world) close() {}

// fakeModel is a model of one of a few sizes, told by its key.
type fakeModel struct {
	w      *world
	key    string
	weight int64
	per    int64 // bytes of a position
	own    int
	plan   plan
	cached int64
	closed bool
}

func fakeOf(w *world, key string) *fakeModel {
	var size int
	fmt.Sscanf(key, "m%d", &size)
	return &fakeModel{w: w, key: key, weight: int64(200 + 400*size), per: 1, own: 300 + 100*size}
}

func (w *world) survey(ctx context.Context, t target) (candidate, error) {
	w.mu.Lock()
	pause, fails := time.Duration(w.rng.IntN(50))*time.Millisecond, w.chance(20)
	if at, ok := w.failed[t.key]; ok && time.Since(at) < firstPause {
		w.fault("%s is tried again %v after it failed", t.key, time.Since(at))
	}
	w.mu.Unlock()
	time.Sleep(pause)
	w.mu.Lock()
	defer w.mu.Unlock()
	if fails {
		if ctx.Err() == nil {
			w.failed[t.key] = time.Now()
		}
		return nil, errFake
	}
	w.left++
	return fakeOf(w, t.key), nil
}

func (f *fakeModel) bound(int64) (experts, weights int64) { return 0, f.weight }
func (f *fakeModel) context() int                         { return f.own }
func (f *fakeModel) cache(positions int) (int64, error)   { return f.per * int64(positions), nil }
func (f *fakeModel) longest(room int64) (int, error) {
	return int(min(int64(f.own), max(room, 0)/f.per)), nil
}
func (f *fakeModel) engine() *blitz.Engine { return nil }

// mapped returns the weights of every other size.
func (f *fakeModel) mapped() int64 {
	if f.weight%800 == 600 {
		return f.weight
	}
	return 0
}

func (f *fakeModel) caches() int64 {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	return f.cached
}

// open takes memory little by little.
func (f *fakeModel) open(ctx context.Context, p plan, report func(done, total int64)) (opened, error) {
	w := f.w
	w.mu.Lock()
	if w.opening++; w.opening > 1 {
		w.fault("%d models are opened at once", w.opening)
	}
	fails := w.chance(10)
	w.mu.Unlock()
	err := error(nil)
	for step := range 4 {
		time.Sleep(time.Duration(step) * 100 * time.Millisecond)
		w.mu.Lock()
		w.take(f.weight / 4)
		w.mu.Unlock()
		report(f.weight/4*int64(step+1), f.weight)
		if err = ctx.Err(); err != nil {
			err = fmt.Errorf("model: %w", err)
		} else if fails && step == 2 {
			err = errFake
		}
		if err != nil {
			w.mu.Lock()
			w.take(-f.weight / 4 * int64(step+1))
			break
		}
		if step == 3 {
			w.mu.Lock()
		}
	}
	defer w.mu.Unlock()
	w.opening--
	if err != nil {
		if ctx.Err() == nil {
			w.failed[f.key] = time.Now()
		}
		return nil, err
	}
	delete(w.failed, f.key)
	if w.open[f.key] != nil {
		w.fault("%s is opened a second time", f.key)
	}
	o := &fakeModel{w: w, key: f.key, weight: f.weight, plan: p}
	w.open[f.key] = o
	w.left++
	return o, nil
}

// close gives memory back, which takes a moment where there is any.
func (f *fakeModel) close() {
	w := f.w
	if f.plan == (plan{}) { // a candidate
		w.mu.Lock()
		defer w.mu.Unlock()
		w.left--
		return
	}
	w.mu.Lock()
	if f.closed {
		w.fault("%s is closed twice", f.key)
	}
	f.closed = true
	w.mu.Unlock()
	time.Sleep(30 * time.Millisecond)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, f.key)
	w.take(-f.weight - f.cached)
	f.cached = 0
	w.left--
}

// grow has the caches of open models take what they were given.
func (w *world) grow() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.open {
		if f.closed {
			continue
		}
		n := w.rng.Int64N(f.plan.caches - f.cached + 1)
		f.cached += n
		w.take(n)
	}
}

// visitor asks for a model and uses it.
type visitor struct {
	ctx    context.Context
	cancel context.CancelFunc
	name   string
	mu     sync.Mutex
	taken  int64 // beside the model
	done   bool
	lease  *Lease
	err    error
}

func (v *visitor) state() (done bool, lease *Lease, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.done, v.lease, v.err
}

// simulation drives a host.
type simulation struct {
	t        *testing.T
	w        *world
	h        *Host
	rng      *rand.Rand
	versions [6]int // of each model's file
	visitors []*visitor
}

func (s *simulation) visit() {
	n := s.rng.IntN(len(s.versions))
	t := target{name: fmt.Sprintf("name%d", n), key: fmt.Sprintf("m%d v%d", n, s.versions[n])}
	if s.rng.IntN(4) == 0 {
		t.name += "-too"
	}
	ask := Ask{Context: s.rng.IntN(2000)}
	if s.rng.IntN(3) == 0 {
		ask.KeepAlive = new([]time.Duration{0, -1, time.Second, time.Minute}[s.rng.IntN(4)])
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &visitor{ctx: ctx, cancel: cancel, name: t.name}
	s.visitors = append(s.visitors, v)
	go func() {
		l, err := s.h.acquire(ctx, t, ask)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.done, v.lease, v.err = true, l, err
	}()
}

// adapt has one visitor who has a model take memory beside it.
func (s *simulation) adapt(i int) {
	v := s.visitors[i]
	_, l, _ := v.state()
	if l == nil || v.beside() != 0 {
		return
	}
	n := 50 + s.rng.Int64N(800)
	v.set(waiting)
	go func() {
		err := s.h.reserve(v.ctx, l.resident, n)
		if err != nil {
			if !errors.Is(err, blitz.ErrNoRoom) && !errors.Is(err, blitz.ErrClosed) && !errors.Is(err, context.Canceled) {
				s.t.Errorf("memory for an adapter: %v", err)
			}
			v.set(0)
			return
		}
		s.w.mu.Lock()
		s.w.take(n)
		s.w.mu.Unlock()
		s.h.do(func() { l.resident.arrived(n) })
		v.set(n)
	}()
}

// giveBack ends what a visitor has beside his model.
func (s *simulation) giveBack(v *visitor, l *Lease) {
	n := v.beside()
	s.w.mu.Lock()
	s.w.used -= n
	s.w.mu.Unlock()
	s.h.do(func() { l.resident.adapters -= n })
	v.set(0)
}

// waiting is what a visitor has beside his model who waits for it.
const waiting = -1

func (v *visitor) beside() int64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.taken
}

func (v *visitor) set(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.taken = n
}

// leave ends one visitor: who has a lease releases it, who waits gives up.
func (s *simulation) leave(i int) {
	v := s.visitors[i]
	if v.beside() == waiting { // who loads an adapter has the lease so long
		v.cancel()
		synctest.Wait()
	}
	s.visitors = slices.Delete(s.visitors, i, i+1)
	if _, l, _ := v.state(); l != nil {
		s.giveBack(v, l)
		l.Release()
		l.Release()
	}
	v.cancel()
	synctest.Wait()
	if _, l, _ := v.state(); l != nil {
		l.Release() // it came at that moment
	}
}

// check holds what must be so at any moment.
func (s *simulation) check() {
	synctest.Wait()
	for i := len(s.visitors) - 1; i >= 0; i-- {
		done, l, err := s.visitors[i].state()
		switch {
		case !done:
		case err != nil:
			if !errors.Is(err, errFake) && !errors.Is(err, blitz.ErrNoRoom) {
				s.t.Errorf("%s: got %v", s.visitors[i].name, err)
			}
			s.visitors = slices.Delete(s.visitors, i, i+1)
		default:
			f := l.resident.opened.(*fakeModel)
			f.w.mu.Lock()
			if f.closed {
				s.t.Errorf("%s is closed, and leased", f.key)
			}
			f.w.mu.Unlock()
		}
	}
}

func (s *simulation) step() {
	switch k := s.rng.IntN(20); {
	case k < 7:
		s.visit()
	case k < 9 && len(s.visitors) > 0:
		s.adapt(s.rng.IntN(len(s.visitors)))
	case k < 14 && len(s.visitors) > 0:
		s.leave(s.rng.IntN(len(s.visitors)))
	case k < 15:
		s.w.grow()
	case k < 16:
		s.versions[s.rng.IntN(len(s.versions))]++
	case k < 17:
		s.h.unload(fmt.Sprintf("name%d", s.rng.IntN(len(s.versions))))
	case k < 18:
		for _, r := range s.h.Loaded() {
			if r.Requests < 0 || r.Done > r.Weights && !r.Waits {
				s.t.Errorf("got %+v", r)
			}
		}
	default:
		time.Sleep(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
	}
	s.check()
}

// settle lets all visitors come to an end, each after the other.
func (s *simulation) settle() {
	for tries := 0; len(s.visitors) > 0; tries++ {
		if tries > 10_000 {
			s.t.Fatalf("%d visitors wait for ever", len(s.visitors))
		}
		for i := len(s.visitors) - 1; i >= 0; i-- {
			if _, l, _ := s.visitors[i].state(); l != nil {
				s.leave(i)
			}
		}
		time.Sleep(time.Second)
		s.check()
	}
}

func simulate(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 14))
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 15)), capacity: 1500 + rng.Int64N(4000),
		open: map[string]*fakeModel{}, failed: map[string]time.Time{},
	}
	o := Options{KeepAlive: time.Minute}
	if w.silent = rng.IntN(3) == 0; w.silent || rng.IntN(3) == 0 {
		o.MemoryLimit = w.capacity
	}
	s := &simulation{t: t, w: w, h: newHost(o, nil, w), rng: rng}
	for range 120 {
		s.step()
	}
	if seed%3 == 0 { // closed while it is in use
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if err := s.h.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		cancel()
		for _, v := range s.visitors {
			v.cancel()
			if synctest.Wait(); v.lease != nil {
				s.giveBack(v, v.lease)
				v.lease.Release()
			}
		}
	} else {
		s.settle()
		for _, name := range []string{"name0", "name1", "name2", "name3", "name4", "name5"} { // those that are kept for ever
			s.h.unload(name)
			s.h.unload(name + "-too")
		}
		time.Sleep(2 * time.Minute)
		if got := s.h.Loaded(); len(got) > 0 {
			t.Errorf("still there: %+v", got)
		}
		if err := s.h.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if w.used != 0 || w.left != 0 || len(w.open) != 0 {
		t.Errorf("%d bytes, %d models and %d candidates are left behind", w.used, len(w.open), w.left)
	}
}

// TestSimulation: whatever comes in whatever order, the memory is never exceeded, by models and
// what is taken beside them, no
// leased model is closed, one is opened at a time, who waits gets an answer, and
// nothing is left behind.
func TestSimulation(t *testing.T) {
	seeds := uint64(400)
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
