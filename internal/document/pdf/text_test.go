package pdf

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const limit = 4 << 20

// want checks the text of a file.
func want(t *testing.T, file []byte, text string) {
	t.Helper()
	got, err := Text(file, limit)
	if err != nil || got != text {
		t.Errorf("got %q, %v, want %q", got, err, text)
	}
}

func TestContent(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"one string":       {"BT /F1 12 Tf 72 720 Td (Hello \\(world\\)) Tj ET", "Hello (world)"},
		"hexadecimal":      {"BT /F1 12 Tf <48 65 6c6C 6f> Tj ET", "Hello"},
		"WinAnsi":          {"BT /F1 12 Tf (\\344\\366\\374 \\200 \\223x\\224) Tj ET", "äöü € “x”"},
		"lines":            {"BT /F1 12 Tf 14 TL 72 720 Td (one) Tj T* (two) Tj (three) ' ET", "one\ntwo\nthree"},
		"paragraphs":       {"BT /F1 12 Tf 72 720 Td (one) Tj 0 -40 Td (two) Tj ET", "one\n\ntwo"},
		"words by kerning": {"BT /F1 12 Tf [(Hel) -20 (lo) -400 (wor) 30 (ld)] TJ ET", "Hello world"},
		"words by place":   {"BT /F1 12 Tf 1 0 0 1 72 720 Tm (Name) Tj 1 0 0 1 200 720 Tm (Size) Tj ET", "Name Size"},
		"letters by place": {"BT /F1 10 Tf 1 0 0 1 72 720 Tm (H) Tj 1 0 0 1 79.22 720 Tm (i) Tj ET", "Hi"},
		"word spacing":     {"BT /F1 10 Tf 50 Tw 3 Tc (a b) Tj ET", "a b"},
		"letter spacing":   {"BT /F1 10 Tf 1 Tc (abc) Tj ET", "abc"},
		"a raised letter":  {"BT /F1 10 Tf (x) Tj 4 Ts (2) Tj 0 Ts ( y) Tj ET", "x2 y"},
		"turned":           {"BT /F1 10 Tf 0 1 -1 0 50 50 Tm (up) Tj ET BT /F1 10 Tf (on) Tj ET", "up\n\non"},
		"state":            {"q 2 0 0 2 0 0 cm BT /F1 5 Tf 0 50 Td (a) Tj ET Q BT /F1 10 Tf 20 100 Td (b) Tj ET", "a b"},
		"a picture inside": {"BI /W 2 /H 1 /BPC 8 ID \x01\x02(( EI BT /F1 10 Tf (after) Tj ET", "after"},
		"actual text":      {"BT /F1 10 Tf (a) Tj /Span << /ActualText <FEFF00660066> >> BDC (zz) Tj EMC ( c) Tj ET", "aff c"},
		"comment":          {"BT % (no) Tj\n/F1 10 Tf (yes) Tj ET", "yes"},
		"ligatures":        {"BT /F1 10 Tf (x\\255y\\240z) Tj ET", "xy z"},
		"no end":           {"BT /F1 10 Tf (open) Tj (never closed", "open"},
		"many operands":    {strings.Repeat("1 ", 1000) + "BT /F1 10 Tf (x) Tj ET", "x"},
		"odd numbers":      {"BT /F1 --12 Tf 1.2.3 -.5 Td (x) Tj ET", "x"},
		"places beyond":    {"BT /F1 10 Tf 1e99 0 0 1e99 9e99 0 Tm (x) Tj 0 0 0 0 0 0 Tm (y) Tj ET", "xy"},
	} {
		t.Run(name, func(t *testing.T) { want(t, simple(c.content), c.want) })
	}
}

func TestTwoPages(t *testing.T) {
	for _, packed := range []bool{false, true} {
		b := &builder{}
		root := b.pages("/Font << "+helv+" >>", b.flate("", "BT /F1 12 Tf 72 720 Td (first page) Tj ET"), "["+b.stream("", "BT /F1 12 Tf 72 720 Td (second ")+" "+b.stream("", "page) Tj ET")+"]")
		file := b.file(root, "")
		if packed {
			file = b.packed(root)
		}
		want(t, file, "first page\n\nsecond page") // what parts of content are cut in is a blank
	}
}

