package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// shelfOf returns the shelf of an engine's pages in a folder, of its own store, as a
// process of its own has it.
func shelfOf(t *testing.T, e *Engine, folder string) (*pagestore.Store, *pagestore.Shelf) {
	t.Helper()
	s, err := pagestore.Open(pagestore.Options{Folder: folder, Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	m := pagestore.Make{Model: "tiny", Profile: "canon-1", Cache: e.options.Cache.String()}
	for _, l := range e.net.CacheLayers(*e.options.Cache) {
		m.Layers = append(m.Layers, pagestore.Layer{Bytes: l.Bytes, Window: l.Window})
	}
	return s, s.Shelf(m)
}

// keeping starts an engine whose pages are on a shelf, and that waits for it as long as it
// takes.
func keeping(t *testing.T, m *model.Model, o Options, shelf func(*Engine) Shelf) *Engine {
	t.Helper()
	o.Keep = true
	e := newEngine(t, m, o)
	if err := e.Keep(t.Context(), shelf(e)); err != nil {
		t.Fatal(err)
	}
	if err := e.do(t.Context(), func() { e.keeper.patience, e.keeper.parting = time.Hour, time.Hour }); err != nil {
		t.Fatal(err)
	}
	return e
}

// bitsOf returns all of an answer, with the bits of its log-probabilities, and how many
// positions of the prompt were not computed.
func bitsOf(t *testing.T, e *Engine, r Request) (answer string, cached int) {
	t.Helper()
	s, err := e.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for x, ok := s.Next(); ok; x, ok = s.Next() {
		answer += fmt.Sprint(x.ID, math.Float32bits(x.Logprob), x.Top, " ")
	}
	if f := s.Finish(); f.Reason != FinishLength {
		t.Fatalf("finished by %v", f)
	}
	return answer, s.Progress().Cached
}

// long is a request of a prompt of more than two pages.
func long(n, kind int) Request {
	r := Request{Tokens: prompt(n, kind), MaxTokens: 6, Sampling: off, Logprobs: 3}
	r.Sampling.Temperature, r.Sampling.Seed = 0.7, 1
	return r
}

// TestKept: an engine that begins with pages of one that is gone gives the same bits, and
// computes only the rest. Other tenants find nothing.
func TestKept(t *testing.T) {
	for _, c := range []struct {
		name  string
		form  model.LatentForm
		kinds []kernel.CacheKind
	}{
		{"llama", 0, []kernel.CacheKind{kernel.CacheF32, kernel.CacheF16, kernel.CacheBF16, kernel.CacheQ8}},
		{"gemma3-text", 0, []kernel.CacheKind{kernel.CacheQ8, kernel.CacheF32}},
		{"deepseek-v3", model.Absorbed, []kernel.CacheKind{kernel.CacheQ8, kernel.CacheBF16}},
		{"deepseek-v3", model.Expanded, []kernel.CacheKind{kernel.CacheQ8}},
		{"deepseek-v32", model.Absorbed, []kernel.CacheKind{kernel.CacheQ8}},
		{"qwen3-next", 0, []kernel.CacheKind{kernel.CacheQ8}},
		{"deepseek-v4", 0, []kernel.CacheKind{kernel.CacheQ8}},
	} {
		for i, kind := range c.kinds {
			if testing.Short() && (i > 0 || c.form == model.Expanded) {
				continue
			}
			t.Run(fmt.Sprint(c.name, c.form, kind), func(t *testing.T) {
				m := tinyModelForm(t, c.name, c.form)
				o := Options{Context: 600, Cache: &kind, Threads: 1, Sequences: 2}
				folder := t.TempDir()
				r := long(530, 1)
				for i := range r.Tokens {
					r.Tokens[i] %= int32(m.Config.VocabSize)
				}
				first := keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
				want, _ := bitsOf(t, first, r)
				first.Close()
				second := keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
				if got, cached := bitsOf(t, second, r); got != want || cached != 512 {
					t.Errorf("with %d of 530 positions kept: got %s, want %s with 512", cached, got, want)
				}
				if load := second.Load(); load.FetchedTokens != 512 || load.PromptTokens != 530-512 {
					t.Errorf("computed %d tokens of the prompt and fetched %d, want %d and 512", load.PromptTokens, load.FetchedTokens, 530-512)
				}
				r.Tenant = "other"
				if got, cached := bitsOf(t, second, r); got != want || cached != 0 {
					t.Errorf("another tenant: got %s with %d positions of the first, want %s with none", got, cached, want)
				}
			})
		}
	}
}

// TestKeptTail: of a long prompt the last page is kept too, so that only its last token is
// computed, though the answer went on beyond that page.
func TestKeptTail(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds; the simulation has tails as well")
	}
	m := tinyModel(t, "gemma3-text")
	o := Options{Context: 2400, Threads: 1}
	folder := t.TempDir()
	r := long(2250, 1)
	r.MaxTokens = 100
	e := keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
	want, _ := bitsOf(t, e, r)
	e.Close()
	e = keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
	if got, cached := bitsOf(t, e, r); got != want || cached != 2249 {
		t.Errorf("with %d of 2250 positions kept: got %s, want %s with 2249", cached, got, want)
	}
	if load := e.Load(); load.FetchedTokens != 2249 || load.PromptTokens != 1 {
		t.Errorf("%d tokens of the prompt were computed and %d fetched, want 1 and 2249", load.PromptTokens, load.FetchedTokens)
	}
	// What goes on from it is what it is alone.
	x := long(2251, 1)
	got, cached := bitsOf(t, e, x)
	if want, _ := bitsOf(t, newEngine(t, m, o), x); got != want || cached != 2250 {
		t.Errorf("a token more: got %s with %d of 2251 kept, want %s with 2250", got, cached, want)
	}
}

// TestKeptDamaged: pages that are damaged, cut short, or stand in each other's place are
// computed again, and those before them are used.
func TestKeptDamaged(t *testing.T) {
	m := tinyModel(t, "llama")
	o := Options{Context: 900, Threads: 1}
	r := long(800, 1)
	folder := t.TempDir()
	e := keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
	want, _ := bitsOf(t, e, r)
	e.Close()
	for what, damage := range map[string]func(t *testing.T, path, next string){
		"a bit": func(t *testing.T, path, _ string) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text[len(text)-1000] ^= 4
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"cut short": func(t *testing.T, path, _ string) {
			if err := os.Truncate(path, 4096); err != nil {
				t.Fatal(err)
			}
		},
		"another page": func(t *testing.T, path, next string) {
			if err := os.Rename(next, path); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, path, _ string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			if testing.Short() && what != "a bit" {
				t.Skip("one kind of damage is enough")
			}
			var h *pagestore.Shelf
			var store *pagestore.Store
			e := keeping(t, m, o, func(e *Engine) Shelf { store, h = shelfOf(t, e, folder); return h })
			for store.Stats().Pages != 3 { // the folder is looked at
				time.Sleep(time.Millisecond)
			}
			paths := bySplit(t, folder)
			damage(t, paths[1], paths[2])
			if got, cached := bitsOf(t, e, r); got != want || cached != 256 {
				t.Errorf("got %s with %d positions, want %s with 256", got, cached, want)
			}
			e.Close()
			if left := bySplit(t, folder); len(left) != 3 || store.Stats().WrittenPages == 0 {
				t.Errorf("what was damaged is not written again: %v, %+v", left, store.Stats())
			}
			if err := os.RemoveAll(folder); err != nil {
				t.Fatal(err)
			}
			again := keeping(t, m, o, func(e *Engine) Shelf { _, h := shelfOf(t, e, folder); return h })
			if got, cached := bitsOf(t, again, r); got != want || cached != 0 {
				t.Errorf("anew: got %s with %d positions, want %s with none", got, cached, want)
			}
			again.Close()
		})
	}
}

