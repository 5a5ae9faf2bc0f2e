package tokenizer

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A codeSet is a set of code points, one bit for each.
type codeSet [(utf8.MaxRune + 1 + 63) / 64]uint64

func (s *codeSet) has(r rune) bool { return s[r>>6]>>(r&63)&1 != 0 }

func (s *codeSet) add(lo, hi rune) {
	for r := lo; r <= hi; r++ {
		if r&63 == 0 && hi-r >= 63 {
			s[r>>6] = ^uint64(0)
			r += 63
			continue
		}
		s[r>>6] |= 1 << (r & 63)
	}
}

// classSets caches the sets of the classes that patterns name.
var classSets sync.Map // class → *codeSet

// addClass adds the characters of classes c and returns s.
func (s *codeSet) addClass(c class) *codeSet {
	cached, ok := classSets.Load(c)
	if !ok {
		set := new(codeSet)
		for r := range rune(utf8.MaxRune + 1) {
			if classOf(r)&c != 0 {
				set.add(r, r)
			}
		}
		cached, _ = classSets.LoadOrStore(c, set)
	}
	for i, w := range cached.(*codeSet) {
		s[i] |= w
	}
	return s
}

func (s *codeSet) invert() {
	for i := range s {
		s[i] = ^s[i]
	}
}

// foldable are the characters that are written in more than one way.
var foldable = sync.OnceValue(func() []rune {
	var list []rune
	for r := range rune(utf8.MaxRune + 1) {
		if unicode.SimpleFold(r) != r {
			list = append(list, r)
		}
	}
	return list
})

// foldCase adds the case variants of every member.
func (s *codeSet) foldCase() {
	old := *s
	for _, r := range foldable() {
		if !old.has(r) {
			continue
		}
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			s.add(f, f)
		}
	}
}

func (s *codeSet) remove(r rune) { s[r>>6] &^= 1 << (r & 63) }

// sealed returns the set in the form that matching asks.
func (s *codeSet) sealed() *charSet {
	c := new(charSet)
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r&63 == 0 && s[r>>6] == 0 {
			r += 63
			continue
		}
		if !s.has(r) {
			continue
		}
		lo := r
		for r < utf8.MaxRune && s.has(r+1) {
			if r&63 == 63 && s[(r+1)>>6] == ^uint64(0) {
				r += 64
				continue
			}
			r++
		}
		c.addRange(lo, r)
	}
	return c
}

const maxClassNesting = 16

// parseClass reads a bracketed class with everything that may be in it: ranges,
// escapes, properties, POSIX names, nested classes and intersections. It
// returns the rest of the pattern.
func parseClass(p string, depth int) (*codeSet, string, error) {
	if depth > maxClassNesting {
		return nil, p, fmt.Errorf("%w: more than %d nested classes", ErrUnsupported, maxClassNesting)
	}
	whole := p
	p = p[1:]
	not := strings.HasPrefix(p, "^")
	if not {
		p = p[1:]
	}
	set, all := new(codeSet), (*codeSet)(nil)
	if strings.HasPrefix(p, "]") && strings.Contains(p[1:], "]") { // it closes nothing yet
		set.add(']', ']')
		p = p[1:]
	}
	for {
		switch {
		case p == "":
			return nil, p, fmt.Errorf("%w: class %.20q is not closed", ErrDamaged, whole)
		case p[0] == ']':
			set.intersect(all)
			if not {
				set.invert()
			}
			return set, p[1:], nil
		case strings.HasPrefix(p, "&&"):
			set.intersect(all)
			set, all = new(codeSet), set
			p = p[2:]
		default:
			next, err := set.parseItem(p, depth)
			if err != nil {
				return nil, p, err
			}
			p = next
		}
	}
}

// intersect keeps what is in o too; a nil o holds everything.
func (s *codeSet) intersect(o *codeSet) {
	if o != nil {
		for i := range s {
			s[i] &= o[i]
		}
	}
}

func (s *codeSet) union(o *codeSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

// parseItem reads one item of a class into s and returns the rest.
func (s *codeSet) parseItem(p string, depth int) (string, error) {
	switch {
	case strings.HasPrefix(p, "[:"):
		name, rest, ok := strings.Cut(p[2:], ":]")
		c, known := posixClasses[name]
		if !ok || !known {
			return p, fmt.Errorf("%w: class %.20q", ErrUnsupported, p)
		}
		s.addClass(c)
		return rest, nil
	case p[0] == '[':
		c, rest, err := parseClass(p, depth+1)
		if err == nil {
			s.union(c)
		}
		return rest, err
	case len(p) > 1 && p[0] == '\\' && strings.IndexByte("sSdDwWhHpP", p[1]) >= 0:
		c, rest, err := parseClassMember(p, true)
		if err == nil {
			s.union(c)
		}
		return rest, err
	}
	lo, rest, ok := parseChar(p)
	if !ok {
		return p, fmt.Errorf("%w: %.4q in a class", ErrUnsupported, p)
	}
	hi := lo
	if len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
		if hi, rest, ok = parseChar(rest[1:]); !ok || hi < lo {
			return p, fmt.Errorf("%w: range %.12q in a class", ErrUnsupported, p)
		}
	}
	s.add(lo, hi)
	return rest, nil
}

// posixClasses are the [:names:] whose meaning is a class of the tables.
var posixClasses = map[string]class{"digit": classNd, "space": classSpace, "punct": classP | classS}

// addWord adds what \w means in patterns: the words of UTS 18 but for the
// joiners, and outside of brackets six numbers of Latin-1 besides.
func (s *codeSet) addWord(bracket bool) *codeSet {
	s.addClass(classWord)
	s.remove(0x200C)
	s.remove(0x200D)
	if bracket {
		return s
	}
	for _, r := range "²³¹¼½¾" {
		s.add(r, r)
	}
	return s
}

// inWord reports whether addWord, outside of brackets, adds a character.
func inWord(r rune) bool {
	switch r {
	case 0x200C, 0x200D:
		return false
	case '²', '³', '¹', '¼', '½', '¾':
		return true
	}
	return classOf(r)&classWord != 0
}

// parseClassMember reads an escape that stands for a class: \s \d \w \h \p{…}
// or their negations.
func parseClassMember(p string, bracket bool) (*codeSet, string, error) {
	s := new(codeSet)
	b, rest := p[1], p[2:]
	not := b < 'a'
	switch b | 0x20 {
	case 'h':
		s.add('0', '9')
		s.add('a', 'f')
		s.add('A', 'F')
	case 'p':
		name, after, ok := propertyName(rest)
		if strings.HasPrefix(name, "^") {
			not, name = !not, name[1:]
		}
		if !ok || !s.addProperty(name) {
			return nil, p, fmt.Errorf("%w: property %.20q", ErrUnsupported, p)
		}
		rest = after
	case 'w':
		s.addWord(bracket)
	default:
		s.addClass(escapes[b|0x20])
	}
	if not {
		s.invert()
	}
	return s, rest, nil
}

// addProperty adds \p{name}: from the tables of Unicode 16 where they have it,
// else a script or category of the standard library.
func (s *codeSet) addProperty(name string) bool {
	if c, ok := propertyClass(name); ok {
		s.addClass(c)
		return true
	}
	name = strings.TrimPrefix(name, "Script=")
	table := unicode.Scripts[name]
	if table == nil && !strings.HasPrefix(name, "C") { // C with the unassigned
		table = unicode.Categories[name]
	}
	if table == nil {
		return false
	}
	for _, r := range table.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			s.add(c, c)
		}
	}
	for _, r := range table.R32 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			s.add(c, c)
		}
	}
	return true
}
