package tokenizer

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// scannedPatterns are the patterns that have a hand-written finder.
var scannedPatterns = map[string]string{
	"gpt2": patternGPT2, "llama3": patternLlama3, "qwen2": patternQwen2, "qwen35": patternQwen35, "digit runs": patternDigitRuns,
	"deepseek v3": patternDeepSeekV3, "tekken": patternTekken, "gpt4o": patternGPT4o, "kimi": patternKimi,
	"cased": patternCased, "punct": patternPunct, "east": patternEast, "cjk": patternCJK, "trailing": patternTrailing,
	"lines": patternLines, "three digits": patternThreeDigits, "line ends": `[\r\n]`, "letters": `\s?\p{L}+`, "punctuation": `\s?\p{P}+`,
	"number": `\p{N}`, "numbers": `\p{N}+`, "to three": `\p{N}{1,3}`, "default": splitsDefault[0], "bloom": splitsBloom[0],
	"exaone moe": patternExaoneMoE, "bailing": patternBailing, "seed coder": patternSeedCoder, "jais 2": patternJais2, "youtu": patternYoutu,
	"youtu asia": patternYoutuAsia, "asia": patternAsia, "number groups": patternNumberGroups, "digit groups": patternDigitGroups,
	"before threes": patternBeforeThrees, "choice": `a+|[a|b]|\||\s?c+`,
	"not letters": `[^\p{L}a-z]+`, "no space": `\S+`, "decimal": `\d{1,2}`,
}

// bothFinders returns the hand-written finder of a pattern and the engine's.
func bothFinders(t testing.TB, pattern string) (hand, engine finder) {
	t.Helper()
	hand = knownFinder(pattern)
	if hand == nil {
		t.Fatalf("pattern %q: no hand-written finder", pattern)
	}
	engine, err := compileRegexp(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return hand, engine
}

// pieceTexts are what random texts are put together from.
var pieceTexts = strings.Split("         |1234567|'s|'S|'ſ|'ll|'LL|'re|'K|'|a|b|The| the|HELLO|camelCase|ǅ|ʰ|ª|ß|ſ|K|é|e\u0301|\u0301|\u0300\u0323|\u093f|"+
	"1|12|1234|٣|½|²|Ⅳ|①|中|文|〇|々|⺀|か|ガ|ー|한|\U00020000|\U0001f600|\u200d|\ufeff| |  |\n|\r\n|\r|\t|\v|\u00a0|\u3000|\u2003|\u0085|\u2028|"+
	".|...|!|?!|/|//|-|_|\"|#|$|+|=|<|`|~|^|。|“|\x00|\x1b|\ue000|\u0378|\ufffd|\U0001e4d0|\u1c89|\U00016d40|µ|Ω|ﬁ|\ud7ff|龥|龦", "|")

// randomText returns a text of some pieces and code points.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(14) {
		if r.IntN(6) == 0 {
			c := rune(r.IntN(0x32000))
			if utf8.ValidRune(c) {
				b.WriteRune(c)
			}
			continue
		}
		b.WriteString(pieceTexts[r.IntN(len(pieceTexts))])
	}
	return b.String()
}

// findAll returns the matches in a whole text.
func findAll(f finder, text string) ([]span, error) {
	b := newBounds(len(text))
	return f.find(nil, text, span{0, int32(len(text))}, &b)
}

