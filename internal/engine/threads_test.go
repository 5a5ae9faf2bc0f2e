package engine

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestSharedThreads answers on two engines of two models that share their threads, and
// gives what each gives alone.
func TestSharedThreads(t *testing.T) {
	models := []string{"llama", "qwen3-moe"}
	threads, err := NewThreads(2)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for _, name := range models {
		m := tinyModel(t, name)
		alone := newEngine(t, m, Options{Context: 200, Threads: 1})
		e := newEngine(t, m, Options{Context: 200, Sequences: 3, Shared: threads})
		if n := e.Options().Threads; n != 2 {
			t.Errorf("%d threads, want 2", n)
		}
		for i := range 4 {
			got, err := e.Submit(t.Context(), request(i))
			if err != nil {
				t.Fatal(err)
			}
			want, _ := answered(t, alone, request(i))
			group.Go(func() {
				if ids := collect(got); !slices.Equal(ids, idsOf(want)) {
					t.Errorf("%s: request %d gave %v, alone %v", name, i, ids, idsOf(want))
				}
			})
		}
	}
	threads.Close() // the engines go on until they are closed
	threads.Close()
	group.Wait()
	if _, err := New(tinyModel(t, "llama"), Options{Shared: threads}); !errors.Is(err, ErrClosed) {
		t.Errorf("an engine on closed threads: got %v, want %v", err, ErrClosed)
	}
}

// TestThreadsTakeTurns: an engine that wants the threads again waits behind those that
// waited before.
func TestThreadsTakeTurns(t *testing.T) {
	threads, err := NewThreads(1)
	if err != nil {
		t.Fatal(err)
	}
	defer threads.Close()
	waiting := func(n int) {
		for {
			threads.mu.Lock()
			there := len(threads.waiting)
			threads.mu.Unlock()
			if there == n {
				return
			}
			time.Sleep(50 * time.Microsecond)
		}
	}
	const engines, steps = 3, 5
	main := make(chan struct{}, 1)
	var turns []int // by whoever has the threads
	threads.take(main)
	var group sync.WaitGroup
	for i := range engines {
		turn := make(chan struct{}, 1)
		group.Go(func() {
			for range steps {
				threads.take(turn)
				turns = append(turns, i)
				if len(turns) <= engines*(steps-1)+1 {
					waiting(engines - 1) // the one before wants them again
				}
				threads.give()
			}
		})
		waiting(i + 1)
	}
	threads.give()
	group.Wait()
	for k, i := range turns {
		if i != k%engines {
			t.Fatalf("the turns were %v, want one after the other", turns)
		}
	}
	if threads.busy || len(turns) != engines*steps {
		t.Errorf("%d turns, want %d; somebody has the threads: %v", len(turns), engines*steps, threads.busy)
	}
}

// Where nobody says how many threads there are, decoding may use fewer than the machine has.
func TestThreadsByDefault(t *testing.T) {
	for n, free := range map[int]bool{0: true, 2: false} {
		threads, err := NewThreads(n)
		if err != nil {
			t.Fatal(err)
		}
		defer threads.Close()
		if free && threads.Count() != DefaultThreads() || (threads.crews() != nil) != free {
			t.Errorf("%d: %d threads, which may be fewer: %v", n, threads.Count(), threads.crews() != nil)
		}
	}
}

func TestThreadsRefused(t *testing.T) {
	for _, n := range []int{-1, MaxThreads + 1, 20000} {
		if _, err := NewThreads(n); !errors.Is(err, ErrOption) {
			t.Errorf("%d threads: got %v, want %v", n, err, ErrOption)
		}
	}
	threads, err := NewThreads(2)
	if err != nil {
		t.Fatal(err)
	}
	defer threads.Close()
	if _, err := New(tinyModel(t, "llama"), Options{Shared: threads, Threads: 3}); !errors.Is(err, ErrOption) {
		t.Errorf("3 threads and 2 shared ones: got %v, want %v", err, ErrOption)
	}
}
