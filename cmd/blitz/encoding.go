package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/fault"
)

// The marks that say in which encoding a text follows; they are no part of it.
var (
	markUTF8    = []byte("\xef\xbb\xbf")
	markUTF16LE = []byte{0xff, 0xfe}
	markUTF16BE = []byte{0xfe, 0xff}
	markUTF32LE = []byte{0xff, 0xfe, 0, 0}
	markUTF32BE = []byte{0, 0, 0xfe, 0xff}
)

// hintEncoding says how a text gets into an encoding that is read.
const hintEncoding = "iconv -f ENCODING -t UTF-8 turns a text into UTF-8; a model is given UTF-8, or UTF-16 that begins with its mark"

// decodeText returns the text of a file or an input, which name calls: UTF-8, with or
// without a byte order mark, or UTF-16 of either order with one. Any other encoding
// is refused, as its letters would be guessed.
func decodeText(b []byte, name string) (string, error) {
	refuse := func(format string, args ...any) error {
		return fault.WithHint(fault.Refusal(fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))), hintEncoding)
	}
	switch {
	case bytes.HasPrefix(b, markUTF32LE) && len(b)%4 == 0, bytes.HasPrefix(b, markUTF32BE):
		return "", refuse("the text is UTF-32, want UTF-8")
	case bytes.HasPrefix(b, markUTF16LE):
		return decodeUTF16(b[2:], binary.LittleEndian, refuse)
	case bytes.HasPrefix(b, markUTF16BE):
		return decodeUTF16(b[2:], binary.BigEndian, refuse)
	}
	b = bytes.TrimPrefix(b, markUTF8)
	if at := wrongUTF8(b); at >= 0 {
		return "", refuse("byte %d is %#02x, which is no UTF-8", at, b[at])
	}
	if looksUTF16(b) {
		return "", refuse("the text looks like UTF-16 without its byte order mark")
	}
	return string(b), nil
}

// decodeUTF16 decodes what stands behind a mark. Halves of surrogate pairs that stand
// alone are refused: they are no characters.
func decodeUTF16(b []byte, order binary.ByteOrder, refuse func(string, ...any) error) (string, error) {
	if len(b)%2 != 0 {
		return "", refuse("the text is UTF-16 and ends inside a character")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	for i := 0; i < len(units); i++ {
		switch r := rune(units[i]); {
		case !utf16.IsSurrogate(r):
		case i+1 < len(units) && utf16.DecodeRune(r, rune(units[i+1])) != utf8.RuneError:
			i++
		default:
			return "", refuse("the text is UTF-16 and has half of a character at byte %d", 2+2*i)
		}
	}
	return string(utf16.Decode(units)), nil
}

// wrongUTF8 returns the place of the first byte that is no UTF-8, -1 where all is.
func wrongUTF8(b []byte) int {
	for at := 0; at < len(b); {
		r, size := utf8.DecodeRune(b[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// looksUTF16 says whether at least every fourth byte of a text is zero, all in even or
// all in odd places, as in UTF-16 of European languages.
func looksUTF16(b []byte) bool {
	var zero [2]int
	for i, c := range b {
		if c == 0 {
			zero[i%2]++
		}
	}
	return min(zero[0], zero[1]) == 0 && zero[0]+zero[1] > 0 && (zero[0]+zero[1])*4 >= len(b)
}
