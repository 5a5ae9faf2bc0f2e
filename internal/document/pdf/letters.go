package pdf

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// encoding is what the 256 codes of a simple font stand for.
type encoding [256]string

// ascii fills in the codes that all encodings share.
func (e *encoding) ascii() {
	for c := ' '; c <= '~'; c++ {
		e[c] = string(c)
	}
}

// The encodings that files name. Symbol fonts have Greek letters where others have Latin ones.
var (
	winAnsi  = ofCharmap(charmap.Windows1252)
	macRoman = ofCharmap(charmap.Macintosh)
	standard = newStandard()
	symbol   = newSymbol()
)

func ofCharmap(m *charmap.Charmap) *encoding {
	e := &encoding{}
	for c := range 256 {
		if r := m.DecodeByte(byte(c)); r != utf8.RuneError && c >= ' ' {
			e[c] = string(r)
		}
	}
	return e
}

// newStandard returns Adobe's standard encoding.
func newStandard() *encoding {
	e := &encoding{}
	e.ascii()
	e['\''], e['`'] = "’", "‘"
	for from, text := range map[int]string{
		0xa1: "¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ", 0xb1: "–†‡·", 0xb6: "¶•‚„”»…‰", 0xbf: "¿", 0xc1: "`´ˆ˜¯˘˙¨", 0xca: "˚¸", 0xcd: "˝˛ˇ—",
		0xe1: "Æ", 0xe3: "ª", 0xe8: "ŁØŒº", 0xf1: "æ", 0xf5: "ı", 0xf8: "łøœß",
	} {
		for _, r := range text {
			e[from] = string(r)
			from++
		}
	}
	return e
}

// newSymbol returns the encoding of the font Symbol, as far as it has letters and signs.
func newSymbol() *encoding {
	e := &encoding{}
	for from, text := range map[int]string{
		' ': " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_", 0x61: "αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
		0xa1: "ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…", 0xc0: "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈", 0xe5: "∑", 0xf1: "〉∫",
	} {
		for _, r := range text {
			e[from] = string(r)
			from++
		}
	}
	return e
}

// namedEncoding returns an encoding by its name, nil where it is none of a file.
func namedEncoding(n name) *encoding {
	switch n {
	case "WinAnsiEncoding":
		return winAnsi
	case "MacRomanEncoding":
		return macRoman
	case "StandardEncoding":
		return standard
	}
	return nil
}

// accents are the names of marks, as they end names of letters.
var accents = []struct{ name, mark string }{
	{"hungarumlaut", "\u030b"},
	{"commaaccent", "\u0326"},
	{"circumflex", "\u0302"},
	{"dotaccent", "\u0307"},
	{"dieresis", "\u0308"},
	{"cedilla", "\u0327"},
	{"ogonek", "\u0328"},
	{"macron", "\u0304"},
	{"caron", "\u030c"},
	{"breve", "\u0306"},
	{"tilde", "\u0303"},
	{"acute", "\u0301"},
	{"grave", "\u0300"},
	{"ring", "\u030a"},
	{"tonos", "\u0301"},
}

// glyphs are letters by their names in Adobe's list, but for what letter makes of them.
var glyphs = glyphNames(`
space   exclam ! quotedbl " numbersign # dollar $ percent % ampersand & quotesingle ' parenleft ( parenright ) asterisk * plus + comma ,
hyphen - minus − period . slash / zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 colon : semicolon ; less < equal =
greater > question ? at @ bracketleft [ backslash \ bracketright ] asciicircum ^ underscore _ grave ` + "`" + ` braceleft { bar | braceright }
asciitilde ~ exclamdown ¡ cent ¢ sterling £ currency ¤ yen ¥ brokenbar ¦ section § dieresis ¨ copyright © ordfeminine ª guillemotleft «
logicalnot ¬ registered ® macron ¯ degree ° plusminus ± twosuperior ² threesuperior ³ acute ´ mu µ paragraph ¶ periodcentered · cedilla ¸
onesuperior ¹ ordmasculine º guillemotright » onequarter ¼ onehalf ½ threequarters ¾ questiondown ¿ multiply × divide ÷ AE Æ ae æ
Oslash Ø oslash ø OE Œ oe œ germandbls ß Thorn Þ thorn þ Eth Ð eth ð Lslash Ł lslash ł Dcroat Đ dcroat đ Hbar Ħ hbar ħ Tbar Ŧ tbar ŧ
dotlessi ı Eng Ŋ eng ŋ kgreenlandic ĸ longs ſ ldot ŀ Ldot Ŀ napostrophe ŉ IJ Ĳ ij ĳ florin ƒ circumflex ˆ caron ˇ breve ˘ dotaccent ˙ ring ˚
ogonek ˛ tilde ˜ hungarumlaut ˝ endash – emdash — quoteleft ‘ quoteright ’ quotesinglbase ‚ quotedblleft “ quotedblright ” quotedblbase „
dagger † daggerdbl ‡ bullet • ellipsis … perthousand ‰ guilsinglleft ‹ guilsinglright › fraction ⁄ Euro € trademark ™ partialdiff ∂ summation ∑
product ∏ radical √ infinity ∞ integral ∫ approxequal ≈ notequal ≠ lessequal ≤ greaterequal ≥ lozenge ◊ Delta Δ Omega Ω pi π Pi Π
fi fi fl fl ff ff ffi ffi ffl ffl f_f ff f_i fi f_l fl f_f_i ffi f_f_l ffl nbspace   nonbreakingspace   sfthyphen - softhyphen -
Alpha Α Beta Β Gamma Γ Epsilon Ε Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ Mu Μ Nu Ν Xi Ξ Omicron Ο Rho Ρ Sigma Σ Tau Τ Upsilon Υ Phi Φ
Chi Χ Psi Ψ alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ nu ν xi ξ omicron ο rho ρ sigma σ sigma1 ς
tau τ upsilon υ phi φ chi χ psi ψ omega ω theta1 ϑ phi1 ϕ omega1 ϖ epsilon1 ϵ arrowleft ← arrowup ↑ arrowright → arrowdown ↓ arrowboth ↔
arrowdblright ⇒ arrowdblleft ⇐ arrowdblboth ⇔ universal ∀ existential ∃ element ∈ notelement ∉ intersection ∩ union ∪ propersubset ⊂
propersuperset ⊃ reflexsubset ⊆ reflexsuperset ⊇ emptyset ∅ gradient ∇ asteriskmath ∗ proportional ∝ angle ∠ logicaland ∧ logicalor ∨
similar ∼ congruent ≅ equivalence ≡ perpendicular ⊥ circleplus ⊕ circlemultiply ⊗ dotmath ⋅ minute ′ second ″ angleleft 〈 angleright 〉
aleph ℵ weierstrass ℘ Ifraktur ℑ Rfraktur ℜ therefore ∴ check ✓ checkmark ✓ heart ♥ club ♣ diamond ♦ spade ♠ openbullet ◦ filledbox ■ square □
`)

