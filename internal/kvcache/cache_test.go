package kvcache

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// mustNew returns a cache for tests.
func mustNew(t testing.TB, limit int, layers ...Layer) *Cache {
	t.Helper()
	c, err := New(layers, limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// count returns the n tokens from, from+1, ….
func count(from, n int) []int32 {
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(from + i)
	}
	return tokens
}

// extend reserves and appends tokens.
func extend(t testing.TB, s *Sequence, tokens []int32) {
	t.Helper()
	if err := s.Reserve(len(tokens)); err != nil {
		t.Fatal(err)
	}
	s.Append(tokens)
}

// computed returns a sequence of these tokens.
func computed(t testing.TB, c *Cache, tokens []int32) *Sequence {
	t.Helper()
	s := c.Sequence()
	extend(t, s, tokens)
	return s
}

// matched returns how many of the tokens, and of any that follow, the cache has.
func matched(c *Cache, tokens []int32) int {
	s := c.Match("", append(slices.Clone(tokens), -1))
	defer s.Free()
	return s.Len()
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []Layer
		limit  int
		want   string
		room   bool // the error wraps ErrNoRoom
	}{
		{"no layers", nil, 1 << 20, "no layers", false},
		{"no bytes", []Layer{{Bytes: 64}, {Bytes: 0}}, 1 << 20, "layer 1: page of 0 bytes", false},
		{"odd bytes", []Layer{{Bytes: 65}}, 1 << 20, "layer 0: page of 65 bytes, want a positive multiple of 64", false},
		{"negative bytes", []Layer{{Bytes: -64}}, 1 << 20, "layer 0: page of -64 bytes", false},
		{"negative window", []Layer{{Bytes: 64, Window: -1}}, 1 << 20, "layer 0: window -1", false},
		{"limit", []Layer{{Bytes: 128}, {Bytes: 64, Window: 5}}, 191, "limit 191 bytes, want at least 192", true},
		{"no limit", []Layer{{Bytes: 64}}, -1, "limit -1 bytes, want at least 64", true},
		{"overflow", []Layer{{Bytes: math.MaxInt &^ 63}, {Bytes: 64}}, math.MaxInt, "more than there can be", true},
	} {
		_, err := New(c.layers, c.limit)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNoRoom) != c.room {
			t.Errorf("%s: got error %v, want %q, no room: %v", c.name, err, c.want, c.room)
		}
	}
	c := mustNew(t, 192, Layer{Bytes: 128}, Layer{Bytes: 64, Window: 5})
	computed(t, c, count(0, PagePositions))
}

// Layers of a group lie one after the other in its pages, and nowhere twice.
func TestPlaces(t *testing.T) {
	layers := []Layer{{Bytes: 64}, {Bytes: 128, Window: 300}, {Bytes: 192}, {Bytes: 64, Window: 300}, {Bytes: 64, Window: 7}}
	s := computed(t, mustNew(t, 1<<20, layers...), count(0, 2*PagePositions))
	for l := range layers {
		for split := range 2 {
			page := s.Page(l, split)
			if len(page) != layers[l].Bytes && (l != 4 || split != 0) {
				t.Fatalf("layer %d split %d: %d bytes, want %d", l, split, len(page), layers[l].Bytes)
			}
			for i := range page {
				page[i] = byte(1 + 2*l + split)
			}
		}
	}
	for l := range layers {
		for split := range 2 {
			for i, b := range s.Page(l, split) {
				if b != byte(1+2*l+split) {
					t.Fatalf("layer %d split %d byte %d: got %d, want %d", l, split, i, b, 1+2*l+split)
				}
			}
		}
	}
	if p := s.Page(4, 0); p != nil {
		t.Errorf("a page out of its window is there, of %d bytes", len(p))
	}
}

