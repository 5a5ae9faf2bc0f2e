package jinja

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds on a JSON document.
const (
	maxJSONBytes  = 64 << 20
	maxJSONValues = 1 << 20
	maxJSONDepth  = 200
)

// ParseJSON reads one JSON value (RFC 8259). Unlike package encoding/json it
// keeps the order of keys and tells integers, of any size, from floats. Of a
// key that comes twice the last value counts, in the place of the first. Half
// of a surrogate pair becomes U+FFFD. Documents over 64 MiB, of more than a
// million values or nested more than 200 levels deep are refused with ErrLimit.
func ParseJSON(text []byte) (Value, error) {
	if len(text) > maxJSONBytes {
		return Value{}, fmt.Errorf("jinja: %w: %d bytes, want at most %d: %w", ErrJSON, len(text), maxJSONBytes, ErrLimit)
	}
	d := decoder{text: string(text)}
	o, err := d.document()
	if err != nil {
		return Value{}, fmt.Errorf("jinja: %w: byte %d: %w", ErrJSON, d.pos, err)
	}
	return Value{o}, nil
}

type decoder struct {
	text   string
	pos    int
	values int
	depth  int
}

func (d *decoder) document() (object, error) {
	o, err := d.value()
	if err != nil {
		return nil, err
	}
	if d.space(); d.pos < len(d.text) {
		return nil, d.unexpected("the end")
	}
	return o, nil
}

func (d *decoder) space() {
	for d.pos < len(d.text) && strings.IndexByte(" \t\n\r", d.text[d.pos]) >= 0 {
		d.pos++
	}
}

func (d *decoder) unexpected(wanted string) error {
	if d.pos >= len(d.text) {
		return fmt.Errorf("got the end, want %s", wanted)
	}
	c, _ := utf8.DecodeRuneInString(d.text[d.pos:])
	return fmt.Errorf("got %q, want %s", c, wanted)
}

// take moves over c, white space before it, and reports whether it was there.
func (d *decoder) take(c byte) bool {
	d.space()
	if d.pos < len(d.text) && d.text[d.pos] == c {
		d.pos++
		return true
	}
	return false
}

func (d *decoder) value() (object, error) {
	d.space()
	if d.values++; d.values > maxJSONValues {
		return nil, fmt.Errorf("more than %d values: %w", maxJSONValues, ErrLimit)
	}
	if d.pos >= len(d.text) {
		return nil, d.unexpected("a value")
	}
	switch c := d.text[d.pos]; {
	case c == '{':
		return d.nested(d.dict)
	case c == '[':
		return d.nested(d.list)
	case c == '"':
		return d.string()
	case c == '-' || isDigit(c):
		return d.number()
	}
	return d.word()
}

func (d *decoder) word() (object, error) {
	rest := d.text[d.pos:]
	switch {
	case strings.HasPrefix(rest, "true"):
		d.pos += 4
		return true, nil
	case strings.HasPrefix(rest, "false"):
		d.pos += 5
		return false, nil
	case strings.HasPrefix(rest, "null"):
		d.pos += 4
		return none, nil
	}
	return nil, d.unexpected("a value")
}

func (d *decoder) nested(read func() (object, error)) (object, error) {
	if d.depth++; d.depth > maxJSONDepth {
		return nil, fmt.Errorf("nested more than %d levels deep: %w", maxJSONDepth, ErrLimit)
	}
	d.pos++
	o, err := read()
	d.depth--
	return o, err
}

func (d *decoder) list() (object, error) {
	l := &list{}
	if d.take(']') {
		return l, nil
	}
	for {
		o, err := d.value()
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, o)
		if d.take(']') {
			return l, nil
		}
		if !d.take(',') {
			return nil, d.unexpected("',' or ']'")
		}
	}
}

