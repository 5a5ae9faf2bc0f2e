package document

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of a file.
const (
	MaxFile = 32 << 20 // bytes
	MaxText = 4 << 20  // bytes of text in UTF-8
)

// Unreadable is a file that has no text to give, and why.
type Unreadable struct {
	Name   string
	Reason string // "it is a picture (PNG)"
}

func (e *Unreadable) Error() string { return fmt.Sprintf("%s: %s", e.Name, e.Reason) }

// Text returns the text of a file as UTF-8 without control characters that no text has. name
// is what it is called, for what it is taken for and for the error, which is an *Unreadable,
// or that of ctx or of the system.
func (r *Reader) Text(ctx context.Context, name string, file []byte) (string, error) {
	refuse := func(reason string, args ...any) (string, error) {
		return "", &Unreadable{name, fmt.Sprintf(reason, args...)}
	}
	switch {
	case len(file) > MaxFile:
		return refuse("it has %d bytes, %d at most are read", len(file), MaxFile)
	case len(bytes.TrimSpace(file)) == 0:
		return refuse("it is empty")
	case isPDF(name, file):
		return r.pdf(ctx, name, file)
	}
	if kind := kindOf(name, file); kind != "" {
		return refuse("it is %s; text and PDF files are read", kind)
	}
	text, reason := decode(file)
	if reason != "" {
		return refuse("%s", reason)
	}
	if strings.TrimSpace(text) == "" { // control characters alone
		return refuse("it has no text")
	}
	if len(text) > MaxText {
		return refuse("it has %d bytes of text, %d at most are taken", len(text), MaxText)
	}
	return text, nil
}

// isPDF reports whether a file begins as a PDF, before which a few bytes may stand if it is
// called one.
func isPDF(name string, file []byte) bool {
	if strings.EqualFold(path.Ext(name), ".pdf") {
		return bytes.Contains(file[:min(len(file), 1024)], []byte("%PDF-"))
	}
	return bytes.HasPrefix(file, []byte("%PDF-"))
}

// magic is how files of other kinds begin.
var magic = []struct{ at, bytes, kind string }{
	{"", "\x89PNG\r\n\x1a\n", "a picture (PNG)"},
	{"", "\xff\xd8\xff", "a picture (JPEG)"},
	{"", "GIF8", "a picture (GIF)"},
	{"", "BM", "a picture (BMP)"},
	{"", "II*\x00", "a picture (TIFF)"},
	{"", "MM\x00*", "a picture (TIFF)"},
	{"RIFF....", "WEBP", "a picture (WebP)"},
	{"RIFF....", "WAVE", "sound (WAVE)"},
	{"RIFF....", "AVI ", "a video (AVI)"},
	{"....", "ftypavif", "a picture (AVIF)"},
	{"....", "ftyphei", "a picture (HEIF)"},
	{"....", "ftyp", "a video (MP4)"},
	{"", "\x1aE\xdf\xa3", "a video (Matroska)"},
	{"", "ID3", "sound (MP3)"},
	{"", "OggS", "sound or video (Ogg)"},
	{"", "fLaC", "sound (FLAC)"},
	{"", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a document of Microsoft Office"},
	{"", "\x1f\x8b", "packed (gzip)"},
	{"", "BZh", "packed (bzip2)"},
	{"", "\xfd7zXZ\x00", "packed (xz)"},
	{"", "(\xb5/\xfd", "packed (Zstandard)"},
	{"", "7z\xbc\xaf'\x1c", "an archive (7z)"},
	{"", "Rar!\x1a\a", "an archive (RAR)"},
	{"", "\x7fELF", "a program"},
	{"", "MZ", "a program"},
	{"", "\xcf\xfa\xed\xfe", "a program"},
	{"", "\xca\xfe\xba\xbe", "a program"},
	{"", "\x00asm", "a program"},
	{"", "SQLite format 3\x00", "a database (SQLite)"},
	{"", "GGUF", "a model (GGUF)"},
	{"", "wOFF", "a font"},
	{"", "wOF2", "a font"},
	{"", "\x00\x01\x00\x00\x00", "a font"},
}

// zipped are files that are ZIP archives, by how they are called.
var zipped = map[string]string{
	".docx": "a document of Microsoft Word", ".xlsx": "a sheet of Microsoft Excel", ".pptx": "a presentation of Microsoft PowerPoint", ".odt": "a document of LibreOffice",
	".ods": "a sheet of LibreOffice", ".odp": "a presentation of LibreOffice", ".epub": "a book (EPUB)", ".jar": "a program",
}

// kindOf returns what a file is that is not text, "" where that is not known. What begins
// with letters alone may be a text that begins so: one that has no zero byte near its
// beginning is.
func kindOf(name string, file []byte) string {
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) {
		if kind := zipped[strings.ToLower(path.Ext(name))]; kind != "" {
			return kind
		}
		return "an archive (ZIP)"
	}
	for _, m := range magic {
		if len(file) < len(m.at) || !strings.HasPrefix(string(file[len(m.at):min(len(file), len(m.at)+16)]), m.bytes) {
			continue
		}
		if m.at != "" && m.at[0] == 'R' && !bytes.HasPrefix(file, []byte("RIFF")) {
			continue
		}
		if isBinary(file) {
			return m.kind
		}
	}
	if isBinary(file) && !bytes.HasPrefix(file, []byte("\xff\xfe")) && !bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return "neither text nor a kind of file that is known here"
	}
	return ""
}

// isBinary reports whether the first part of a file has bytes that no text in UTF-8 has.
func isBinary(file []byte) bool {
	part := file[:min(len(file), 64<<10)]
	if bytes.IndexByte(part, 0) >= 0 {
		return true
	}
	wrong, control := 0, 0
	for rest := part; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 && utf8.FullRune(rest) {
			wrong++
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != '\v' && r != '\b' && r != 0x1b {
			control++
		}
		rest = rest[n:]
	}
	return wrong > len(part)/8 || control > 2+len(part)/64
}

// decode returns a text as UTF-8 with line ends of one kind, or why it is none.
func decode(file []byte) (text, reason string) {
	switch {
	case bytes.HasPrefix(file, []byte("\xff\xfe")), bytes.HasPrefix(file, []byte("\xfe\xff")):
		if text = decodeUTF16(file); text == "" {
			return "", "it begins as a text in UTF-16 and is none"
		}
	default:
		text = strings.TrimPrefix(string(file), "\ufeff")
		if at := invalid(text); at >= 0 {
			return "", fmt.Sprintf("it is no text in UTF-8: byte %d is part of no character", at+1)
		}
	}
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return map[bool]rune{true: '\n', false: -1}[r == '\r' || r == '\f' || r == '\v']
		}
		return r
	}, text), ""
}

// invalid returns where the first byte stands that is no UTF-8, -1 where there is none.
func invalid(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

// decodeUTF16 reads a text behind its mark; "" where it is none.
func decodeUTF16(file []byte) string {
	if len(file)%2 != 0 {
		return ""
	}
	high, low := 0, 1
	if file[0] == 0xff {
		high, low = 1, 0
	}
	units := make([]uint16, 0, len(file)/2)
	for i := 2; i+1 < len(file); i += 2 {
		u := uint16(file[i+high])<<8 | uint16(file[i+low])
		if u == 0 {
			return ""
		}
		units = append(units, u)
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff")
}