// Bytes is what the greediest moment of a growing sequence takes, no more.
func TestBytes(t *testing.T) {
	for _, window := range []int{0, 1, 2, 3, 255, 256, 257, 258, 300, 512, 513, 514, 1000, 5000} {
		for _, step := range []int{1, 2, 3, 255, 256, 257, 600} {
			c := mustNew(t, 1<<20, Layer{Bytes: 64, Window: window})
			s := c.Sequence()
			most := 0
			const positions = 3 * PagePositions
			for s.Len() < positions {
				if err := s.Reserve(min(step, positions-s.Len())); err != nil {
					t.Fatal(err)
				}
				most = max(most, c.Stats().HeldBytes)
				s.Append([]int32{7})
			}
			if got := c.Bytes(positions, step); got != most {
				t.Errorf("window %d, steps of %d: %d positions take %d bytes, want %d", window, step, positions, got, most)
			}
		}
	}
	c := mustNew(t, 1<<20, Layer{Bytes: 64}, Layer{Bytes: 128, Window: 256}, Layer{Bytes: 64})
	for _, b := range []struct{ positions, step, want int }{
		{0, 1, 0},
		{1, 1, 256},
		{256, 256, 256},
		{257, 1, 512},
		{1 << 20, 1, 4096*128 + 2*128},
		{1 << 20, 2, 4096*128 + 2*128},
		{1 << 20, 3, 4096*128 + 3*128},
		{1 << 20, 1 << 20, 4096 * 256},
		{1 << 20, math.MaxInt, 4096 * 256},
		{math.MaxInt, 1, 1<<62 + 256},
		{math.MaxInt, math.MaxInt, math.MaxInt},
	} {
		if got := c.Bytes(b.positions, b.step); got != b.want {
			t.Errorf("%d positions in steps of %d: got %d bytes, want %d", b.positions, b.step, got, b.want)
		}
	}
	if got := mustNew(t, 1<<20, Layer{Bytes: 1 << 20}).Bytes(math.MaxInt, 1); got != math.MaxInt {
		t.Errorf("more bytes than there can be: got %d, want %d", got, math.MaxInt)
	}
}

func TestDrop(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 300})
	a := count(0, 600)
	computed(t, c, count(1000, 600)).Free()
	s := computed(t, c, a)
	c.Drop()
	if got := c.Stats(); got.CachedBytes != 0 || got.FreeBytes != 0 || got.HeldBytes != 5*64 {
		t.Errorf("after Drop: %+v, want only the living sequence's 5 pages", got)
	}
	if n := matched(c, a); n != 0 {
		t.Errorf("%d positions from before Drop were found", n)
	}
	// What an old sequence computes from old keys and values is not found either.
	extend(t, s, count(600, 300))
	f := s.Fork()
	extend(t, f, count(900, 200))
	f.Free()
	s.Free()
	if n := matched(c, count(0, 1100)); n != 0 {
		t.Errorf("%d positions that go on from before Drop were found", n)
	}
	if got := c.Stats(); got.CachedPages != 0 || got.HeldPages != 0 {
		t.Errorf("after freeing what was before Drop: %+v, want all pages free", got)
	}
	computed(t, c, a).Free()
	if n := matched(c, a); n != len(a) {
		t.Errorf("computed again: %d positions found, want %d", n, len(a))
	}
}

// A private sequence neither leaves anything to be found nor takes what is there.
func TestPrivate(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	a := count(0, 600)
	s := c.Private()
	extend(t, s, a)
	f := s.Fork()
	if n := matched(c, a); n != 0 {
		t.Errorf("%d positions of a private sequence were found", n)
	}
	there := computed(t, c, a)
	extend(t, f, count(600, 200))
	if got := c.Stats(); got.HeldPages != 3+1+1+3 { // 3 each, of which the fork copied one and took one more
		t.Errorf("%d pages are held, want 8", got.HeldPages)
	}
	f.Free()
	s.Free()
	there.Free()
	if got := c.Stats(); got.Sequences != 0 || got.HeldPages != 0 || got.CachedPages != 3 {
		t.Errorf("got %+v, want 3 pages in the tree alone", got)
	}
}

func TestStats(t *testing.T) {
	c := mustNew(t, 4*64, Layer{Bytes: 64})
	s := computed(t, c, count(0, 300))
	m := c.Match("", count(0, 280))
	want := Stats{Sequences: 2, HeldPages: 2, HeldBytes: 128, LimitBytes: 256, AskedTokens: 280, MatchedTokens: 256}
	if got := c.Stats(); got != want {
		t.Errorf("a second sequence of the same prefix: got %+v, want %+v", got, want)
	}
	s.Free()
	m.Free()
	want = Stats{CachedPages: 2, CachedBytes: 128, LimitBytes: 256, AskedTokens: 280, MatchedTokens: 256}
	if got := c.Stats(); got != want {
		t.Errorf("freed: got %+v, want %+v", got, want)
	}
	s = c.Match("", count(0, 301))
	extend(t, s, []int32{-1})
	computed(t, c, count(500, 300)).Free()
	want = Stats{
		Sequences: 1, HeldPages: 2, HeldBytes: 128, CachedPages: 2, CachedBytes: 128, LimitBytes: 256,
		AskedTokens: 581, MatchedTokens: 556, CopiedPages: 1, EvictedPages: 1,
	}
	if got := c.Stats(); got != want {
		t.Errorf("with a copy and an eviction: got %+v, want %+v", got, want)
	}
}
