package pdf

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	xencoding "golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// maxWidths bounds the widths that a font lists.
const maxWidths = 1 << 17

// font is what the strings that a font draws say, and how wide they are.
type font struct {
	composite bool
	letters   *encoding          // of a simple font
	toText    *cmap              // nil: the file has none
	codes     *cmap              // of a composite font: lengths of codes, numbers of glyphs
	charset   xencoding.Encoding // of a composite font whose codes are those of a character set
	utf16     bool               // or of UTF-16
	widths    map[int]float64    // in thousandths of the size; by code, or by glyph's number
	width     float64            // of all others
	scale     float64            // of widths: 1/1000, else that of a Type 3 font
}

// glyph is one code of a string.
type glyph struct {
	text  string
	width float64 // by the size of the font
	blank bool    // the code 32 of one byte, which word spacing is for
}

// font reads a font's dictionary.
func (f *file) font(d dict) *font {
	t := &font{widths: map[int]float64{}, width: 500, scale: 0.001}
	if s, ok := f.resolve(d["ToUnicode"]).(*stream); ok {
		if text, err := f.decode(s); err == nil {
			t.toText = parseCmap(text)
		}
	}
	subtype, _ := f.resolve(d["Subtype"]).(name)
	if subtype == "Type0" {
		f.compositeFont(t, d)
		return t
	}
	if matrix, ok := f.resolve(d["FontMatrix"]).(array); ok && subtype == "Type3" && len(matrix) == 6 {
		t.scale = number(f.resolve(matrix[0]))
	}
	t.letters = f.encoding(d)
	first, _ := whole(f.resolve(d["FirstChar"]))
	list, _ := f.resolve(d["Widths"]).(array)
	for i, o := range list[:min(len(list), 256)] {
		t.widths[first+i] = number(f.resolve(o))
	}
	if descriptor, ok := f.resolve(d["FontDescriptor"]).(dict); ok {
		if w := number(f.resolve(descriptor["MissingWidth"])); w > 0 {
			t.width = w
		}
	}
	if list == nil {
		base, _ := f.resolve(d["BaseFont"]).(name)
		t.usualWidths(string(base))
	}
	return t
}

// encoding returns what the codes of a simple font stand for.
func (f *file) encoding(d dict) *encoding {
	base, _ := f.resolve(d["BaseFont"]).(name)
	e := standard
	switch {
	case strings.HasSuffix(string(base), "Symbol"):
		e = symbol
	case f.resolve(d["Subtype"]) == name("TrueType"):
		e = winAnsi
	}
	switch o := f.resolve(d["Encoding"]).(type) {
	case name:
		if named := namedEncoding(o); named != nil {
			e = named
		}
	case dict:
		n, _ := f.resolve(o["BaseEncoding"]).(name)
		if named := namedEncoding(n); named != nil {
			e = named
		}
		own := *e
		differences, _ := f.resolve(o["Differences"]).(array)
		at := 0
		for _, x := range differences[:min(len(differences), 1024)] {
			switch x := f.resolve(x).(type) {
			case name:
				if at >= 0 && at < len(own) {
					own[at] = letter(string(x))
				}
				at++
			default:
				at, _ = whole(x)
			}
		}
		e = &own
	}
	return e
}

// compositeFont reads what a composite font has beside its dictionary.
func (f *file) compositeFont(t *font, d dict) {
	t.composite, t.width = true, 1000
	t.codes = &cmap{}
	switch o := f.resolve(d["Encoding"]).(type) {
	case name:
		t.charset, t.utf16 = charset(string(o))
	case *stream:
		if text, err := f.decode(o); err == nil {
			t.codes = parseCmap(text)
		}
	}
	descendants, _ := f.resolve(d["DescendantFonts"]).(array)
	if len(descendants) == 0 {
		return
	}
	font, _ := f.resolve(descendants[0]).(dict)
	if w, ok := f.resolve(font["DW"]).(int); ok {
		t.width = float64(w)
	}
	list, _ := f.resolve(font["W"]).(array)
	f.listWidths(t, list)
}

