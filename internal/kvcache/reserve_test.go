package kvcache

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

func TestReserveRefuses(t *testing.T) {
	c := mustNew(t, 4*64, Layer{Bytes: 64})
	a, b := computed(t, c, count(0, 300)), computed(t, c, count(1000, 200))
	before := c.Stats()
	for _, r := range []struct {
		n    int
		want string
		room bool
	}{
		{-1, "reserve -1 positions, want 0 or more", false},
		{725, "725 positions behind 300: no room in the cache: want 192 bytes, 64 of 256 are left", true},
		{math.MaxInt, "are left", true},
	} {
		err := a.Reserve(r.n)
		if err == nil || !strings.Contains(err.Error(), r.want) || errors.Is(err, ErrNoRoom) != r.room {
			t.Errorf("reserve %d: got error %v, want %q, no room: %v", r.n, err, r.want, r.room)
		}
		if got := c.Stats(); got != before {
			t.Errorf("reserve %d: changed the cache from %+v to %+v", r.n, before, got)
		}
	}
	if err := a.Reserve(468); err != nil {
		t.Errorf("the last page: %v", err)
	}
	if err := b.Reserve(57); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a fifth page: got error %v, want ErrNoRoom", err)
	}
	if err := b.Reserve(56); err != nil {
		t.Errorf("the rest of a page: %v", err)
	}
	a.Truncate(300) // gives up what was reserved
	if err := b.Reserve(57); err != nil {
		t.Errorf("a page given up: %v", err)
	}
}

// A machine that has less memory than the limit says is as good as a full cache.
func TestNoMemory(t *testing.T) {
	const much = 1 << 61 // more than there are addresses
	c := mustNew(t, math.MaxInt, Layer{Bytes: 64}, Layer{Bytes: much, Window: 10})
	s := c.Sequence()
	err := s.Reserve(300)
	if !errors.Is(err, ErrNoRoom) || !errors.Is(err, tensor.ErrNoMemory) {
		t.Fatalf("got error %v, want ErrNoRoom and ErrNoMemory", err)
	}
	if got := c.Stats(); got.HeldPages != 0 || s.splits() != 0 || s.Len() != 0 {
		t.Errorf("after an error: %+v, %d splits, want none", got, s.splits())
	}
}

// Where memory for a copy is missing, the sequence is as it was.
func TestNoMemoryToCopy(t *testing.T) {
	c := mustNew(t, 1<<20, Layer{Bytes: 64})
	s := computed(t, c, count(0, 10))
	f := s.Fork()
	c.groups[0].bytes = 1 << 61 // the next page cannot be had
	c.limit = math.MaxInt
	if err := f.Reserve(300); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("got error %v, want ErrNoRoom", err)
	}
	if err := f.Reserve(3); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("got error %v, want ErrNoRoom", err)
	}
	if got := c.Stats(); got.HeldPages != 1 || f.splits() != 1 || f.room != 10 || &f.Page(0, 0)[0] != &s.Page(0, 0)[0] {
		t.Errorf("after an error: %+v, %d splits, room up to %d, want the page of before", got, f.splits(), f.room)
	}
}

// A sequence that fills the cache alone can be continued from the tree, where there
// is no room to copy its last page.
func TestTakeOver(t *testing.T) {
	c := mustNew(t, 2*128, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 400})
	text := count(0, 512)
	computed(t, c, text[:400]).Free()
	s := c.Match("", text[:401])
	if s.Len() != 400 {
		t.Fatalf("match: got %d positions, want 400", s.Len())
	}
	page := s.Page(0, 1)
	extend(t, s, text[400:])
	if got := c.Stats(); got.CopiedPages != 0 || &s.Page(0, 1)[0] != &page[0] {
		t.Errorf("%+v, the same page: %v, want no copy", got, &s.Page(0, 1)[0] == &page[0])
	}
	// Back inside a whole page, which only the tree shares.
	s.Truncate(300)
	extend(t, s, count(-100, 100))
	if got, want := matched(c, text), PagePositions; got != want {
		t.Errorf("match of what was written over: got %d positions, want %d", got, want)
	}
	// Another sequence's page is not taken.
	f := s.Fork()
	if err := f.Reserve(1); !errors.Is(err, ErrNoRoom) {
		t.Errorf("reserve a page that is another's: got error %v, want ErrNoRoom", err)
	}
}

