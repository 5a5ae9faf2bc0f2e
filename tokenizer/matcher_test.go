package tokenizer

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// split by the definition: the blanks around each token are looked for anew.
func plainSplit(m *matcher, text string) (parts []part) {
	done := 0
	for from := 0; ; {
		t, start, end := m.next(text, from)
		if t == nil {
			break
		}
		from = end
		if t.singleWord && (wordBefore(text[:start]) || wordAfter(text[end:])) {
			continue
		}
		if t.lstrip {
			start = max(done, len(trimBlanksRight(text[:start])))
		}
		if t.rstrip {
			end = len(text) - len(trimBlanksLeft(text[end:]))
		}
		if start > done {
			parts = append(parts, part{span{int32(done), int32(start)}, textPart})
		}
		if start < end {
			parts = append(parts, part{span{int32(start), int32(end)}, t.id})
		}
		done = end
	}
	if done < len(text) {
		parts = append(parts, part{span{int32(done), int32(len(text))}, textPart})
	}
	return parts
}

// stripping returns a matcher of tokens, of which some take the blanks around them.
func stripping(t *testing.T, rng *rand.Rand, texts ...string) *matcher {
	t.Helper()
	var tokens []*addedToken
	for i, text := range texts {
		k := rng.IntN(8)
		tokens = append(tokens, &addedToken{id: int32(i), content: text, lstrip: k&1 != 0, rstrip: k&2 != 0, singleWord: k == 7})
	}
	m, err := newMatcher(tokens, texts)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSplitBlanks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		m := stripping(t, rng, "<x>", " ", "\n\n", "a", "a b")
		var b strings.Builder
		for range rng.IntN(30) {
			b.WriteString([]string{" ", "  ", "\n", "\u00a0", "\u3000", "<x>", "a", "b", "é"}[rng.IntN(9)])
		}
		text := b.String()
		if got, want := m.split(nil, text), plainSplit(m, text); !slices.Equal(got, want) {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	}
}

// Tokens that are blanks and take the blanks around them look at each once: if each
// looked at all, this would take hours.
func TestSplitManyBlanks(t *testing.T) {
	text := strings.Repeat(" ", 1<<21)
	for _, token := range []addedToken{{lstrip: true, rstrip: true}, {lstrip: true}, {rstrip: true}} {
		m, err := newMatcher([]*addedToken{&token}, []string{" "})
		if err != nil {
			t.Fatal(err)
		}
		parts := m.split(nil, text)
		if n := int(parts[len(parts)-1].end); n != len(text) {
			t.Errorf("the last of %d parts ends at %d, want %d", len(parts), n, len(text))
		}
	}
}

// Added tokens may take so much memory, however they are spread.
func TestMatcherTooMuchText(t *testing.T) {
	most := maxAddedText / maxTokenBytes
	tokens, patterns := make([]*addedToken, most+1), make([]string, most+1)
	for i := range tokens {
		tokens[i], patterns[i] = &addedToken{id: int32(i)}, strings.Repeat("a", maxTokenBytes)
	}
	if _, err := newMatcher(tokens[:most], patterns[:most]); err != nil {
		t.Errorf("%d bytes: %v", maxAddedText, err)
	}
	if _, err := newMatcher(tokens, patterns); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%d bytes and a token more: got %v, want ErrUnsupported", maxAddedText, err)
	}
}

// A trie takes the memory of its nodes, not what growing to them would.
func TestTrieTakesWhatItNeeds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var keys []trieKey
		for i := range 1 + rng.IntN(50) {
			var b []byte
			for range rng.IntN(9) {
				b = append(b, 'a'+byte(rng.IntN(3)))
			}
			keys = append(keys, trieKey{string(b), int32(i)})
		}
		trie, err := newTrie(keys)
		if err != nil {
			t.Fatal(err)
		}
		if n := countNodes(keys); len(trie.nodes) != n+1 {
			t.Fatalf("%v: %d nodes and the root, want %d", keys, len(trie.nodes)-1, n)
		}
	}
}
