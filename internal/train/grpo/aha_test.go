package grpo

import "testing"

// TestFinder counts words that look back, and not what only looks like them.
func TestFinder(t *testing.T) {
	for text, want := range map[string][2]int{
		"": {0, 0}, "The waiter awaits; waits.": {0, 0}, "Wait, let me check. Wait...": {1, 2}, "hmm": {0, 1}, "Let me try again: 3+4.": {0, 1},
		"double-check, DOUBLE CHECK": {2, 0}, "这不对，等等，再检查一下": {1, 2}, "9-2=7 3 45:+10\n9+2=11": {0, 0}, "make sure\xff wait": {1, 1},
	} {
		if checks, retries := Words.Count(text); checks != want[0] || retries != want[1] {
			t.Errorf("%q: %d self-checks, %d re-tries, want %v", text, checks, retries, want)
		}
	}
	if checks, retries := Searches.Count("9-2=7 3 45:+10\n9+2=11 3 45:\n"); checks != 0 || retries != 2 {
		t.Errorf("a search has %d and %d", checks, retries)
	}
	const text = "No. Wait: WAIT!"
	for i, p := range Words.Find(text) {
		if got := text[p.From:p.To]; got != []string{"Wait", "WAIT"}[i] || !p.Retry {
			t.Errorf("place %d is %q, %v", i, got, p.Retry)
		}
	}
}

// FuzzFinder holds that places are of the text, and follow each other.
func FuzzFinder(f *testing.F) {
	f.Add("wait, let me check")
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, p := range Words.Find(text) {
			if p.From < at || p.To <= p.From || p.To > len(text) {
				t.Fatalf("place %+v behind %d of %d bytes", p, at, len(text))
			}
			at = p.To
		}
	})
}
