package tokenizer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file reads the patterns of tokenizer.json files, which are in Ruby's syntax:
// ^ and $ are the ends of lines, a++ is possessive, and a{1,3}+ a repetition of a
// repetition. What has no meaning here is refused.

// A pnode is a part of a pattern.
type pnode struct {
	kind     pkind
	set      *charSet // of a pnodeSet
	subs     []*pnode // what it is made of
	min, max int      // of a repetition; max -1: no limit. Of a group or a reference: its number
	lazy     bool     // takes as little as it can
	keep     bool     // gives nothing back
	not      bool     // of a look: that it is not there
	behind   bool     // of a look: to the left
	fold     bool     // of a reference: letters of either case are equal
}

type pkind uint8

const (
	pnodeSet    pkind = iota // one character
	pnodeCat                 // its parts, one after the other
	pnodeAlt                 // one of its parts
	pnodeRepeat              // its part, again and again
	pnodeGroup               // its part, with a number
	pnodeLook                // its part is there, or is not
	pnodeKeep                // its part, and gives nothing back
	pnodeRef                 // what a group took
	pnodeBegin               // the text begins here
	pnodeEnd                 // … or ends
	pnodeLineBegin
	pnodeLineEnd
	pnodeLastEnd // the text ends here, or behind the next line end
	pnodeBorder  // a word begins or ends here, or, with not, does not
)

const (
	maxPatternLength = 8 << 10 // bytes of a pattern
	maxGroups        = 50      // nesting of groups in a pattern
	maxClasses       = 100     // classes in a pattern
)

// A patternParser is a pattern on its way.
type patternParser struct {
	rest         string
	fold, dotAll bool // the options (?i) and (?m)
	depth        int
	classes      int
	groups       int
	refs         bool // there are references
}

// parsePattern reads a whole pattern.
func parsePattern(pattern string) (*pnode, *patternParser, error) {
	if len(pattern) > maxPatternLength {
		return nil, nil, fmt.Errorf("pattern of %d bytes: %w: want at most %d", len(pattern), ErrUnsupported, maxPatternLength)
	}
	p := &patternParser{rest: pattern}
	n, err := p.alternatives()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("%w: a closing parenthesis without its opening", ErrDamaged)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("pattern %.60q: %w", pattern, err)
	}
	return n, p, nil
}

// alternatives reads up to the end or a closing parenthesis.
func (p *patternParser) alternatives() (*pnode, error) {
	alt := &pnode{kind: pnodeAlt}
	for {
		n, err := p.sequence()
		if err != nil {
			return nil, err
		}
		alt.subs = append(alt.subs, n)
		if !strings.HasPrefix(p.rest, "|") {
			break
		}
		p.rest = p.rest[1:]
	}
	if len(alt.subs) == 1 {
		return alt.subs[0], nil
	}
	return alt, nil
}

// sequence reads atoms with their repetitions.
func (p *patternParser) sequence() (*pnode, error) {
	cat := &pnode{kind: pnodeCat}
	again := false // the last of subs can be repeated
	for p.rest != "" && p.rest[0] != '|' && p.rest[0] != ')' {
		if q, counted := p.quantifier(); q != "" {
			if !again {
				return nil, fmt.Errorf("%w: nothing to repeat before %.8q", ErrDamaged, p.rest)
			}
			last := len(cat.subs) - 1
			n, err := p.repeat(cat.subs[last], q, counted)
			if err != nil {
				return nil, err
			}
			cat.subs[last] = n
			continue
		}
		n, err := p.atom()
		if err != nil {
			return nil, err
		}
		if again = n != nil; again {
			cat.subs = append(cat.subs, n)
		}
	}
	return cat, nil
}

// quantifier returns the quantifier that comes next, "" if there is none.
func (p *patternParser) quantifier() (q string, counted bool) {
	switch p.rest[0] {
	case '*', '+', '?':
		return p.rest[:1], false
	case '{':
		return interval(p.rest), true
	}
	return "", false
}

// interval reads {n}, {n,}, {,m} or {n,m}; it is "" for what is none of these.
func interval(p string) string {
	end := strings.IndexByte(p, '}')
	if end < 2 || end > 12 || strings.Trim(p[1:end], "0123456789,") != "" || strings.Count(p[:end], ",") > 1 || p[1:end] == "," {
		return ""
	}
	return p[:end+1]
}

