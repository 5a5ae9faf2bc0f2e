package grammar

import (
	"fmt"
	"unicode/utf8"
)

// A string of JSON can be written in many ways. Where a schema leaves a string open, all
// of them are allowed, except for surrogates that have no partner. Where it does not (a
// pattern, an enum, the names of properties), a character of ASCII stands as itself, and
// what encoders are used to escape may also be written \uXXXX: control characters,
// quotes, the backslash, < > & and what is beyond ASCII. Each character has the same
// ways in all such strings, so that they can be compared as they are written.

// openCharacter is one character of a string in all ways that JSON has.
var openCharacter = Or(
	Class(Range{' ', '!'}, Range{'#', '['}, Range{']', utf8.MaxRune}),
	Seq(Literal(`\`), Class(letters(`"\/bfnrt`)...)),
	hexRange(0, 0xD7FF), hexRange(0xE000, utf8.MaxRune),
)

// letters returns the characters of a text as ranges.
func letters(s string) []Range {
	var out []Range
	for _, c := range s {
		out = append(out, Range{c, c})
	}
	return out
}

// short are the characters that have an escape of two letters, and those letters.
var short = []struct{ char, letter rune }{{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}}

// hexed are the characters that may be written \uXXXX.
var hexed = []Range{{0, 0x1F}, {'"', '"'}, {'&', '\''}, {'<', '<'}, {'>', '>'}, {'\\', '\\'}, {0x7F, utf8.MaxRune}}

// escaped are the characters that have an escape.
var escaped = normalRanges(append([]Range{{'/', '/'}}, hexed...))

// raw are the characters that may stand as themselves.
var raw = []Range{{' ', '!'}, {'#', '['}, {']', utf8.MaxRune}}

// plainASCII are the characters of ASCII that stand for themselves and in no other way.
var plainASCII = func() (plain [0x7F]bool) {
	for c := range rune(len(plain)) {
		plain[c] = len(overlap([]Range{{c, c}}, escaped)) == 0
	}
	return plain
}()

// escapeClass writes one character of the ranges as it stands in a string of JSON.
func escapeClass(ranges []Range) Expr {
	var ways []Expr
	if plain := overlap(ranges, raw); len(plain) > 0 {
		ways = append(ways, Class(plain...))
	}
	var after []Range
	for _, s := range short {
		if len(overlap(ranges, []Range{{s.char, s.char}})) > 0 {
			after = append(after, Range{s.letter, s.letter})
		}
	}
	if len(after) > 0 {
		ways = append(ways, Seq(Literal(`\`), Class(after...)))
	}
	for _, r := range overlap(ranges, hexed) {
		ways = append(ways, hexRange(r.Lo, r.Hi))
	}
	return Or(ways...)
}

// overlap returns the characters that are in both; both are in order.
func overlap(a, b []Range) []Range {
	var out []Range
	for i, j := 0, 0; i < len(a) && j < len(b); {
		if lo, hi := max(a[i].Lo, b[j].Lo), min(a[i].Hi, b[j].Hi); lo <= hi {
			out = append(out, Range{lo, hi})
		}
		if a[i].Hi < b[j].Hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// hexRange writes a character from lo to hi as \uXXXX, or as two of them.
func hexRange(lo, hi rune) Expr {
	var ways []Expr
	for _, part := range []Range{{lo, min(hi, 0xD7FF)}, {max(lo, 0xE000), min(hi, 0xFFFF)}} {
		if part.Lo <= part.Hi {
			ways = append(ways, Seq(Literal(`\u`), hexDigits(part.Lo, part.Hi, 4)))
		}
	}
	if hi > 0xFFFF {
		ways = append(ways, hexPair(max(lo, 0x10000), hi))
	}
	return Or(ways...)
}

// hexPair writes a character beyond U+FFFF as a pair of surrogates.
func hexPair(lo, hi rune) Expr {
	pair := func(h1, h2, l1, l2 rune) Expr {
		return Seq(Literal(`\u`), hexDigits(h1, h2, 4), Literal(`\u`), hexDigits(l1, l2, 4))
	}
	lo, hi = lo-0x10000, hi-0x10000
	h1, h2, l1, l2 := 0xD800+lo>>10, 0xD800+hi>>10, 0xDC00+lo&0x3FF, 0xDC00+hi&0x3FF
	if h1 == h2 {
		return pair(h1, h1, l1, l2)
	}
	var ways []Expr
	if l1 > 0xDC00 {
		ways = append(ways, pair(h1, h1, l1, 0xDFFF))
		h1++
	}
	if l2 < 0xDFFF {
		ways = append(ways, pair(h2, h2, 0xDC00, l2))
		h2--
	}
	if h1 <= h2 {
		ways = append(ways, pair(h1, h2, 0xDC00, 0xDFFF))
	}
	return Or(ways...)
}

// hexDigits writes a number from lo to hi in n hexadecimal digits, of either case.
func hexDigits(lo, hi rune, n int) Expr {
	if n == 0 {
		return Expr{}
	}
	unit := rune(1) << (4 * (n - 1))
	first, last := lo/unit, hi/unit
	if lo%unit == 0 && hi%unit == unit-1 {
		return Seq(hexDigit(first, last), Repeat(hexDigit(0, 15), n-1, n-1))
	}
	if first == last {
		return Seq(hexDigit(first, first), hexDigits(lo%unit, hi%unit, n-1))
	}
	var ways []Expr
	if lo%unit != 0 {
		ways = append(ways, Seq(hexDigit(first, first), hexDigits(lo%unit, unit-1, n-1)))
		first++
	}
	if hi%unit != unit-1 {
		ways = append(ways, Seq(hexDigit(last, last), hexDigits(0, hi%unit, n-1)))
		last--
	}
	if first <= last {
		ways = append(ways, Seq(hexDigit(first, last), Repeat(hexDigit(0, 15), n-1, n-1)))
	}
	return Or(ways...)
}

func hexDigit(lo, hi rune) Expr {
	var ranges []Range
	if lo < 10 {
		ranges = append(ranges, Range{'0' + lo, '0' + min(hi, 9)})
	}
	if hi >= 10 {
		from := max(lo, 10) - 10
		ranges = append(ranges, Range{'a' + from, 'a' + hi - 10}, Range{'A' + from, 'A' + hi - 10})
	}
	return Class(ranges...)
}

// escapeText writes a text as it stands in a string of JSON, without the quotes.
func escapeText(s string) Expr {
	var parts []Expr
	plain := 0
	for i, c := range s {
		if c < 0x7F && plainASCII[c] {
			continue
		}
		parts = append(parts, Literal(s[plain:i]), escapeClass([]Range{{c, c}}))
		plain = i + utf8.RuneLen(c)
	}
	return Seq(append(parts, Literal(s[plain:]))...)
}

// escape writes the texts that a regular expression matches as they stand in strings of
// JSON.
func escape(e Expr) Expr {
	if e.n == nil {
		return e
	}
	n := e.n
	subs := make([]Expr, len(n.subs))
	for i, s := range n.subs {
		subs[i] = escape(Expr{s})
	}
	switch n.op {
	case opLiteral:
		return escapeText(n.text)
	case opClass:
		return escapeClass(n.ranges)
	case opSeq:
		return Seq(subs...)
	case opOr:
		return Or(subs...)
	case opRepeat:
		return Repeat(subs[0], n.min, n.max)
	case opAnd:
		return And(subs...)
	case opWithout:
		return Without(subs[0], subs[1])
	}
	panic(fmt.Sprintf("grammar: an expression of kind %d has no escapes", n.op))
}
