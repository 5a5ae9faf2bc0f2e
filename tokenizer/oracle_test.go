package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dlclark/regexp2/v2"
)

// This file holds the engine of patterns to another one: its patterns are
// translated and run there, in the same tests.

// An oracle finds the matches of a pattern by the other engine.
type oracle struct{ re *regexp2.Regexp }

func newOracle(pattern string) (*oracle, error) {
	translated, err := translate(pattern)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(translated, regexp2.OptionMaxBacktrackingStackSize(4<<20))
	if err != nil {
		return nil, fmt.Errorf("pattern %.60q: %w: %w", pattern, ErrDamaged, err)
	}
	re.MatchTimeout = time.Minute // no pattern of the tests needs it
	return &oracle{re}, nil
}

func (o *oracle) find(dst []span, text string, s span, _ *bounds) ([]span, error) {
	runes := []rune(s.of(text))
	at, offset := 0, int(s.start) // rune and byte index of the same place
	seek := func(k int) int32 {
		for ; at < k; at++ {
			offset += utf8.RuneLen(runes[at])
		}
		return int32(offset)
	}
	err := o.re.FindRunesMatches(runes, 0, func(m regexp2.MatchView) bool {
		index, n, _ := m.GroupRange(0)
		start := seek(index)
		dst = append(dst, span{start, seek(index + n)})
		return true
	})
	return dst, err
}

// String writes a set as a class of the other engine.
func (s *codeSet) String() string {
	var b strings.Builder
	b.WriteString("[")
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
			r++
		}
		if lo == r {
			fmt.Fprintf(&b, `\x{%x}`, lo)
		} else {
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, lo, r)
		}
	}
	if b.Len() == 1 {
		return "(?!)" // matches nothing
	}
	b.WriteString("]")
	return b.String()
}

// translate rewrites a pattern from the syntax of tokenizer.json files, which
// is Ruby's, into that of the engine. Character classes become lists of code
// points, so that they mean what they mean in Unicode 16; (?i) is written out
// by simple case folding; ^ and $ are the ends of lines; a++ is possessive and
// a{1,3}+ a repetition of a repetition. What has no translation is refused.
func translate(pattern string) (string, error) {
	if len(pattern) > maxPatternLength {
		return "", fmt.Errorf("pattern of %d bytes: %w: want at most %d", len(pattern), ErrUnsupported, maxPatternLength)
	}
	t := translation{rest: pattern, atom: -1}
	for t.rest != "" {
		if err := t.step(); err != nil {
			return "", fmt.Errorf("pattern %.60q: %w", pattern, err)
		}
		if len(t.out) > maxTranslation {
			return "", fmt.Errorf("pattern %.60q: %w: its classes are too large", pattern, ErrUnsupported)
		}
	}
	if len(t.groups) > 0 {
		return "", fmt.Errorf("pattern %.60q: %w: a group is not closed", pattern, ErrDamaged)
	}
	return string(t.out), nil
}

const maxTranslation = 4 << 20 // bytes of a translated pattern

// A translation is a pattern on its way.
type translation struct {
	rest    string
	out     []byte
	classes int
	atom    int // where in out the thing that a quantifier would repeat begins; -1: nothing
	fold    bool
	dotAll  bool
	groups  []translationGroup
}

// A translationGroup is an open group: where it began, and the options outside.
type translationGroup struct {
	atom         int
	fold, dotAll bool
}

func (t *translation) step() error {
	switch t.rest[0] {
	case '(':
		return t.open()
	case ')':
		if len(t.groups) == 0 {
			return fmt.Errorf("%w: a closing parenthesis without its opening", ErrDamaged)
		}
		g := t.groups[len(t.groups)-1]
		t.groups = t.groups[:len(t.groups)-1]
		t.atom, t.fold, t.dotAll = g.atom, g.fold, g.dotAll
		t.copy(1)
	case '|':
		t.atom = -1
		t.copy(1)
	case '*', '+', '?':
		return t.quantify(t.rest[:1], false)
	case '{':
		if q := interval(t.rest); q != "" {
			return t.quantify(q, true)
		}
		t.literal('{', 1)
	case '^':
		t.emit(1, `(?<=\A|\n)`)
	case '$':
		t.emit(1, `(?=\n|\z)`)
	case '.':
		if t.dotAll {
			t.emit(1, `[\s\S]`)
		} else {
			t.emit(1, `[^\n]`)
		}
	case '[':
		c, rest, err := parseClass(t.rest, 0)
		if err != nil {
			return err
		}
		t.rest = rest
		return t.class(c)
	case '\\':
		return t.escape()
	default:
		r, n := utf8.DecodeRuneInString(t.rest)
		t.literal(r, n)
	}
	return nil
}

