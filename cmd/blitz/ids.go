package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"github.com/blitz-r1/blitz/internal/fault"
)

// parseIDs appends the ids of a JSON list of token ids to dst.
func parseIDs(dst []int32, text []byte) ([]int32, error) {
	s := idScanner{text: text}
	if !s.take('[') {
		return dst, s.unexpected("a list of token ids")
	}
	if s.take(']') {
		return dst, s.end()
	}
	for {
		id, err := s.id()
		if err != nil {
			return dst, err
		}
		dst = append(dst, id)
		if s.take(']') {
			return dst, s.end()
		}
		if !s.take(',') {
			return dst, s.unexpected("a comma or the end of the list")
		}
	}
}

// idScanner reads a list of ids, byte by byte.
type idScanner struct {
	text []byte
	at   int
}

func (s *idScanner) skipSpace() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// take moves over c, and white space before it, where it is next.
func (s *idScanner) take(c byte) bool {
	s.skipSpace()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *idScanner) unexpected(want string) error {
	if s.at >= len(s.text) {
		return fmt.Errorf("the list breaks off, want %s", want)
	}
	rest := []rune(string(s.text[s.at:min(len(s.text), s.at+16)]))
	return fmt.Errorf("byte %d is %q, want %s", s.at, rest[0], want)
}

func (s *idScanner) end() error {
	if s.skipSpace(); s.at < len(s.text) {
		return s.unexpected("nothing behind the list")
	}
	return nil
}

// id reads an integer as JSON spells it.
func (s *idScanner) id() (int32, error) {
	negative := s.take('-')
	begin := s.at
	var v int64
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		v = min(v*10+int64(s.text[s.at]-'0'), math.MaxInt32+2) // out of range is far enough
		s.at++
	}
	digits := string(s.text[begin:s.at])
	switch {
	case digits == "":
		return 0, s.unexpected("a token id")
	case len(digits) > 1 && digits[0] == '0':
		return 0, fmt.Errorf("byte %d: %q is no JSON number", begin, shorten(digits))
	case s.at < len(s.text) && strings.IndexByte(".eE", s.text[s.at]) >= 0:
		return 0, s.unexpected("a token id, a whole number")
	case negative:
		digits, v = "-"+digits, -v
	}
	if v > math.MaxInt32 || v < math.MinInt32 {
		return 0, fmt.Errorf("%s is no token id", shorten(digits))
	}
	return int32(v), nil
}

// shorten cuts text from a file to a length that a message can hold.
func shorten(text string) string {
	const longest = 60
	if len(text) <= longest {
		return text
	}
	cut := longest
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

// parseIDText reads ids as a person writes them: whole numbers between white space,
// commas or brackets.
func parseIDText(text string) ([]int32, error) {
	var ids []int32
	words := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",[]", r) })
	for _, word := range words {
		id, err := strconv.ParseInt(word, 10, 32)
		if err != nil {
			return nil, fault.Misuse(fmt.Errorf("%q is no token id", shorten(word)))
		}
		ids = append(ids, int32(id))
	}
	return ids, nil
}

// appendIDs appends ids as a JSON list.
func appendIDs(dst []byte, ids []int32) []byte {
	dst = append(dst, '[')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendInt(dst, int64(id), 10)
	}
	return append(dst, ']')
}