// repeat reads what stands behind a quantifier, and repeats n.
func (p *patternParser) repeat(n *pnode, q string, counted bool) (*pnode, error) {
	r := &pnode{kind: pnodeRepeat, subs: []*pnode{n}, max: -1}
	p.rest = p.rest[len(q):]
	switch {
	case q == "+":
		r.min = 1
	case q == "?":
		r.max = 1
	case counted:
		low, high, two := strings.Cut(q[1:len(q)-1], ",")
		r.min, _ = strconv.Atoi(low) // digits, or nothing for 0
		if high != "" {
			r.max, _ = strconv.Atoi(high)
		}
		if !two {
			r.max = r.min
		}
		if r.max >= 0 && r.max < r.min {
			return nil, fmt.Errorf("%w: %s", ErrDamaged, q)
		}
		if max(r.min, r.max) > maxProgram {
			return nil, fmt.Errorf("%w: %s: want at most %d times", ErrUnsupported, q, maxProgram)
		}
	}
	switch {
	case strings.HasPrefix(p.rest, "?") && counted && !strings.Contains(q, ","):
		return nil, fmt.Errorf("%w: %s?", ErrUnsupported, q)
	case strings.HasPrefix(p.rest, "?"):
		r.lazy, p.rest = true, p.rest[1:]
	case strings.HasPrefix(p.rest, "+") && !counted:
		r.keep, p.rest = true, p.rest[1:]
	}
	return r, nil
}

// atom reads one thing that may be repeated; nil for an option like (?i).
func (p *patternParser) atom() (*pnode, error) {
	switch p.rest[0] {
	case '(':
		return p.group()
	case '^':
		return p.mark(1, pnodeLineBegin)
	case '$':
		return p.mark(1, pnodeLineEnd)
	case '.':
		set := new(codeSet)
		set.add(0, utf8.MaxRune)
		if !p.dotAll {
			set.remove('\n')
		}
		p.rest = p.rest[1:]
		return &pnode{set: set.sealed()}, nil
	case '[':
		set, rest, err := parseClass(p.rest, 0)
		if err != nil {
			return nil, err
		}
		p.rest = rest
		return p.class(set)
	case '\\':
		return p.escape()
	}
	r, n := utf8.DecodeRuneInString(p.rest)
	return p.literal(r, n), nil
}

// mark returns a node that takes no text, in place of n bytes of the pattern.
func (p *patternParser) mark(n int, kind pkind) (*pnode, error) {
	p.rest = p.rest[n:]
	return &pnode{kind: kind}, nil
}

// literal is a character that took n bytes of the pattern.
func (p *patternParser) literal(r rune, n int) *pnode {
	p.rest = p.rest[n:]
	set := &charSet{}
	set.addRange(r, r)
	if p.fold {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			set.addRange(f, f)
		}
	}
	return &pnode{set: set.sorted()}
}

// class is one character of a set.
func (p *patternParser) class(set *codeSet) (*pnode, error) {
	if p.classes++; p.classes > maxClasses {
		return nil, fmt.Errorf("%w: more than %d character classes", ErrUnsupported, maxClasses)
	}
	if p.fold {
		set.foldCase()
	}
	return &pnode{set: set.sealed()}, nil
}

// looks are the groups with a meaning of their own.
var looks = []struct {
	head string
	node pnode
}{
	{"(?:", pnode{kind: pnodeCat}},
	{"(?=", pnode{kind: pnodeLook}},
	{"(?!", pnode{kind: pnodeLook, not: true}},
	{"(?<=", pnode{kind: pnodeLook, behind: true}},
	{"(?<!", pnode{kind: pnodeLook, behind: true, not: true}},
	{"(?>", pnode{kind: pnodeKeep}},
}

