package inference

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// free counts nobody.
type free struct{}

func (free) Begin(context.Context, string) (func(Use), error) { return func(Use) {}, nil }
func (free) Tenant(context.Context) string                    { return "" }
func (free) May(context.Context, string) bool                 { return true }

// puppetService answers by the puppet.
func puppetService(t *testing.T) *Service {
	t.Helper()
	home, path := t.TempDir(), filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Options{Home: home, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) })
	return New(Options{Host: h, Meter: free{}})
}

// What is counted is what is read.
func TestCount(t *testing.T) {
	s := puppetService(t)
	r := &Request{Model: "puppet", Messages: []chat.Message{chat.System("Be brief."), chat.User("play hello")}}
	n, err := s.Count(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Answer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := a.Usage().PromptTokens; got != n || n < 20 {
		t.Errorf("counted %d tokens, read %d", n, got)
	}
	r.Messages[1] = chat.User(strings.Repeat("word ", 2000))
	var e *wire.Error
	if _, err := s.Answer(t.Context(), r); !errors.As(err, &e) || e.Code != wire.ContextLength {
		t.Errorf("%v, want %s", err, wire.ContextLength)
	}
	r.Model = "no-such"
	if _, err := s.Count(t.Context(), r); !errors.As(err, &e) || e.Kind != wire.NoModel {
		t.Errorf("%v, want NoModel", err)
	}
}

func TestModels(t *testing.T) {
	s := puppetService(t)
	list, err := s.Models(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "puppet:latest" {
		t.Fatalf("%v, %v", list, err)
	}
	if e, err := s.Entry(t.Context(), "puppet"); err != nil || e != list[0] {
		t.Errorf("%v, %v; want %v", e, err, list[0])
	}
	var e *wire.Error
	if _, err := s.Entry(t.Context(), "no-such"); !errors.As(err, &e) || e.Kind != wire.NoModel {
		t.Errorf("%v, want NoModel", err)
	}
}
