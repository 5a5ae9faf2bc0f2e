package tokenizer

import "unicode/utf8"

//go:generate go run gen_unicode.go

// A class is a set of the character classes that splitting patterns speak of,
// as Unicode 16 defines them: the trained vocabularies were made with newer
// tables than those of the Go standard library.
type class uint16

const (
	classLu    class = 1 << iota // upper-case letters
	classLl                      // lower-case letters
	classLt                      // title-case letters
	classLm                      // modifier letters
	classLo                      // other letters
	classM                       // combining marks
	classN                       // numbers of every kind
	classP                       // punctuation
	classS                       // symbols
	classSpace                   // White_Space, which is \s
	classHan                     // script Han
	classWord                    // \w of UTS 18: letters, marks, digits, connectors and the like
	classNd                      // decimal digits, which is \d
	classMn                      // non-spacing marks
	classC                       // controls, formats, private use; not the unassigned
	classCRLF                    // carriage return and line feed

	classL = classLu | classLl | classLt | classLm | classLo
)

// classOf returns the classes of r.
func classOf(r rune) class {
	if uint32(r) > utf8.MaxRune {
		return 0
	}
	at := int(classIndex[r>>classBlockBits])<<classBlockBits | int(r)&(1<<classBlockBits-1)
	return classMasks[classCodes[at]-classFirstCode]
}

// asciiClass is classOf for the bytes that are characters by themselves; it
// is 0 for the others.
var asciiClass = func() (t [256]class) {
	for b := range utf8.RuneSelf {
		t[b] = classOf(rune(b))
	}
	return t
}()

// classAt returns the classes and the length in bytes of the character at
// text[i], which must exist. Text is valid UTF-8 here.
func classAt(text string, i int) (class, int) {
	if b := text[i]; b < utf8.RuneSelf {
		return asciiClass[b], 1
	}
	r, n := utf8.DecodeRuneInString(text[i:])
	return classOf(r), n
}
