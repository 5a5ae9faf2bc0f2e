package audit

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// TestAsk: witnesses cosign the log as it grows, what they cosigned is served and proves
// leaves, a witness that does not answer or lies holds up nothing, and one that has a newer
// history of the log is told of.
func TestAsk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(dir, "example.org/log", key); err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var asked []AskedWitness
	var keys []*transparency.Verifier
	serve := func(name string, h func(s *transparency.Signer) http.Handler) {
		k, err := signed.Generate(signed.Ed25519)
		if err != nil {
			t.Fatal(err)
		}
		s, err := transparency.NewSigner(name, transparency.WitnessKey, k)
		if err != nil {
			t.Fatal(err)
		}
		server := httptest.NewServer(h(s))
		t.Cleanup(server.Close)
		asked = append(asked, AskedWitness{server.URL, s.Verifier})
		keys = append(keys, s.Verifier)
	}
	for i := range 2 {
		serve(fmt.Sprintf("example.net/w%d", i), func(s *transparency.Signer) http.Handler {
			one, err := NewWitness(s, []*transparency.Verifier{w.Verifier()}, filepath.Join(t.TempDir(), "state.json"))
			if err != nil {
				t.Fatal(err)
			}
			return one
		})
	}
	var lies atomic.Int64
	serve("example.net/liar", func(s *transparency.Signer) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			switch lies.Add(1) % 3 {
			case 0:
				fmt.Fprint(out, s.Cosign([]byte("another text\n1\n2\n"), time.Now()))
			case 1:
				out.WriteHeader(transparency.StatusOtherSize)
				fmt.Fprint(out, "999999\n")
			default:
				fmt.Fprint(out, "\u2014 nonsense\n\n")
			}
		})
	})
	silent := make(chan struct{})
	serve("example.net/silent", func(*transparency.Signer) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent })
	})
	t.Cleanup(func() { close(silent) }) // before its server is closed
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Ask(ctx, Asking{Witnesses: asked, Client: &http.Client{Timeout: 50 * time.Millisecond}, Log: slog.New(slog.DiscardHandler), Pause: time.Millisecond})
	}()
	trust := transparency.Trust{Origin: "example.org/log", Logs: []*transparency.Verifier{w.Verifier()}, Witnesses: keys, Quorum: 2}
	for i := range 300 {
		leaf := fmt.Appendf(nil, "leaf%d", i)
		if _, err := w.Append(leaf); err != nil {
			t.Fatal(err)
		}
		if i%100 != 99 {
			continue
		}
		for { // until both have seen it
			r, err := ReadFor(dir, int64(i))
			if err != nil {
				t.Fatal(err)
			}
			p, err := r.Prove(int64(i))
			if err != nil {
				t.Fatal(err)
			}
			if seen, err := p.Check(&trust, leaf); err == nil {
				if seen.Witnesses != 2 {
					t.Errorf("%d witnesses, want 2", seen.Witnesses)
				}
				break
			}
			time.Sleep(time.Millisecond)
		}
		for { // until it is the one that is served
			_, err := Check(t.Context(), dir, trust, nil)
			if err == nil {
				break
			}
			if signed.ReasonOf(err) != signed.Witness {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	<-done
	w.Close()
	w, err = Open(t.Context(), dir) // a cosigned checkpoint is one to go on from
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append([]byte("more")); err != nil {
		t.Error(err)
	}
	w.Close()
}

// TestAskSeldom: a witness that never cosigns is asked ever less often, one that sends on
// to others has nobody else asked, and one that answers again is asked as before.
func TestAskSeldom(t *testing.T) {
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "log")
	if _, err := Init(dir, "example.org/log", key); err != nil {
		t.Fatal(err)
	}
	w, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err := transparency.NewSigner("example.net/w", transparency.WitnessKey, key)
	if err != nil {
		t.Fatal(err)
	}
	honest, err := NewWitness(s, []*transparency.Verifier{w.Verifier()}, filepath.Join(t.TempDir(), "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	var elsewhere, asked int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	well := false
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		asked++
		if well {
			honest.ServeHTTP(out, r)
			return
		}
		http.Redirect(out, r, other.URL+"/add-checkpoint", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	a := w.newAsker(Asking{Witnesses: []AskedWitness{{server.URL, s.Verifier}}, Log: slog.New(slog.DiscardHandler)})
	now := time.Unix(1_000_000, 0)
	for range 3600 { // an hour
		a.turn(t.Context(), now)
		now = now.Add(time.Second)
	}
	const want = 20 // behind 1, 2, 4 … 256 seconds, then each 5 minutes
	if asked != want || elsewhere != 0 {
		t.Errorf("asked %d times in an hour, others %d times, want %d and 0", asked, elsewhere, want)
	}
	well = true
	for range 300 {
		a.turn(t.Context(), now)
		now = now.Add(time.Second)
	}
	if asked != want+1 {
		t.Errorf("a witness that cosigned is asked %d times more", asked-want-1)
	}
	for i := range 3 { // as often as the log grows
		if _, err := w.Append([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		a.turn(t.Context(), now)
		now = now.Add(time.Second)
	}
	if asked != want+7 { // each with what it has, which it says, before
		t.Errorf("three checkpoints took %d requests, want 6", asked-want-1)
	}
}
