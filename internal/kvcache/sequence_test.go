package kvcache

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// mark writes b to the bytes of a position of a layer of 256 bytes a page.
func mark(s *Sequence, pos int, b byte) { s.Page(0, pos/PagePositions)[pos%PagePositions] = b }

// marked returns the byte of a position.
func marked(s *Sequence, pos int) byte { return s.Page(0, pos/PagePositions)[pos%PagePositions] }

// panicOf returns what f panics with, as a string.
func panicOf(f func()) (message string) {
	defer func() {
		if r := recover(); r != nil {
			message = fmt.Sprint(r)
		}
	}()
	f()
	return ""
}

func TestMisuse(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	s := computed(t, c, count(0, 10))
	if err := s.Reserve(3); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		name string
		run  func()
		want string
	}{
		{"append more than was reserved", func() { s.Append(count(10, 4)) }, "append 4 tokens at position 10: reserved up to 13"},
		{"truncate to more", func() { s.Truncate(11) }, "truncate to 11 positions: there are 10"},
		{"truncate to less than none", func() { s.Truncate(-1) }, "truncate to -1 positions: there are 10"},
		{"append after a fork", func() { s.Fork(); s.Append(count(10, 1)) }, "append 1 tokens at position 10: reserved up to 10"},
	} {
		if got := panicOf(m.run); !strings.Contains(got, m.want) {
			t.Errorf("%s: got panic %q, want %q", m.name, got, m.want)
		}
		if s.Len() != 10 {
			t.Errorf("%s: %d positions are left, want 10", m.name, s.Len())
		}
	}
	s.Free()
	s.Free() // twice is harmless
	if got := c.Stats().Sequences; got != 1 {
		t.Errorf("%d sequences are left, want the fork", got)
	}
}

// Forks write their own pages and read the common ones.
func TestFork(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 256})
	s := c.Sequence()
	if err := s.Reserve(400); err != nil {
		t.Fatal(err)
	}
	for pos := range 300 {
		mark(s, pos, byte(pos))
	}
	s.Append(count(0, 300))
	forks := []*Sequence{s, s.Fork(), s.Fork()}
	if got := c.Stats(); got.HeldPages != 2 {
		t.Fatalf("three sequences of one prompt: %+v, want 2 pages", got)
	}
	for i, f := range forks {
		if err := f.Reserve(1); err != nil {
			t.Fatal(err)
		}
		mark(f, 300, byte(100+i))
		f.Append([]int32{int32(-i)})
	}
	if got := c.Stats(); got.HeldPages != 1+3 || got.CopiedPages != 2 {
		t.Errorf("after each wrote a position: %+v, want 4 pages, 2 of them copied", got)
	}
	for i, f := range forks {
		if got := marked(f, 300); got != byte(100+i) {
			t.Errorf("fork %d position 300: got %d, want %d", i, got, 100+i)
		}
		for pos := range 300 {
			if got := marked(f, pos); got != byte(pos) {
				t.Fatalf("fork %d position %d: got %d, want %d", i, pos, got, byte(pos))
			}
		}
		if want := append(count(0, 300), int32(-i)); !slices.Equal(f.Tokens(), want) {
			t.Errorf("fork %d: tokens end in %d, want %d", i, f.Tokens()[300], -i)
		}
	}
}

// A page is shared until it is written, and then copied.
func TestCopyOnWrite(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 256})
	s := computed(t, c, count(0, 256))
	mark(s, 99, 1)
	mark(s, 100, 2)
	whole := s.Fork()
	if got := s.Truncate(100); got != 100 {
		t.Fatalf("truncate: got %d, want 100", got)
	}
	if &s.Page(0, 0)[0] != &whole.Page(0, 0)[0] {
		t.Errorf("a truncated sequence has its own page before it writes")
	}
	if err := s.Reserve(1); err != nil {
		t.Fatal(err)
	}
	mark(s, 100, 3)
	s.Append([]int32{-1})
	if a, b := marked(s, 99), marked(s, 100); a != 1 || b != 3 {
		t.Errorf("the truncated sequence has %d and %d at positions 99 and 100, want 1 and 3", a, b)
	}
	if a, b := marked(whole, 99), marked(whole, 100); a != 1 || b != 2 {
		t.Errorf("the whole sequence has %d and %d at positions 99 and 100, want 1 and 2", a, b)
	}
	if got := matched(c, count(0, 256)); got != 256 {
		t.Errorf("the tree has %d of 256 positions", got)
	}
}

// Truncate takes pages that windows passed back from the tree, and goes back further
// where they were evicted.
func TestTruncateWindow(t *testing.T) {
	const window = 300
	c := mustNew(t, 64*(8+8), Layer{Bytes: 64}, Layer{Bytes: 64, Window: window})
	s := c.Sequence()
	extend(t, s, count(0, 700))
	extend(t, s, count(700, 1300))
	f := s.Fork()
	if got := f.Truncate(600); got != 600 || f.Page(1, 1) == nil || f.Page(1, 0) != nil {
		t.Errorf("truncate to 600: got %d, split 1 there: %v, split 0: %v", got, f.Page(1, 1) != nil, f.Page(1, 0) != nil)
	}
	f.Free()
	// Other text evicts splits 0, 3, 4 and 5 of the window: 1 and 2 were used since.
	other := computed(t, c, count(5000, 300))
	for _, want := range []struct{ n, got int }{
		{2000, 2000},
		{1835, 1835}, // looks back on 1536 …
		{1834, 768},  // looks back on 1535 …: split 5 is gone, so are 4 and 3
		{555, 555},   // looks back on 256 …
		{554, 0},
	} {
		f := s.Fork()
		if got := f.Truncate(want.n); got != want.got || f.Len() != got {
			t.Errorf("truncate to %d: got %d, want %d", want.n, got, want.got)
		}
		f.Free()
	}
	other.Free()
	c.Drop()
	if got := s.Truncate(1834); got != 0 {
		t.Errorf("truncate to 1834 after Drop: got %d, want 0", got)
	}
}

// A page that is out of every later query's window is given up at once, and no
// sooner.
func TestWindowPasses(t *testing.T) {
	for _, window := range []int{2, 100, 255, 256, 257, 512, 600} {
		c := mustNew(t, 1<<20, Layer{Bytes: 64, Window: window})
		s := c.Sequence()
		for s.Len() < 4*PagePositions {
			extend(t, s, []int32{0})
			query := s.Len() // looks back on query-window+1 … query
			for split := 0; split*PagePositions < query; split++ {
				looks := split*PagePositions+PagePositions-1 >= query-window+1
				if (s.Page(0, split) != nil) != looks {
					t.Fatalf("window %d, query at %d: split %d there: %v, want %v", window, query, split, !looks, looks)
				}
			}
		}
	}
}

func TestNoGarbage(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 100})
	s := computed(t, c, count(0, 300))
	tokens := []int32{1}
	var page []byte
	for name, f := range map[string]func(){
		"Page": func() { page = s.Page(1, 1) },
		"Reserve and Append": func() {
			if err := s.Reserve(1); err != nil {
				t.Fatal(err)
			}
			s.Append(tokens)
		},
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
	if len(page) != 64 {
		t.Errorf("page of %d bytes, want 64", len(page))
	}
}
