package tokenizer

import "unicode/utf8"

// Byte-level vocabularies spell each byte as a printable character: the bytes
// that are printable in Latin-1 as themselves, the others as U+0100 and up, in
// order (Radford et al. 2019, encoder.py). In memory such vocabularies hold
// the bytes themselves.
var (
	byteRunes [256]rune
	runeBytes [0x144]int16 // -1: no byte
)

func init() {
	for i := range runeBytes {
		runeBytes[i] = -1
	}
	next := rune(0x100)
	for b := range 256 {
		r := rune(b)
		if b < '!' || '~' < b && b < 0xA1 || b == 0xAD {
			r = next
			next++
		}
		byteRunes[b] = r
		runeBytes[r] = int16(b)
	}
}

// appendSpelled appends the byte-level spelling of raw bytes.
func appendSpelled[T string | []byte](dst []byte, raw T) []byte {
	for i := range len(raw) {
		dst = utf8.AppendRune(dst, byteRunes[raw[i]])
	}
	return dst
}

// appendUnspelled appends the bytes that a byte-level piece spells; false if
// it holds a character that spells no byte.
func appendUnspelled[T string | []byte](dst []byte, piece T) ([]byte, bool) {
	n := len(dst)
	for i := 0; i < len(piece); i++ {
		b := piece[i]
		if b < utf8.RuneSelf {
			if runeBytes[b] < 0 {
				return dst[:n], false
			}
			dst = append(dst, b)
			continue
		}
		// All others are two bytes of UTF-8.
		if b&0xE0 != 0xC0 || i+1 >= len(piece) || piece[i+1]&0xC0 != 0x80 {
			return dst[:n], false
		}
		i++
		r := rune(b&0x1F)<<6 | rune(piece[i]&0x3F)
		if int(r) >= len(runeBytes) || runeBytes[r] < 0 {
			return dst[:n], false
		}
		dst = append(dst, byte(runeBytes[r]))
	}
	return dst, true
}
