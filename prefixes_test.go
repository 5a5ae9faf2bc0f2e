package blitz

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// longPrompt is tokens of two pages of the cache and some more.
func longPrompt() []int32 {
	ids := make([]int32, 530)
	for i := range ids {
		ids[i] = int32(i*i%200 + 3)
	}
	return ids
}

// named opens the tiny model of a folder, and knows its root.
func named(t *testing.T, folder, memory string) *Model {
	t.Helper()
	m, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if _, err := m.Root(t.Context(), memory); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestPrefixes: after a restart an answer is the same, and of its prompt only what is no
// whole page is computed; with another model, cache or tenant all of it is.
func TestPrefixes(t *testing.T) {
	folder, model := t.TempDir(), tinyFolder(t)
	other := tinyFolder(t)
	if err := os.WriteFile(filepath.Join(other, "README"), nil, 0o600); err != nil { // another root, the same numbers
		t.Fatal(err)
	}
	request := Request{Tokens: longPrompt(), MaxTokens: 8, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(1))}, Logprobs: true, TopTokens: 2}
	var want []Token
	for i, c := range []struct {
		model, tenant, cache string
		cached               int
	}{
		{model, "", "", 0},
		{model, "", "", 512},
		{model, "a", "", 0},
		{model, "a", "", 512},
		{other, "", "", 0},
		{model, "", "f16", 0},
		{model, "", "", 512},
	} {
		p, err := OpenPrefixes(folder, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		e, err := NewEngine(named(t, c.model, ""), &EngineOptions{Threads: 1, Context: 600, Stretch: true, Cache: c.cache, Prefixes: p})
		if err != nil {
			t.Fatal(err)
		}
		r := request
		r.Tenant = c.tenant
		a, tokens, err := answer(t, e, r)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = tokens
		}
		if c.cache == "" && !reflect.DeepEqual(tokens, want) {
			t.Errorf("engine %d: got %v, want %v", i, tokens, want)
		}
		load := e.Load()
		if got := a.Usage().CachedTokens; got != c.cached || load.PromptTokens != uint64(530-c.cached) || load.FetchedTokens != uint64(c.cached) {
			t.Errorf("engine %d: %d tokens of the prompt cached, %d fetched, %d computed, want %d cached", i, got, load.FetchedTokens, load.PromptTokens, c.cached)
		}
		e.Close()
		if s := p.Stats(); s.ReadPages != int64(c.cached/256) || s.WrittenPages != int64(2-c.cached/256) || s.RefusedPages+s.SkippedPages+s.Failures+s.Unnamed != 0 {
			t.Errorf("engine %d: %+v", i, s)
		}
	}
}

// TestPrefixesUnnamed: of a model whose files have no root nothing is kept, and it runs.
func TestPrefixesUnnamed(t *testing.T) {
	p, err := OpenPrefixes(t.TempDir(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	folder := tinyFolder(t)
	if err := os.Symlink("config.json", filepath.Join(folder, "link")); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	m, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := NewEngine(m, &EngineOptions{Threads: 1, Context: 600, Stretch: true, Prefixes: p})
	if err != nil {
		t.Fatal(err)
	}
	for p.Stats().Unnamed == 0 { // found out in the background
		if _, _, err := answer(t, e, Request{Tokens: []int32{70}, MaxTokens: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := answer(t, e, Request{Tokens: longPrompt(), MaxTokens: 1}); err != nil {
		t.Fatal(err)
	}
	e.Close()
	if s := p.Stats(); s.WrittenPages != 0 || s.Unnamed != 1 {
		t.Errorf("counts: %+v", s)
	}
}

func TestOpenPrefixes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var at *fs.PathError
	if _, err := OpenPrefixes(file, 1); !errors.As(err, &at) {
		t.Errorf("a file: got %v", err)
	}
	if _, err := OpenPrefixes(t.TempDir(), 0); err == nil {
		t.Error("no limit is taken")
	}
}
