package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/tokenizer"
)

// await waits until something is told and a condition holds.
func await(t *testing.T, told <-chan struct{}, what string, holds func() bool) {
	t.Helper()
	for end := time.After(30 * time.Second); !holds(); {
		select {
		case <-told:
		case <-end:
			t.Fatalf("nothing tells that %s", what)
		}
	}
}

// Whatever comes, goes, loads or is let go is told, and by then holds.
func TestNotify(t *testing.T) {
	h := pullHost(t, nil)
	told := make(chan struct{}, 1)
	h.Notify(func() {
		select {
		case told <- struct{}{}:
		default:
		}
	})
	there := func(name string) func() bool {
		return func() bool { _, err := h.store.Get(name); return err == nil }
	}
	go h.Pull(context.WithoutCancel(t.Context()), "known", nil)
	await(t, told, "a model was pulled", there("known"))
	if err := h.Copy(t.Context(), "known", "second"); err != nil {
		t.Fatal(err)
	}
	await(t, told, "a model was copied", there("second"))
	l, err := h.Acquire(t.Context(), "second", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, told, "a model was loaded", func() bool { list := h.Loaded(); return len(list) == 1 && !list[0].Loading })
	l.Release()
	if err := h.Unload("second"); err != nil {
		t.Fatal(err)
	}
	await(t, told, "a model was let go", func() bool { return len(h.Loaded()) == 0 })
	if err := h.Remove(t.Context(), "second"); err != nil {
		t.Fatal(err)
	}
	await(t, told, "a model was removed", func() bool { return !there("second")() })
}

// What is said of a model before it is loaded is what loading it comes to.
func TestView(t *testing.T) {
	h := pullHost(t, nil)
	if _, err := h.Pull(t.Context(), "known", nil); err != nil {
		t.Fatal(err)
	}
	v, err := h.View(t.Context(), "known")
	if err != nil || v.Fits == 0 || !v.Used.IsZero() {
		t.Fatalf("%+v, %v", v, err)
	}
	if _, err := h.Tokenizer("known"); !errors.Is(err, tokenizer.ErrNoTokenizer) {
		t.Errorf("got %v, want ErrNoTokenizer", err)
	}
	if before := h.Memory(); before.Weights != 0 || before.Total < before.Free {
		t.Errorf("%+v", before)
	}
	l, err := h.Acquire(t.Context(), "known", Ask{Context: v.Fits})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	if m := h.Memory(); m.Weights == 0 {
		t.Errorf("%+v", m)
	}
	if v, err := h.View(t.Context(), "known"); err != nil || v.Used.IsZero() {
		t.Errorf("the use is not said: %+v, %v", v, err)
	}
	if _, err := h.View(t.Context(), "unknown"); !errors.Is(err, hub.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// A model that memory has no room for fits with no positions, and so does a damaged one.
func TestViewOfWhatDoesNotFit(t *testing.T) {
	home, path := t.TempDir(), tinyFile(t, "tiny-F32.gguf")
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, "tiny", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		limit   int64
		context int
		fits    bool
	}{{1000, 0, false}, {0, 64, true}, {1 << 40, 0, true}} {
		h, err := New(Options{Home: home, Threads: 1, MemoryLimit: c.limit, Context: c.context})
		if err != nil {
			t.Fatal(err)
		}
		v, err := h.View(t.Context(), "tiny")
		if err != nil || v.Fits > 0 != c.fits || c.context > 0 && v.Fits > c.context {
			t.Errorf("limit %d, context %d: %+v, %v", c.limit, c.context, v, err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	h, err := New(Options{Home: home, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close(t.Context())
	damaged := filepath.Join(t.TempDir(), "damaged.gguf")
	if err := os.WriteFile(damaged, []byte("GGUF no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Serve(damaged); err != nil {
		t.Fatal(err)
	}
	if v, err := h.View(t.Context(), "damaged"); err != nil || v.Fits != 0 {
		t.Errorf("a damaged model: %+v, %v", v, err)
	}
}
