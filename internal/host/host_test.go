package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// tinyFile writes a model that takes and gives token ids.
func tinyFile(t *testing.T, name string) string {
	t.Helper()
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := m.WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	return path
}

// tinyHost keeps models of a store that has one, called tiny.
func tinyHost(t *testing.T, o Options) *Host {
	t.Helper()
	o.Home = t.TempDir()
	s, err := hub.Open(o.Home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), tinyFile(t, "tiny.gguf"), "tiny", nil); err != nil {
		t.Fatal(err)
	}
	o.Threads = 1
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h
}

func TestAcquire(t *testing.T) {
	h := tinyHost(t, Options{})
	l, err := h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	a, err := l.Engine().Generate(t.Context(), blitz.Request{Tokens: []int32{1, 2, 3}, MaxTokens: 3, Sampling: &blitz.Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil || len(a.IDs()) == 0 {
		t.Fatalf("got %v and %v, want tokens", a.IDs(), err)
	}
	if l.Name() != "tiny:latest" || len(l.Digest()) != 64 {
		t.Errorf("got the name %q and the digest %q", l.Name(), l.Digest())
	}
	if got := h.Loaded(); len(got) != 1 || got[0].Name != "tiny:latest" || got[0].Requests != 1 || got[0].Loading {
		t.Errorf("got %+v, want tiny with one request", got)
	}
}

func TestNotFound(t *testing.T) {
	h := tinyHost(t, Options{})
	_, err := h.Acquire(t.Context(), "tinny", Ask{})
	var missing *hub.NotFoundError
	if !errors.Is(err, blitz.ErrNotFound) || !errors.As(err, &missing) || len(missing.Suggestions) == 0 {
		t.Errorf("got %v, want %v with what is near", err, blitz.ErrNotFound)
	}
	for _, name := range []string{"", "../tiny", "a\x00b", "/etc/passwd", "tiny.gguf", "a/../b", string(make([]byte, 10_000))} {
		if _, err := h.Acquire(t.Context(), name, Ask{}); !errors.Is(err, ErrName) {
			t.Errorf("%.20q: got %v, want %v", name, err, ErrName)
		}
	}
}

func TestServe(t *testing.T) {
	h := tinyHost(t, Options{})
	path := tinyFile(t, "My model (2).gguf")
	name, err := h.Serve(path)
	if err != nil || name != "My-model--2:latest" {
		t.Fatalf("got %q and %v", name, err)
	}
	l, err := h.Acquire(t.Context(), name, Ask{})
	if err != nil {
		t.Fatal(err)
	}
	l.Release()
	entries, err := h.Stored(t.Context())
	if err != nil || len(entries) != 2 || entries[0].Name != name || len(entries[0].Digest) != 64 {
		t.Errorf("got %+v and %v", entries, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Acquire(t.Context(), name, Ask{}); !errors.Is(err, blitz.ErrNotFound) {
		t.Errorf("got %v, want %v", err, blitz.ErrNotFound)
	}
}

// TestOpenWhileLoaded: a model is open as long as its engine, so that its packed weights can be
// written down beside it, and not longer.
func TestOpenWhileLoaded(t *testing.T) {
	h := tinyHost(t, Options{})
	l, err := h.Acquire(t.Context(), "tiny", Ask{})
	if err != nil {
		t.Fatal(err)
	}
	model := l.Engine().Model()
	e, err := blitz.NewEngine(model, &blitz.EngineOptions{Threads: 1, Context: 64})
	if err != nil {
		t.Fatalf("another engine of a loaded model: %v", err)
	}
	e.Close()
	l.Release()
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := blitz.NewEngine(model, nil); !errors.Is(err, blitz.ErrClosed) {
		t.Errorf("an engine of a model that was let go: got %v, want %v", err, blitz.ErrClosed)
	}
}
