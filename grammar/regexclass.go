package grammar

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Classes of characters. Those of ASCII are what all languages have in common.
var (
	regexDigits     = []Range{{'0', '9'}}
	regexWords      = []Range{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	regexSpaces     = []Range{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}
	regexWideSpaces = []Range{{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}}
	regexControls   = map[byte]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f', 'v': '\v', 'a': 7, 'e': 27}
)

// escape reads an escape, which is a set of characters. single says that it is one
// character, which may begin a range.
func (p *regexParser) escape() (ranges []Range, single bool, err error) {
	p.at++
	if p.at == len(p.text) {
		return nil, false, p.syntax(`\ at the end`)
	}
	c := p.text[p.at]
	switch c {
	case 'd':
		ranges = regexDigits
	case 'D':
		ranges = complement(regexDigits)
	case 'w':
		ranges = regexWords
	case 'W':
		ranges = complement(regexWords)
	case 's':
		ranges = regexSpaces
	case 'S':
		ranges = complement(regexWideSpaces)
	case 'p', 'P':
		ranges, err = p.property()
		return ranges, false, err
	default:
		r, err := p.character()
		return []Range{{r, r}}, true, err
	}
	p.at++
	return ranges, false, nil
}

// character reads what follows the \ of an escape that is one character.
func (p *regexParser) character() (rune, error) {
	c := p.text[p.at]
	if r, ok := regexControls[c]; ok {
		p.at++
		return r, nil
	}
	switch {
	case c == '0' && (p.at+1 == len(p.text) || p.text[p.at+1] < '0' || p.text[p.at+1] > '9'):
		p.at++
		return 0, nil
	case c == 'c' && p.at+1 < len(p.text) && unicode.IsLetter(rune(p.text[p.at+1])):
		p.at += 2
		return rune(p.text[p.at-1] & 31), nil
	case c == 'x' || c == 'u':
		p.at++
		if p.has("{") {
			return p.bracedHex()
		}
		if c == 'x' {
			return p.hexDigits(2)
		}
		return p.utf16()
	case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return 0, p.syntax(fmt.Sprintf(`escape \%c`, c))
	}
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	return r, nil
}

// bracedHex reads {…} behind \x or \u.
func (p *regexParser) bracedHex() (rune, error) {
	end := strings.IndexByte(p.text[p.at:], '}')
	if end < 2 || end > 9 {
		return 0, p.syntax("want hexadecimal digits in braces")
	}
	p.at++
	r, err := p.hexDigits(end - 1)
	if err == nil && (r < 0 || r > utf8.MaxRune) {
		err = p.syntax("a character beyond U+10FFFF")
	}
	p.at++
	return r, err
}

// utf16 reads the digits behind \u, and those of the second half of a pair.
func (p *regexParser) utf16() (rune, error) {
	r, err := p.hexDigits(4)
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if r < 0xDC00 && p.take(`\u`) {
		low, err := p.hexDigits(4)
		if full := utf16.DecodeRune(r, low); full != unicode.ReplacementChar {
			return full, err
		}
	}
	return 0, p.unsupported("half of a surrogate pair")
}

// property reads p{…} or P{…}, a property of Unicode.
func (p *regexParser) property() ([]Range, error) {
	not := p.text[p.at] == 'P'
	p.at++
	name := ""
	if p.has("{") {
		end := strings.IndexByte(p.text[p.at:], '}')
		if end < 0 {
			return nil, p.syntax(`a \p{ without }`)
		}
		name = p.text[p.at+1 : p.at+end]
		p.at += end + 1
	} else if p.at < len(p.text) {
		name = p.text[p.at : p.at+1]
		p.at++
	}
	if strings.HasPrefix(name, "^") {
		not, name = !not, name[1:]
	}
	for _, key := range []string{"General_Category=", "gc=", "Script=", "sc="} {
		name = strings.TrimPrefix(name, key)
	}
	table := unicode.Categories[name]
	if table == nil {
		table = unicode.Scripts[name]
	}
	if table == nil {
		table = unicode.Categories[unicode.CategoryAliases[name]]
	}
	if table == nil {
		return nil, p.unsupported(fmt.Sprintf("property of Unicode %q", name))
	}
	ranges := tableRanges(table)
	if not {
		ranges = complement(ranges)
	}
	return ranges, nil
}

// tableRanges returns the characters of a table, in order.
func tableRanges(t *unicode.RangeTable) []Range {
	var out []Range
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, Range{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, Range{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return normalRanges(out)
}

// class reads a class in brackets.
func (p *regexParser) class() (Expr, error) {
	p.at++
	not := p.take("^")
	var all []Range
	for !p.take("]") {
		if p.has("[:") || p.has("[.") || p.has("[=") || p.has("&&") {
			return Expr{}, p.unsupported("in a class, which languages read in different ways: " + p.text[p.at:p.at+2])
		}
		lo, single, err := p.classItem()
		if err != nil {
			return Expr{}, err
		}
		if p.has("-") && !p.has("-]") {
			if !single {
				return Expr{}, p.syntax("a range that begins with a class")
			}
			p.at++
			hi, ends, err := p.classItem()
			switch {
			case err != nil:
				return Expr{}, err
			case !ends || hi[0].Lo < lo[0].Lo:
				return Expr{}, p.syntax("a range that ends before it begins")
			}
			lo = []Range{{lo[0].Lo, hi[0].Lo}}
		}
		all = append(all, lo...)
	}
	if not {
		return NotClass(all...), nil
	}
	return Class(all...), nil
}

// classItem reads a character or an escape in a class.
func (p *regexParser) classItem() (ranges []Range, single bool, err error) {
	switch {
	case p.at == len(p.text):
		return nil, false, p.syntax("a [ without a ]")
	case p.take(`\b`):
		return []Range{{'\b', '\b'}}, true, nil
	case p.has(`\`):
		return p.escape()
	}
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	return []Range{{r, r}}, true, nil
}
