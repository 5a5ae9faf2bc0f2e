package kvcache

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// taken returns the splits of the pages that are listed.
func taken(c *Cache) (splits []int) {
	for page, ok := c.TakeUnkept(); ok; page, ok = c.TakeUnkept() {
		splits = append(splits, page.Split)
	}
	return splits
}

// Pages are listed once, in the order of the prefix, and one alone is not.
func TestKeep(t *testing.T) {
	c := mustNew(t, 64*40, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 300})
	computed(t, c, count(5000, 300)).Free()
	c.Keep()
	s := c.Sequence()
	for _, want := range []struct {
		n      int
		splits []int
	}{{255, nil}, {1, nil}, {255, nil}, {1, []int{0, 1}}, {600, []int{2, 3}}, {0, nil}} {
		extend(t, s, count(s.Len(), want.n))
		if got := taken(c); !slices.Equal(got, want.splits) {
			t.Fatalf("at %d positions: pages %v are listed, want %v", s.Len(), got, want.splits)
		}
	}
	s.Free()
	computed(t, c, count(0, 1112)).Free()
	if c.Unkept() {
		t.Error("what is kept is listed again")
	}
	p := c.Private()
	extend(t, p, count(0, 1024))
	p.Free()
	if c.Unkept() {
		t.Error("pages of a private sequence are listed")
	}
	computed(t, c, count(100, 512)).Free()
	c.Drop()
	if computed(t, c, count(200, 512)).Free(); c.Unkept() {
		t.Error("pages are listed after Drop")
	}
}

// What is evicted before it is kept is listed no more.
func TestKeepEvicted(t *testing.T) {
	c := mustNew(t, 64*4, Layer{Bytes: 64})
	c.Keep()
	computed(t, c, count(0, 1024)).Free()
	computed(t, c, count(5000, 512)).Free() // takes the last two pages of the first text
	if got := taken(c); !slices.Equal(got, []int{0, 1, 0, 1}) {
		t.Errorf("pages %v are listed, want the first two of each text", got)
	}
}

// What was kept is appended as if it had been computed, and only where it fits.
func TestAdopt(t *testing.T) {
	layers := []Layer{{Bytes: 256}, {Bytes: 64, Window: 300}}
	c := mustNew(t, 1<<20, layers...)
	c.Keep()
	s := c.Sequence()
	if err := s.Reserve(512); err != nil {
		t.Fatal(err)
	}
	for pos := range 512 {
		mark(s, pos, byte(pos*7))
	}
	s.Append(count(0, 512))
	other := mustNew(t, (256+64)*2, layers...)
	other.Keep()
	x := other.Sequence()
	for split := range 2 {
		page, ok := c.TakeUnkept()
		if !ok {
			t.Fatal("no page is listed")
		}
		if err := x.Adopt(count(256*split, 256), page.Groups); err != nil {
			t.Fatal(err)
		}
	}
	for pos := range 512 {
		if got := marked(x, pos); got != byte(pos*7) {
			t.Fatalf("position %d: got %d, want %d", pos, got, byte(pos*7))
		}
	}
	if other.Unkept() || other.Stats().AdoptedTokens != 512 {
		t.Errorf("adopted: listed %v, %+v", other.Unkept(), other.Stats())
	}
	whole := [][]byte{make([]byte, 256), make([]byte, 64)}
	if err := x.Adopt(count(512, 256), whole); !errors.Is(err, ErrNoRoom) || x.Len() != 512 {
		t.Errorf("a third page where two have room: got %v, %d positions", err, x.Len())
	}
	x.Truncate(256)
	for what, err := range map[string]error{
		"no position":      x.Adopt(nil, whole),
		"more than a page": x.Adopt(count(256, 257), whole),
		"of one group":     x.Adopt(count(256, 256), whole[:1]),
		"of other layers":  x.Adopt(count(256, 256), [][]byte{whole[1], whole[0]}),
		"of more groups":   x.Adopt(count(256, 256), append(whole, whole[0])),
		"behind a partial": func() error { x.Truncate(100); return x.Adopt(count(256, 256), whole) }(),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "kvcache: adopt") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// Restored pages are found by Match, and held by nobody.
func TestRestore(t *testing.T) {
	layers := []Layer{{Bytes: 64}, {Bytes: 64, Window: 300}}
	c := mustNew(t, 1<<20, layers...)
	c.Keep()
	text := count(0, 1300)
	computed(t, c, text).Free()
	var pages [][][]byte
	for page, ok := c.TakeUnkept(); ok; page, ok = c.TakeUnkept() {
		pages = append(pages, page.Groups)
	}
	other := mustNew(t, 64*9, layers...)
	if n, err := other.Restore("a", text[:768], pages[:3]...); n != 3 || err != nil {
		t.Fatalf("restored %d, %v", n, err)
	}
	if n, err := other.Restore("a", text[:1280], pages[4]); n != 0 || !errors.Is(err, ErrGone) {
		t.Errorf("behind a page that is not there: restored %d, %v", n, err)
	}
	for salt, want := range map[string]int{"a": 3, "": 0} {
		if got := other.WholePages(salt, text); got != want {
			t.Errorf("salt %q: %d pages, want %d", salt, got, want)
		}
	}
	if n, err := other.Restore("a", text[:1280], pages[3:5]...); n != 2 || err != nil {
		t.Errorf("two more pages: restored %d, %v", n, err)
	}
	if got := other.Stats(); got.HeldPages != 0 || got.Sequences != 0 || got.CachedBytes > 64*9 {
		t.Errorf("restored: %+v, want nothing held", got)
	}
	s := other.Match("a", text)
	if s.Len() != 1280 {
		t.Errorf("match: got %d positions, want 1280", s.Len())
	}
	s.Free()
	// Pages of another prefix, which a sequence holds, leave room for fewer.
	x := computed(t, other, count(5000, 256*3))
	if n, err := other.Restore("b", text[:768], pages[:3]...); n >= 3 || !errors.Is(err, ErrNoRoom) || other.WholePages("b", text) != n {
		t.Errorf("without room: restored %d, %v", n, err)
	}
	x.Free()
}
