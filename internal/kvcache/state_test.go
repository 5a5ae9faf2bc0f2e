package kvcache

import (
	"slices"
	"testing"
)

// Of layers with a state a prefix is found where a page ends, and where a sequence was
// freed, and a cut goes back there; what a failed step may have changed is found by nobody.
func TestStates(t *testing.T) {
	const page = 64
	c, err := New([]Layer{{Bytes: page}, {Bytes: page, State: true}}, 200*page)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]int32, 1000)
	for i := range text {
		text[i] = int32(i % 7)
	}
	grow := func(s *Sequence, n int) {
		t.Helper()
		if err := s.Reserve(n); err != nil {
			t.Fatal(err)
		}
		s.Append(text[s.Len():][:n])
	}
	found := func(n, want int) {
		t.Helper()
		s := c.Match("", append(slices.Clone(text[:n]), -1))
		if s.Len() != want {
			t.Errorf("of %d tokens %d are found, want %d", n, s.Len(), want)
		}
		s.Free()
	}
	s := c.Sequence()
	grow(s, 600)
	found(600, 512)
	f := s.Fork()
	if n := f.Truncate(600); n != 600 {
		t.Errorf("a cut of nothing leaves %d", n)
	}
	if n := f.Truncate(599); n != 512 {
		t.Errorf("a cut to 599 leaves %d, want the end of a page", n)
	}
	if n := f.Truncate(300); n != 256 {
		t.Errorf("a cut to 300 leaves %d, want 256", n)
	}
	if _, ok := s.Tail(590); ok {
		t.Error("there is a tail of positions that the state has passed")
	}
	if _, ok := s.Tail(600); !ok {
		t.Error("there is no tail at the state")
	}
	f.Free()
	s.Free()
	found(600, 600)
	found(700, 600)
	found(599, 512)
	s = c.Match("", text[:601])
	grow(s, 20)
	s.Spoil()
	s.Free()
	found(700, 600)
	p := c.Private()
	grow(p, 600)
	if n := p.Truncate(580); n != 0 {
		t.Errorf("a private sequence goes back to %d, where no state was kept", n)
	}
	p.Free()
}

// States that no sequence holds take their part of the limit and no more: those of the
// latest page ends stay.
func TestStatesAreBounded(t *testing.T) {
	const page, state = 64, 64 * 10
	c, err := New([]Layer{{Bytes: page}, {Bytes: state, State: true}}, 100*state)
	if err != nil {
		t.Fatal(err)
	}
	text := make([]int32, 60*PagePositions)
	s := c.Sequence()
	for range 60 {
		if err := s.Reserve(PagePositions); err != nil {
			t.Fatal(err)
		}
		s.Append(text[s.Len():][:PagePositions])
	}
	if c.states != 25*state {
		t.Errorf("states of %d bytes are kept, want %d", c.states, 25*state)
	}
	for pages, want := range map[int]int{59: 59, 40: 40, 36: 36, 30: 0} {
		if got := c.WholePages("", text[:pages*PagePositions]); got != want {
			t.Errorf("%d of %d pages are found, want %d", got, pages, want)
		}
	}
	if n := s.Truncate(50 * PagePositions); n != 50*PagePositions {
		t.Errorf("a cut to 50 pages leaves %d positions", n)
	}
	s.Free()
}
