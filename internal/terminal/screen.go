package terminal

import (
	"fmt"
	"strings"
)

// screen draws a layout where the cursor stands, over what it drew there before.
type screen struct {
	rows   []row // drawn last
	row    int   // of these, where the cursor is
	column int
	width  int // of the screen then
	top    int // first row of the layout that is shown
}

// forget says that what was drawn stays as it is: the next layout begins at the
// cursor, which is at the beginning of a row.
func (s *screen) forget() { *s = screen{} }

// draw returns what to write to show a layout on a screen of that size. Of a
// layout that is higher than the screen the rows around the cursor are shown.
func (s *screen) draw(l layout, width, height int) string {
	width, height = max(width, 2), max(height, 1)
	var b strings.Builder
	if n := s.above(width); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	b.WriteByte('\r')
	s.top = max(min(s.top, l.row, len(l.rows)-height), l.row-height+1, 0)
	shown := l.rows[s.top:min(len(l.rows), s.top+height)]
	full := shown[len(shown)-1].width == width
	if full {
		b.WriteString("\x1b[J") // behind a full row it would take the last character
	}
	for i, r := range shown {
		b.WriteString(r.text)
		if r.width < width {
			b.WriteString("\x1b[K")
		}
		if i == len(shown)-1 {
			break
		}
		// A full row goes on in the next by itself, so that the terminal knows the two
		// to be one line when it is resized or copied from.
		if !r.soft || shown[i+1].width == 0 {
			b.WriteString("\r\n")
		}
	}
	if !full {
		b.WriteString("\x1b[J")
	}
	s.rows, s.row, s.column, s.width = shown, l.row-s.top, l.column, width
	if n := len(shown) - 1 - s.row; n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	b.WriteByte('\r')
	if s.column > 0 {
		fmt.Fprintf(&b, "\x1b[%dC", s.column)
	}
	return b.String()
}

// above returns how many rows are between the first drawn and the cursor. Where the
// screen was resized since, most terminals have broken or joined rows to its width.
func (s *screen) above(width int) int {
	if width == s.width {
		return s.row
	}
	n, cells := 0, 0
	for _, r := range s.rows[:s.row] {
		cells += r.width
		if !r.soft {
			n += max(1, (cells+width-1)/width)
			cells = 0
		}
	}
	return n + (cells+s.column)/width
}
