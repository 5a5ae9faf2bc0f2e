package tokenizer

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`a+?`, "aaa", "a|a|a"},
		{`a++b|a`, "aab", "aab"},
		{`a?+a`, "aa", "aa"},
		{`\p{N}{1,3}+`, "12345", "12345"}, // a repetition of a repetition, not a possessive one
		{`a{2}`, "aaa", "aa"},
		{`a{,2}b`, "aaab", "aab"},
		{`x{`, "x{", "x{"},
		{`(?i:'s)`, "'s'S'ſ'x", "'s|'S|'ſ"},
		{`(?i)k`, "kK\u212A", "k|K|\u212A"},
		{`(?i:[a-c])x`, "Bx", "Bx"},
		{`(?m:.)+`, "a\nb", "a\nb"},
		{`.+`, "a\nb", "a|b"},
		{`^.`, "ab\ncd", "a|c"},
		{`.$`, "ab\ncd", "b|d"},
		{`\A.|.\z`, "ab\ncd", "a|d"},
		{`.\Z`, "ab\n", "b"},
		{`\bx`, "x ax xé", "x|x"},
		{`\Bx`, "x ax", "x"},
		{`\w+`, "a_1é²①‿\u200d", "a_1é²|‿"},
		{`\W`, "a!", "!"},
		{`\h+`, "xyzF0", "F0"},
		{`\D\S`, "1ab", "ab"},
		{`[a-c&&[^b]]+`, "abc", "a|c"},
		{`[[a-c][x-z]]+`, "axm", "ax"},
		{`[\p{L}&&[^a-m]]+`, "anz", "nz"},
		{`[[:digit:]]+|[[:punct:]]|[[:space:]]`, "12$ ", "12|$| "},
		{`\p{^L}|\P{N}`, "1", "1"},
		{`\p{Hiragana}+|\p{Script=Han}`, "かな中", "かな|中"},
		{`\u0041\x42\x{1F600}`, "AB😀", "AB😀"},
		{`(?<=a)b|(?<!a)c`, "abc", "b|c"},
		{`(a)(?:b)\1`, "aba", "aba"},
		{`(?>a+)b`, "aab", "aab"},
		{`\t\n\r\f\v\.\-`, "\t\n\r\f\v.-", "\t\n\r\f\v.-"},
		{`[^\P{L}a]+`, "abc", "bc"},
		{`\p{L}`, "\u1c89", "\u1c89"}, // new in Unicode 16
		{`[a-]`, "-", "-"},
		{`a||b`, "a", "a"},
	} {
		f, err := compileRegexp(c.pattern)
		if err != nil {
			t.Errorf("pattern %q: %v", c.pattern, err)
			continue
		}
		got, err := findAll(f, c.text)
		if err != nil {
			t.Errorf("pattern %q: %v", c.pattern, err)
		}
		var found []string
		for _, s := range got {
			if s.end > s.start {
				found = append(found, s.of(c.text))
			}
		}
		if g := strings.Join(found, "|"); g != c.want {
			t.Errorf("pattern %q on %q: got %q, want %q", c.pattern, c.text, g, c.want)
		}
	}
}

