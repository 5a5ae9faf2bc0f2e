package tokenizer

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonScan walks through JSON text without building values of it: the
// vocabulary and the merges of a tokenizer.json are tens of megabytes.
type jsonScan struct {
	data []byte
	pos  int
	buf  []byte // the last string that had escapes
}

const maxJSONDepth = 64

func (s *jsonScan) fail(want string) error {
	got := "the end"
	if s.pos < len(s.data) {
		got = strconv.QuoteRune(rune(s.data[s.pos]))
	}
	return fmt.Errorf("%w: byte %d: got %s, want %s", ErrDamaged, s.pos, got, want)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *jsonScan) peek() byte {
	for s.pos < len(s.data) {
		switch b := s.data[s.pos]; b {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return b
		}
	}
	return 0
}

// expect skips white space and one byte, which must be b.
func (s *jsonScan) expect(b byte) error {
	if s.peek() != b {
		return s.fail(strconv.QuoteRune(rune(b)))
	}
	s.pos++
	return nil
}

// list walks through what stands between two brackets, separated by commas.
func (s *jsonScan) list(open, end byte, item func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if s.peek() == end {
		s.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.pos++
			continue
		}
		return s.expect(end)
	}
}

// array calls item at each value of an array; item reads it.
func (s *jsonScan) array(item func() error) error { return s.list('[', ']', item) }

// object calls member at each value of an object; member reads it. The key is
// valid until then.
func (s *jsonScan) object(member func(key []byte) error) error {
	return s.list('{', '}', func() error {
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// str reads a string. What it returns is valid until the next string.
func (s *jsonScan) str() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("a string")
	}
	s.pos++
	from := s.pos
	for s.pos < len(s.data) {
		switch b := s.data[s.pos]; {
		case b == '"':
			s.pos++
			return s.data[from : s.pos-1], nil
		case b == '\\':
			return s.escaped(from)
		case b < ' ':
			return nil, s.fail("no control character in a string")
		}
		s.pos++
	}
	return nil, s.fail("the end of a string")
}

// escaped reads the rest of a string that began at from and has an escape at
// the current place.
func (s *jsonScan) escaped(from int) ([]byte, error) {
	s.buf = append(s.buf[:0], s.data[from:s.pos]...)
	for s.pos < len(s.data) {
		b := s.data[s.pos]
		s.pos++
		switch {
		case b == '"':
			return s.buf, nil
		case b < ' ':
			s.pos--
			return nil, s.fail("no control character in a string")
		case b != '\\':
			s.buf = append(s.buf, b)
			continue
		}
		if s.pos == len(s.data) {
			break
		}
		c := s.data[s.pos]
		s.pos++
		if c == 'u' {
			r, err := s.hexRune()
			if err != nil {
				return nil, err
			}
			s.buf = utf8.AppendRune(s.buf, r)
			continue
		}
		k := bytes.IndexByte([]byte(`"\/bfnrt`), c)
		if k < 0 {
			s.pos--
			return nil, s.fail("an escape")
		}
		s.buf = append(s.buf, "\"\\/\b\f\n\r\t"[k])
	}
	return nil, s.fail("the end of a string")
}

// hexRune reads the digits of \u, and the second half of a surrogate pair.
func (s *jsonScan) hexRune() (rune, error) {
	unit := func() (rune, bool) {
		if s.pos+4 > len(s.data) {
			return 0, false
		}
		v, err := strconv.ParseUint(string(s.data[s.pos:s.pos+4]), 16, 16)
		s.pos += 4
		return rune(v), err == nil
	}
	r, ok := unit()
	if ok && utf16.IsSurrogate(r) {
		if ok = bytes.HasPrefix(s.data[s.pos:], []byte(`\u`)); ok {
			s.pos += 2
			var low rune
			low, ok = unit()
			r = utf16.DecodeRune(r, low)
			ok = ok && r != utf8.RuneError
		}
	}
	if !ok {
		return 0, fmt.Errorf("%w: byte %d: got a broken \\u escape", ErrDamaged, s.pos)
	}
	return r, nil
}

// integer reads a whole number.
func (s *jsonScan) integer() (int64, error) {
	s.peek()
	from := s.pos
	for s.pos < len(s.data) && (s.data[s.pos] == '-' || '0' <= s.data[s.pos] && s.data[s.pos] <= '9') {
		s.pos++
	}
	v, err := strconv.ParseInt(string(s.data[from:s.pos]), 10, 64)
	if err != nil {
		s.pos = from
		return 0, s.fail("a whole number")
	}
	return v, nil
}

// number reads a number.
func (s *jsonScan) number() (float64, error) {
	s.peek()
	from := s.pos
	for s.pos < len(s.data) && bytes.IndexByte([]byte("+-.eE0123456789"), s.data[s.pos]) >= 0 {
		s.pos++
	}
	text := string(s.data[from:s.pos])
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		s.pos = from
		return 0, s.fail("a number")
	}
	return roundTwice(text, v), nil
}

// roundTwice returns the number that a text spells, v if rounded once, as the
// reference reads it: it rounds the digits, then what a power of ten makes of
// them. Of equally good cuts of a text, the last bits of the scores decide.
func roundTwice(text string, v float64) float64 {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(text, "-")), "e")
	power, _ := strconv.Atoi(exponent)
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, err := strconv.ParseUint(whole, 10, 64)
	for i := 0; err == nil && i < len(fraction); i++ {
		high, low := bits.Mul64(digits, 10)
		low, carry := bits.Add64(low, uint64(fraction[i]-'0'), 0)
		if high+carry > 0 {
			break // further digits do not count
		}
		digits, power = low, power-1
	}
	if err != nil || power < -300 || power > 300 {
		return v
	}
	return math.Copysign(float64(digits)*math.Pow10(max(power, 0))/math.Pow10(max(-power, 0)), v)
}

// raw skips a value and returns its text.
func (s *jsonScan) raw() ([]byte, error) {
	s.peek()
	from := s.pos
	if err := s.skip(0); err != nil {
		return nil, err
	}
	return s.data[from:s.pos], nil
}

// skip skips a value.
func (s *jsonScan) skip(depth int) error {
	if depth > maxJSONDepth {
		return fmt.Errorf("%w: byte %d: more than %d nested values", ErrDamaged, s.pos, maxJSONDepth)
	}
	switch s.peek() {
	case '{':
		return s.list('{', '}', func() error {
			if err := s.skipString(); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
			return s.skip(depth + 1)
		})
	case '[':
		return s.list('[', ']', func() error { return s.skip(depth + 1) })
	case '"':
		return s.skipString()
	}
	from := s.pos
	for s.pos < len(s.data) && bytes.IndexByte([]byte("+-.0123456789abcdefghijklmnopqrstuvwxyzEIN"), s.data[s.pos]) >= 0 {
		s.pos++
	}
	switch word := s.data[from:s.pos]; {
	case len(word) > 0 && (word[0] == '-' || '0' <= word[0] && word[0] <= '9'):
	case string(word) == "true", string(word) == "false", string(word) == "null":
	case string(word) == "NaN", string(word) == "Infinity": // no JSON, but Python writes it
	default:
		s.pos = from
		return s.fail("a value")
	}
	return nil
}

// skipString skips a string.
func (s *jsonScan) skipString() error {
	if s.peek() != '"' {
		return s.fail("a string")
	}
	for i := s.pos + 1; i < len(s.data); i++ {
		switch s.data[i] {
		case '"':
			s.pos = i + 1
			return nil
		case '\\':
			i++
		}
	}
	s.pos = len(s.data)
	return s.fail("the end of a string")
}
