package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxSequence = 64       // bytes of an escape sequence; longer ones are dropped
	maxPaste    = 16 << 20 // bytes of a paste; the rest is dropped
)

const (
	escape   = 0x1b
	pasteEnd = "\x1b[201~"
)

// controls are the keys of single bytes.
var controls = map[byte]Code{
	0x01: Home, 0x02: Left, 0x03: Interrupt, 0x04: DeleteOrEnd, 0x05: End, 0x06: Right, 0x07: Escape, 0x08: Backspace, '\t': Complete,
	'\n': Newline, 0x0b: KillRight, 0x0c: ClearScreen, '\r': Enter, 0x0e: Next, 0x10: Previous, 0x12: Search, 0x14: Swap,
	0x15: KillLeft, 0x17: KillWordLeft, 0x19: Yank, 0x1a: Suspend, 0x7f: Backspace,
}

// alts are the keys that come with an escape before them.
var alts = map[byte]Code{
	'b': WordLeft, 'B': WordLeft, 'f': WordRight, 'F': WordRight, 'd': KillWordRight, 'D': KillWordRight,
	0x7f: KillWordLeft, 0x08: KillWordLeft, '\r': Newline, '\n': Newline, 'p': Previous, 'n': Next,
}

// finals are the keys of sequences that their last byte tells apart; tildes those
// whose first number does.
var (
	finals = map[byte]Code{'A': Up, 'B': Down, 'C': Right, 'D': Left, 'F': End, 'H': Home}
	tildes = map[string]Code{"1": Home, "3": Delete, "4": End, "7": Home, "8": End}
)

// decoder turns the bytes that a terminal sends into keys, however they are cut.
type decoder struct {
	pending []byte // a character or a sequence that is not whole
	pasting bool
	paste   []byte
}

// feed takes bytes and emits the keys that are whole.
func (d *decoder) feed(b []byte, emit func(Key)) {
	d.pending = append(d.pending, b...)
	for len(d.pending) > 0 {
		var n int
		switch c := d.pending[0]; {
		case d.pasting:
			n = d.pasted(emit)
		case c == escape:
			n = d.sequence(emit)
		case c < ' ' || c == 0x7f:
			n = 1
			if code, ok := controls[c]; ok {
				emit(Key{Code: code})
			}
		default:
			n = d.typed(emit)
		}
		if n == 0 {
			break
		}
		d.pending = d.pending[n:]
	}
	d.pending = append([]byte(nil), d.pending...) // let the rest go
}

// typed emits the characters up to the next control. It returns the bytes it
// took, 0 where the first character is not whole.
func (d *decoder) typed(emit func(Key)) int {
	n := 0
	var b strings.Builder
	for n < len(d.pending) && d.pending[n] >= ' ' && d.pending[n] != 0x7f {
		if !utf8.FullRune(d.pending[n:]) {
			break
		}
		r, size := utf8.DecodeRune(d.pending[n:])
		n += size
		if (r != utf8.RuneError || size > 1) && !unicode.IsControl(r) {
			b.WriteRune(r)
		}
	}
	if b.Len() > 0 {
		emit(Key{Code: Text, Text: b.String()})
	}
	return n
}

// sequence reads an escape sequence. It returns the bytes it took, 0 where it is
// not whole.
func (d *decoder) sequence(emit func(Key)) int {
	p := d.pending
	if len(p) < 2 {
		return 0
	}
	switch p[1] {
	case '[':
		return d.control(emit)
	case 'O':
		if len(p) < 3 {
			return 0
		}
		if code, ok := finals[p[2]]; ok {
			emit(Key{Code: code})
		}
		return 3
	case escape:
		emit(Key{Code: Escape})
		return 1
	}
	if code, ok := alts[p[1]]; ok {
		emit(Key{Code: code})
		return 2
	}
	emit(Key{Code: Escape})
	if p[1] < ' ' {
		return 1
	}
	return 2
}

// control reads a control sequence: numbers between "ESC [" and a last byte.
func (d *decoder) control(emit func(Key)) int {
	p := d.pending
	end := 2
	for end < len(p) && (p[end] < '@' || p[end] > '~') {
		if p[end] < ' ' || p[end] > '~' {
			return end // broken off by another key
		}
		if end++; end > maxSequence {
			return end
		}
	}
	if end == len(p) {
		return 0
	}
	last := p[end]
	if last == '[' && end == 2 { // function keys of the Linux console
		if len(p) < 4 {
			return 0
		}
		return 4
	}
	first, rest, _ := strings.Cut(string(p[2:end]), ";")
	if last == '~' && first == "200" {
		d.pasting, d.paste = true, nil
		return end + 1
	}
	if code, ok := sequenceCode(last, first, rest); ok {
		emit(Key{Code: code})
	}
	return end + 1
}

// sequenceCode returns what a control sequence with up to three numbers asks for.
func sequenceCode(last byte, first, rest string) (Code, bool) {
	switch {
	case last == 'u' && first == "13": // Enter with a modifier, as newer terminals send it
		return Newline, true
	case last == '~' && first == "27" && strings.HasSuffix(rest, ";13"): // as older ones do
		return Newline, true
	}
	code, ok := finals[last]
	if last == '~' {
		code, ok = tildes[first]
	}
	if !ok {
		return 0, false
	}
	// The second number is 1 plus 1 for shift, 2 for alt, 4 for control.
	modifier, _, _ := strings.Cut(rest, ";")
	if modifier == "" || modifier == "1" || modifier == "2" {
		return code, true
	}
	switch code {
	case Left:
		code = WordLeft
	case Right:
		code = WordRight
	case Delete:
		code = KillWordRight
	}
	return code, true
}

// pasted collects a paste up to its end mark.
func (d *decoder) pasted(emit func(Key)) int {
	text, _, found := strings.Cut(string(d.pending), pasteEnd)
	n := len(text) + len(pasteEnd)
	if !found {
		// What may be the beginning of the mark waits.
		n = len(text)
		for k := min(len(pasteEnd)-1, n); k > 0; k-- {
			if strings.HasSuffix(text, pasteEnd[:k]) {
				n -= k
				break
			}
		}
		text = text[:n]
	}
	d.paste = append(d.paste, text[:min(len(text), maxPaste-len(d.paste))]...)
	if found {
		emit(Key{Code: Paste, Text: cleanPaste(string(d.paste))})
		d.pasting, d.paste = false, nil
	}
	return n
}

// cleanPaste returns pasted text with plain line ends and without controls.
func cleanPaste(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