func TestFilters(t *testing.T) {
	content := "BT /F1 12 Tf (filtered) Tj ET"
	for name, c := range map[string]struct{ filter, raw string }{
		"hexadecimal":   {"/ASCIIHexDecode", fmt.Sprintf("%x>", content)},
		"ASCII 85":      {"[/ASCII85Decode]", "6<\"ce02#_9@;n^oF(HJ'ART*fFE2)5B/(:]BQ8\"/:4IX^ASl@/AKYl/F<DoL+>G!EE,Tf>~"},
		"run lengths":   {"/RunLengthDecode", string(rune(len(content)-1)) + content + "\x80"},
		"two":           {"[/AHx /FlateDecode]", fmt.Sprintf("%x>", deflated(content))},
		"damaged flate": {"/FlateDecode", deflated(content)[:len(deflated(content))-5]},
		"LZW":           {"/LZWDecode", "\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01"},
	} {
		t.Run(name, func(t *testing.T) {
			switch name {
			case "LZW": // the example of the standard: 45 45 45 45 45 65 45 45 45 66
				if got := string(unLZW([]byte(c.raw), 1)); got != "-----A---B" {
					t.Errorf("got %q, want -----A---B", got)
				}
				return
			case "ASCII 85":
				c.raw = ascii85Of(content)
			}
			b := &builder{}
			want(t, b.file(b.pages("/Font << "+helv+" >>", b.stream("/Filter "+c.filter, c.raw)), ""), "filtered")
		})
	}
}

func TestFonts(t *testing.T) {
	toUnicode := "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <0000> <FFFF> endcodespacerange\n" +
		"2 beginbfchar <0001> <0041> <0005> <00660066> endbfchar 2 beginbfrange <0002> <0004> <0391> <0010> <0011> [<D83DDE00> <05D0>] endbfrange endcmap"
	for name, c := range map[string]struct{ font, content, want string }{
		"differences":      {"/Type /Font /Subtype /Type1 /BaseFont /X /Encoding << /Differences [1 /Aacute /fi 65 /uni20AC /afii10017 /Lslash /a.small /f_f_i] >>", "(\\001\\002ABCDE)", "ÁfiŁ"},
		"standard":         {"/Type /Font /Subtype /Type1 /BaseFont /Times-Roman", "(it's \\256 \\247\\341)", "it’s fi §Æ"},
		"Mac":              {"/Type /Font /Subtype /TrueType /BaseFont /X /Encoding /MacRomanEncoding", "(\\212)", "ä"},
		"symbol":           {"/Type /Font /Subtype /Type1 /BaseFont /Symbol", "(abg)", "αβγ"},
		"text of a simple": {"/Type /Font /Subtype /Type1 /BaseFont /X /ToUnicode %S", "(\\001)", "A"},
		"composite":        {"/Type /Font /Subtype /Type0 /Encoding /Identity-H /ToUnicode %T /DescendantFonts [<< /Subtype /CIDFontType2 /DW 600 /W [1 [500 500] 3 9 700] >>]", "<000100020003000400050010 0011>", "AΑΒΓff😀א"},
		"UCS2":             {"/Type /Font /Subtype /Type0 /Encoding /UniGB-UCS2-H /DescendantFonts [<< /DW 1000 >>]", "<4E2D6587>", "中文"},
		"GBK":              {"/Type /Font /Subtype /Type0 /Encoding /GBK-EUC-H /DescendantFonts [<< /DW 1000 >>]", "<D6D0CEC441>", "中文A"},
		"Shift JIS":        {"/Type /Font /Subtype /Type0 /Encoding /90ms-RKSJ-H /DescendantFonts [<< /DW 1000 >>]", "<93FA967B41B1>", "日本Aｱ"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &builder{}
			font := strings.NewReplacer("%T", b.flate("", toUnicode), "%S", b.stream("", "1 beginbfchar <01> <0041> endbfchar")).Replace(c.font)
			content := b.stream("", "BT /F1 12 Tf "+c.content+" Tj ET")
			if name == "differences" {
				c.want = "Áfi€АŁaffi"
			}
			want(t, b.file(b.pages("/Font << /F1 << "+font+" >> >>", content), ""), c.want)
		})
	}
}

