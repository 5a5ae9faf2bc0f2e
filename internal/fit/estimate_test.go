package fit

import "testing"

func TestFitsSize(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		size, room int64
		want       bool
	}{
		{8 * gib, 9 * gib, true}, {8 * gib, 9*gib - 1, false}, {1000, 256<<20 + 1000, true}, {1000, 256<<20 + 999, false}, {1 << 60, 0, true},
	} {
		if got := FitsSize(c.size, c.room); got != c.want {
			t.Errorf("%d bytes in a room of %d: %v, want %v", c.size, c.room, got, c.want)
		}
	}
}
