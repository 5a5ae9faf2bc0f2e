package engine

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// masters opens a golden model whose weights may be changed.
func masters(t *testing.T, name string) *model.Model {
	t.Helper()
	g, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := g.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	return openModel(t, folder, model.Options{Masters: true})
}

// change makes all weights of a model others.
func change(m *model.Model) {
	for _, w := range m.Weights() {
		for i := range w.Values() {
			w.Values()[i] *= float32(1 + float64(i%7-3)/20)
		}
	}
}

// TestSwap exchanges the weights while answers run: those are of the old ones, what comes is of
// the new ones, and nothing that was computed before is found again.
func TestSwap(t *testing.T) {
	request := Request{Tokens: prompt(20, 1), MaxTokens: 30, Sampling: sample.Settings{Temperature: 1, TopP: 1, Penalties: sample.Penalties{Repetition: 1}, Seed: 3}}
	answers := func(e *Engine, n int) (all [][]int32) {
		t.Helper()
		for range n {
			s, err := e.Submit(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, collect(s))
		}
		return all
	}
	m := masters(t, "llama")
	e := newEngine(t, m, Options{Threads: 1, Context: 100})
	before := answers(e, 1)[0]
	changed := masters(t, "llama")
	change(changed)
	after := answers(newEngine(t, changed, Options{Threads: 1, Context: 100}), 1)[0]
	if slices.Equal(before, after) {
		t.Fatal("both weights give the same answer: the test shows nothing")
	}
	under, err := e.Submit(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for under.Progress().Tokens == 0 { // what waits begins with the new weights
		runtime.Gosched()
	}
	failed := errors.New("no")
	var late *Stream
	if err := e.Swap(t.Context(), func() error {
		if f := under.Finish(); f.Reason == FinishNone {
			t.Error("an answer runs while the weights are exchanged")
		}
		change(m)
		return failed
	}); err != failed {
		t.Errorf("got %v, want the error of change", err)
	}
	if got := collect(under); !slices.Equal(got, before) {
		t.Errorf("the answer under way is %v, want %v, that of the old weights", got, before)
	}
	matched := e.Load().MatchedTokens
	if late, err = e.Submit(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if got := collect(late); !slices.Equal(got, after) {
		t.Errorf("the answer behind it is %v, want %v, that of the new weights", got, after)
	}
	if n := e.Load().MatchedTokens; n != matched {
		t.Errorf("%d tokens of the old weights were found", n-matched)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := func() error { t.Error("change was called"); return nil }
	if err := e.Swap(ctx, never); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	e.Close()
	if err := e.Swap(t.Context(), never); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: got %v, want ErrClosed", err)
	}
	kept := newEngine(t, m, Options{Threads: 1, Context: 100, Keep: true})
	if err := kept.Swap(t.Context(), never); !errors.Is(err, ErrShelf) {
		t.Errorf("with a shelf: got %v, want ErrShelf", err)
	}
}
