package kvcache

import "testing"

// Of pages that nobody holds as many stay as may, those that were used last, and the others
// are mapped no more.
func TestSpare(t *testing.T) {
	c := mustNew(t, 12*64, Layer{Bytes: 64})
	c.Spare(3 * 64)
	a, b := computed(t, c, count(0, 4*PagePositions)), computed(t, c, count(5000, 2*PagePositions))
	b.Free()
	if got := c.Stats(); got.HeldPages != 4 || got.CachedPages != 2 || got.EvictedPages != 0 || c.mapped != 6*64 {
		t.Errorf("within the bound: %+v, %d bytes mapped", got, c.mapped)
	}
	a.Free()
	if got := c.Stats(); got.HeldPages != 0 || got.CachedPages != 3 || got.EvictedPages != 3 || got.FreeBytes != 0 || c.mapped != 3*64 {
		t.Errorf("beyond the bound: %+v, %d bytes mapped, want three pages", got, c.mapped)
	}
	if n, m := matched(c, count(0, 4*PagePositions)), matched(c, count(5000, 2*PagePositions)); n != 3*PagePositions || m != 0 {
		t.Errorf("%d and %d positions are found, want the first three pages of what was used last", n, m)
	}
	// Sequences have all of the limit, whatever the bound.
	s := computed(t, c, count(20_000, 12*PagePositions))
	if got := c.Stats(); got.HeldPages != 12 || got.CachedPages != 0 {
		t.Errorf("a sequence of the whole limit: %+v", got)
	}
	s.Free()
	if got := c.Stats(); got.CachedPages != 3 || c.mapped != 3*64 {
		t.Errorf("and when it is over: %+v, %d bytes mapped", got, c.mapped)
	}
}

// Free pages go back before any that may be found, and those before none that is held.
func TestTrim(t *testing.T) {
	c := mustNew(t, 20*64, Layer{Bytes: 64})
	held, found, private := computed(t, c, count(0, 600)), computed(t, c, count(5000, 5*PagePositions)), c.Private()
	extend(t, private, count(9000, 4*PagePositions))
	found.Free()
	private.Free()
	for _, x := range []struct{ most, cached, free, evicted int }{
		{9 * 64, 5, 4, 0},
		{8*64 + 63, 5, 3, 0},
		{5 * 64, 5, 0, 0},
		{4 * 64, 4, 0, 1},
		{0, 0, 0, 5},
		{0, 0, 0, 5},
	} {
		c.Trim(x.most)
		got := c.Stats()
		if got.HeldPages != 3 || got.CachedPages != x.cached || got.FreeBytes != x.free*64 || got.EvictedPages != x.evicted || c.mapped != (3+x.cached+x.free)*64 {
			t.Errorf("trimmed to %d bytes: %+v, %d mapped, want 3 held, %d cached, %d free", x.most, got, c.mapped, x.cached, x.free)
		}
	}
	extend(t, held, count(600, 300))
	held.Free()
	if n := matched(c, count(0, 600)); n != 600 {
		t.Errorf("%d positions are found of what was held, want 600", n)
	}
}
