package tokenizer

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A runeSet is what a character class of a pattern stands for.
type runeSet struct {
	not    bool
	class  class
	ranges [][2]rune     // inclusive; once sealed, sorted and apart
	bmp    *[1024]uint64 // the ranges below U+10000 as a bitmap; nil without ranges
	ascii  [128]bool     // once sealed, the whole set below U+0080
}

// has reports whether r, whose classes are c, is in the set.
func (s *runeSet) has(r rune, c class) bool {
	in := c&s.class != 0
	if !in && s.bmp != nil {
		if r < 1<<16 {
			in = s.bmp[r>>6]>>(r&63)&1 != 0
		} else {
			_, in = slices.BinarySearchFunc(s.ranges, r, func(x [2]rune, r rune) int {
				switch {
				case x[1] < r:
					return -1
				case x[0] > r:
					return 1
				}
				return 0
			})
		}
	}
	return in != s.not
}

// at reports whether the character at text[i] is in the set, and its length;
// at the end of the text it is not.
func (s *runeSet) at(text string, i int) (bool, int) {
	if i >= len(text) {
		return false, 0
	}
	if b := text[i]; b < utf8.RuneSelf {
		return s.ascii[b], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return s.has(r, classOf(r)), n
}

// add puts the characters from lo to hi into the set.
func (s *runeSet) add(lo, hi rune) {
	s.ranges = append(s.ranges, [2]rune{lo, hi})
	if s.bmp == nil {
		s.bmp = new([1024]uint64)
	}
	for r := lo; r <= min(hi, 1<<16-1); r++ {
		s.bmp[r>>6] |= 1 << (r & 63)
	}
}

// seal ends the building of a set: it sorts the ranges, joins those that touch,
// and fills in what is below U+0080.
func (s *runeSet) seal() {
	ranges := s.ranges
	slices.SortFunc(ranges, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && r[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	s.ranges = out
	for r := range s.ascii {
		s.ascii[r] = s.has(rune(r), classOf(rune(r)))
	}
}

// propertyClass returns what \p{name} stands for; false if the name is not one
// that the tables know.
func propertyClass(name string) (class, bool) {
	c, ok := properties[strings.TrimPrefix(name, "Script=")]
	return c, ok
}

var properties = map[string]class{
	"L": classL, "Letter": classL, "Lu": classLu, "Ll": classLl, "Lt": classLt, "Lm": classLm, "Lo": classLo,
	"M": classM, "Mark": classM, "Mn": classMn, "N": classN, "Number": classN, "Nd": classNd,
	"P": classP, "Punct": classP, "Punctuation": classP, "S": classS, "Symbol": classS,
	"Han": classHan, "White_Space": classSpace,
}

// escapes are the one-letter escapes that stand for classes.
var escapes = map[byte]class{'s': classSpace, 'd': classNd}

// parseSet reads one class of the pattern, at its start: [...], an escape or a
// literal character. It returns the set and the rest of the pattern; false if
// the class is not of the plain kind that runeSet can hold: nested or
// intersected sets, POSIX names and unknown properties are not.
func parseSet(p string) (*runeSet, string, bool) {
	if p == "" {
		return nil, p, false
	}
	s := new(runeSet)
	if p[0] != '[' {
		if strings.IndexByte(`.^$*+?(){}|`, p[0]) >= 0 {
			return nil, p, false
		}
		rest, ok := s.parseMember(p, false)
		s.seal()
		return s, rest, ok
	}
	p = p[1:]
	if strings.HasPrefix(p, "^") {
		s.not, p = true, p[1:]
	}
	for first := true; ; first = false {
		if p == "" || p[0] == '[' || strings.HasPrefix(p, "&&") || first && p[0] == ']' {
			return nil, p, false
		}
		if p[0] == ']' {
			break
		}
		var ok bool
		if p, ok = s.parseMember(p, true); !ok {
			return nil, p, false
		}
	}
	s.seal()
	return s, p[1:], true
}

// parseMember reads a character, a range or an escape into the set and returns
// the rest of the pattern. Ranges and negated escapes need care only inside
// brackets.
func (s *runeSet) parseMember(p string, bracket bool) (string, bool) {
	if len(p) > 1 && p[0] == '\\' {
		if c, ok := escapes[p[1]]; ok {
			s.class |= c
			return p[2:], true
		}
		if c, ok := escapes[p[1]|0x20]; ok && !bracket {
			s.class, s.not = c, true
			return p[2:], true
		}
		if p[1] == 'p' {
			name, rest, ok := propertyName(p[2:])
			c, known := propertyClass(name)
			s.class |= c
			return rest, ok && known
		}
	}
	lo, p, ok := parseChar(p)
	if !ok {
		return p, false
	}
	hi := lo
	if bracket && len(p) > 1 && p[0] == '-' && p[1] != ']' {
		if hi, p, ok = parseChar(p[1:]); !ok || hi < lo {
			return p, false
		}
	}
	s.add(lo, hi)
	return p, true
}

// propertyName reads the {name} or the one letter behind \p.
func propertyName(p string) (name, rest string, ok bool) {
	if strings.HasPrefix(p, "{") {
		name, rest, ok = strings.Cut(p[1:], "}")
		return name, rest, ok
	}
	if p == "" || p[0] >= utf8.RuneSelf {
		return "", p, false
	}
	return p[:1], p[1:], true
}

// parseChar reads one literal character, perhaps escaped.
func parseChar(p string) (rune, string, bool) {
	r, n := utf8.DecodeRuneInString(p)
	if r != '\\' {
		return r, p[n:], n > 0
	}
	r, n = utf8.DecodeRuneInString(p[1:])
	rest := p[1+n:]
	switch r {
	case 'r':
		return '\r', rest, true
	case 'n':
		return '\n', rest, true
	case 't':
		return '\t', rest, true
	case 'f':
		return '\f', rest, true
	case 'v':
		return '\v', rest, true
	case 'u':
		return parseHex(rest, 4)
	case 'x':
		if digits, after, ok := strings.Cut(strings.TrimPrefix(rest, "{"), "}"); ok && rest[0] == '{' {
			r, tail, ok := parseHex(digits, len(digits))
			return r, after, ok && tail == ""
		}
		return parseHex(rest, 2)
	}
	return r, rest, n > 0 && r < utf8.RuneSelf && !isASCIILetter(byte(r)) && (r < '0' || r > '9')
}

// parseHex reads a character of n hexadecimal digits.
func parseHex(p string, n int) (rune, string, bool) {
	if n < 1 || n > 6 || len(p) < n {
		return 0, p, false
	}
	v, err := strconv.ParseUint(p[:n], 16, 32)
	return rune(v), p[n:], err == nil && utf8.ValidRune(rune(v))
}
