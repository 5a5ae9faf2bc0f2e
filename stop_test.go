package blitz

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestStopTexts: for texts of two letters, cut anywhere, what comes out is what stands in
// front of the first stop text, nothing is given out that may be part of one, and nothing
// is held that cannot.
func TestStopTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return string(b)
	}
	for range 20_000 {
		var stops []string
		for range 1 + random.IntN(3) {
			stops = append(stops, word(1+random.IntN(5)))
		}
		s, err := newStopTexts(stops)
		if err != nil {
			t.Fatal(err)
		}
		fresh := s // a sibling, which sees another text
		fresh.before(word(7))
		var out, in string
		for range 8 {
			piece := word(random.IntN(4))
			text, found := s.before(piece)
			in += piece
			out += text
			first := -1
			for _, stop := range stops {
				if i := strings.Index(in, stop); i >= 0 && (first < 0 || i < first) {
					first = i
				}
			}
			if (found != "") != (first >= 0) || found != "" && (out != in[:first] || !strings.HasPrefix(in[first:], found)) {
				t.Fatalf("stops %q, text %q: got %q and %q, want the end at %d", stops, in, out, found, first)
			}
			if found != "" {
				break
			}
			keep := 0
			for _, stop := range stops {
				for n := range stop {
					if strings.HasSuffix(in, stop[:n]) {
						keep = max(keep, n)
					}
				}
			}
			if out != in[:len(in)-keep] {
				t.Fatalf("stops %q, text %q: %q is out, want %q", stops, in, out, in[:len(in)-keep])
			}
		}
		if len(out) < len(in) && !strings.HasPrefix(in, out+s.rest()) {
			t.Fatalf("stops %q, text %q: %q is out", stops, in, out)
		}
	}
	for _, stops := range [][]string{{"a", ""}, slices.Repeat([]string{"a"}, maxStops+1), {strings.Repeat("a", maxStopText), "a"}} {
		if _, err := newStopTexts(stops); !errors.Is(err, ErrOption) {
			t.Errorf("%d stop texts: %v, want ErrOption", len(stops), err)
		}
	}
	s, err := newStopTexts(slices.Repeat([]string{strings.Repeat("a", 4096)}, 64))
	if err != nil {
		t.Fatal(err)
	}
	if text, found := s.before(strings.Repeat("a", 4095) + "b" + strings.Repeat("a", 9)); found != "" || text != strings.Repeat("a", 4095)+"b" {
		t.Errorf("%d bytes are out, %q was found", len(text), found)
	}
}
