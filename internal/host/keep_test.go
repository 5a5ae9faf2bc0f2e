package host

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
)

// calm returns a host over a world in which nothing fails, with that much memory. Models
// m0, m1, m2 … have weights of 200, 600, 1000 … bytes and a byte for each position.
func calm(t *testing.T, capacity int64) (*Host, *world) {
	w := &world{t: t, rng: rand.New(rand.NewPCG(1, 1)), capacity: capacity, calm: true, open: map[string]*fakeModel{}, failed: map[string]time.Time{}}
	h := newHost(Options{KeepAlive: time.Minute}, nil, w)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if w.used != 0 || w.left != 0 {
			t.Errorf("%d bytes and %d models are left", w.used, w.left)
		}
	})
	return h, w
}

// use returns a lease of a model whose name is its key.
func use(t *testing.T, h *Host, name string, ask Ask) *Lease {
	t.Helper()
	l, err := h.acquire(t.Context(), target{name: name, key: name}, ask)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return l
}

// names returns what is loaded, behind a ? what is on its way.
func names(h *Host) string {
	synctest.Wait()
	var list []string
	for _, r := range h.Loaded() {
		name := r.Name
		if r.Loading {
			name += "?"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func checkLoaded(t *testing.T, h *Host, when, want string) {
	t.Helper()
	if got := names(h); got != want {
		t.Errorf("%s: loaded are %q, want %q", when, got, want)
	}
}

func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestKeepAlive(t *testing.T) {
	bubble(t, "times", func(t *testing.T) {
		h, _ := calm(t, 10_000)
		use(t, h, "m0", Ask{}).Release()
		use(t, h, "m1", Ask{KeepAlive: new(time.Duration(-1))}).Release()
		use(t, h, "m2", Ask{KeepAlive: new(time.Duration(0))}).Release()
		time.Sleep(time.Second)
		checkLoaded(t, h, "at once", "m0 m1")
		time.Sleep(55 * time.Second)
		checkLoaded(t, h, "before the time", "m0 m1")
		use(t, h, "m0", Ask{}).Release()
		time.Sleep(59 * time.Second)
		checkLoaded(t, h, "a minute after the first use", "m0 m1")
		time.Sleep(2 * time.Second)
		checkLoaded(t, h, "a minute after the last use", "m1")
		time.Sleep(1000 * time.Hour)
		checkLoaded(t, h, "long after", "m1")
		use(t, h, "m1", Ask{KeepAlive: new(time.Duration(0))}).Release()
		time.Sleep(time.Second)
		checkLoaded(t, h, "let go by a request", "")
	})
	bubble(t, "in use", func(t *testing.T) {
		h, _ := calm(t, 10_000)
		l := use(t, h, "m0", Ask{})
		time.Sleep(time.Hour)
		checkLoaded(t, h, "in use", "m0")
		if !h.unload("M0") {
			t.Error("it is not there")
		}
		checkLoaded(t, h, "still in use", "m0")
		l.Release()
		time.Sleep(time.Second)
		checkLoaded(t, h, "after the last lease", "")
		if h.unload("m0") {
			t.Error("it is there")
		}
	})
	bubble(t, "two names of the same bytes", func(t *testing.T) {
		h, w := calm(t, 10_000)
		for _, name := range []string{"m0", "other"} {
			l, err := h.acquire(t.Context(), target{name: name, key: "m0"}, Ask{})
			if err != nil {
				t.Fatal(err)
			}
			l.Release()
		}
		checkLoaded(t, h, "both", "m0 other")
		if len(w.open) != 1 {
			t.Errorf("%d models are open, want one", len(w.open))
		}
		h.unload("m0")
		checkLoaded(t, h, "one name less", "other")
		h.unload("other")
		time.Sleep(time.Second)
		checkLoaded(t, h, "no name", "")
	})
}

// TestRoom: models make room for others, those first that were not used for longest.
func TestRoom(t *testing.T) {
	bubble(t, "least recently used", func(t *testing.T) {
		h, _ := calm(t, 4500)
		h.options.Sequences = 1 // m0 takes 500 bytes, m1 1000, m4 2500
		for _, name := range []string{"m0", "m1", "m2", "m0"} {
			use(t, h, name, Ask{}).Release()
			time.Sleep(time.Second)
		}
		use(t, h, "m4", Ask{}).Release() // 1800 and 700
		time.Sleep(time.Second)
		checkLoaded(t, h, "m4 needs room", "m0 m2 m4")
	})
	bubble(t, "in use", func(t *testing.T) {
		h, _ := calm(t, 2500)
		a := use(t, h, "m3", Ask{})
		type got struct {
			name string
			l    *Lease
		}
		came := make(chan got)
		for _, name := range []string{"m4", "m3"} {
			go func() {
				l, err := h.acquire(context.Background(), target{name: name, key: name}, Ask{})
				if err != nil {
					t.Error(err)
				}
				came <- got{name, l}
			}()
			time.Sleep(time.Second)
		}
		checkLoaded(t, h, "it waits", "m3 m3? m4?")
		if r, ok := h.loadProgress("m4"); !ok || !r.Waits || r.Requests != 1 {
			t.Errorf("got %+v, want one that waits", r)
		}
		a.Release()
		first := <-came
		if first.name != "m4" {
			t.Errorf("%s came first, though m4 had waited for longer", first.name)
		}
		checkLoaded(t, h, "now the other waits", "m3? m4")
		first.l.Release()
		second := <-came
		checkLoaded(t, h, "at last", "m3")
		second.l.Release()
	})
	bubble(t, "the one who waits gives up", func(t *testing.T) {
		h, _ := calm(t, 2500)
		a := use(t, h, "m3", Ask{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		again := make(chan *Lease)
		go func() {
			time.Sleep(30 * time.Second)
			l, err := h.acquire(t.Context(), target{name: "m3", key: "m3"}, Ask{})
			if err != nil {
				t.Error(err)
			}
			again <- l
		}()
		if _, err := h.acquire(ctx, target{name: "m4", key: "m4"}, Ask{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		l := <-again // of the model that was to go
		checkLoaded(t, h, "nothing waits", "m3")
		l.Release()
		a.Release()
		checkLoaded(t, h, "it is kept", "m3")
	})
	bubble(t, "too large", func(t *testing.T) {
		h, _ := calm(t, 1000)
		use(t, h, "m0", Ask{}).Release()
		_, err := h.acquire(t.Context(), target{name: "m4", key: "m4"}, Ask{})
		if !errors.Is(err, blitz.ErrNoRoom) || !strings.Contains(err.Error(), "1.8 KiB") {
			t.Errorf("got %v, want %v with figures", err, blitz.ErrNoRoom)
		}
		checkLoaded(t, h, "nobody had to go", "m0")
	})
}

func TestLoad(t *testing.T) {
	bubble(t, "given up", func(t *testing.T) {
		h, w := calm(t, 5000)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := h.acquire(ctx, target{name: "m1", key: "m1"}, Ask{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
		use(t, h, "m1", Ask{}).Release() // while the other is being given up
		checkLoaded(t, h, "the second", "m1")
		if len(w.failed) > 0 {
			t.Errorf("failed are %v", w.failed)
		}
	})
	bubble(t, "goes on for others", func(t *testing.T) {
		h, _ := calm(t, 5000)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		done := make(chan error)
		go func() {
			_, err := h.acquire(ctx, target{name: "m1", key: "m1"}, Ask{})
			done <- err
		}()
		time.Sleep(100 * time.Millisecond)
		began := time.Now()
		use(t, h, "m1", Ask{}).Release()
		if d := time.Since(began); d > 600*time.Millisecond {
			t.Errorf("it took %v: the load began anew", d)
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
		}
	})
	bubble(t, "ended before it is asked", func(t *testing.T) {
		h, _ := calm(t, 5000)
		use(t, h, "m1", Ask{}).Release()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 40 { // the lease and the end of ctx come at the same moment
			if l, err := h.acquire(ctx, target{name: "m1", key: "m1"}, Ask{}); err == nil {
				l.Release()
			}
		}
		synctest.Wait()
		if got := h.Loaded(); got[0].Requests != 0 {
			t.Errorf("got %+v, want no request", got)
		}
	})
	bubble(t, "the file is replaced", func(t *testing.T) {
		h, w := calm(t, 5000)
		old := use(t, h, "m1", Ask{})
		l, err := h.acquire(t.Context(), target{name: "m1", key: "m1 v2"}, Ask{})
		if err != nil {
			t.Fatal(err)
		}
		if len(w.open) != 2 || l.resident == old.resident {
			t.Errorf("open are %d models, want the old one and the new one", len(w.open))
		}
		l.Release()
		old.Release()
		time.Sleep(time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.open) != 1 || w.open["m1 v2"] == nil {
			t.Errorf("open are %v, want the new one", w.open)
		}
	})
}

// TestFailure: a failed load is the error of all who waited, and is not tried again at
// once.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := calm(t, 5000)
		var surveyed []time.Duration
		began := time.Now()
		h.opener = failing{h.opener, func() { surveyed = append(surveyed, time.Since(began)) }}
		for range 100 {
			errs := make(chan error)
			for range 3 {
				go func() {
					_, err := h.acquire(t.Context(), target{name: "m1", key: "m1"}, Ask{})
					errs <- err
				}()
			}
			for range 3 {
				if err := <-errs; !errors.Is(err, errFake) {
					t.Errorf("got %v, want %v", err, errFake)
				}
			}
			time.Sleep(500 * time.Millisecond)
		}
		want := []time.Duration{0, 1000, 3000, 7000, 15000, 31000}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(surveyed, want) {
			t.Errorf("it was tried at %v, want %v", surveyed, want)
		}
	})
}

// failing is an opener whose models cannot be opened.
type failing struct {
	opener
	asked func()
}

func (f failing) survey(context.Context, target) (candidate, error) {
	f.asked()
	return nil, errFake
}

// TestPlan: what a model is given of the memory.
func TestPlan(t *testing.T) {
	for _, c := range []struct {
		name      string
		options   Options
		weights   int64
		own       int
		room      int64
		asked     int
		context   int
		caches    int64
		noRoom    bool
		sequences int
	}{
		{name: "plenty: all of its own context, as often as it runs", weights: 1000, own: 32768, room: 1 << 30, context: 32768, caches: engine.DefaultSequences * 32768},
		{name: "half of what is left", weights: 1000, own: 1 << 20, room: 101_000, context: 50_000, caches: 50_000},
		{name: "more than half for a usual context", weights: 1000, own: 1 << 20, room: 11_000, context: 8192, caches: 8192},
		{name: "more than half for what is asked", weights: 1000, own: 1 << 20, room: 101_000, asked: 70_000, context: 70_000, caches: 70_000},
		{name: "all that there is", weights: 1000, own: 1 << 20, room: 5000, context: 4000, caches: 4000},
		{name: "a page at least", weights: 1000, own: 1 << 20, room: 1255, noRoom: true},
		{name: "a page", weights: 1000, own: 1 << 20, room: 1256, context: 256, caches: 256},
		{name: "bounded", options: Options{Context: 2048}, weights: 1000, own: 1 << 20, room: 1 << 30, context: 2048, caches: engine.DefaultSequences * 2048},
		{name: "bounded, whatever is asked", options: Options{Context: 2048}, weights: 1000, own: 1 << 20, room: 1 << 30, asked: 4096, context: 2048, caches: engine.DefaultSequences * 2048},
		{name: "a short one of its own", weights: 1000, own: 100, room: 1100, context: 100, caches: 100},
		{name: "a limit", options: Options{MemoryLimit: 6000}, weights: 1000, own: 1 << 20, room: 1 << 30, context: 5000, caches: 5000},
		{name: "sequences", options: Options{Sequences: 64}, weights: 1000, own: 1000, room: 1 << 30, context: 1000, caches: 64_000, sequences: 64},
	} {
		w := &world{t: t, capacity: c.room}
		h := &Host{options: c.options, opener: w}
		l := &load{target: target{name: "m"}, candidate: &fakeModel{w: w, weight: c.weights, per: 1, own: c.own}, claims: []*claim{{ask: Ask{Context: c.asked}}}}
		p, lacking, err := h.plan(l)
		if c.noRoom {
			if !errors.Is(err, blitz.ErrNoRoom) {
				t.Errorf("%s: got %+v and %v, want %v", c.name, p, err, blitz.ErrNoRoom)
			}
			continue
		}
		want := plan{name: "m", context: c.context, caches: c.caches, weights: c.weights, sequences: c.sequences, page: int64(min(leastContext, c.own))}
		if err != nil || lacking != 0 || p != want {
			t.Errorf("%s: got %+v lacking %d and %v, want %+v", c.name, p, lacking, err, want)
		}
	}
}

// TestSpaces: memory beside a model is part of what there is; models that nobody uses go for
// it, and nobody waits for one that is used.
func TestSpaces(t *testing.T) {
	bubble(t, "idle models go", func(t *testing.T) {
		h, _ := calm(t, 4000)
		l := use(t, h, "m0", Ask{})
		defer l.Release()
		use(t, h, "m1", Ask{}).Release()
		checkLoaded(t, h, "before", "m0 m1")
		free := h.Memory().Free
		if err := h.reserve(t.Context(), l.resident, free+1); err != nil {
			t.Fatal(err)
		}
		checkLoaded(t, h, "behind it", "m0")
		if m := h.Memory(); m.Weights != 200+free+1 || m.Free >= 4000-200-free {
			t.Errorf("%+v, of which an adapter has %d", m, free+1)
		}
		if err := h.reserve(t.Context(), l.resident, 4000); !errors.Is(err, blitz.ErrNoRoom) {
			t.Errorf("more than there is: %v", err)
		}
	})
	bubble(t, "closed", func(t *testing.T) {
		h, _ := calm(t, 4000)
		l := use(t, h, "m0", Ask{})
		go func() {
			time.Sleep(time.Second)
			l.Release()
		}()
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.reserve(t.Context(), l.resident, 1); !errors.Is(err, blitz.ErrClosed) {
			t.Errorf("of a closed host: %v", err)
		}
	})
}
