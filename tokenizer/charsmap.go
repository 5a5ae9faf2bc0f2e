package tokenizer

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A charsMap is the precompiled normalization table of a SentencePiece model:
// a double array of what to replace, in the layout of darts-clone, and behind
// it the replacements, each ended by a zero byte.
type charsMap struct {
	units []uint32
	texts string
}

// newCharsMap reads a table. An empty one is nil.
func newCharsMap(data []byte) (*charsMap, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: normalization table of %d bytes", ErrDamaged, len(data))
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	if size%4 != 0 || size < 4 || size+4 > uint64(len(data)) {
		return nil, fmt.Errorf("%w: normalization table of %d bytes, got a trie of %d", ErrDamaged, len(data), size)
	}
	m := &charsMap{units: make([]uint32, size/4), texts: string(data[4+size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	for from := 0; from < len(m.texts); {
		n := strings.IndexByte(m.texts[from:], 0)
		if n < 0 || n > maxReplacement {
			return nil, fmt.Errorf("%w: normalization table: the text at %d does not end within %d bytes", ErrDamaged, from, maxReplacement)
		}
		from += n + 1
	}
	return m, nil
}

// maxReplacement is the most bytes that a normalizer may put in place of one
// match, so that a hostile file cannot make a text explode.
const maxReplacement = 256

// maxMapped is the longest text that is replaced as a whole. A damaged table may
// lead round in circles.
const maxMapped = 64

// match finds what the text begins with in the table: its replacement and
// length, of the longest or of the shortest match. The length is 0 if there is
// none.
func (m *charsMap) match(text string, longest bool) (replacement string, n int) {
	at := offsetOf(m.units[0])
	for i := 0; i < min(len(text), maxMapped) && text[i] != 0; i++ {
		at ^= uint32(text[i])
		if at >= uint32(len(m.units)) {
			break
		}
		unit := m.units[at]
		if unit&(1<<31|0xFF) != uint32(text[i]) {
			break
		}
		at ^= offsetOf(unit)
		if at >= uint32(len(m.units)) {
			break
		}
		if unit>>8&1 != 0 {
			if from := m.units[at] & (1<<31 - 1); from < uint32(len(m.texts)) {
				replacement, n = m.texts[from:], i+1
				if !longest {
					break
				}
			}
		}
	}
	if n > 0 {
		replacement = replacement[:strings.IndexByte(replacement, 0)]
	}
	return replacement, n
}

// offsetOf returns the distance of a unit to its children.
func offsetOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// step is the table as tokenizer.json applies it: to each grapheme of less
// than six bytes as a whole, else to its characters, and always by the
// shortest match.
func (m *charsMap) step() normalStep {
	return wholeStep(func(text string, size int) (string, error) {
		var b strings.Builder
		for i := 0; i < len(text); {
			if b.Len() > size {
				return text, ErrTooLong
			}
			n := clusterLen(text, i)
			if n < 6 {
				if with, k := m.match(text[i:i+n], false); k > 0 {
					b.WriteString(with)
					i += n
					continue
				}
			}
			for end := i + n; i < end; {
				k := charLen(text, i)
				if with, found := m.match(text[i:i+k], false); found > 0 {
					b.WriteString(with)
				} else {
					b.WriteString(text[i : i+k])
				}
				i += k
			}
		}
		return b.String(), nil
	})
}

// clusterLen returns the length of the grapheme at text[i]: a character and
// the marks and joiners behind it, or a line end of two. That is all of UAX 29
// that matters for graphemes of less than six bytes, but for Arabic number
// signs.
func clusterLen(text string, i int) int {
	if strings.HasPrefix(text[i:], "\r\n") {
		return 2
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	if unicode.Is(clusterControls, r) {
		return n
	}
	for i+n < len(text) {
		r, k := utf8.DecodeRuneInString(text[i+n:])
		if !extendsCluster(r) {
			break
		}
		n += k
	}
	return n
}

// extendsCluster reports whether a character belongs to the grapheme before it:
// the classes Extend, ZWJ and SpacingMark of UAX 29, table 2.
func extendsCluster(r rune) bool {
	switch {
	case r == 0x0E33, r == 0x0EB3, r == 0x200C, r == 0x200D, r == 0xFF9E, r == 0xFF9F,
		r >= 0x1F3FB && r <= 0x1F3FF, r >= 0xE0020 && r <= 0xE007F:
		return true
	}
	return classOf(r)&classM != 0 && !unicode.Is(loneMarks, r)
}

// clusterControls is the class Control of UAX 29 below U+10000, and loneMarks are
// the marks that table 2 leaves out of SpacingMark.
var (
	clusterControls = &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0, Hi: 0x1F, Stride: 1},
		{Lo: 0x7F, Hi: 0x9F, Stride: 1},
		{Lo: 0xAD, Hi: 0xAD, Stride: 1},
		{Lo: 0x61C, Hi: 0x61C, Stride: 1},
		{Lo: 0x180E, Hi: 0x180E, Stride: 1},
		{Lo: 0x200B, Hi: 0x200B, Stride: 1},
		{Lo: 0x200E, Hi: 0x200F, Stride: 1},
		{Lo: 0x2028, Hi: 0x202E, Stride: 1},
		{Lo: 0x2060, Hi: 0x206F, Stride: 1},
		{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
		{Lo: 0xFFF0, Hi: 0xFFFB, Stride: 1},
	}, LatinOffset: 3}
	loneMarks = &unicode.RangeTable{
		R16: []unicode.Range16{
			{Lo: 0x102B, Hi: 0x102C, Stride: 1},
			{Lo: 0x1038, Hi: 0x1038, Stride: 1},
			{Lo: 0x1062, Hi: 0x1064, Stride: 1},
			{Lo: 0x1067, Hi: 0x106D, Stride: 1},
			{Lo: 0x1083, Hi: 0x1083, Stride: 1},
			{Lo: 0x1087, Hi: 0x108C, Stride: 1},
			{Lo: 0x108F, Hi: 0x108F, Stride: 1},
			{Lo: 0x109A, Hi: 0x109C, Stride: 1},
			{Lo: 0x1A61, Hi: 0x1A61, Stride: 1},
			{Lo: 0x1A63, Hi: 0x1A64, Stride: 1},
			{Lo: 0xAA7B, Hi: 0xAA7D, Stride: 2},
		},
		R32: []unicode.Range32{{Lo: 0x11720, Hi: 0x11721, Stride: 1}},
	}
)