func TestForms(t *testing.T) {
	b := &builder{}
	form := b.stream("/Type /XObject /Subtype /Form /Matrix [1 0 0 1 0 -20] /Resources << /Font << "+helv+" >> >>", "BT /F1 12 Tf (in the form) Tj ET")
	content := b.stream("", "BT /F1 12 Tf (before) Tj ET /X Do BT /F1 12 Tf 0 -40 Td (behind) Tj ET")
	want(t, b.file(b.pages("/XObject << /X "+form+" >> /Font << "+helv+" >>", content), ""), "before\nin the form\nbehind")
}

func TestDamaged(t *testing.T) {
	whole := simple("BT /F1 12 Tf (still there) Tj ET")
	for name, file := range map[string][]byte{
		"no table":             []byte(strings.Replace(string(whole), "startxref", "startxxxx", 1)),
		"table elsewhere":      []byte(strings.Replace(string(whole), "\nxref", "\n\n\n\n\nxref", 1)),
		"something before":     append([]byte("HTTP/1.1 200 OK\r\n\r\n"), whole...),
		"cut behind objects":   whole[:strings.Index(string(whole), "xref")],
		"objects elsewhere":    []byte(strings.Replace(string(whole), "1 0 obj", "\n\n1 0 obj", 1)),
		"wrong length":         []byte(strings.Replace(string(whole), "/Length 33", "/Length 99999", 1)),
		"line ends of Windows": []byte(strings.ReplaceAll(string(whole), "\n", "\r\n")),
	} {
		t.Run(name, func(t *testing.T) { want(t, file, "still there") })
	}
}

func TestRefused(t *testing.T) {
	b := &builder{}
	root := b.pages("", b.stream("", "0 0 10 10 re f"))
	locked := b.file(root, "/Encrypt << /Filter /Standard /V 2 >>")
	long := simple("BT /F1 12 Tf (" + strings.Repeat("long ", 1000) + ") Tj ET")
	for name, c := range map[string]struct {
		file  []byte
		limit int
		want  string
	}{
		"encrypted":       {locked, limit, "encrypted"},
		"pictures":        {b.file(root, ""), limit, "no text"},
		"no PDF":          {[]byte("plain"), limit, "does not begin"},
		"nothing":         {nil, limit, "does not begin"},
		"only the header": {[]byte("%PDF-1.7\n"), limit, "damaged"},
		"too long":        {long, 1000, "more than"},
		"unknown letters": {simple("BT /F1 12 Tf <0102030405> Tj ET"), limit, "do not tell"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := Text(c.file, c.limit)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %q, %v, want an error with %q", text, err, c.want)
			}
		})
	}
}

