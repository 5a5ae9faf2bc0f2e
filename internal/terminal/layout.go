package terminal

import (
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// tabWidth is how many cells a tab takes.
const tabWidth = 4

// row is one row of the screen.
type row struct {
	text  string
	width int  // in cells
	soft  bool // the text goes on in the next row, without a line break
}

// layout is a text as it stands on a screen: its rows, and where the cursor is.
type layout struct {
	rows        []row
	row, column int
}

// flow writes cells into rows of a layout.
type flow struct {
	layout
	b     strings.Builder
	cells int
	width int // of the screen
}

// place lays a text out on a screen of that many columns: first stands before its
// first line, more before the others. The cursor is before byte at of text.
func place(first, more, text string, at, width int) layout {
	f := &flow{width: max(width, 2)}
	written, marked := 0, false
	for i, part := range strings.SplitAfter(text, "\n") {
		before := first
		if i > 0 {
			f.next(false)
			before = more
		}
		written -= len(before) // so that the text begins at 0, prompts and text in one
		for g := displaywidth.StringGraphemes(before + part); g.Next(); {
			s := g.Value()
			switch {
			case marked || at < written || at >= written+len(s):
			case g.Width() == 0 && s != "\n" && s != "\t":
				at = written + len(s) // invisible: shown on what comes next
			default:
				f.mark(s, g.Width())
				marked = true
			}
			written += len(s)
			if s != "\n" {
				f.put(s, g.Width())
			}
		}
	}
	if !marked {
		f.mark("", 0)
	}
	f.next(false)
	return f.layout
}

// put writes a character.
func (f *flow) put(s string, w int) {
	switch {
	case s == "\t":
		s, w = strings.Repeat(" ", tabWidth), tabWidth
	case w > f.width: // wider than the whole screen
		s, w = "?", 1
	}
	if f.cells+w > f.width {
		f.next(true)
	}
	f.b.WriteString(s)
	f.cells += w
}

// mark says that the cursor stands on a character that comes next.
func (f *flow) mark(s string, w int) {
	if s == "\t" {
		w = tabWidth
	}
	if f.cells+min(max(w, 1), f.width) > f.width {
		f.next(s != "\n" && s != "")
	}
	f.row, f.column = len(f.rows), f.cells
}

// next begins a row.
func (f *flow) next(soft bool) {
	f.rows = append(f.rows, row{f.b.String(), f.cells, soft})
	f.b.Reset()
	f.cells = 0
}
