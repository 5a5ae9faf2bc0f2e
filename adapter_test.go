package blitz

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
)

// writeAdapter writes an adapter of rank 3 of a model, whose numbers come from the seed.
func writeAdapter(t *testing.T, m *Model, seed uint64, root string) string {
	t.Helper()
	targets, err := adapter.NewTargets("q_proj", "v_proj", "down_proj")
	if err != nil {
		t.Fatal(err)
	}
	a, err := adapter.New(&adapter.Config{Rank: 3, Alpha: 6, Targets: targets}, m.net.Layers(), seed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32((k*7+i*5+int(seed))%11-5) / 16
		}
	}
	a.Root = root
	folder := t.TempDir()
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

func loadAdapter(t *testing.T, m *Model, seed uint64) *Adapter {
	t.Helper()
	a, err := m.LoadAdapter(t.Context(), writeAdapter(t, m, seed, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// adapted asks a request with an adapter, or without one.
func adapted(t *testing.T, e *Engine, a *Adapter) (cached int, tokens []Token) {
	t.Helper()
	r := Request{Tokens: longPrompt(), MaxTokens: 6, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(1))}, Logprobs: true, TopTokens: 2, Adapter: a}
	x, tokens, err := answer(t, e, r)
	if err != nil {
		t.Fatal(err)
	}
	return x.Usage().CachedTokens, tokens
}

// TestAdapterPages: a prompt's pages are found by those of the same adapter alone, in
// memory and after a restart, and an answer is the same whatever was there.
func TestAdapterPages(t *testing.T) {
	model, folder := tinyFolder(t), t.TempDir()
	var plain, first, second []Token
	for restart := range 2 {
		p, err := OpenPrefixes(folder, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		m := named(t, model, "")
		e, err := NewEngine(m, &EngineOptions{Threads: 1, Context: 600, Stretch: true, Prefixes: p})
		if err != nil {
			t.Fatal(err)
		}
		a, b, again := loadAdapter(t, m, 1), loadAdapter(t, m, 2), loadAdapter(t, m, 1)
		check := func(what string, a *Adapter, want *[]Token, cached bool) {
			t.Helper()
			n, tokens := adapted(t, e, a)
			if (n > 0) != cached {
				t.Errorf("start %d, %s: %d tokens were found, want some: %v", restart, what, n, cached)
			}
			if *want == nil {
				*want = tokens
			} else if !reflect.DeepEqual(tokens, *want) {
				t.Errorf("start %d, %s: %v, want %v", restart, what, tokens, *want)
			}
		}
		kept := restart > 0
		check("no adapter", nil, &plain, kept)
		check("first", a, &first, kept)
		check("second", b, &second, kept)
		check("first once more", a, &first, true)
		check("first, loaded twice", again, &first, true)
		check("no adapter once more", nil, &plain, true)
		e.Close()
	}
	if reflect.DeepEqual(plain, first) || reflect.DeepEqual(first, second) {
		t.Error("adapters change nothing")
	}
}

// TestAdapterOthers: an adapter is of one model, and says so.
func TestAdapterOthers(t *testing.T) {
	e, other := tinyEngine(t), tinyEngine(t)
	m := e.Model()
	r := Request{Tokens: []int32{1, 5}, MaxTokens: 1, Adapter: loadAdapter(t, other.Model(), 1)}
	if _, err := e.Generate(t.Context(), r); !errors.Is(err, ErrOption) {
		t.Errorf("an adapter of another model: got %v, want %v", err, ErrOption)
	}
	if _, err := e.Score(t.Context(), r.Tokens, &ScoreOptions{Adapter: r.Adapter}); !errors.Is(err, ErrOption) {
		t.Errorf("scores: got %v, want %v", err, ErrOption)
	}
	if err := e.Logits(t.Context(), [][]int32{r.Tokens}, LogitsPlan{Adapter: r.Adapter}, nil); !errors.Is(err, ErrOption) {
		t.Errorf("logits: got %v, want %v", err, ErrOption)
	}
	foreign := writeAdapter(t, m, 1, strings.Repeat("ab", 32))
	if _, err := m.LoadAdapter(t.Context(), foreign, nil); !errors.Is(err, ErrOtherBase) || !errors.Is(err, ErrAdapter) {
		t.Errorf("an adapter of other files: got %v, want %v", err, ErrOtherBase)
	}
	if _, err := m.LoadAdapter(t.Context(), foreign, &AdapterOptions{AnyBase: true}); err != nil {
		t.Error(err)
	}
	root, err := m.Root(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := m.LoadAdapter(t.Context(), writeAdapter(t, m, 1, root), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Bytes() <= 0 || len(a.Digest()) != 64 {
		t.Errorf("%d bytes, digest %q", a.Bytes(), a.Digest())
	}
	scores, err := e.Score(t.Context(), []int32{1, 5, 9}, &ScoreOptions{Adapter: a})
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := e.Score(t.Context(), []int32{1, 5, 9}, nil); err != nil || reflect.DeepEqual(plain, scores) {
		t.Errorf("an adapter changes no score: %v", err)
	}
}
