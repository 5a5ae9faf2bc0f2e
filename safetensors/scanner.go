package safetensors

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/message"
)

// maxDepth is how deep the values that are skipped may be nested.
const maxDepth = 32

// scanner walks JSON (RFC 8259). encoding/json accepts a key twice, and decodes
// before limits can be checked; this takes the text piece by piece, allocates
// nothing but strings with escapes, and stops at the first fault. From then on
// every read gives zero and moves nothing.
type scanner struct {
	s    string
	at   int
	size uint64 // bytes of the file behind a header
	file string
	err  error

	noun string // what the subject of an error is, with a space behind
	name string
}

func (c *scanner) fail(format string, args ...any) {
	if c.err != nil {
		return
	}
	subject := ""
	if c.noun != "" {
		subject = c.noun + message.Clean(c.name)
	}
	c.err = &Error{File: c.file, Subject: subject, Reason: fmt.Sprintf(format, args...)}
}

// wrong fails because something else than want stands here.
func (c *scanner) wrong(want string) {
	if c.at >= len(c.s) {
		c.fail("the JSON ends at byte %d, want %s", c.at, want)
		return
	}
	got := c.s[c.at:min(c.at+20, len(c.s))]
	if i := strings.IndexAny(got, ",]}: \t\r\n"); i > 0 {
		got = got[:i]
	}
	c.fail("%q at byte %d of the JSON, want %s", got, c.at, want)
}

// peek returns the next byte that is no space, 0 at the end.
func (c *scanner) peek() byte {
	if c.err != nil {
		return 0
	}
	for ; c.at < len(c.s); c.at++ {
		switch b := c.s[c.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// accept steps over b if it is next.
func (c *scanner) accept(b byte) bool {
	if c.peek() != b || c.at >= len(c.s) {
		return false
	}
	c.at++
	return true
}

func (c *scanner) expect(b byte, want string) {
	if !c.accept(b) {
		c.wrong(want)
	}
}

// object reads an object and calls member behind each key's colon.
func (c *scanner) object(member func(key string)) {
	c.expect('{', "an object")
	if c.accept('}') {
		return
	}
	for c.err == nil {
		key := c.text("a name")
		c.expect(':', "a colon")
		if c.err != nil {
			return
		}
		member(key)
		if !c.accept(',') {
			c.expect('}', "a comma or }")
			return
		}
	}
}

// array reads an array and calls element before each element.
func (c *scanner) array(element func()) {
	c.expect('[', "an array")
	if c.accept(']') {
		return
	}
	for c.err == nil {
		element()
		if !c.accept(',') {
			c.expect(']', "a comma or ]")
			return
		}
	}
}

// text reads a string: a part of s, or a copy if it has escapes.
func (c *scanner) text(want string) string {
	if c.peek() != '"' {
		c.wrong(want + " in quotes")
		return ""
	}
	start, escapes := c.at+1, false
	for i := start; i < len(c.s); i++ {
		switch b := c.s[i]; {
		case b == '"':
			raw := c.s[start:i]
			if !utf8.ValidString(raw) {
				c.fail("string at byte %d of the JSON is not UTF-8", start-1)
				return ""
			}
			c.at = i + 1
			if escapes {
				return c.unescape(raw, start)
			}
			return raw
		case b == '\\':
			escapes = true
			i++
		case b < 0x20:
			c.fail("control character %#02x in a string at byte %d of the JSON", b, i)
			return ""
		}
	}
	c.fail("string at byte %d of the JSON has no end", start-1)
	return ""
}

// unescape returns raw, the inside of a string at byte start, without escapes.
func (c *scanner) unescape(raw string, start int) string {
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			continue
		}
		i++
		if i < len(raw) && raw[i] == 'u' {
			r, n := escaped(raw[i-1:])
			if n == 0 {
				c.fail("wrong escape at byte %d of the JSON", start+i-1)
				return ""
			}
			b = utf8.AppendRune(b, r)
			i += n - 2
			continue
		}
		// The pairs of an escape's letter and what it stands for.
		const letters = "\"\"\\\\//b\bf\fn\nr\rt\t"
		p := -1
		if i < len(raw) {
			for k := 0; k < len(letters); k += 2 {
				if letters[k] == raw[i] {
					p = k
				}
			}
		}
		if p < 0 {
			c.fail("wrong escape at byte %d of the JSON", start+i-1)
			return ""
		}
		b = append(b, letters[p+1])
	}
	return string(b)
}

// escaped returns the character of the \u escape that s begins with, or of the two
// that make a surrogate pair, and the bytes it takes; 0 bytes if it is wrong.
func escaped(s string) (rune, int) {
	unit := func(s string) (rune, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		for _, b := range []byte(s[2:6]) { // ParseUint takes signs and underscores
			if !('0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f') {
				return 0, false
			}
		}
		u, err := strconv.ParseUint(s[2:6], 16, 16)
		return rune(u), err == nil
	}
	r, ok := unit(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	low, ok := unit(s[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 12
}

// unsigned reads a number that is an unsigned integer and written as one.
func (c *scanner) unsigned(want string) uint64 {
	c.peek()
	if c.err != nil {
		return 0
	}
	end := c.at
	for end < len(c.s) && '0' <= c.s[end] && c.s[end] <= '9' {
		end++
	}
	digits := c.s[c.at:end]
	more := end < len(c.s) && (c.s[end] == '.' || c.s[end]|0x20 == 'e')
	u, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || more || len(digits) > 1 && digits[0] == '0' {
		c.wrong(want)
		return 0
	}
	c.at = end
	return u
}

// skip steps over any value.
func (c *scanner) skip(depth int) {
	if depth > maxDepth {
		c.fail("values nested deeper than %d", maxDepth)
		return
	}
	switch b := c.peek(); {
	case b == '{':
		c.object(func(string) { c.skip(depth + 1) })
	case b == '[':
		c.array(func() { c.skip(depth + 1) })
	case b == '"':
		c.text("a string")
	case b == '-' || '0' <= b && b <= '9':
		c.number()
	default:
		c.literal()
	}
}

// literal steps over true, false or null.
func (c *scanner) literal() {
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(c.s[c.at:], word) && c.err == nil {
			c.at += len(word)
			return
		}
	}
	c.wrong("a value")
}

// number steps over a number of any form.
func (c *scanner) number() {
	i, s := c.at, c.s
	digits := func() bool {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if s[i] == '-' {
		i++
	}
	first := i
	ok := digits() && (s[first] != '0' || i == first+1)
	if ok && i < len(s) && s[i] == '.' {
		i++
		ok = digits()
	}
	if ok && i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		c.wrong("a number")
		return
	}
	c.at = i
}

// end fails if anything but spaces is left.
func (c *scanner) end() {
	if c.peek() != 0 || c.err == nil && c.at < len(c.s) {
		c.wrong("the end")
	}
}