// glyphNames reads pairs of a name and what it stands for. A blank stands for itself.
func glyphNames(text string) map[string]string {
	m := map[string]string{}
	words := strings.Split(strings.ReplaceAll(text, "\n", " "), " ")
	for i := 0; i < len(words); i++ {
		key := words[i]
		switch {
		case key == "":
		case i+2 < len(words) && words[i+1] == "" && words[i+2] == "": // "space" and its like
			m[key] = " "
			i += 2
		case i+1 < len(words):
			m[key] = words[i+1]
			i++
		}
	}
	return m
}

// letter returns what a glyph of a name stands for, "" where the name does not tell.
func letter(n string) string {
	if text, ok := glyphs[n]; ok {
		return text
	}
	if len(n) == 1 && (n[0] >= 'A' && n[0] <= 'Z' || n[0] >= 'a' && n[0] <= 'z') {
		return n
	}
	if base, _, cut := strings.Cut(n, "."); cut && base != "" {
		return letter(base) // a.small, one.oldstyle
	}
	if parts := strings.Split(n, "_"); len(parts) > 1 && len(parts) <= 8 {
		text := ""
		for _, part := range parts {
			text += letter(part)
		}
		return text
	}
	if text := numberedLetter(n); text != "" {
		return text
	}
	for _, a := range accents {
		if base, ok := strings.CutSuffix(n, a.name); ok && base != "" {
			if text := letter(base); utf8.RuneCountInString(text) == 1 {
				return norm.NFC.String(text + a.mark)
			}
		}
	}
	return ""
}

// numberedLetter reads names such as uni20AC, u1F600 and afii10017.
func numberedLetter(n string) string {
	if digits, ok := strings.CutPrefix(n, "uni"); ok && len(digits) >= 4 && len(digits)%4 == 0 && len(digits) <= 32 {
		var units []uint16
		for i := 0; i < len(digits); i += 4 {
			u, err := strconv.ParseUint(digits[i:i+4], 16, 16)
			if err != nil {
				return ""
			}
			units = append(units, uint16(u))
		}
		return string(utf16.Decode(units))
	}
	if digits, ok := strings.CutPrefix(n, "u"); ok && len(digits) >= 4 && len(digits) <= 6 {
		if u, err := strconv.ParseUint(digits, 16, 21); err == nil && u <= utf8.MaxRune {
			return string(rune(u))
		}
	}
	digits, ok := strings.CutPrefix(n, "afii")
	i, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return ""
	}
	switch { // Cyrillic, with Ё between Е and Ж
	case i == 10023:
		return "Ё"
	case i == 10071:
		return "ё"
	case i >= 10017 && i <= 10022:
		return string(rune('А' + i - 10017))
	case i >= 10024 && i <= 10049:
		return string(rune('Ж' + i - 10024))
	case i >= 10065 && i <= 10070:
		return string(rune('а' + i - 10065))
	case i >= 10072 && i <= 10097:
		return string(rune('ж' + i - 10072))
	}
	return ""
}

// ofText decodes a string that is text: UTF-16 or UTF-8 behind a mark, else the letters of
// PDFDocEncoding, which are near enough to those of Windows.
func ofText(s str) string {
	switch {
	case strings.HasPrefix(string(s), "\xfe\xff"):
		var units []uint16
		for i := 2; i+1 < len(s); i += 2 {
			units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
		}
		return string(utf16.Decode(units))
	case strings.HasPrefix(string(s), "\xef\xbb\xbf"):
		return strings.ToValidUTF8(string(s[3:]), "\uFFFD")
	}
	var b strings.Builder
	for i := range len(s) {
		b.WriteString(winAnsi[s[i]])
	}
	return b.String()
}