// Files that would never end, or would fill memory, end with some answer.
func TestHostile(t *testing.T) {
	b := &builder{}
	bomb := b.stream("/Filter [/FlateDecode /FlateDecode]", deflated(deflated(strings.Repeat("\x00", 256<<20))))
	bombs := b.file(b.pages("", bomb), "")

	b = &builder{}
	runs := b.file(b.pages("", b.stream("/Filter /RunLengthDecode", strings.Repeat("\x81 ", maxStream/100))), "")
	b = &builder{}
	self := b.stream("/Type /XObject /Subtype /Form /Resources 5 0 R", strings.Repeat("/X Do ", 40))
	content := b.stream("", "/X Do")
	b.add("null")
	b.add("null")
	b.add("<< /XObject << /X " + self + " >> /Font << " + helv + " >> >>")
	forms := b.file(b.pages("/XObject << /X "+self+" >>", content), "")

	for name, file := range map[string][]byte{
		"a bomb":                   bombs,
		"a bomb of runs":           runs,
		"trailers without an end":  []byte("%PDF-1.4\n" + strings.Repeat("trailer(\n", 1<<20)),
		"forms within each other":  forms,
		"pages that are their own": []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Kids[2 0 R 2 0 R 1 0 R]>>endobj trailer<</Root 1 0 R>>"),
		"a reference to itself":    []byte("%PDF-1.4\n1 0 obj 1 0 R endobj trailer<</Root 1 0 R>>"),
		"a length of itself":       []byte("%PDF-1.4\n1 0 obj<</Length 1 0 R/Pages 1 0 R>>stream\nx\nendstream endobj trailer<</Root 1 0 R>>"),
		"tables in a ring":         []byte("%PDF-1.4\nxref\n0 0\ntrailer<</Root 1 0 R/Prev 9>>\nstartxref\n9\n%%EOF"),
		"nesting":                  []byte("%PDF-1.4\n1 0 obj" + strings.Repeat("[<<", 1<<20)),
		"objects without an end":   []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj<<\n2 0 obj<</A(\n", 20_000)),
		"a table of many":          []byte("%PDF-1.4\nxref\n0 2000000000\n0000000000 00000 n\ntrailer<<>>\nstartxref\n9\n"),
		"streams without an end":   []byte("%PDF-1.4\n" + strings.Repeat("1 0 obj<</Type/ObjStm/N 5/First 9>>stream\n", 5000)),
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := Text(file, limit); err == nil {
				t.Errorf("got %.80q, want an error", text)
			}
		})
	}
}

func TestEncryptedIsTold(t *testing.T) {
	b := &builder{}
	if _, err := Text(b.file(b.pages("", b.stream("", "")), "/Encrypt << >>"), limit); !errors.Is(err, ErrEncrypted) {
		t.Errorf("got %v, want ErrEncrypted", err)
	}
}

func TestLetter(t *testing.T) {
	for n, want := range map[string]string{
		"A": "A", "adieresis": "ä", "Ccaron": "Č", "uni00410042": "AB", "u1F600": "😀", "afii10023": "Ё", "afii10097": "я", "gcommaaccent": "g̦",
		"space": " ", "ffi": "ffi", "one.oldstyle": "1", "Alphatonos": "Ά", "g123": "", "": "", ".notdef": "", "uniD800": "\uFFFD", "bullet": "•",
	} {
		if got := letter(n); got != want && !(n == "gcommaaccent" && got == "g\u0326") {
			t.Errorf("%s: got %q, want %q", n, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	b := &builder{}
	root := b.pages("/Font << "+helv+" >>", b.flate("", "BT /F1 12 Tf (text) Tj ET"))
	f.Add(b.packed(root))
	f.Add(b.file(root, ""))
	f.Add(simple("q BT /F1 12 Tf [(a) -300 (b)] TJ ET Q /X Do BI ID EI"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if text, err := Text(file, 1<<16); err == nil && text == "" {
			t.Error("no text and no error")
		}
	})
}

func FuzzContent(f *testing.F) {
	f.Add([]byte("BT /F1 12 Tf 1 0 0 1 5 5 Tm [(a) -300 <62>] TJ T* (c) ' /S <</ActualText(x)>> BDC (d) Tj EMC ET"))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _ = Text(simple(string(content)), 1<<16)
	})
}

func FuzzCmap(f *testing.F) {
	f.Add([]byte("1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <01> <05> <0041> endbfrange"), "\x01\x02")
	f.Fuzz(func(t *testing.T, text []byte, s string) {
		m := parseCmap(text)
		for rest := str(s); len(rest) > 0; {
			n := m.next(rest, 2)
			m.letters(uint32(rest[0]), n)
			rest = rest[n:]
		}
	})
}
