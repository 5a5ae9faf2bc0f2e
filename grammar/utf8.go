package grammar

import "unicode/utf8"

// byteRange is the bytes from lo to hi, both included.
type byteRange struct{ lo, hi byte }

// eachSequence calls f with the rows of byte ranges that together are the UTF-8 of the
// characters from lo to hi, none of which is a surrogate. f does not keep the row.
func eachSequence(lo, hi rune, f func(row []byteRange)) {
	for _, end := range []rune{0x7F, 0x7FF, 0xFFFF} { // characters of one length
		if lo <= end && end < hi {
			eachSequence(lo, end, f)
			eachSequence(end+1, hi, f)
			return
		}
	}
	var a, b [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	for i := 1; i < n; i++ { // whole blocks of what the last i bytes can say
		block := rune(1)<<(6*i) - 1
		switch {
		case lo&^block == hi&^block:
		case lo&block != 0:
			eachSequence(lo, lo|block, f)
			eachSequence((lo|block)+1, hi, f)
			return
		case hi&block != block:
			eachSequence(lo, (hi&^block)-1, f)
			eachSequence(hi&^block, hi, f)
			return
		}
	}
	utf8.EncodeRune(b[:], hi)
	var row [utf8.UTFMax]byteRange
	for i := range n {
		row[i] = byteRange{a[i], b[i]}
	}
	f(row[:n])
}