func TestPatternsThatAreRefused(t *testing.T) {
	for pattern, want := range map[string]error{
		`(`: ErrDamaged, `)`: ErrDamaged, `[a`: ErrDamaged, `*a`: ErrDamaged, `a\`: ErrDamaged, `(?i`: ErrDamaged, `|+`: ErrDamaged,
		`\X`: ErrUnsupported, `\R`: ErrUnsupported, `\G`: ErrUnsupported, `\K`: ErrUnsupported, `a{2}?`: ErrUnsupported,
		`\p{Nonsense}`: ErrUnsupported, `[[:alpha:]]`: ErrUnsupported, `(?x:a)`: ErrUnsupported, `[z-a]`: ErrUnsupported, `[\q]`: ErrUnsupported,
		`\p{C}`: ErrUnsupported, `\xZZ`: ErrUnsupported, `\x{110000}`: ErrUnsupported, `(?#x)`: ErrUnsupported,
		strings.Repeat("(", maxGroups+1):        ErrUnsupported,
		strings.Repeat("[", maxClassNesting+2):  ErrUnsupported,
		strings.Repeat(`\p{L}`, maxClasses+1):   ErrUnsupported,
		strings.Repeat("a", maxPatternLength+1): ErrUnsupported,
	} {
		if _, err := compileRegexp(pattern); !errors.Is(err, want) {
			t.Errorf("pattern %.30q: got %v, want %v", pattern, err, want)
		}
	}
}

// The work of a pattern is counted: the same text is refused after the same steps
// on every machine, and one text cannot ask for more by being in many pieces.
func TestStepsAreCounted(t *testing.T) {
	splits := func(patterns ...string) *Tokenizer {
		var list []any
		for _, p := range patterns {
			list = append(list, dict{"type": "Split", "pattern": dict{"Regex": p}, "behavior": "Isolated"})
		}
		return openJSON(t, jsonText(dict{
			"pre_tokenizer": dict{"type": "Sequence", "pretokenizers": list},
			"model":         dict{"type": "BPE", "vocab": dict{"a": 0}, "merges": []string{}},
		}))
	}
	for name, c := range map[string]struct {
		tok  *Tokenizer
		text string
	}{
		"ways without number":  {splits(`(a*)*b`), strings.Repeat("a", 40)},
		"ways of two letters":  {splits(`(a|aa)+$c`), strings.Repeat("a", 60)},
		"the rest of the text": {splits(`a[^b]*b`), strings.Repeat("a", 1<<16)},
		"a look behind":        {splits(`(?<=a{1,200}b)c|a`), strings.Repeat("a", 1<<20)},
		"many pieces":          {splits(`c`, `(a|aa)+b`), strings.Repeat(strings.Repeat("a", 16)+"c", 1<<12)},
		"a stack without end":  {splits(`(?:a|b)*c`), strings.Repeat("ab", 1<<20)},
	} {
		e := &encoder{pieces: pieces{c.text, []span{{0, int32(len(c.text))}}, true}, bounds: bounds{size: MaxText, steps: 3_000_000}}
		var err error
		for _, stage := range c.tok.stages {
			if err = stage.apply(e); err != nil {
				break
			}
		}
		if !errors.Is(err, ErrTimeLimit) || e.bounds.steps != 0 {
			t.Errorf("%s: got %v, %d steps left, want ErrTimeLimit", name, err, e.bounds.steps)
		}
	}
	if ids, err := splits(`(a*)*b`).Encode(strings.Repeat("a", 40), 0); !errors.Is(err, ErrTimeLimit) || len(ids) != 0 {
		t.Errorf("encode: got %d ids, %v, want ErrTimeLimit", len(ids), err)
	}
	// Patterns that do little for each byte have no limit.
	tok := splits(`[a-z]+x|\p{Lu}{2,}|(?=q)`)
	if _, err := tok.Encode(strings.Repeat("abc DEF q ", 1<<18), 0); err != nil {
		t.Errorf("a long text: %v", err)
	}
	f, err := compileRegexp(`(a*)*b`)
	if err != nil {
		t.Fatal(err)
	}
	for _, steps := range []int{1, 100, 12345} {
		b := bounds{steps: steps}
		if _, err := f.find(nil, strings.Repeat("a", 40), span{0, 40}, &b); !errors.Is(err, ErrTimeLimit) || b.steps != 0 {
			t.Errorf("%d steps: got %v, %d left", steps, err, b.steps)
		}
	}
}

// sameMatches compares the matches of both engines. An empty match where the last
// one ends is one for the other engine alone.
func sameMatches(got, want []span) bool {
	kept := want[:0:0]
	for _, s := range want {
		if n := len(kept); s.end > s.start || n == 0 || kept[n-1].end != s.start {
			kept = append(kept, s)
		}
	}
	return slices.Equal(got, kept)
}

// randomPattern returns a pattern of small parts.
func randomPattern(r *rand.Rand, depth int) string {
	atoms := []string{"a", "b", "c", ".", "[ab]", "[^a]", `\s`, `\w`, `\p{L}`, `\d`, "é", "^", "$", `\b`, `\B`, `\A`, `\z`, `\Z`, "(?i:A)", "[a-c&&[^b]]"}
	quantifiers := []string{"", "", "", "", "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{2,}", "{1,2}?"}
	var b strings.Builder
	for range 1 + r.IntN(3) {
		atom := atoms[r.IntN(len(atoms))]
		if depth > 0 && r.IntN(3) == 0 {
			heads := []string{"(?:", "(", "(?=", "(?!", "(?>", "(?<=", "(?<!", "(?i:", "(?m:"}
			head := heads[r.IntN(len(heads))]
			inner := randomPattern(r, depth-1)
			if strings.HasPrefix(head, "(?<") {
				inner = []string{"a", "ab", "a|bc", "[ab]c?", `\s`}[r.IntN(5)]
			}
			atom = head + inner + ")"
		}
		b.WriteString(atom + quantifiers[r.IntN(len(quantifiers))])
	}
	if depth > 0 && r.IntN(4) == 0 {
		return b.String() + "|" + randomPattern(r, depth-1)
	}
	return b.String()
}

func TestPatternsEqualTheOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	letters := []rune("aabbcA1 \né")
	for range 700 {
		pattern := randomPattern(r, 2)
		f, err := compileRegexp(pattern)
		if err != nil {
			t.Fatalf("pattern %q: %v", pattern, err)
		}
		o, err := newOracle(pattern)
		if err != nil {
			t.Fatalf("pattern %q: %v", pattern, err)
		}
		for range 4 {
			text := make([]rune, r.IntN(9))
			for i := range text {
				text[i] = letters[r.IntN(len(letters))]
			}
			got, err := findAll(f, string(text))
			if err != nil {
				t.Fatalf("pattern %q: %v", pattern, err)
			}
			want, err := findAll(o, string(text))
			if err != nil {
				t.Fatal(err)
			}
			if !sameMatches(got, want) {
				t.Errorf("pattern %q on %q: got %v, want %v", pattern, string(text), got, want)
			}
		}
	}
}

func FuzzPatterns(f *testing.F) {
	for _, p := range scannedPatterns {
		f.Add(p, "a 1")
	}
	f.Add(`(?i:[[a-c]&&[^b]]++)\p{^Han}{2,}?|\b^$\Z`, "abc")
	f.Add(`(a)(?:b\1|(?<=a)c)*?(?<!bb?)`, "aba")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 100 || !utf8.ValidString(text) || !utf8.ValidString(pattern) {
			return
		}
		re, err := compileRegexp(pattern)
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("got %v, want a named error", err)
			}
			return
		}
		b := bounds{steps: 100_000}
		spans, err := re.find(nil, text, span{0, int32(len(text))}, &b)
		if err != nil && !errors.Is(err, ErrTimeLimit) {
			t.Fatal(err)
		}
		at := int32(0)
		for _, s := range spans {
			if s.start < at || s.end < s.start || int(s.end) > len(text) {
				t.Fatalf("got spans %v of %d bytes", spans, len(text))
			}
			at = s.end
		}
	})
}
