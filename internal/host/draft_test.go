package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// answerOf returns what a model gives to one question, and its usage.
func answerOf(t *testing.T, h *Host, name string) ([]int32, blitz.Usage) {
	t.Helper()
	l, err := h.Acquire(t.Context(), name, Ask{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Release()
	a, err := l.Engine().Generate(t.Context(), blitz.Request{Tokens: []int32{5, 6, 7}, MaxTokens: 60, Sampling: &blitz.Sampling{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	return a.IDs(), a.Usage()
}

// TestDraft: a served model that another guesses for answers as it does alone, and what both
// take is counted.
func TestDraft(t *testing.T) {
	plain := tinyHost(t, Options{Speculate: "off"})
	want, _ := answerOf(t, plain, "tiny")
	alone := plain.Loaded()[0]

	h := tinyHost(t, Options{Context: 256, Sequences: 2})
	path := tinyFile(t, "small.gguf")
	for _, draft := range []string{path, "tiny"} { // as the model itself, all of its guesses are right
		if err := h.Draft("tiny", draft); err != nil {
			t.Fatal(err)
		}
		got, usage := answerOf(t, h, "TINY:latest")
		if !slices.Equal(got, want) {
			t.Errorf("with %s: got %v, want %v", draft, got, want)
		}
		if usage.DraftedTokens == 0 || 2*usage.AcceptedTokens < usage.DraftedTokens {
			t.Errorf("with %s: of %d guesses %d were right", draft, usage.DraftedTokens, usage.AcceptedTokens)
		}
		list := h.Loaded()
		if len(list) != 1 || list[0].Weights != 2*alone.Weights {
			t.Errorf("with %s: %+v is loaded, want weights of %d", draft, list, 2*alone.Weights)
		}
		v, err := h.View(t.Context(), "tiny")
		if err != nil || v.Fits != 256 {
			t.Errorf("with %s: %+v, %v", draft, v, err)
		}
	}

	// One whose file is gone, or whose tokens are others, is no model that answers less well.
	if err := h.Draft("tiny", path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Acquire(t.Context(), "tiny", Ask{}); err == nil || !strings.Contains(err.Error(), "which guesses for tiny") {
		t.Errorf("a draft that is damaged: got %v, want one that names whose draft it is", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Acquire(t.Context(), "tiny", Ask{}); !errors.Is(err, blitz.ErrNotFound) {
		t.Errorf("a draft that is gone: got %v, want %v", err, blitz.ErrNotFound)
	}
	if err := h.Unload("tiny"); err != nil {
		t.Errorf("the model that is there is not let go: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.gguf")
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.WriteGGUF(other, tensor.F32); err != nil {
		t.Fatal(err)
	}
	if err := h.Draft("tiny", other); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Acquire(t.Context(), "tiny", Ask{}); !errors.Is(err, blitz.ErrVocabulary) {
		t.Errorf("a draft of other tokens: got %v, want %v", err, blitz.ErrVocabulary)
	}
	for _, pair := range [][2]string{{"none", "tiny"}, {"tiny", "none"}, {"tiny", filepath.Join(t.TempDir(), "none.gguf")}} {
		if err := h.Draft(pair[0], pair[1]); !errors.Is(err, blitz.ErrNotFound) {
			t.Errorf("%q: got %v, want %v", pair, err, blitz.ErrNotFound)
		}
	}
}

// TestDivide: what a model and its draft model are given is what the plan has, and one
// sequence of the whole context has room in both.
func TestDivide(t *testing.T) {
	h := tinyHost(t, Options{})
	f := h.opener.(*files)
	one, err := h.resolve("tiny")
	if err != nil {
		t.Fatal(err)
	}
	one.draft = &one
	c, err := f.survey(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	m := c.(*modelFiles)
	least, err := m.n.CacheBytes(m.kind, 300)
	if err != nil {
		t.Fatal(err)
	}
	both, err := c.cache(300)
	if err != nil || both != 2*int64(least) {
		t.Fatalf("the caches of both take %d, %v, want twice %d", both, err, least)
	}
	for _, more := range []int64{0, 1, 1000, 1<<40 + 1} {
		own, draft, err := m.divide(plan{context: 300, caches: both + more})
		if err != nil || own+draft != both+more || own < int64(least) || draft < int64(least) {
			t.Errorf("%d bytes more: %d and %d, %v", more, own, draft, err)
		}
	}
	n, err := c.longest(both)
	if bytes, _ := c.cache(n); err != nil || n < 300 || bytes > both {
		t.Errorf("the longest context of %d bytes is %d, %v, which takes %d", both, n, err, bytes)
	}
}
