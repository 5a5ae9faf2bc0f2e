package grammar

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// repeated joins n texts.
func repeated(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// hostileGrammars are made to take all of the time or the memory there is; large ones
// have k thousand parts.
func hostileGrammars(k int) map[string]string {
	n := 1000 * k
	return map[string]string{
		"plus of plus":      `root ::= ("a"+)+`,
		"ambiguous":         "root ::= \"a\" root root root | \"b\" root root | \"a\" root | \"b\" | \"a\"",
		"a billion":         `root ::= ("a" | "b" | "ab"){1000000000}`,
		"counts in counts":  `root ::= ((("a" | "aa" | "b"){1000} "b"?){1000} "a"?){1000}`,
		"counts of nothing": `root ::= (("a"? "b"?){0,100000} ("" | "a"*){7,}){5,1000000}`,
		"many optionals":    "root ::= (" + strings.Repeat(`"a"? `, 300) + "){3,2000}",
		"many loops":        "root ::= " + strings.Repeat(`(.* "a") | `, 2000) + "\"b\"",
		"many classes":      "root ::= " + strings.Repeat(`[^a-cé-ü] `, 3000),
		"far end":           `root ::= ("a"|"b")* "a" ("a"|"b"){5000}`,
		"palindromes":       `root ::= "a" root "a" | "b" root "b" | "a" | "b" | ""`,
		"a megabyte of rules": "root ::= r0\n" + repeated(n, func(i int) string {
			return fmt.Sprintf("r%d ::= \"a%d\" r%d r%d | \"b\"\n", i, i, (i*7+1)%n, (i*13+5)%n)
		}),
		"many alternatives": "root ::= \"x\"" + repeated(10*n, func(i int) string { return fmt.Sprintf(" | \"%d\"", i) }),
		"many rules at once": "root ::= \"x\"" + repeated(2*n, func(i int) string { return fmt.Sprintf(" | r%d", i) }) + "\n" +
			repeated(2*n, func(i int) string { return fmt.Sprintf("r%d ::= \"a\"{2,100} \"b%d\"\n", i, i) }),
		"a chain of rules": "root ::= r0\n" + repeated(2*n, func(i int) string { return fmt.Sprintf("r%d ::= r%d \"b\"?\n", i, i+1) }) + fmt.Sprintf("r%d ::= \"a\"", 2*n),
		"empty rules":      "root ::= r0{1000}\n" + repeated(5000, func(i int) string { return fmt.Sprintf("r%d ::= r%d? r%d?\n", i, i+1, i+2) }) + "r5000 ::= \"a\"\nr5001 ::= \"b\"",
	}
}

// TestHostile: a hostile grammar is refused, or costs what its limits say and no more.
// Steps are counted, and what one may overrun them by is small.
func TestHostile(t *testing.T) {
	v, _ := tinyVocabulary()
	rng := rand.New(rand.NewPCG(1, 1))
	limits := &Limits{Step: 1 << 17, Memory: 8 << 20}
	k := 20
	if testing.Short() {
		k, limits.Step = 1, 1<<15
	}
	for name, text := range hostileGrammars(k) {
		g, err := GBNF(text, limits)
		if errors.Is(err, ErrTooLarge) {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		u := g.Guide(v)
		err = u.Begin(nil)
		started := err == nil
		for n := 0; n < 60 && err == nil && !u.ended; n++ {
			mask := []uint64{^uint64(0)}
			if u.Mask(mask); u.err != nil || mask[0] == 0 {
				err = u.err
				break
			}
			id := int32(rng.IntN(64))
			for mask[0]>>id&1 == 0 {
				id = (id + 1) % 64
			}
			err = u.Accept(id)
		}
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		if m := u.m; m.work < -limits.Step || m.used() > 3*limits.Memory {
			t.Errorf("%s: %d steps and %d bytes over the limits", name, -m.work, m.used()-2*limits.Memory)
		}
		if err != nil { // it is over for this answer alone
			if u.Accept(0) == nil {
				t.Errorf("%s: an answer goes on behind its error", name)
			}
			if other := g.Guide(v); started && other.Begin(nil) != nil {
				t.Errorf("%s: another answer cannot begin", name)
			}
		}
	}
}

// TestForget: what was found out is forgotten where it takes too much, and an answer goes on.
func TestForget(t *testing.T) {
	g, err := GBNF(`root ::= "[" (root ("," root)*)? "]" | ("a" | "bb" | "é"){2,5000}`, &Limits{Memory: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	v, tokens := tinyVocabulary()
	free, err := GBNF(`root ::= "[" (root ("," root)*)? "]" | ("a" | "bb" | "é"){2,5000}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 1))
	u, w := begin(t, g, v), begin(t, free, v)
	for range 1500 {
		got, want := maskOf(t, u), maskOf(t, w)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after a memory was forgotten: got %v, want %v", got, want)
		}
		id := int32(rng.IntN(len(tokens)))
		for !got[id] || tokens[id] == nil || v.kinds[id] == tokenEnd {
			id = int32(rng.IntN(len(tokens)))
		}
		if err := errors.Join(u.Accept(id), w.Accept(id)); err != nil {
			t.Fatal(err)
		}
	}
	if u.m.era < 3 {
		t.Errorf("nothing was forgotten (era %d)", u.m.era)
	}
}

// TestTogether: goroutines share what a grammar has found out.
func TestTogether(t *testing.T) {
	g, err := GBNF(`root ::= "a" root "b" | [^a]{3,90} | "é"`, &Limits{Memory: 300_000})
	if err != nil {
		t.Fatal(err)
	}
	v, tokens := tinyVocabulary()
	done := make(chan string)
	for n := range 4 {
		go func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			text, _ := walk(t, rng, begin(t, g, v), tokens, 60)
			done <- text
		}()
	}
	for range 4 {
		if text := <-done; text == "" {
			t.Error("an empty text came to its end")
		}
	}
}
