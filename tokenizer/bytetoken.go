package tokenizer

import (
	"fmt"
	"strings"
)

// Vocabularies of characters spell the bytes of what they lack as tokens of
// their own, <0x00> to <0xFF>.

// byteTokenName is the piece of a byte.
func byteTokenName(b byte) string { return fmt.Sprintf("<0x%02X>", b) }

// appendByteToken appends the byte of a piece <0x00>, or the piece.
func appendByteToken(dst []byte, piece string) []byte {
	if b, ok := byteToken(piece); ok {
		return append(dst, b)
	}
	return append(dst, piece...)
}

// byteToken returns the byte that a piece like <0x0A> stands for.
func byteToken(piece string) (byte, bool) {
	if len(piece) != 6 || !strings.HasPrefix(piece, "<0x") || piece[5] != '>' {
		return 0, false
	}
	hi, lo := fromHex(piece[3]), fromHex(piece[4])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

// fromHex returns the value of a hexadecimal digit, or -1.
func fromHex(b byte) int {
	switch {
	case '0' <= b && b <= '9':
		return int(b - '0')
	case 'a' <= b|0x20 && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}
