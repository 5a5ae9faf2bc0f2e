package kvcache

import (
	"encoding/hex"
	"testing"
)

// Sums are what names pages on disk, so they stay what they are: these were computed by
// an independent program.
func TestSums(t *testing.T) {
	got := Sums("tenant", count(0, 700))
	want := []string{
		"c37e7c549c98d87c33e01bec4f4854b61079533eb5db6d7049cf95f3bb202352",
		"03142f60cca46e32cfd8c083cb1bfc61127d5f55617d4ca46dc7998da51e85d0",
	}
	if len(got) != len(want) {
		t.Fatalf("700 tokens: %d sums, want %d", len(got), len(want))
	}
	for i, sum := range got {
		if hex.EncodeToString(sum[:]) != want[i] {
			t.Errorf("sum %d: got %x, want %s", i, sum, want[i])
		}
	}
}

// A prefix has another sum where its salt, a token of any page, or the order of pages is
// another.
func TestSumsDiffer(t *testing.T) {
	seen := map[Sum]string{}
	for what, sums := range map[string][]Sum{
		"text":        Sums("", count(0, 512)),
		"of a tenant": Sums("a", count(0, 512)),
		"other order": Sums("", append(count(256, 256), count(0, 256)...)),
		"other end":   Sums("", append(count(0, 255), count(1, 257)...)),
		"page twice":  Sums("", append(count(7, 256), count(7, 256)...)),
	} {
		for _, sum := range sums {
			if other, ok := seen[sum]; ok {
				t.Errorf("%s has the sum of %s", what, other)
			}
			seen[sum] = what
		}
	}
}
