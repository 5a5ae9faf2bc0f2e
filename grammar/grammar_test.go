package grammar

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// maskOf returns the tokens that may come next.
func maskOf(t testing.TB, u *Guide) []bool {
	t.Helper()
	v := u.m.v
	mask := make([]uint64, (v.size+63)/64+1)
	for i := range mask {
		mask[i] = ^uint64(0)
	}
	u.Mask(mask)
	if u.err != nil {
		t.Fatal(u.err)
	}
	if mask[len(mask)-1] != 0 {
		t.Fatal("the mask lets tokens pass that are none")
	}
	out := make([]bool, v.size)
	for id := range out {
		out[id] = mask[id/64]>>(id%64)&1 == 1
	}
	return out
}

// begin returns a guide at its begin.
func begin(t testing.TB, g *Grammar, v *Vocabulary) *Guide {
	t.Helper()
	u := g.Guide(v)
	if err := u.Begin(nil); err != nil {
		t.Fatal(err)
	}
	return u
}

// takes says whether the grammar takes a text, cut into bytes.
func takes(t testing.TB, g *Grammar, text string) bool {
	t.Helper()
	u := begin(t, g, bytesVocabulary)
	for i := range len(text) {
		if u.Accept(int32(text[i])) != nil {
			return false
		}
	}
	return u.MayEnd()
}

// bytesVocabulary has each byte as a token, and an end.
var bytesVocabulary = func() *Vocabulary {
	tokens := make([][]byte, 257)
	for i := range 256 {
		tokens[i] = []byte{byte(i)}
	}
	tokens[256] = []byte("<end>")
	v, err := NewVocabulary(tokens, nil, []int32{256})
	if err != nil {
		panic(err)
	}
	return v
}()

// walk takes random tokens that the masks allow, and wants what is allowed to be what a
// step allows. It returns the text, and whether it came to an end.
func walk(t testing.TB, rng *rand.Rand, u *Guide, tokens [][]byte, most int) (string, bool) {
	var text strings.Builder
	for range most {
		allowed := maskOf(t, u)
		var ids []int32
		for id, is := range allowed {
			probe := *u
			if err := probe.Accept(int32(id)); (err == nil) != is {
				t.Fatalf("behind %q token %q: allowed %v, accepted %v", text.String(), tokens[id], is, err)
			}
			if is {
				ids = append(ids, int32(id))
			}
		}
		if len(ids) == 0 {
			t.Fatalf("nothing may come behind %q", text.String())
		}
		id := ids[rng.IntN(len(ids))]
		if err := u.Accept(id); err != nil {
			t.Fatal(err)
		}
		if u.ended {
			return text.String(), true
		}
		text.Write(tokens[id])
	}
	return text.String(), false
}

// TestRandom compares random grammars with the reference: every text that the reference
// matches is taken, cut in any way, and every text that the masks let through is matched.
func TestRandom(t *testing.T) {
	v, tokens := tinyVocabulary()
	n := 3000
	if testing.Short() {
		n = 500
	}
	whole := 0
	for seed := range n {
		rng := rand.New(rand.NewPCG(1, uint64(seed)))
		r := &Rules{}
		e := randomExpr(rng, 4, seed%2 == 0)
		r.Set("root", e)
		r.Set("r0", randomExpr(rng, 2, true))
		r.Set("r1", randomExpr(rng, 2, true))
		g, err := Compile(r, "root", &Limits{Memory: 4 << 20, written: 1 + seed%3*31, near: 1 + seed%5})
		if errors.Is(err, ErrEmpty) {
			for range 20 {
				if text := randomText(rng); referenceMatches(r, e, text) {
					t.Fatalf("seed %d: empty, but %q matches", seed, text)
				}
			}
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range 20 {
			text := randomText(rng)
			if got, want := takes(t, g, text), referenceMatches(r, e, text); got != want {
				t.Fatalf("seed %d: %q: got %v, want %v", seed, text, got, want)
			}
		}
		for range 2 {
			if text, ended := walk(t, rng, begin(t, g, v), tokens, 12); ended {
				whole++
				if !referenceMatches(r, e, text) {
					t.Fatalf("seed %d: the masks gave %q, which does not match", seed, text)
				}
				splits(t, rng, begin(t, g, v), tokens, text)
			}
		}
	}
	if whole < n/4 {
		t.Errorf("only %d texts came to an end", whole)
	}
}

// splits takes a text apart into tokens at random, and wants all of them allowed.
func splits(t *testing.T, rng *rand.Rand, u *Guide, tokens [][]byte, text string) {
	t.Helper()
	rest := text
	for rest != "" {
		var fit []int32
		for id, b := range tokens[:len(tokens)-1] {
			if strings.HasPrefix(rest, string(b)) {
				fit = append(fit, int32(id))
			}
		}
		if len(fit) == 0 {
			return // a byte that the vocabulary has only within others
		}
		allowed := maskOf(t, u)
		for _, id := range fit {
			if !allowed[id] && canFinish(tokens, rest[len(tokens[id]):]) {
				t.Fatalf("%q: token %q is masked before %q", text, tokens[id], rest)
			}
		}
		id := fit[rng.IntN(len(fit))]
		if err := u.Accept(id); err != nil {
			return
		}
		rest = rest[len(tokens[id]):]
	}
	if !maskOf(t, u)[len(tokens)-1] {
		t.Fatalf("%q: the end is masked", text)
	}
}

// canFinish says whether tokens can write a text.
func canFinish(tokens [][]byte, rest string) bool {
	if rest == "" {
		return true
	}
	for _, b := range tokens[:len(tokens)-1] {
		if strings.HasPrefix(rest, string(b)) && canFinish(tokens, rest[len(b):]) {
			return true
		}
	}
	return false
}

func randomText(rng *rand.Rand) string {
	text := ""
	for range rng.IntN(7) {
		text += alphabet[rng.IntN(len(alphabet))]
	}
	return text
}
