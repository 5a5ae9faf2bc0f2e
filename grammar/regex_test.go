package grammar

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// patterns are such that Go's package reads them alike.
var patterns = []string{
	``, `a`, `a|b`, `(a|b)*`, `a+b?c*`, `(?:ab){2,3}`, `a{3}`, `a{2,}`, `a{0}`, `a{,2}`, `{`, `a{b}`, `[a-c]`, `[^a-c]`, `[-a]`, `[a-]`, `[\]a]`, `a*?b+?c??`,
	`\d+`, `\D`, `\w+`, `\W`, `\x41\t`, `\.\*\/\-`, `^a$`, `^a|b$`, `(^a|b)c`, `a(b|c$)`, `^^a$$`, `^$`, `^`, `$`, `()`, `(|a)`, `(?P<n>a)`, `(?<n>a)b`,
	`\p{L}`, `\P{L}`, `\p{Greek}+`, `\pN`, `é+`, `[à-ü]`, `[^é]`, `a{65}b`, `(ab|a){40,70}`, `[ab]{1000}`, `\Aab\z`, `(a|ab)(c|bcd)(d*)`, `(a+)+$`, `((a{2}){2}){2}`,
}

// TestRegex compares with Go's package, on texts that nearly match.
func TestRegex(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, pattern := range patterns {
		for _, search := range []bool{false, true} {
			e, err := regexExpr(pattern, search)
			if err != nil {
				t.Errorf("%s: %v", pattern, err)
				continue
			}
			g, err := CompileExpr(e, nil)
			if err != nil {
				t.Errorf("%s: %v", pattern, err)
				continue
			}
			written := pattern
			if !search {
				written = `\A(?:` + pattern + `)\z`
			}
			want := regexp.MustCompile(strings.ReplaceAll(written, `\/`, `/`))
			for range 100 {
				text := nearText(rng)
				if got := takes(t, g, text); got != want.MatchString(text) {
					t.Errorf("%s (search %v) on %q: got %v", pattern, search, text, got)
				}
			}
		}
	}
}

// nearText returns a text of what patterns have in them.
func nearText(rng *rand.Rand) string {
	parts := []string{"a", "b", "c", "ab", "d", "1", "é", "A\t", ".*/-", "αβ", "{", "]", "a{b}", "-", "aaaaaaaa", "_", " ", strings.Repeat("a", 65), strings.Repeat("ab", 500)}
	text := ""
	for range rng.IntN(5) {
		text += parts[rng.IntN(len(parts))]
	}
	return text
}

// TestRegexForms wants single texts of what Go reads otherwise.
func TestRegexForms(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{`.`, "é", true},
		{`.`, "\n", false},
		{`.`, "\u2028", false},
		{`\s`, "\u00a0", false},
		{`\S`, "\u00a0", false},
		{`\s\s`, " \t", true},
		{`[^]`, "\n", true},
		{`a[]`, "a", false},
		{`\u00e9\u{1F600}`, "é😀", true},
		{`\ud83d\ude00`, "😀", true},
		{`[\b]`, "\b", true},
		{`\cA\0`, "\x01\x00", true},
		{`a{1000000000}`, "a", false},
		{`\p{Script=Latin}\p{Letter}`, "aé", true},
	} {
		g, err := Regex(c.pattern, nil)
		if errors.Is(err, ErrEmpty) && !c.want {
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
		} else if got := takes(t, g, c.text); got != c.want {
			t.Errorf("%s on %q: got %v", c.pattern, c.text, got)
		}
	}
}

func TestRegexErrors(t *testing.T) {
	for pattern, want := range map[string]error{
		`(`: ErrSyntax, `)`: ErrSyntax, `[a`: ErrSyntax, `*a`: ErrSyntax, `a**`: ErrSyntax, `a{2}{3}`: ErrSyntax, `a{3,2}`: ErrSyntax, `\`: ErrSyntax, `[b-a]`: ErrSyntax,
		`\y`: ErrSyntax, `\xg0`: ErrSyntax, `\u12`: ErrSyntax, `\u{110000}`: ErrSyntax, "\xff": ErrSyntax, `(?<n`: ErrSyntax, `{2}`: ErrSyntax, `[\d-a]`: ErrSyntax,
		`(?=a)`: ErrUnsupported, `(?!a)`: ErrUnsupported, `(?<=a)`: ErrUnsupported, `(?<!a)`: ErrUnsupported, `\bword`: ErrUnsupported, `(a)\1`: ErrUnsupported, `\k<n>`: ErrUnsupported,
		`(?i)a`: ErrUnsupported, `(?>a)`: ErrUnsupported, `a++`: ErrUnsupported, `a^b`: ErrUnsupported, `a$b`: ErrUnsupported, `(^a)*`: ErrUnsupported, `[[:alpha:]]`: ErrUnsupported,
		`\p{Nothing}`: ErrUnsupported, `\ud800`: ErrUnsupported, strings.Repeat("(", 5000): ErrTooLarge, `[]`: ErrEmpty, `\p{`: ErrSyntax,
		strings.Repeat("[ab]{999}c", 10_000): ErrTooLarge,
	} {
		if _, err := Regex(pattern, &Limits{States: 5000}); !errors.Is(err, want) {
			t.Errorf("%.40s: got %v, want %v", pattern, err, want)
		}
	}
	if _, err := Regex("aaaa", &Limits{Source: 3}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a long pattern: got %v", err)
	}
}

// FuzzRegex: what Go's package reads too matches the same texts.
func FuzzRegex(f *testing.F) {
	for _, p := range patterns {
		f.Add(p, "aab")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 200 {
			return
		}
		g, err := Regex(pattern, &Limits{Work: 1 << 20, Step: 1 << 16, States: 1 << 14})
		if err != nil {
			return
		}
		u := g.Guide(bytesVocabulary)
		if u.Begin(nil) != nil {
			return
		}
		is := true
		for i := 0; i < len(text) && is; i++ {
			err := u.Accept(int32(text[i]))
			if is = err == nil; errors.Is(err, ErrTooLarge) {
				return
			}
		}
		is = is && u.MayEnd()
		want, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
		if differs := regexp.MustCompile(`\.|\\[sSpPbDW]|\[\]|\[\^|\\v|\\`); err != nil || differs.MatchString(pattern) || !utf8.ValidString(text) {
			return
		}
		if want.MatchString(text) != is {
			t.Errorf("%q on %q: got %v", pattern, text, is)
		}
	})
}
