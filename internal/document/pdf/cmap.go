package pdf

import (
	"sort"
	"unicode/utf16"
)

// Bounds of a map of codes.
const (
	maxRanges  = 1 << 17
	maxCode    = 4  // bytes
	maxLetters = 64 // UTF-16 units that one code stands for
)

// cmap maps the codes of a font's strings: to numbers of glyphs, or to text.
type cmap struct {
	spaces []codeSpace
	ranges []codeRange // of the same length of code in order, once sorted
}

// codeSpace says which codes there are of a length.
type codeSpace struct {
	length int
	lo, hi uint32
}

// codeRange maps the codes from lo to hi.
type codeRange struct {
	length int
	lo, hi uint32
	number int    // of lo's glyph
	text   string // of lo, in UTF-16, big end first; the last unit counts up
}

// parseCmap reads a map. What it does not understand it passes over.
func parseCmap(text []byte) *cmap {
	m := &cmap{}
	l := &lexer{text: text}
	var before []any
	for {
		o, ok := l.next()
		if !ok || len(m.ranges) >= maxRanges {
			break
		}
		switch o {
		case keyword("endcodespacerange"):
			m.addSpaces(before)
		case keyword("endbfchar"):
			m.addChars(before, false)
		case keyword("endbfrange"):
			m.addRanges(before, false)
		case keyword("endcidchar"):
			m.addChars(before, true)
		case keyword("endcidrange"):
			m.addRanges(before, true)
		default:
			if _, isWord := o.(keyword); !isWord {
				if len(before) < 4*maxRanges {
					before = append(before, o)
				}
				continue
			}
		}
		before = before[:0]
	}
	m.sort()
	return m
}

// sort puts the ranges in the order in which they are looked for. Of ranges that begin with
// the same code the last counts.
func (m *cmap) sort() {
	sort.SliceStable(m.ranges, func(i, j int) bool {
		a, b := m.ranges[i], m.ranges[j]
		if a.length != b.length {
			return a.length < b.length
		}
		return a.lo < b.lo
	})
}

// code reads a code of a map's text.
func code(o any) (c uint32, length int, ok bool) {
	s, isText := o.(str)
	if !isText || len(s) == 0 || len(s) > maxCode {
		return 0, 0, false
	}
	for i := range len(s) {
		c = c<<8 | uint32(s[i])
	}
	return c, len(s), true
}

func (m *cmap) addSpaces(list []any) {
	for i := 0; i+1 < len(list); i += 2 {
		lo, n, ok := code(list[i])
		hi, k, ok2 := code(list[i+1])
		if ok && ok2 && n == k && len(m.spaces) < 256 {
			m.spaces = append(m.spaces, codeSpace{n, lo, hi})
		}
	}
}

func (m *cmap) addChars(list []any, numbers bool) {
	for i := 0; i+1 < len(list); i += 2 {
		c, n, ok := code(list[i])
		if ok {
			m.add(codeRange{length: n, lo: c, hi: c}, list[i+1], numbers)
		}
	}
}

func (m *cmap) addRanges(list []any, numbers bool) {
	for i := 0; i+2 < len(list); i += 3 {
		lo, n, ok := code(list[i])
		hi, k, ok2 := code(list[i+1])
		if !ok || !ok2 || n != k || hi < lo {
			continue
		}
		each, isList := list[i+2].(array)
		if !isList {
			m.add(codeRange{length: n, lo: lo, hi: hi}, list[i+2], numbers)
			continue
		}
		for j, o := range each {
			if c := lo + uint32(j); c <= hi {
				m.add(codeRange{length: n, lo: c, hi: c}, o, numbers)
			}
		}
	}
}

// add takes a range whose first code stands for o.
func (m *cmap) add(r codeRange, o any, number bool) {
	if len(m.ranges) >= maxRanges {
		return
	}
	switch o := o.(type) {
	case int:
		r.number = o
		if number {
			m.ranges = append(m.ranges, r)
		}
	case str:
		if !number && len(o) <= 2*maxLetters {
			if len(o) == 1 { // some write a byte for a letter
				o = "\x00" + o
			}
			r.text = string(o)
			m.ranges = append(m.ranges, r)
		}
	}
}

// find returns the range of a code.
func (m *cmap) find(c uint32, length int) (codeRange, bool) {
	i := sort.Search(len(m.ranges), func(i int) bool {
		r := m.ranges[i]
		return r.length > length || r.length == length && r.lo > c
	}) - 1
	if i < 0 || m.ranges[i].length != length || c > m.ranges[i].hi {
		return codeRange{}, false
	}
	return m.ranges[i], true
}

// letters returns the text of a code.
func (m *cmap) letters(c uint32, length int) (string, bool) {
	r, ok := m.find(c, length)
	if !ok || len(r.text) < 2 {
		return "", ok
	}
	units := make([]uint16, len(r.text)/2)
	for i := range units {
		units[i] = uint16(r.text[2*i])<<8 | uint16(r.text[2*i+1])
	}
	units[len(units)-1] += uint16(c - r.lo)
	return string(utf16.Decode(units)), true
}

// next returns how many bytes the next code of a string has: 1 to 4.
func (m *cmap) next(s str, usual int) int {
	c := uint32(0)
	for n := 1; n <= min(len(s), maxCode); n++ {
		c = c<<8 | uint32(s[n-1])
		for _, space := range m.spaces {
			if space.length == n && space.has(c) {
				return n
			}
		}
	}
	return min(usual, len(s))
}

// has compares byte by byte, as the standard wants.
func (s codeSpace) has(c uint32) bool {
	for shift := 0; shift < 8*s.length; shift += 8 {
		if b := byte(c >> shift); b < byte(s.lo>>shift) || b > byte(s.hi>>shift) {
			return false
		}
	}
	return true
}
