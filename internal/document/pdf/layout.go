package pdf

import (
	"errors"
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The distances that tell text apart, by the size of its letters.
const (
	gapOfWords      = 0.2  // along a line, between letters
	jumpBack        = 0.5  // along a line, backwards: another begins
	gapOfLines      = 0.45 // across the line
	gapOfParagraphs = 1.9  // across the line
)

// errLong is more text than was asked for.
var errLong = errors.New("too much text")

// layout puts letters in a row as their places say.
type layout struct {
	text   strings.Builder
	limit  int // bytes
	behind string

	placed       bool    // the rest is valid
	x, y         float64 // where the last letter ended
	dx, dy       float64 // the direction of its line, of length 1
	size         float64
	lost, letter int // codes that nothing tells the letters of, and others
}

// matrix is a transformation: x' = a·x + c·y + e, y' = b·x + d·y + f.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{1, 0, 0, 1, 0, 0}

// times returns the transformation that does m first, and n behind it.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m.a*n.a + m.b*n.c, m.a*n.b + m.b*n.d, m.c*n.a + m.d*n.c, m.c*n.b + m.d*n.d,
		m.e*n.a + m.f*n.c + n.e, m.e*n.b + m.f*n.d + n.f,
	}
}

// put adds what is drawn at a place: m takes the unit of a letter's size to the page, and
// width is how far it goes in that unit.
func (l *layout) put(text string, m matrix, width float64) error {
	size := math.Hypot(m.c, m.d)
	along := math.Hypot(m.a, m.b)
	if !(size > 0 && size < 1e9 && along > 0 && along < 1e9 && math.Abs(width) < 1e6 && math.Abs(m.e) < 1e9 && math.Abs(m.f) < 1e9) {
		size, along, m = 1, 1, matrix{1, 0, 0, 1, l.x, l.y} // no place: it follows
	}
	dx, dy := m.a/along, m.b/along
	if l.placed {
		l.separate(m.e, m.f, dx, dy, size)
	}
	l.placed, l.dx, l.dy, l.size = true, dx, dy, size
	l.x, l.y = m.e+width*m.a, m.f+width*m.b
	return l.add(text)
}

// separate adds a blank or line ends where a letter stands apart from the last.
func (l *layout) separate(x, y, dx, dy, size float64) {
	along := (x-l.x)*l.dx + (y-l.y)*l.dy
	across := math.Abs((y-l.y)*l.dx - (x-l.x)*l.dy)
	em := max(min(size, l.size), 1e-9)
	switch {
	case across > gapOfParagraphs*max(size, l.size):
		l.breakLine(2)
	case across > gapOfLines*em || dx*l.dx+dy*l.dy < 0.9 || along < -jumpBack*em-l.size && across > 0.1*em:
		l.breakLine(1)
	case along > gapOfWords*em || along < -2*max(size, l.size):
		l.blank()
	}
}

// breakLine ends the line, n = 2: and the paragraph.
func (l *layout) breakLine(n int) {
	text := l.behind
	if text == "" {
		return
	}
	for have := len(text) - len(strings.TrimRight(text, "\n")); have < n; have++ {
		l.write("\n")
	}
}

// blank adds a blank between words.
func (l *layout) blank() {
	if l.behind != "" && !strings.HasSuffix(l.behind, " ") && !strings.HasSuffix(l.behind, "\n") {
		l.write(" ")
	}
}

// write adds text as it is, and keeps its end in view.
func (l *layout) write(text string) {
	l.text.WriteString(text)
	if l.behind += text; len(l.behind) > 16 {
		l.behind = l.behind[len(l.behind)-8:]
	}
}

// ligatures are letters that are written as one sign.
var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")

// add adds letters, without signs that steer.
func (l *layout) add(text string) error {
	text = ligatures.Replace(strings.ToValidUTF8(text, "\uFFFD"))
	for _, r := range text {
		switch {
		case r == unicode.ReplacementChar:
			l.lost++
		case r == ' ' || r == '\u00a0' || r == '\t':
			l.blank()
			continue
		case r == '\n' || r == '\r':
			l.breakLine(1)
			continue
		case unicode.IsControl(r) || r == '\u00ad' || r == '\ufeff':
			continue
		default:
			l.letter++
		}
		l.write(string(r))
	}
	if l.text.Len() > l.limit {
		return errLong
	}
	return nil
}

// page ends a page.
func (l *layout) page() {
	l.breakLine(2)
	l.placed = false
}

// String returns the text, in the composed form of its letters.
func (l *layout) String() string {
	lines := strings.Split(norm.NFC.String(l.text.String()), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