// group reads a group, or an option.
func (p *patternParser) group() (*pnode, error) {
	if p.depth >= maxGroups {
		return nil, fmt.Errorf("%w: more than %d nested groups", ErrUnsupported, maxGroups)
	}
	fold, dotAll := p.fold, p.dotAll
	var n *pnode
	for _, l := range looks {
		if strings.HasPrefix(p.rest, l.head) {
			node := l.node
			n, p.rest = &node, p.rest[len(l.head):]
			break
		}
	}
	if n == nil && strings.HasPrefix(p.rest, "(?") {
		alone, err := p.options()
		if err != nil || alone {
			return nil, err
		}
		n = &pnode{kind: pnodeCat}
	}
	if n == nil {
		p.groups++
		n, p.rest = &pnode{kind: pnodeGroup, min: p.groups}, p.rest[1:]
	}
	p.depth++
	sub, err := p.alternatives()
	if err != nil {
		return nil, err
	}
	p.depth--
	if p.rest == "" {
		return nil, fmt.Errorf("%w: a group is not closed", ErrDamaged)
	}
	p.rest, p.fold, p.dotAll = p.rest[1:], fold, dotAll
	n.subs = []*pnode{sub}
	if n.behind {
		if n.min, n.max, err = sub.width(); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// options reads (?i) and its like, which hold up to the end of the group around
// them, or (?i: which begins one.
func (p *patternParser) options() (alone bool, err error) {
	on := true
	for i := 2; i < len(p.rest); i++ {
		switch p.rest[i] {
		case 'i':
			p.fold = on
		case 'm':
			p.dotAll = on
		case '-':
			on = false
		case ':', ')':
			alone = p.rest[i] == ')'
			p.rest = p.rest[i+1:]
			return alone, nil
		default:
			return false, fmt.Errorf("%w: group %.8q", ErrUnsupported, p.rest)
		}
	}
	return false, fmt.Errorf("%w: a group is not closed", ErrDamaged)
}

// escape reads what begins with a backslash.
func (p *patternParser) escape() (*pnode, error) {
	if len(p.rest) < 2 {
		return nil, fmt.Errorf("%w: a backslash at the end", ErrDamaged)
	}
	switch b := p.rest[1]; {
	case strings.IndexByte("sSdDwWhHpP", b) >= 0:
		set, rest, err := parseClassMember(p.rest, false)
		if err != nil {
			return nil, err
		}
		p.rest = rest
		return p.class(set)
	case b == 'A':
		return p.mark(2, pnodeBegin)
	case b == 'z':
		return p.mark(2, pnodeEnd)
	case b == 'Z':
		return p.mark(2, pnodeLastEnd)
	case b == 'b' || b == 'B':
		n, err := p.mark(2, pnodeBorder)
		n.not = b == 'B'
		return n, err
	case '1' <= b && b <= '9':
		p.rest, p.refs = p.rest[2:], true
		return &pnode{kind: pnodeRef, min: int(b - '0'), fold: p.fold}, nil
	}
	r, rest, ok := parseChar(p.rest)
	if !ok {
		return nil, fmt.Errorf("%w: %.2q", ErrUnsupported, p.rest)
	}
	return p.literal(r, len(p.rest)-len(rest)), nil
}

// maxBehind is how far a pattern may look back, in characters.
const maxBehind = 255

// width returns how many characters a node takes, at least and at most.
func (n *pnode) width() (low, high int, err error) {
	switch n.kind {
	case pnodeSet:
		return 1, 1, nil
	case pnodeRef:
		return 0, 0, fmt.Errorf("%w: a reference in what is looked back at", ErrUnsupported)
	case pnodeLook, pnodeBegin, pnodeEnd, pnodeLineBegin, pnodeLineEnd, pnodeLastEnd, pnodeBorder:
		return 0, 0, nil
	}
	for i, sub := range n.subs {
		a, b, err := sub.width()
		if err != nil {
			return 0, 0, err
		}
		switch {
		case n.kind != pnodeAlt:
			low, high = low+a, high+b
		case i == 0:
			low, high = a, b
		default:
			low, high = min(low, a), max(high, b)
		}
	}
	if n.kind == pnodeRepeat {
		if n.max < 0 {
			high = maxBehind + 1
		}
		low, high = low*min(n.min, maxBehind+1), high*min(max(n.max, 1), maxBehind+1)
	}
	if high > maxBehind {
		return 0, 0, fmt.Errorf("%w: looks back more than %d characters", ErrUnsupported, maxBehind)
	}
	return low, high, nil
}

// begins returns the bytes that a match of a node may begin with; false if it may
// be empty, or nothing is known.
func (n *pnode) begins() (set [256]bool, ok bool) {
	add := func(sub *pnode) bool {
		more, ok := sub.begins()
		for b, in := range more {
			set[b] = set[b] || in
		}
		return ok
	}
	switch n.kind {
	case pnodeSet:
		copy(set[:], n.set.ascii[:])
		for b := utf8.RuneSelf; b < len(set); b++ {
			set[b] = len(n.set.ranges) > 0
		}
		return set, true
	case pnodeCat, pnodeGroup, pnodeKeep:
		return set, slices.ContainsFunc(n.subs, add)
	case pnodeAlt:
		ok = true
		for _, sub := range n.subs {
			ok = add(sub) && ok
		}
		return set, ok
	case pnodeRepeat:
		return set, add(n.subs[0]) && n.min > 0
	}
	return set, false
}
