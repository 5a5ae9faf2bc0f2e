package grammar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxSchemaDepth  = 10_000  // of values in one another
	maxSchemaValues = 400_000 // of all kinds, in one document
)

// kind is the JSON type of a value.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// value is one JSON value of a schema's document. Members keep their order, numbers
// their digits.
type value struct {
	kind  kind
	truth bool
	text  string         // of a string, decoded; of a number, as it is written
	names []string       // of an object's members
	subs  []*value       // an array's items, an object's members
	index map[string]int // of names, where they are many
	up    *value         // what it is in
	place string         // its name or index there
}

// member returns a member of an object, or nil.
func (v *value) member(name string) *value {
	if v.index != nil {
		if i, ok := v.index[name]; ok {
			return v.subs[i]
		}
		return nil
	}
	if i := slices.Index(v.names, name); i >= 0 {
		return v.subs[i]
	}
	return nil
}

// pointer names a value by its place, as a JSON Pointer in a fragment.
func (v *value) pointer() string {
	var steps []string
	for ; v.up != nil; v = v.up {
		step := strings.ReplaceAll(strings.ReplaceAll(v.place, "~", "~0"), "/", "~1")
		if steps = append(steps, clip(step)); len(steps) > 40 {
			steps = append(steps, "…")
			break
		}
	}
	out := "#"
	for i := len(steps) - 1; i >= 0; i-- {
		out += "/" + steps[i]
	}
	return out
}

// clip shortens what is said of a text from outside.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// reader reads JSON strictly: UTF-8, no name twice in an object, no number that is none.
type reader struct {
	src    string
	at     int
	values int
}

// readValue reads one JSON document.
func readValue(src []byte) (*value, error) {
	if !utf8.Valid(src) {
		return nil, fmt.Errorf("grammar: schema: %w: it is not UTF-8", ErrSyntax)
	}
	r := &reader{src: string(src)}
	v, err := r.value(nil, "", 0)
	if err == nil {
		if r.space(); r.at < len(r.src) {
			err = r.wrong("the end")
		}
	}
	return v, err
}

func (r *reader) wrong(want string) error {
	got := "the end"
	if r.at < len(r.src) {
		c, _ := utf8.DecodeRuneInString(r.src[r.at:])
		got = strconv.QuoteRune(c)
	}
	return fmt.Errorf("grammar: schema: %w: byte %d is %s, want %s", ErrSyntax, r.at, got, want)
}

func (r *reader) space() {
	for r.at < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.at]) >= 0 {
		r.at++
	}
}

