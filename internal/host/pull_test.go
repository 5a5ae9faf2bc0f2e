package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/golden/fakehub"
	"github.com/blitz-r1/blitz/internal/hub"
)

// pullHost keeps models of an empty store, whose hub has a tiny model under any name. The
// catalogue calls it known.
func pullHost(t *testing.T, open func(r *http.Request, file string)) *Host {
	t.Helper()
	data, err := os.ReadFile(tinyFile(t, "tiny-F32.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	fake := fakehub.New(map[string][]byte{"tiny-F32.gguf": data, "README.md": []byte("A model.\n")})
	fake.Open = open
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	known, err := catalogue.Parse([]byte(`{"version": 1, "models": [{"name": "known", "sources": [{"source": "hf.co/some/repo:F32"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(Options{Home: t.TempDir(), Threads: 1, Settings: hub.Settings{HuggingFace: server.URL}, Catalogue: known})
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

// TestPull: sources, names of the catalogue and stored names are pulled.
func TestPull(t *testing.T) {
	h := pullHost(t, nil)
	for _, c := range []struct{ name, stored string }{
		{"hf.co/some/repo:F32", "hf.co/some/repo:F32"},
		{"known", "known:latest"},
		{"known:latest", "known:latest"}, // which it is now in the store, too
	} {
		fetched := false
		m, err := h.Pull(t.Context(), c.name, func(p hub.Progress) { fetched = fetched || p.Stage != "" })
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if m.Name.Short() != c.stored && m.Name.String() != c.stored {
			t.Errorf("%s is stored as %s, want %s", c.name, m.Name, c.stored)
		}
		l, err := h.Acquire(t.Context(), m.Name.String(), Ask{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		l.Release()
		if m, err := h.store.Get(m.Name.String()); err != nil || h.store.LastUse(m).IsZero() {
			t.Errorf("%s: the use is not noted: %v", c.name, err)
		}
	}
}

// TestPullRefused: paths are never read, and addresses near the server never asked.
func TestPullRefused(t *testing.T) {
	h := pullHost(t, nil)
	for _, c := range []struct {
		name string
		want error
	}{
		{"./tiny.gguf", ErrPath},
		{"/etc/passwd", ErrPath},
		{"https://127.0.0.1/a.gguf", hub.ErrFormat},
		{"https://[::1]/a.gguf", hub.ErrFormat},
		{"https://localhost/a.gguf", hub.ErrFormat},
		{"https://192.168.1.1/a.gguf", hub.ErrFormat},
		{"https://169.254.169.254/a.gguf", hub.ErrFormat},
		{"nothing", hub.ErrNotFound},
	} {
		if _, err := h.Pull(t.Context(), c.name, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestPullShared: pulls of the same at once fetch it once.
func TestPullShared(t *testing.T) {
	var opened atomic.Int32
	began, goOn := make(chan struct{}), make(chan struct{})
	h := pullHost(t, func(_ *http.Request, file string) {
		if file == "tiny-F32.gguf" && opened.Add(1) == 1 {
			close(began)
			<-goOn
		}
	})
	var all sync.WaitGroup
	for i := range 8 {
		if i == 1 {
			<-began
		}
		all.Go(func() {
			if m, err := h.Pull(t.Context(), "known", nil); err != nil || m.Name.Short() != "known:latest" && m.Name.Short() != "known" {
				t.Errorf("got %v and %v", m, err)
			}
		})
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, err := h.Pull(gone, "known", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone got %v", err)
	}
	for h.waiting() < 8 {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	all.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("the file was fetched %d times", n)
	}
}

// waiting counts who waits for pulls.
func (h *Host) waiting() (n int) {
	h.pulls.mu.Lock()
	defer h.pulls.mu.Unlock()
	for _, p := range h.pulls.by {
		p.mu.Lock()
		n += len(p.seats)
		p.mu.Unlock()
	}
	return n
}

// TestPullLeft: a pull that nobody waits for any more ends, and the next one is another.
func TestPullLeft(t *testing.T) {
	ended := make(chan struct{})
	var opened atomic.Int32
	ctx, leave := context.WithCancel(t.Context())
	h := pullHost(t, func(r *http.Request, file string) {
		if file == "tiny-F32.gguf" && opened.Add(1) == 1 {
			leave()
			<-r.Context().Done()
			close(ended)
		}
	})
	if _, err := h.Pull(ctx, "known", nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	<-ended
	if _, err := h.Pull(t.Context(), "known", nil); err != nil {
		t.Fatal(err)
	}
}

// TestPullClosed: a host that closes ends its pulls.
func TestPullClosed(t *testing.T) {
	began := make(chan struct{})
	h := pullHost(t, func(r *http.Request, file string) {
		if file == "tiny-F32.gguf" {
			close(began)
			<-r.Context().Done()
		}
	})
	failed := make(chan error)
	go func() {
		_, err := h.Pull(t.Context(), "known", nil)
		failed <- err
	}()
	<-began
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := h.Pull(t.Context(), "known", nil); !errors.Is(err, blitz.ErrClosed) {
		t.Errorf("a pull of a closed host: %v", err)
	}
}

// TestPullsAtOnce: there are only so many pulls at once, and room again behind them.
func TestPullsAtOnce(t *testing.T) {
	release := make(chan struct{})
	h := pullHost(t, func(r *http.Request, _ string) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	var all sync.WaitGroup
	begun := make(chan struct{}, maxPulls)
	for i := range maxPulls {
		all.Go(func() {
			told := false
			_, err := h.Pull(t.Context(), fmt.Sprintf("hf.co/some/repo%d:F32", i), func(hub.Progress) {
				if !told {
					told = true
					begun <- struct{}{}
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range maxPulls {
		<-begun
	}
	if _, err := h.Pull(t.Context(), "hf.co/some/more:F32", nil); !errors.Is(err, ErrPulls) {
		t.Errorf("one more: %v, want ErrPulls", err)
	}
	close(release)
	all.Wait()
	if _, err := h.Pull(t.Context(), "hf.co/some/more:F32", nil); err != nil {
		t.Errorf("behind them: %v", err)
	}
}
