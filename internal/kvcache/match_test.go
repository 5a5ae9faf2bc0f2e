package kvcache

import (
	"slices"
	"testing"
)

// The last token is never matched, wherever in a page it is.
func TestMatchLeavesOne(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	computed(t, c, count(0, 1000)).Free()
	for _, n := range []int{0, 1, 2, 255, 256, 257, 258, 511, 512, 513, 999, 1000, 1001} {
		s := c.Match("", count(0, n))
		if want := max(0, min(n-1, 1000)); s.Len() != want || !slices.Equal(s.Tokens(), count(0, want)) {
			t.Errorf("match of %d tokens: got %d positions, want %d", n, s.Len(), want)
		}
		s.Free()
	}
}

// Whole pages are found while the sequence that computed them goes on.
func TestMatchRunning(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	s := c.Sequence()
	for n := range 600 {
		if got, want := matched(c, count(0, n)), n/PagePositions*PagePositions; got != want {
			t.Fatalf("after %d positions: %d are found, want %d", n, got, want)
		}
		extend(t, s, count(n, 1))
	}
	m := c.Match("", count(0, 600))
	for split := range 2 {
		if &m.Page(0, split)[0] != &s.Page(0, split)[0] {
			t.Errorf("split %d is not shared", split)
		}
	}
}

// Of several pages that begin alike the one with most in common is found.
func TestMatchNearest(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	for _, same := range []int{0, 10, 20, 40, 100, 200} {
		for _, other := range []int{-5, 5000} { // smaller and greater than what follows
			tokens := append(count(0, same), count(other-same, 300)...)
			computed(t, c, tokens).Free()
		}
	}
	for n, want := range map[int]int{5: 5, 15: 15, 40: 40, 150: 150, 210: 200, 300: 200} {
		if got := matched(c, count(0, n)); got != want {
			t.Errorf("match of %d tokens: got %d positions, want %d", n, got, want)
		}
	}
}

// With a window a prefix is found only where the pages that the next position looks
// back on are there: not where they were evicted, though longer and shorter ones are.
func TestMatchWindow(t *testing.T) {
	const window = 300
	text := count(0, 2000)
	c := mustNew(t, 64*(8+8), Layer{Bytes: 64}, Layer{Bytes: 64, Window: window})
	s := c.Sequence()
	for _, n := range []int{700, 1300} { // 700: the first windows pass while 700 positions are computed
		extend(t, s, text[s.Len():][:n])
	}
	if got := c.Stats(); got.CachedPages != 6 || got.HeldPages != 8+2 {
		t.Fatalf("after 2000 positions: %+v, want 6 pages that windows have passed, and 10", got)
	}
	s.Free()
	// Other text takes 4 pages: those that windows passed first.
	computed(t, c, count(5000, 300)).Free()
	for _, m := range []struct{ n, want int }{
		{2000, 2000},
		{1324, 1324}, // looks back on 1025 … 1323: splits 4 and 5
		{1323, 1323}, // looks back on 1024 …
		{1322, 0},    // looks back on 1023 …: split 3 is gone
		{1024, 0},
		{100, 0},
	} {
		if got := matched(c, text[:m.n]); got != m.want {
			t.Errorf("match of %d tokens: got %d positions, want %d", m.n, got, m.want)
		}
	}
	// Computed again, the pages are there again, and those behind them with them.
	computed(t, c, text[:600]).Free()
	if got := matched(c, text[:600]); got != 600 {
		t.Errorf("computed again: %d positions found, want 600", got)
	}
}

// The same page computed by two sequences is kept once.
func TestSamePageTwice(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 400})
	a, b := c.Sequence(), c.Sequence()
	for range 3 {
		extend(t, a, count(a.Len(), 100))
		extend(t, b, count(b.Len(), 100))
	}
	if got := c.Stats(); got.HeldPages != 2+2*2 || got.FreeBytes != 2*64 {
		t.Errorf("two sequences of the same 300 tokens: %+v, want one whole page and two partial ones of each group", got)
	}
	if &a.Page(0, 0)[0] != &b.Page(0, 0)[0] || &a.Page(0, 1)[0] == &b.Page(0, 1)[0] {
		t.Errorf("the whole page is not shared, or the partial one is")
	}
	a.Free()
	b.Free()
	if got := c.Stats(); got.CachedPages != 4 {
		t.Errorf("freed: %+v, want 4 pages cached", got)
	}
}

// A partial page makes way for one that begins with it.
func TestLongerPage(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	for _, n := range []int{100, 50, 100, 120, 256, 200} {
		computed(t, c, count(0, n)).Free()
	}
	if got := c.Stats(); got.CachedPages != 1 {
		t.Errorf("pages that begin alike: %+v, want one", got)
	}
	if got := matched(c, count(0, 300)); got != 256 {
		t.Errorf("match: got %d positions, want 256", got)
	}
}

// What one tenant computed is found by nobody else; and of tenants that have no pages
// any more nothing is left.
func TestMatchSalt(t *testing.T) {
	c := mustNew(t, 64*4, Layer{Bytes: 64})
	text := count(0, 600)
	salts := []string{"", "a", "b", "a\x00"}
	for i, salt := range salts {
		s := c.Match(salt, text[:1+i])
		if s.Len() != 0 {
			t.Fatalf("salt %q: %d positions of another tenant are found", salt, s.Len())
		}
		extend(t, s, text[:PagePositions])
		s.Free()
	}
	for _, salt := range salts {
		for _, other := range append(salts, "c") {
			s := c.Match(other, text)
			if want := PagePositions; other != "c" && s.Len() != want || other == "c" && s.Len() != 0 {
				t.Errorf("after salt %q, salt %q: %d positions are found", salt, other, s.Len())
			}
			s.Free()
		}
	}
	if len(c.roots) != len(salts) {
		t.Errorf("%d trees, want %d", len(c.roots), len(salts))
	}
	s := c.Match("c", text)
	extend(t, s, count(1000, 4*PagePositions)) // evicts all others
	s.Free()
	if _, ok := c.roots["c"]; !ok || len(c.roots) != 1 {
		t.Errorf("%d trees are left, want that of the tenant who has pages", len(c.roots))
	}
}
