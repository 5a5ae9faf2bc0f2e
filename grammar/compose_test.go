package grammar

import (
	"errors"
	"math/rand/v2"
	"testing"
)

// TestCompose compares grammars put together with the same as one expression.
func TestCompose(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 80
	}
	for seed := range n {
		rng := rand.New(rand.NewPCG(3, uint64(seed)))
		r := &Rules{}
		before, a, b := randomExpr(rng, 3, false), randomExpr(rng, 3, true), randomExpr(rng, 3, true)
		r.Set("r0", randomExpr(rng, 2, true))
		r.Set("r1", randomExpr(rng, 2, true))
		r.Set("a", a)
		r.Set("b", b)
		r.Set("both", Seq(before, Or(a, b)))
		limits := &Limits{Memory: 4 << 20, written: 1 + seed%2*40}
		both, err := Compile(r, "both", limits)
		if errors.Is(err, ErrEmpty) {
			continue
		}
		x, err := Compile(r, "a", limits)
		if err == nil {
			if y, err2 := Compile(r, "b", limits); err2 == nil {
				x, err = Either(x, y, nil)
			}
		} else if x, err = Compile(r, "b", limits); err != nil {
			continue
		}
		if err == nil {
			x, err = Behind(before, x, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 30 {
			text := randomText(rng) + randomText(rng)
			if got, want := takes(t, x, text), takes(t, both, text); got != want {
				t.Fatalf("seed %d: %q: got %v, want %v", seed, text, got, want)
			}
		}
	}
}

// TestGuideFrom: the first token is read in a vocabulary of its own.
func TestGuideFrom(t *testing.T) {
	g, err := Choice([]string{"a a", " b"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var vs []*Vocabulary
	for _, texts := range [][]string{{"a", "a", "b", "", "<end>"}, {" a", "a", "b", " ", "<end>"}} {
		var tokens [][]byte
		for _, x := range texts {
			tokens = append(tokens, []byte(x))
		}
		v, err := NewVocabulary(tokens, nil, []int32{4})
		if err != nil {
			t.Fatal(err)
		}
		vs = append(vs, v)
	}
	u := g.GuideFrom(vs[0], vs[1])
	if err := u.Begin(nil); err != nil {
		t.Fatal(err)
	}
	if got := maskOf(t, u); !got[0] || !got[1] || got[2] || got[3] || got[4] {
		t.Errorf("the first: got %v", got)
	}
	if err := u.Accept(0); err != nil {
		t.Fatal(err)
	}
	if got := maskOf(t, u); !got[0] || got[1] || !got[3] || got[4] {
		t.Errorf("the second: got %v", got)
	}
	if err := u.Accept(0); err != nil || !u.MustEnd() {
		t.Errorf("the end: %v", err)
	}
}

// TestWrite: a guide goes on behind a text.
func TestWrite(t *testing.T) {
	u := JSON().Guide(bytesVocabulary)
	if err := u.Write(`{"a": [1, `); err != nil {
		t.Fatal(err)
	}
	if err := u.Begin(nil); err != nil {
		t.Fatal(err)
	}
	if got := maskOf(t, u); got[']'] || !got['2'] || !got['{'] || got[256] {
		t.Error("the mask is not that behind the text")
	}
	if err := JSON().Guide(bytesVocabulary).Write(`{"a": nothing`); !errors.Is(err, ErrToken) {
		t.Errorf("a text that does not match: %v", err)
	}
}

// TestCache: what was used last is kept, within a bound, and errors are not.
func TestCache(t *testing.T) {
	c := NewCache(100_000)
	made := 0
	get := func(key string) *Grammar {
		g, err := c.Get(key, func() (*Grammar, error) {
			made++
			return Choice([]string{key}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	first := get("first")
	for i := range 300 {
		get(string(rune('a' + i)))
		if i%10 == 0 && get("first") != first {
			t.Fatal("what was used last is forgotten")
		}
	}
	if len(c.list) > maxCached || made != 301 {
		t.Errorf("%d kept, %d made", len(c.list), made)
	}
	if _, err := c.Get("none", func() (*Grammar, error) { return Choice(nil, nil) }); err == nil || len(c.list) > maxCached {
		t.Errorf("an error is kept: %v", err)
	}
	big := NewCache(1000)
	if _, err := big.Get("big", func() (*Grammar, error) { return Regex("[ab]{60}", nil) }); err != nil {
		t.Fatal(err)
	}
	if big.find("big") == nil {
		t.Error("the newest is not kept")
	}
}