// copy moves n bytes as they are.
func (t *translation) copy(n int) {
	t.out = append(t.out, t.rest[:n]...)
	t.rest = t.rest[n:]
}

// emit writes s as one atom in place of n bytes.
func (t *translation) emit(n int, s string) {
	t.atom = len(t.out)
	t.out = append(t.out, s...)
	t.rest = t.rest[n:]
}

// literal writes a character that took n bytes, with its case variants if
// case is ignored.
func (t *translation) literal(r rune, n int) {
	s := fmt.Sprintf(`\x{%x}`, r)
	if t.fold && unicode.SimpleFold(r) != r {
		s = "[" + s
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			s += fmt.Sprintf(`\x{%x}`, f)
		}
		s += "]"
	}
	t.emit(n, s)
}

// class writes a character class as its ranges.
func (t *translation) class(c *codeSet) error {
	if t.classes++; t.classes > maxClasses {
		return fmt.Errorf("%w: more than %d character classes", ErrUnsupported, maxClasses)
	}
	if t.fold {
		c.foldCase()
	}
	t.emit(0, c.String())
	return nil
}

// open begins a group.
func (t *translation) open() error {
	if len(t.groups) >= maxGroups {
		return fmt.Errorf("%w: more than %d nested groups", ErrUnsupported, maxGroups)
	}
	g := translationGroup{len(t.out), t.fold, t.dotAll}
	for _, head := range []string{"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"} {
		if strings.HasPrefix(t.rest, head) {
			t.copy(len(head))
			t.groups, t.atom = append(t.groups, g), -1
			return nil
		}
	}
	if !strings.HasPrefix(t.rest, "(?") {
		// Groups are numbered by the engine as in the pattern, since none is
		// added with a number.
		t.copy(1)
		t.groups, t.atom = append(t.groups, g), -1
		return nil
	}
	on := true
	for i := 2; i < len(t.rest); i++ {
		switch t.rest[i] {
		case 'i':
			t.fold = on
		case 'm':
			t.dotAll = on
		case '-':
			on = false
		case ':':
			t.rest = t.rest[i+1:]
			t.out = append(t.out, "(?:"...)
			t.groups, t.atom = append(t.groups, g), -1
			return nil
		case ')':
			t.rest = t.rest[i+1:]
			t.atom = -1
			return nil
		default:
			return fmt.Errorf("%w: group %.8q", ErrUnsupported, t.rest)
		}
	}
	return fmt.Errorf("%w: a group is not closed", ErrDamaged)
}

// quantify repeats the last atom.
func (t *translation) quantify(q string, counted bool) error {
	if t.atom < 0 {
		return fmt.Errorf("%w: nothing to repeat before %.8q", ErrDamaged, t.rest)
	}
	t.rest = t.rest[len(q):]
	if strings.HasPrefix(q, "{,") {
		q = "{0" + q[1:]
	}
	lazy := strings.HasPrefix(t.rest, "?")
	possessive := strings.HasPrefix(t.rest, "+")
	head := "(?:"
	switch {
	case lazy && counted && !strings.Contains(q, ","):
		return fmt.Errorf("%w: %s?", ErrUnsupported, q)
	case lazy:
		q += "?"
		t.rest = t.rest[1:]
	case possessive && !counted:
		head = "(?>"
		t.rest = t.rest[1:]
	}
	t.out = append(slices.Insert(t.out, t.atom, []byte(head)...), q+")"...)
	return nil
}

// escape translates what begins with a backslash.
func (t *translation) escape() error {
	if len(t.rest) < 2 {
		return fmt.Errorf("%w: a backslash at the end", ErrDamaged)
	}
	switch b := t.rest[1]; {
	case strings.IndexByte("sSdDwWhHpP", b) >= 0:
		c, rest, err := parseClassMember(t.rest, false)
		if err != nil {
			return err
		}
		t.rest = rest
		return t.class(c)
	case b == 'A' || b == 'z':
		t.emit(2, t.rest[:2])
	case b == 'Z':
		t.emit(2, `(?=\n?\z)`)
	case b == 'b' || b == 'B':
		w := new(codeSet).addWord(false).String()
		s := "(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))"
		if b == 'B' {
			s = "(?!" + s + ")"
		}
		t.emit(2, s)
	case '1' <= b && b <= '9':
		t.emit(2, `(?:\`+string(b)+")")
	default:
		r, rest, ok := parseChar(t.rest)
		if !ok {
			return fmt.Errorf("%w: %.2q", ErrUnsupported, t.rest)
		}
		t.literal(r, len(t.rest)-len(rest))
	}
	return nil
}