func checkFinders(t *testing.T, name string, hand, engine finder, text string) {
	t.Helper()
	got, err := findAll(hand, text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := findAll(engine, text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !sameMatches(got, want) {
		t.Errorf("%s on %+q: got %v, want %v", name, text, texts(text, got), texts(text, want))
	}
	if s, ok := hand.(skipper); ok && text != "" && s.absent(text) && len(want) > 0 {
		t.Errorf("%s on %+q: absent, but there is %v", name, text, texts(text, want))
	}
}

func texts(text string, spans []span) []string {
	var list []string
	for _, s := range spans {
		list = append(list, s.of(text))
	}
	return list
}

func TestScannersEqualPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, pattern := range scannedPatterns {
		hand, engine := bothFinders(t, pattern)
		for range 300 {
			checkFinders(t, name, hand, engine, randomText(r))
		}
	}
}

func TestShortGPT2Pattern(t *testing.T) {
	// The form without \s+ at the end leaves a lone blank unmatched: as a
	// splitter it is the same.
	hand, engine := bothFinders(t, patternGPT2Short)
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		text := randomText(r)
		whole := span{0, int32(len(text))}
		got, _ := findAll(hand, text)
		want, err := findAll(engine, text)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := isolate(nil, got, whole), isolate(nil, want, whole); !slices.Equal(a, b) {
			t.Errorf("on %+q: got %v, want %v", text, texts(text, a), texts(text, b))
		}
	}
}

func FuzzScanners(f *testing.F) {
	for _, s := range pieceTexts {
		f.Add(s + " " + s)
	}
	type pair struct {
		name         string
		hand, engine finder
	}
	var pairs []pair
	for name, pattern := range scannedPatterns {
		hand, engine := bothFinders(f, pattern)
		pairs = append(pairs, pair{name, hand, engine})
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 300 || !utf8.ValidString(text) {
			return
		}
		for _, p := range pairs {
			checkFinders(t, p.name, p.hand, p.engine, text)
		}
	})
}

func TestFamiliesAreThoseOfTheTable(t *testing.T) {
	data, err := os.ReadFile("testdata/golden/pre_tokenizers.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Pre map[string][]string `json:"pre"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	for name, want := range file.Pre {
		f, err := familyOf(name)
		if err != nil {
			t.Error(err)
			continue
		}
		var got, escaped []string
		for _, p := range f.splits {
			got = append(got, escapeLineEnds.Replace(p))
		}
		for _, p := range want {
			escaped = append(escaped, escapeLineEnds.Replace(p))
			if knownFinder(p) == nil {
				t.Errorf("family %s: no hand-written finder for %.60q", name, p)
			}
		}
		if !slices.Equal(got, escaped) {
			t.Errorf("family %s: got %.200q, want %.200q", name, got, escaped)
		}
	}
	if f, _ := familyOf("llama-bpe"); f.whole != wholeAlways || !f.addBOS {
		t.Errorf("family llama-bpe: got %+v, want pieces of the vocabulary whole, and BOS", f)
	}
}

func TestEveryFamilyHasHandWrittenFinders(t *testing.T) {
	for name, f := range families {
		for _, p := range f.splits {
			if knownFinder(p) == nil {
				t.Errorf("family %q: no hand-written finder for %q", name, p)
			}
		}
	}
}

func TestSplitBehaviors(t *testing.T) {
	for _, c := range []struct {
		behavior splitBehavior
		invert   bool
		want     string
	}{
		{splitIsolated, false, "a|1|2|b|3"},
		{splitIsolated, true, "a|1|2|b|3"},
		{splitRemoved, false, "a|b"},
		{splitRemoved, true, "1|2|3"},
		{splitMergedWithPrevious, false, "a1|2|b3"},
		{splitMergedWithPrevious, true, "a|1|2b|3"},
		{splitMergedWithNext, false, "a|1|2b|3"},
		{splitMergedWithNext, true, "a1|2|b3"},
		{splitContiguous, false, "a|12|b|3"},
		{splitContiguous, true, "a|12|b|3"},
	} {
		e := &encoder{pieces: pieces{"a12b3", []span{{0, 5}}, true}}
		s := &splitStage{oneOf(classN), c.behavior, c.invert}
		if err := s.apply(e); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(texts(e.pieces.text, e.pieces.spans), "|"); got != c.want {
			t.Errorf("behavior %d, invert %v: got %s, want %s", c.behavior, c.invert, got, c.want)
		}
	}
}
