package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
)

// counting counts what a queue is asked.
type counting struct {
	*Memory
	told, looked atomic.Int64
}

func (c *counting) Watch(ctx context.Context, in Bucket, each func(key string) error) error {
	return c.Memory.Watch(ctx, in, func(key string) error {
		c.told.Add(1)
		return each(key)
	})
}

func (c *counting) Get(ctx context.Context, in Bucket, key string) ([]byte, error) {
	c.looked.Add(1)
	return c.Memory.Get(ctx, in, key)
}

// TestAsker: many ask at once, each hears of its own job; what was asked before is there; and
// what it costs grows with the jobs, not with their square.
func TestAsker(t *testing.T) {
	a := newAlone(t)
	q := &counting{Memory: NewMemory()}
	t.Cleanup(q.Close)
	a.work(t, q, nil)
	asker := NewAsker(q, "p", a.peers)
	defer asker.Close()
	jobs := newJobs(t, rand.New(rand.NewPCG(31, 1)), a.root, 60, 5)
	ask := func() {
		var all sync.WaitGroup
		for _, j := range jobs {
			all.Go(func() {
				r, s, err := asker.Ask(t.Context(), j)
				if err != nil || r.Job != j.ID || s.Parameters != j.Parameters {
					t.Errorf("job %.8s: %v", j.ID, err)
				}
			})
		}
		all.Wait()
	}
	ask()
	// A look is three gets, handing out one more: before, behind, and where something else came.
	if n, most := q.looked.Load(), int64(20*len(jobs)); n > most {
		t.Errorf("%d looks at %d jobs, want at most %d", n, len(jobs), most)
	}
	told := q.told.Load()
	if most := int64(len(jobs) + 3); told > most {
		t.Errorf("%d keys were told of %d jobs, want at most %d", told, len(jobs), most)
	}
	ask()
	if q.told.Load() != told {
		t.Error("what was there was computed again")
	}
	for _, j := range jobs {
		q.Forget(j.ID)
	}
	for _, b := range buckets {
		if n := len(q.buckets[b]) + len(q.order[b])/65; n > 0 {
			t.Errorf("%s: %d keys and %d of their order, though all is forgotten", b, len(q.buckets[b]), len(q.order[b]))
		}
	}
	ask()
}

// TestAskerRefused: who asks hears why a job is dropped, that a result is disputed, or nobody's,
// and that the queue is closed; a job that was given up is handed out anew.
func TestAskerRefused(t *testing.T) {
	a := newAlone(t)
	q := NewMemory()
	t.Cleanup(q.Close)
	asker := NewAsker(q, "p", a.peers)
	rng := rand.New(rand.NewPCG(32, 1))
	other := newJobs(t, rng, strings.Repeat("c", 64), 1, 5)[0]
	good, strange, disputed := newJobs(t, rng, a.root, 1, 5)[0], newJobs(t, rng, a.root, 1, 5)[0], newJobs(t, rng, a.root, 1, 5)[0]
	honest, err := a.models.Run(t.Context(), strange)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := forge(strange, honest, newKey(t), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		in    Bucket
		key   string
		value []byte
	}{{Results, strange.ID, forged.Text()}, {Faults, disputed.ID, []byte("{}")}, {Lost, good.ID, newDead(Deliveries, "before")}} {
		if err := q.Create(t.Context(), x.in, x.key, x.value); err != nil {
			t.Fatal(err)
		}
	}
	a.work(t, q, nil)
	if _, _, err := asker.Ask(t.Context(), other); !errors.Is(err, ErrDropped) || signed.ReasonOf(err) != signed.Model {
		t.Errorf("of another model: %v", err)
	}
	if _, _, err := asker.Ask(t.Context(), strange); !errors.Is(err, ErrDisputed) {
		t.Errorf("signed by a stranger: %v", err)
	}
	if _, _, err := asker.Ask(t.Context(), disputed); !errors.Is(err, ErrDisputed) {
		t.Errorf("disputed: %v", err)
	}
	if _, _, err := asker.Ask(t.Context(), good); err != nil {
		t.Errorf("given up before: %v", err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	stop(cause)
	long := newJobs(t, rng, a.root, 1, 5)[0]
	if _, err := asker.Settle(ctx, long); err != nil && !errors.Is(err, cause) {
		t.Errorf("whose context is done: %v", err)
	}
	idle := NewAsker(q, "nobody", a.peers)
	waits := make(chan error, 1)
	go func() {
		_, err := idle.Settle(t.Context(), newJobs(t, rng, a.root, 1, 5)[0])
		waits <- err
	}()
	for n := 0; n == 0; {
		n, _, _ = q.Depth(t.Context(), Jobs, "nobody")
		time.Sleep(time.Millisecond)
	}
	idle.Close()
	if err := <-waits; !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v, want %v", err, ErrClosed)
	}
	asker.Close()
}

// TestMemoryKeeps: the queue in the process forgets what is old, ids and keys, and tells each
// coming of a key once.
func TestMemoryKeeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewMemory()
		defer q.Close()
		q.Keep = time.Hour
		var told []string
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			_ = q.Watch(ctx, Results, func(key string) error {
				told = append(told, key)
				return nil
			})
		}()
		synctest.Wait()
		create := func(key string) {
			t.Helper()
			if err := q.Create(ctx, Results, key, []byte(key)); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			synctest.Wait()
		}
		for i := range 200 {
			create(fmt.Sprint(i))
			q.Forget(fmt.Sprint(i))
		}
		create("x")
		_ = q.Remove(ctx, Results, "x")
		create("x")
		time.Sleep(40 * time.Minute)
		create("y")
		if err := q.Create(ctx, Results, "x", nil); !errors.Is(err, ErrExists) {
			t.Errorf("a key that is there: %v", err)
		}
		time.Sleep(40 * time.Minute)
		create("z")
		if _, err := q.Get(ctx, Results, "x"); !errors.Is(err, ErrAbsent) {
			t.Errorf("a key of 80 minutes: %v, want %v", err, ErrAbsent)
		}
		if v, err := q.Get(ctx, Results, "y"); err != nil || string(v) != "y" {
			t.Errorf("a key of 40 minutes: %s, %v", v, err)
		}
		if n := len(q.order[Results]); n > 64+3 {
			t.Errorf("the order of %d keys, want few", n)
		}
		if want := 1 + 200 + 2 + 2; len(told) != want {
			t.Errorf("%d keys were told, want %d", len(told), want)
		}
		for i := range 100 {
			if err := q.Submit(ctx, Jobs, "p", fmt.Sprint(i), nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(remembered / 10)
		}
		if len(q.seen) > 12 || len(q.lately) > 12 {
			t.Errorf("%d ids are remembered, %d in order, want those of %v", len(q.seen), len(q.lately), remembered)
		}
		for range 2 { // what is forgotten and comes again is remembered from then on
			if err := q.Submit(ctx, Jobs, "p", "again", nil); err != nil {
				t.Fatal(err)
			}
			q.Forget("again")
			time.Sleep(remembered / 2)
		}
		for range 2 {
			if err := q.Submit(ctx, Jobs, "p", "again", nil); err != nil {
				t.Fatal(err)
			}
			time.Sleep(remembered/2 + time.Second)
		}
		if waiting, _, _ := q.Depth(ctx, Jobs, "p"); waiting != 103 {
			t.Errorf("%d messages wait, want 103", waiting)
		}
		stop()
		synctest.Wait()
	})
}
