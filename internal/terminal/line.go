package terminal

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
)

// line is a text that is edited, and the cursor in it. Its characters are grapheme
// clusters: what a reader takes for one.
type line struct {
	text string
	at   int // bytes before the cursor, whole characters
}

// set replaces the text and puts the cursor behind it.
func (l *line) set(text string) { l.text, l.at = text, len(text) }

func (l *line) insert(s string) {
	l.text = l.text[:l.at] + s + l.text[l.at:]
	l.at += len(s)
}

// cut removes the text between two places, leaves the cursor there and returns it.
func (l *line) cut(from, to int) string {
	gone := l.text[from:to]
	l.text, l.at = l.text[:from]+l.text[to:], from
	return gone
}

// start and end are the ends of the row between line breaks that the cursor is in.
func (l *line) start() int { return strings.LastIndexByte(l.text[:l.at], '\n') + 1 }

func (l *line) end() int {
	if i := strings.IndexByte(l.text[l.at:], '\n'); i >= 0 {
		return l.at + i
	}
	return len(l.text)
}

// before returns the place one character before the cursor.
func (l *line) before() int {
	from := l.start()
	if from == l.at {
		return max(0, l.at-1) // a line break
	}
	place := from
	for g := displaywidth.StringGraphemes(l.text[from:l.at]); g.Next(); {
		if next := place + len(g.Value()); next < l.at {
			place = next
		}
	}
	return place
}

// behind returns the place one character behind the cursor.
func (l *line) behind() int {
	g := displaywidth.StringGraphemes(l.text[l.at:])
	if !g.Next() {
		return l.at
	}
	if strings.HasPrefix(g.Value(), "\n") {
		return l.at + 1
	}
	return l.at + len(g.Value())
}

func isWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || r == '_'
}

// wordBefore returns where the word before the cursor begins.
func (l *line) wordBefore() int {
	place, inside := l.at, false
	for place > 0 {
		r, size := utf8.DecodeLastRuneInString(l.text[:place])
		if inside && !isWord(r) {
			break
		}
		inside = inside || isWord(r)
		place -= size
	}
	return place
}

// wordBehind returns where the word behind the cursor ends.
func (l *line) wordBehind() int {
	place, inside := l.at, false
	for place < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[place:])
		if inside && !isWord(r) {
			break
		}
		inside = inside || isWord(r)
		place += size
	}
	return place
}

// up moves to the row above, as far from its beginning in cells as the cursor is.
// It returns false in the first row.
func (l *line) up() bool {
	start := l.start()
	if start == 0 {
		return false
	}
	column := displaywidth.String(l.text[start:l.at])
	l.at = start - 1
	l.toColumn(l.start(), l.at, column)
	return true
}

// down moves to the row below. It returns false in the last row.
func (l *line) down() bool {
	end := l.end()
	if end == len(l.text) {
		return false
	}
	column := displaywidth.String(l.text[l.start():l.at])
	l.at = end + 1
	l.toColumn(l.at, l.end(), column)
	return true
}

// toColumn puts the cursor at a column of a row, or behind a shorter row.
func (l *line) toColumn(start, end, column int) {
	l.at = start
	for g := displaywidth.StringGraphemes(l.text[start:end]); g.Next(); {
		if column -= g.Width(); column < 0 {
			return
		}
		l.at += len(g.Value())
	}
}

// swap exchanges the characters around the cursor; at the end of a row, the last
// two.
func (l *line) swap() {
	if l.at == l.end() && l.at > l.start() {
		l.at = l.before()
	}
	if l.at == l.start() || l.at == l.end() {
		return
	}
	from, to := l.before(), l.behind()
	l.text = l.text[:from] + l.text[l.at:to] + l.text[from:l.at] + l.text[to:]
	l.at = to
}