// bySplit returns the files of a folder, the first page first.
func bySplit(t *testing.T, folder string) (paths []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.kv1"))
	if err != nil {
		t.Fatal(err)
	}
	paths = make([]string, len(files))
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		paths[text[16]] = path // where the header says it
	}
	return paths
}

// memoryShelf is a shelf in memory, whose disk may fail or hang.
type memoryShelf struct {
	mu    sync.Mutex
	pages map[pagestore.Sum][][]byte
	hang  chan struct{} // not nil: reads and writes wait for it
	fails func(sum pagestore.Sum) bool
}

func (h *memoryShelf) Has(sum pagestore.Sum) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.pages[sum] != nil
}

func (h *memoryShelf) Read(sum pagestore.Sum, groups [][]byte) error {
	if h.hang != nil {
		<-h.hang
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	page := h.pages[sum]
	if page == nil || h.fails != nil && h.fails(sum) {
		for _, b := range groups {
			clear(b) // as half a page may be there
		}
		return pagestore.ErrMissing
	}
	for g := range groups {
		copy(groups[g], page[g])
	}
	return nil
}

func (h *memoryShelf) Write(p *pagestore.Page) error {
	if h.hang != nil {
		<-h.hang
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fails != nil && h.fails(p.Sum) {
		return pagestore.ErrFull
	}
	var page [][]byte
	for _, b := range p.Groups {
		page = append(page, slices.Clone(b))
	}
	if h.pages == nil {
		h.pages = map[pagestore.Sum][][]byte{}
	}
	h.pages[p.Sum] = page
	return nil
}

func (h *memoryShelf) Touch(pagestore.Sum) {}

// TestShelfHangs: a disk that does not answer holds nobody up, neither those whose pages
// it has nor the end.
func TestShelfHangs(t *testing.T) {
	m := tinyModel(t, "llama")
	o := Options{Context: 900, Threads: 1}
	shelf := &memoryShelf{}
	e := keeping(t, m, o, func(*Engine) Shelf { return shelf })
	want, _ := bitsOf(t, e, long(800, 1))
	e.Close()
	if len(shelf.pages) != 3 {
		t.Fatalf("%d pages are kept, want 3", len(shelf.pages))
	}
	shelf.hang = make(chan struct{})
	e = keeping(t, m, o, func(*Engine) Shelf { return shelf })
	if err := e.do(t.Context(), func() { e.keeper.patience, e.keeper.parting = time.Millisecond, time.Millisecond }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := long(800, 1)
		if got, cached := bitsOf(t, e, r); got != want || cached > 799 {
			t.Errorf("got %s with %d positions, want %s", got, cached, want)
		}
		if e.Load().FetchedTokens != 0 {
			t.Error("pages came from a disk that hangs")
		}
	}
	e.Close()
	close(shelf.hang)
}

// TestFetchCancelled: who gives up while pages are read is gone at once, and others go on.
func TestFetchCancelled(t *testing.T) {
	m := tinyModel(t, "llama")
	o := Options{Context: 900, Threads: 1}
	shelf := &memoryShelf{}
	e := keeping(t, m, o, func(*Engine) Shelf { return shelf })
	want, _ := bitsOf(t, e, long(800, 1))
	e.Close()
	shelf.hang = make(chan struct{})
	e = keeping(t, m, o, func(*Engine) Shelf { return shelf })
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := e.Submit(ctx, long(800, 1))
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	short := long(20, 2)
	bitsOf(t, e, short) // runs beside
	cancel(gone)
	collect(s)
	if f := s.Finish(); f.Reason != FinishCancel || !errors.Is(f.Err, gone) {
		t.Errorf("finished by %v, want a cancellation", f)
	}
	close(shelf.hang)
	if got, _ := bitsOf(t, e, long(800, 1)); got != want {
		t.Errorf("afterwards: got %s, want %s", got, want)
	}
}

// TestKeepRefused: an engine whose pages are not listed takes no shelf.
func TestKeepRefused(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 100})
	if err := e.Keep(t.Context(), &memoryShelf{}); !errors.Is(err, ErrOption) {
		t.Errorf("got %v, want %v", err, ErrOption)
	}
}
