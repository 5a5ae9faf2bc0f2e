package blitz

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

// TestCloseInAnyOrder: a model that is closed before its engines stays until they are.
func TestCloseInAnyOrder(t *testing.T) {
	m, err := Open(tinyFolder(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	var engines []*Engine
	for range 2 {
		e, err := NewEngine(m, &EngineOptions{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	request := Request{Prompt: "Q", MaxTokens: 5, Sampling: &Sampling{}}
	before, _, err := answer(t, engines[0], request)
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	m.Close()
	for _, e := range engines {
		if a, _, err := answer(t, e, request); err != nil || !slices.Equal(a.IDs(), before.IDs()) {
			t.Errorf("behind the model's Close came %v, %v, want %v", a.IDs(), err, before.IDs())
		}
		if m.lease.users == 0 {
			t.Error("the model's memory is free while an engine lives")
		}
		e.Close()
		e.Close()
	}
	if m.lease.users != 0 {
		t.Errorf("%d engines hold the model, want none", m.lease.users)
	}
	if _, err := NewEngine(m, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("an engine of a closed model: got %v, want %v", err, ErrClosed)
	}
}

func TestLease(t *testing.T) {
	var l lease
	freed := 0
	free := func() { freed++ }
	if err := errors.Join(l.join(), l.join()); err != nil {
		t.Fatal(err)
	}
	l.leave(free)
	l.close(free)
	if freed != 0 {
		t.Error("freed while it is used")
	}
	l.leave(free)
	l.close(free)
	if err := l.join(); freed != 1 || !errors.Is(err, ErrClosed) {
		t.Errorf("freed %d times, want once; to join then gives %v", freed, err)
	}
	var unused lease
	unused.close(free)
	unused.close(free)
	if freed != 2 {
		t.Errorf("what nobody used is freed %d times, want once", freed-1)
	}
}

// TestSharedThreads runs two engines of two models on one set of threads, at the same
// time.
func TestSharedThreads(t *testing.T) {
	threads, err := NewThreads(2)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 2 {
		alone := tinyEngine(t)
		m, err := Open(tinyFolder(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEngine(m, &EngineOptions{Shared: threads})
		if err != nil {
			t.Fatal(err)
		}
		if e.Threads() != 2 || threads.Count() != 2 {
			t.Errorf("%d threads, want 2", e.Threads())
		}
		group.Go(func() {
			defer e.Close()
			request := Request{Prompt: "Once", MaxTokens: 30, Sampling: &Sampling{}}
			want, err := alone.Generate(context.Background(), request)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := e.Generate(context.Background(), request)
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(want.Wait(), got.Wait()); err != nil || !slices.Equal(got.IDs(), want.IDs()) {
				t.Errorf("together came %v, %v, alone %v", got.IDs(), err, want.IDs())
			}
		})
		m.Close()
	}
	threads.Close()
	group.Wait()
	if _, err := NewEngine(tinyEngine(t).Model(), &EngineOptions{Shared: threads}); !errors.Is(err, ErrClosed) {
		t.Errorf("an engine on closed threads: got %v, want %v", err, ErrClosed)
	}
	for _, n := range []int{-1, 20000} {
		if _, err := NewThreads(n); !errors.Is(err, ErrOption) {
			t.Errorf("%d threads: got %v, want %v", n, err, ErrOption)
		}
	}
}
