package wire

import (
	"strconv"
	"unicode/utf8"
)

// Bounds of a body beside its size.
const (
	MaxDepth  = 64      // levels of objects and arrays
	MaxFields = 1 << 17 // of an object
)

// scanner walks over JSON text and checks it. Its methods leave pos behind what they
// read; wrong is set by the first thing that is not JSON.
type scanner struct {
	text  []byte
	pos   int
	depth int
	wrong string // "" while all is well
}

func (s *scanner) fail(why string) bool {
	if s.wrong == "" {
		s.wrong = why + " at byte " + strconv.Itoa(s.pos)
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// value reads one value.
func (s *scanner) value() bool {
	switch c := s.peek(); {
	case c == '{':
		return s.object()
	case c == '[':
		return s.array()
	case c == '"':
		_, ok := s.str()
		return ok
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case s.pos >= len(s.text):
		return s.fail("the JSON ends too early")
	}
	return s.fail("not JSON")
}

func (s *scanner) word(w string) bool {
	if len(s.text)-s.pos < len(w) || string(s.text[s.pos:s.pos+len(w)]) != w {
		return s.fail("not JSON")
	}
	s.pos += len(w)
	return true
}

// number reads a number as JSON writes them, which must not be beyond float64.
func (s *scanner) number() bool {
	from := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return false
	}
	if s.peek() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if !s.digits() {
			return false
		}
	}
	if s.pos-from > maxNumber {
		return s.fail("a number of too many digits")
	}
	if _, err := strconv.ParseFloat(string(s.text[from:s.pos]), 64); err != nil {
		return s.fail("a number beyond what can be held")
	}
	return true
}

// maxNumber bounds the digits of a number.
const maxNumber = 400

func (s *scanner) digits() bool {
	from := s.pos
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.pos++
	}
	return s.pos > from || s.fail("a number without digits")
}

// str reads a string and returns where it stands between its quotes.
func (s *scanner) str() (raw []byte, ok bool) {
	s.pos++
	from := s.pos
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case c == '"':
			raw = s.text[from:s.pos]
			s.pos++
			return raw, true
		case c == '\\':
			if !s.escape() {
				return nil, false
			}
		case c < ' ':
			return nil, s.fail("a raw control character in a string")
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, n := utf8.DecodeRune(s.text[s.pos:])
			if r == utf8.RuneError && n == 1 {
				return nil, s.fail("invalid UTF-8")
			}
			s.pos += n
		}
	}
	return nil, s.fail("a string without an end")
}

func (s *scanner) escape() bool {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return true
	case 'u':
		s.pos++
		for range 4 {
			if !isHex(s.peek()) {
				return s.fail(`\u without four hexadecimal digits`)
			}
			s.pos++
		}
		return true
	}
	return s.fail("an unknown escape in a string")
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func (s *scanner) enter() bool {
	s.pos++
	s.depth++
	return s.depth <= MaxDepth || s.fail("more than "+strconv.Itoa(MaxDepth)+" levels of nesting")
}

func (s *scanner) leave() bool {
	s.pos++
	s.depth--
	return true
}

func (s *scanner) array() bool {
	if !s.enter() {
		return false
	}
	s.space()
	if s.peek() == ']' {
		return s.leave()
	}
	for {
		s.space()
		if !s.value() {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			return s.leave()
		default:
			return s.fail("an array without , or ]")
		}
	}
}

func (s *scanner) object() bool {
	if !s.enter() {
		return false
	}
	s.space()
	if s.peek() == '}' {
		return s.leave()
	}
	var keys keySet
	for n := 1; ; n++ {
		key, ok := s.key()
		if !ok || !s.value() {
			return false
		}
		if !keys.add(key) {
			return s.fail("the key " + Quote(key) + " twice in an object")
		}
		if n > MaxFields {
			return s.fail("an object of more than " + strconv.Itoa(MaxFields) + " fields")
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			return s.leave()
		default:
			return s.fail("an object without , or }")
		}
	}
}

// key reads a key, its colon and the space behind it.
func (s *scanner) key() (string, bool) {
	s.space()
	if s.peek() != '"' {
		return "", s.fail("an object without a key")
	}
	raw, ok := s.str()
	if !ok {
		return "", false
	}
	s.space()
	if s.peek() != ':' {
		return "", s.fail("a key without a colon")
	}
	s.pos++
	s.space()
	return unquote(raw), true
}

// keySet is the keys of one object: a list while they are few.
type keySet struct {
	few  []string
	many map[string]struct{}
}

// add says whether the key is new.
func (k *keySet) add(key string) bool {
	const few = 16
	if k.many != nil {
		n := len(k.many)
		k.many[key] = struct{}{}
		return len(k.many) > n
	}
	for _, other := range k.few {
		if other == key {
			return false
		}
	}
	k.few = append(k.few, key)
	if len(k.few) > few {
		k.many = make(map[string]struct{}, 2*few)
		for _, other := range k.few {
			k.many[other] = struct{}{}
		}
	}
	return true
}