// listWidths reads widths in the two forms that there are: first [w w …], and first last w.
func (f *file) listWidths(t *font, list array) {
	for i, left := 0, maxWidths; i+1 < len(list); {
		first, _ := whole(f.resolve(list[i]))
		if each, ok := f.resolve(list[i+1]).(array); ok {
			for j, w := range each[:min(len(each), left)] {
				t.widths[first+j] = number(f.resolve(w))
			}
			i, left = i+2, max(0, left-len(each))
			continue
		}
		last, _ := whole(f.resolve(list[i+1]))
		if i+2 >= len(list) {
			return
		}
		w := number(f.resolve(list[i+2]))
		for n := first; n <= last && left > 0; n++ {
			t.widths[n] = w
			left--
		}
		i += 3
	}
}

// charset returns the character set whose codes an encoding of that name takes.
func charset(n string) (e xencoding.Encoding, isUTF16 bool) {
	for part, set := range map[string]xencoding.Encoding{
		"RKSJ": japanese.ShiftJIS, "GBK": simplifiedchinese.GB18030, "GB-EUC": simplifiedchinese.GBK, "GBpc": simplifiedchinese.GBK, "B5": traditionalchinese.Big5,
		"KSC-EUC": korean.EUCKR, "KSCms-UHC": korean.EUCKR, "KSCpc": korean.EUCKR,
	} {
		if strings.Contains(n, part) {
			return set, false
		}
	}
	return nil, strings.Contains(n, "UCS2") || strings.Contains(n, "UTF16")
}

// glyphs calls yield with what the codes of a string stand for.
func (t *font) glyphs(s str, yield func(glyph)) {
	for len(s) > 0 {
		n := 1
		if t.composite {
			n = t.length(s)
		}
		yield(t.glyph(s[:n]))
		s = s[n:]
	}
}

// length returns the bytes of the next code of a composite font.
func (t *font) length(s str) int {
	switch {
	case t.charset != nil:
		if s[0] < 0x80 || t.charset == japanese.ShiftJIS && s[0] >= 0xa0 && s[0] < 0xe0 {
			return 1
		}
		return min(2, len(s))
	case t.utf16:
		if s[0]&0xfc == 0xd8 {
			return min(4, len(s))
		}
		return min(2, len(s))
	case len(t.codes.spaces) > 0:
		return t.codes.next(s, t.codes.spaces[0].length)
	}
	return min(2, len(s))
}

// glyph returns what one code stands for.
func (t *font) glyph(s str) glyph {
	c := uint32(0)
	for i := range len(s) {
		c = c<<8 | uint32(s[i])
	}
	g := glyph{blank: len(s) == 1 && c == ' '}
	number := int(c)
	if t.composite {
		if r, ok := t.codes.find(c, len(s)); ok {
			number = r.number + int(c-r.lo)
		}
	}
	w, ok := t.widths[number]
	if !ok {
		w = t.width
	}
	g.width = w * t.scale
	g.text = t.text(s, c)
	return g
}

// text returns the letters of a code, U+FFFD where nothing tells them.
func (t *font) text(s str, c uint32) string {
	if t.toText != nil {
		if text, ok := t.toText.letters(c, len(s)); ok {
			return text
		}
		if text, ok := t.toText.letters(c, 1); ok && !t.composite {
			return text
		}
	}
	switch {
	case !t.composite:
		if text := t.letters[byte(c)]; text != "" {
			return text
		}
		if c == '\t' || c == '\n' || c == '\r' {
			return " "
		}
	case t.charset != nil:
		if b, err := t.charset.NewDecoder().Bytes([]byte(s)); err == nil {
			return string(b)
		}
	case t.utf16:
		units := []uint16{}
		for i := 0; i+1 < len(s); i += 2 {
			units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
		}
		return string(utf16.Decode(units))
	}
	return string(utf8.RuneError)
}
