package tokenizer

import (
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTranslate(t *testing.T) {
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
		got, err := f.find(nil, c.text, span{0, int32(len(c.text))})
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

func TestTimeLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the limit; run without -short")
	}
	tok := openJSON(t, jsonText(map[string]any{
		"pre_tokenizer": map[string]any{"type": "Split", "pattern": map[string]any{"Regex": `(a*)*b`}, "behavior": "Isolated"},
		"model":         map[string]any{"type": "BPE", "vocab": map[string]int{"a": 0}, "merges": []string{}},
	}))
	start := time.Now()
	ids, err := tok.Encode(strings.Repeat("a", 40), 0)
	if !errors.Is(err, ErrTimeLimit) || len(ids) != 0 {
		t.Errorf("got %d ids, %v, want ErrTimeLimit", len(ids), err)
	}
	if took := time.Since(start); took > 4*regexpMatchTime {
		t.Errorf("took %v, want about %v", took, regexpMatchTime)
	}
}

func FuzzTranslate(f *testing.F) {
	for _, p := range scannedPatterns {
		f.Add(p, "a 1")
	}
	f.Add(`(?i:[[a-c]&&[^b]]++)\p{^Han}{2,}?|\b^$\Z`, "abc")
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
		re.re.MatchTimeout = 50 * time.Millisecond
		spans, err := re.find(nil, text, span{0, int32(len(text))})
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
