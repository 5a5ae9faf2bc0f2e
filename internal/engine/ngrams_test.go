package engine

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// plainFind is ngrams.find as it reads, by looking at everything; of matches shorter than
// gramLength the latest counts.
func plainFind(text []int32) (best, most int) {
	end := len(text)
	for at := end - 1; at > 0; at-- {
		common := 0
		for common < min(at, longGram) && text[at-1-common] == text[end-1-common] {
			common++
		}
		if common > most && (most == 0 || common >= gramLength) {
			best, most = at, common
		}
	}
	return best, most
}

func TestNgrams(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var g ngrams
		var text []int32
		for len(text) < 60 {
			if n := len(text); n > 5 && rng.IntN(3) == 0 {
				from := rng.IntN(n - 3)
				text = append(text, text[from:min(n, from+1+rng.IntN(12))]...)
			} else {
				text = append(text, int32(rng.IntN(30)))
			}
			g.read(text[len(g.tokens):])
			at, most := plainFind(text)
			if got := g.find(); got != most || g.at != at {
				t.Fatalf("behind %v: %d tokens at %d, want %d at %d", text, got, g.at, most, at)
			}
			var want []int32
			n := rng.IntN(9)
			for k := 0; k < n && at > 0; k++ {
				want = append(want, slices.Concat(text, want)[at+k])
			}
			if got := g.guess([]int32{7}, n); !slices.Equal(got[1:], want) {
				t.Fatalf("behind %v: guessed %v, want %v", text, got, want)
			}
		}
	}
}

// TestNgramsLoop: of a text that repeats itself only so many occurrences are looked at.
func TestNgramsLoop(t *testing.T) {
	var g ngrams
	if g.find() != 0 || len(g.guess(nil, 3)) != 0 {
		t.Error("something stood before nothing")
	}
	text := slices.Repeat([]int32{7, 8}, 5000)
	g.read(text)
	if n, got := g.find(), g.guess(nil, 5); n != longGram || !slices.Equal(got, []int32{7, 8, 7, 8, 7}) {
		t.Errorf("%d tokens, guessed %v", n, got)
	}
	g.read([]int32{1, 2, 3, 4})
	if n, got := g.find(), g.guess(nil, 5); n != 0 || len(got) != 0 {
		t.Errorf("behind what was not there before: %v", got)
	}
}

func BenchmarkNgrams(b *testing.B) {
	text := toyTokens(8192, 1)
	for b.Loop() {
		var g ngrams
		for at := range 64 {
			g.read(text[len(g.tokens) : len(text)-64+at])
			g.find()
			g.guess(nil, 8)
		}
	}
}
