package engine

import "testing"

// TestFours holds what tokens count as beside decoded ones, which fill a part of a four, and how
// many of them are worth reading at once.
func TestFours(t *testing.T) {
	for _, c := range []struct {
		decoding, tokens int
		few              float64
		filled           int // with up to 15 tokens
	}{
		{1, 1, 1, 1},
		{1, 3, 3, 3},
		{3, 1, 1, 1},
		{4, 1, 2.5, 4},
		{4, 4, 4, 4},
		{4, 5, 6.5, 8},
		{3, 2, 3, 4},
		{2, 3, 3.5, 4},
		{8, 13, 14.5, 15},
	} {
		if got := few(c.decoding, c.tokens); got != c.few {
			t.Errorf("%d beside %d count as %v, want %v", c.tokens, c.decoding, got, c.few)
		}
		if got := filled(c.decoding, c.tokens, 15); got != c.filled {
			t.Errorf("from %d on beside %d: %d, want %d", c.tokens, c.decoding, got, c.filled)
		}
	}
	for decoding := range 20 {
		for n := range 15 {
			if more := few(decoding, n+1) - few(decoding, n); more < 0.5 || few(decoding, n) < float64(n) {
				t.Errorf("%d beside %d: one more counts as %v", n, decoding, more)
			}
		}
	}
}