func (d *decoder) dict() (object, error) {
	out := &Dict{}
	if d.take('}') {
		return out, nil
	}
	for {
		if d.space(); d.pos >= len(d.text) || d.text[d.pos] != '"' {
			return nil, d.unexpected("a key in quotes")
		}
		k, err := d.string()
		if err != nil {
			return nil, err
		}
		if !d.take(':') {
			return nil, d.unexpected("':'")
		}
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		out.setText(k.(string), v)
		if d.take('}') {
			return out, nil
		}
		if !d.take(',') {
			return nil, d.unexpected("',' or '}'")
		}
	}
}

func (d *decoder) number() (object, error) {
	start := d.pos
	d.skip("-")
	switch {
	case d.skip("0"):
	case d.digits():
	default:
		return nil, d.unexpected("a digit")
	}
	float := d.skip(".")
	if float && !d.digits() {
		return nil, d.unexpected("a digit")
	}
	if d.skip("e") || d.skip("E") {
		float = true
		_ = d.skip("+") || d.skip("-")
		if !d.digits() {
			return nil, d.unexpected("a digit")
		}
	}
	text := d.text[start:d.pos]
	if float {
		f, _ := strconv.ParseFloat(text, 64) // too large is infinite, as in Python
		return f, nil
	}
	if len(text) > maxDigits {
		return nil, fmt.Errorf("an integer of %d digits, want at most %d: %w", len(text), maxDigits, ErrLimit)
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	i, _ := new(big.Int).SetString(text, 10)
	return i, nil
}

func (d *decoder) skip(c string) bool {
	if strings.HasPrefix(d.text[d.pos:], c) {
		d.pos++
		return true
	}
	return false
}

func (d *decoder) digits() bool {
	start := d.pos
	for d.pos < len(d.text) && isDigit(d.text[d.pos]) {
		d.pos++
	}
	return d.pos > start
}

// string reads a string. One without escapes is a part of the document.
func (d *decoder) string() (object, error) {
	d.pos++
	var b []byte
	start := d.pos
	for d.pos < len(d.text) {
		switch c := d.text[d.pos]; {
		case c == '"':
			s := d.text[start:d.pos]
			if b != nil {
				s = string(append(b, s...))
			} else {
				s = strings.Clone(s) // the document may be large and short of life
			}
			if !utf8.ValidString(s) {
				return nil, fmt.Errorf("the string that ends here is not UTF-8")
			}
			d.pos++
			return s, nil
		case c < ' ':
			return nil, fmt.Errorf("control character %#02x in a string", c)
		case c == '\\':
			b = append(b, d.text[start:d.pos]...)
			var err error
			if b, err = d.escape(b); err != nil {
				return nil, err
			}
			start = d.pos
		default:
			d.pos++
		}
	}
	return nil, d.unexpected("the end of a string")
}

// escape appends what an escape stands for.
func (d *decoder) escape(b []byte) ([]byte, error) {
	if b == nil {
		b = []byte{}
	}
	d.pos++
	if d.pos >= len(d.text) {
		return nil, d.unexpected("an escape")
	}
	if i := strings.IndexByte(`"\/bfnrt`, d.text[d.pos]); i >= 0 {
		d.pos++
		return append(b, "\"\\/\b\f\n\r\t"[i]), nil
	}
	if d.text[d.pos] != 'u' {
		return nil, d.unexpected("an escape")
	}
	c, ok := d.hex4(d.pos + 1)
	if !ok {
		return nil, fmt.Errorf("\\u without four hexadecimal digits")
	}
	d.pos += 5
	if utf16.IsSurrogate(c) && strings.HasPrefix(d.text[d.pos:], `\u`) {
		if low, ok := d.hex4(d.pos + 2); ok {
			if both := utf16.DecodeRune(c, low); both != utf8.RuneError {
				d.pos += 6
				c = both
			}
		}
	}
	return utf8.AppendRune(b, c), nil
}

func (d *decoder) hex4(at int) (rune, bool) {
	if at+4 > len(d.text) {
		return 0, false
	}
	v := rune(0)
	for _, c := range []byte(d.text[at : at+4]) {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, false
		}
		v = v<<4 | rune(i)
	}
	return v, true
}