// What was given up first is evicted first, the end of a text before its beginning,
// and no more than is needed.
func TestEvictionOrder(t *testing.T) {
	c := mustNew(t, 10*64, Layer{Bytes: 64})
	texts := [][]int32{count(0, 600), count(1000, 600), count(2000, 600)}
	for _, text := range texts {
		computed(t, c, text).Free()
	}
	c.Match("", texts[0]).Free() // used again, but for its last page, which is as old as it was
	s := c.Sequence()
	for i, want := range [][]int{
		{600, 600, 600}, // the tenth page
		{600, 512, 600},
		{600, 256, 600},
		{600, 0, 600},
		{600, 0, 512},
		{600, 0, 256},
		{600, 0, 0},
		{512, 0, 0},
		{256, 0, 0},
		{0, 0, 0},
	} {
		extend(t, s, count(10000+i*PagePositions, PagePositions))
		var got []int
		for _, text := range texts {
			// Without a look-up that would make the text more recent.
			n := 0
			for at := c.root(""); ; {
				child, m := at.nearest(text[n:min(n+PagePositions, len(text))])
				n += m
				if m < PagePositions {
					break
				}
				at = child
			}
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("after %d pages: %v positions are left, want %v", i+1, got, want)
		}
	}
}

// Pages of one group make room for pages of another.
func TestGroupsShareLimit(t *testing.T) {
	c := mustNew(t, 11*64, Layer{Bytes: 64}, Layer{Bytes: 64, Window: 10})
	s := computed(t, c, count(0, 5*PagePositions)) // 4 pages of the window have passed
	for s.Len() < 9*PagePositions {
		extend(t, s, count(s.Len(), PagePositions))
	}
	if got := c.Stats(); got.HeldPages != 9+1 || got.CachedPages != 1 || got.EvictedPages != 7 {
		t.Errorf("after %d positions: %+v, want 10 pages, and one cached of 8 that passed", s.Len(), got)
	}
	c.Drop()
	if err := s.Reserve(PagePositions); !errors.Is(err, ErrNoRoom) {
		t.Errorf("two pages where there is room for one: got error %v, want ErrNoRoom", err)
	}
	if c.mapped != 10*64 {
		t.Errorf("%d bytes mapped after Drop, want those held, %d", c.mapped, 10*64)
	}
	s.Free() // from before Drop: its pages are free, 9 of one group
	f := computed(t, c, count(0, 4*PagePositions))
	if got := c.Stats(); got.HeldPages+got.CachedPages != 8 || got.FreeBytes != 3*64 {
		t.Errorf("after 4 pages of each group: %+v, want those, and 3 free", got)
	}
	f.Free()
}

// Sequences whose Bytes add up to the limit never lack room, whatever they share.
func TestBytesSuffice(t *testing.T) {
	for name, layers := range map[string][]Layer{
		"all":     {{Bytes: 64}},
		"windows": {{Bytes: 64}, {Bytes: 192, Window: 200}, {Bytes: 128, Window: 700}},
	} {
		const positions, step, sequences = 1200, 300, 3
		c := mustNew(t, 1<<20, layers...)
		c.limit = sequences * c.Bytes(positions, step)
		text := count(0, positions)
		for turn := range 40 {
			var all []*Sequence
			for i := range sequences {
				start := (turn*37 + i*511) % positions
				all = append(all, c.Match("", append(slices.Clone(text[:start]), count(-turn*i, 300)...)))
			}
			for grown := true; grown; {
				grown = false
				for i, s := range all {
					n := min(step-turn*i%step, positions-s.Len())
					if n == 0 {
						continue
					}
					grown = true
					if err := s.Reserve(n); err != nil {
						t.Fatalf("%s, turn %d: sequence %d of %d positions: %v", name, turn, i, s.Len(), err)
					}
					s.Append(text[s.Len():][:n])
				}
			}
			all[0].Truncate(700)
			all = append(all[1:], all[0].Fork())
			for _, s := range all {
				s.Free()
			}
		}
	}
}
