package blitz

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// tinyFolder writes a checkpoint of a tiny model that reasons, with a tokenizer in
// which every byte is a token.
func tinyFolder(t *testing.T) string {
	t.Helper()
	golden, err := tiny.Load(filepath.Join("internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := golden.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	writeTokenizer(t, folder, thinkTemplate, "<s>", "</s>", "<think>", "</think>")
	return folder
}

// tinyEngine runs the model of a tinyFolder.
func tinyEngine(t *testing.T) *Engine {
	t.Helper()
	m, err := Open(tinyFolder(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	e, err := NewEngine(m, &EngineOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestNoRoom: weights and contexts that do not fit give the same error.
func TestNoRoom(t *testing.T) {
	if _, err := Open(tinyFolder(t), &Options{MemoryLimit: 1}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a model: got %v, want %v", err, ErrNoRoom)
	}
	if _, err := NewEngine(tinyEngine(t).Model(), &EngineOptions{MemoryLimit: 1}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a context: got %v, want %v", err, ErrNoRoom)
	}
}

// TestOpenText: a model without a tokenizer opens, unless text is wanted; then it is
// refused before its weights, which have no room here, are read.
func TestOpenText(t *testing.T) {
	folder := tinyFolder(t)
	if err := os.Remove(filepath.Join(folder, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, &Options{MemoryLimit: 1, Text: true}); !errors.Is(err, tokenizer.ErrNoTokenizer) {
		t.Errorf("with text: got %v, want %v", err, tokenizer.ErrNoTokenizer)
	}
	if _, err := Open(folder, &Options{MemoryLimit: 1}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("without text: got %v, want %v", err, ErrNoRoom)
	}
	m, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Tokenizer() != nil {
		t.Error("got a tokenizer, want none")
	}
}

// TestAnswerTwice reads an answer twice: the text that a stop text held back comes
// once.
func TestAnswerTwice(t *testing.T) {
	e := tinyEngine(t)
	ask := func(stop ...string) *Answer {
		t.Helper()
		a, err := e.Generate(t.Context(), Request{Prompt: "Q", MaxTokens: 6, Sampling: &Sampling{}, Guides: []Guide{letters}, Stop: stop})
		if err != nil {
			t.Fatal(err)
		}
		a.Wait()
		return a
	}
	text := *ask().Output().Content
	a := ask(text[5:] + "!") // the last letter may begin it
	for tok, err := range a.Tokens() {
		t.Errorf("the second time came %q, %v", tok.Text, err)
	}
	if got := *a.Output().Content; got != text || len(a.IDs()) != 6 || a.Finish() != (Finish{Reason: FinishLength}) {
		t.Errorf("got %q of %d tokens, %v; want %q of 6, length", got, len(a.IDs()), a.Finish(), text)
	}
}

// TestSessionsApart: sessions that begin with the messages of one request do not
// write over each other's.
func TestSessionsApart(t *testing.T) {
	e := tinyEngine(t)
	begin := slices.Grow([]chat.Message{{Role: "system", Content: jinja.String("S")}}, 8)
	r := &Request{Messages: begin, MaxTokens: 2, Sampling: &Sampling{}}
	one, two := e.NewSession(r), e.NewSession(r)
	for s, text := range map[*Session]string{one: "first", two: "second"} {
		if _, err := s.Ask(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	for s, want := range map[*Session]string{one: "first", two: "second"} {
		if got := s.Messages[1].Content; got != jinja.String(want) {
			t.Errorf("the question is %v, want %q", got, want)
		}
	}
}

// TestEngineOptions: what is out of range is refused, what is left open is filled in.
func TestEngineOptions(t *testing.T) {
	m := tinyEngine(t).Model()
	for name, o := range map[string]EngineOptions{
		"20,000 threads":               {Threads: 20000},
		"negative threads":             {Threads: -1},
		"a context beyond the model's": {Context: m.MaxContext() + 1},
		"a negative context":           {Context: -1},
		"negative sequences":           {Sequences: -1},
		"a million sequences":          {Sequences: 1 << 20},
		"a negative chunk":             {Chunk: -1},
		"a cache that there is not":    {Cache: "q9"},
		"a negative limit":             {MemoryLimit: -1},
	} {
		if e, err := NewEngine(m, &o); !errors.Is(err, ErrOption) {
			t.Errorf("%s: got %v, want %v", name, err, ErrOption)
			e.Close()
		}
	}
	e, err := NewEngine(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Context() != m.MaxContext() || e.Sequences() != 64 || e.Cache() != "f32" || e.Threads() < 1 {
		t.Errorf("an engine without options has a context of %d, %d sequences, cache %s, %d threads", e.Context(), e.Sequences(), e.Cache(), e.Threads())
	}
	far, err := NewEngine(m, &EngineOptions{Context: m.MaxContext() + 100, Stretch: true, Cache: "q8", Sequences: 2, Chunk: 16, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	if far.Context() != m.MaxContext()+100 || far.Cache() != "q8" || far.Sequences() != 2 {
		t.Errorf("got a context of %d, cache %s, %d sequences", far.Context(), far.Cache(), far.Sequences())
	}
}

// TestOpenRefused: what a model has not, or what it is not, is said.
func TestOpenRefused(t *testing.T) {
	folder := tinyFolder(t)
	if _, err := Open(folder, &Options{MTP: true}); !errors.Is(err, ErrNoMTP) {
		t.Errorf("drafts of a llama: got %v, want %v", err, ErrNoMTP)
	}
	if _, err := Open(folder, &Options{MLA: "folded"}); err == nil || !strings.Contains(err.Error(), "folded") {
		t.Errorf("a form that there is not: got %v", err)
	}
	if _, err := Open(filepath.Join(folder, "nowhere"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: got %v", err)
	}
}