// next skips space and takes a byte if it is there.
func (r *reader) next(c byte) bool {
	if r.space(); r.at < len(r.src) && r.src[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) value(up *value, place string, depth int) (*value, error) {
	if r.values++; depth > maxSchemaDepth || r.values > maxSchemaValues {
		return nil, fmt.Errorf("grammar: schema: %w: over %d values or %d levels", ErrTooLarge, maxSchemaValues, maxSchemaDepth)
	}
	v := &value{up: up, place: place}
	r.space()
	if r.at == len(r.src) {
		return nil, r.wrong("a value")
	}
	var err error
	switch c := r.src[r.at]; {
	case c == '{':
		v.kind = kindObject
		r.at++
		err = r.object(v, depth)
	case c == '[':
		v.kind = kindArray
		r.at++
		err = r.array(v, depth)
	case c == '"':
		v.kind = kindString
		v.text, err = r.str()
	case c == '-' || c >= '0' && c <= '9':
		v.kind = kindNumber
		v.text, err = r.number()
	default:
		err = r.word(v)
	}
	return v, err
}

func (r *reader) word(v *value) error {
	for word, k := range map[string]kind{"null": kindNull, "true": kindBool, "false": kindBool} {
		if strings.HasPrefix(r.src[r.at:], word) {
			v.kind, v.truth = k, word == "true"
			r.at += len(word)
			return nil
		}
	}
	return r.wrong("a value")
}

func (r *reader) object(v *value, depth int) error {
	seen := map[string]int{}
	for first := true; !r.next('}'); first = false {
		if !first && !r.next(',') {
			return r.wrong("',' or '}'")
		}
		if r.space(); r.at == len(r.src) || r.src[r.at] != '"' {
			return r.wrong("a name")
		}
		name, err := r.str()
		if err != nil {
			return err
		}
		if _, ok := seen[name]; ok {
			return fmt.Errorf("grammar: schema: %w: %s: the name %q comes twice", ErrSyntax, v.pointer(), clip(name))
		}
		seen[name] = len(v.names)
		if !r.next(':') {
			return r.wrong("':'")
		}
		sub, err := r.value(v, name, depth+1)
		if err != nil {
			return err
		}
		v.names, v.subs = append(v.names, name), append(v.subs, sub)
	}
	if len(seen) > 16 {
		v.index = seen
	}
	return nil
}

func (r *reader) array(v *value, depth int) error {
	for !r.next(']') {
		if len(v.subs) > 0 && !r.next(',') {
			return r.wrong("',' or ']'")
		}
		sub, err := r.value(v, strconv.Itoa(len(v.subs)), depth+1)
		if err != nil {
			return err
		}
		v.subs = append(v.subs, sub)
	}
	return nil
}

// number takes a number by JSON's own grammar.
func (r *reader) number() (string, error) {
	from := r.at
	digits := func() bool {
		start := r.at
		for r.at < len(r.src) && r.src[r.at] >= '0' && r.src[r.at] <= '9' {
			r.at++
		}
		return r.at > start
	}
	is := func(set string) bool {
		if r.at < len(r.src) && strings.IndexByte(set, r.src[r.at]) >= 0 {
			r.at++
			return true
		}
		return false
	}
	is("-")
	if !is("0") && !digits() || is(".") && !digits() {
		return "", r.wrong("a digit")
	}
	if is("eE") {
		if is("+-"); !digits() {
			return "", r.wrong("a digit")
		}
	}
	return r.src[from:r.at], nil
}

// str takes a string in quotes and decodes it.
func (r *reader) str() (string, error) {
	r.at++
	var b strings.Builder
	for from := r.at; ; {
		if r.at == len(r.src) || r.src[r.at] < ' ' {
			return "", r.wrong("the end of a string")
		}
		switch r.src[r.at] {
		case '"':
			b.WriteString(r.src[from:r.at])
			r.at++
			return b.String(), nil
		case '\\':
			b.WriteString(r.src[from:r.at])
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(c)
			from = r.at
		default:
			r.at++
		}
	}
}

func (r *reader) escape() (rune, error) {
	if r.at++; r.at == len(r.src) {
		return 0, r.wrong("an escape")
	}
	c := r.src[r.at]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		r.at++
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	if c != 'u' {
		return 0, r.wrong("an escape")
	}
	hi, ok := r.hex()
	if !ok {
		return 0, r.wrong("four hexadecimal digits")
	}
	if hi < 0xD800 || hi > 0xDFFF {
		return hi, nil
	}
	if strings.HasPrefix(r.src[r.at:], `\u`) && hi < 0xDC00 {
		r.at++
		if lo, ok := r.hex(); ok && lo >= 0xDC00 && lo <= 0xDFFF {
			return 0x10000 + (hi-0xD800)<<10 + lo - 0xDC00, nil
		}
	}
	return 0, r.wrong("a pair of surrogates")
}

// hex takes a u and four digits.
func (r *reader) hex() (rune, bool) {
	if len(r.src)-r.at < 5 {
		return 0, false
	}
	n, err := strconv.ParseUint(r.src[r.at+1:r.at+5], 16, 32)
	if err != nil || r.src[r.at+1] == '+' {
		return 0, false
	}
	r.at += 5
	return rune(n), true
}
