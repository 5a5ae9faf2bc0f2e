package main

import (
	"fmt"
	"io"

	"github.com/charmbracelet/x/term"
	"github.com/clipperhouse/displaywidth"
)

// redrawn are some lines of a terminal that are drawn over and over.
type redrawn struct {
	w      io.Writer
	screen bool // it is a terminal; else nothing is drawn over
	width  func() int
	drawn  int // lines that stand there
}

// newRedrawn returns the lines of w.
func newRedrawn(w io.Writer, getenv func(string) string) redrawn {
	d := redrawn{w: w, screen: isTerminal(w) && !isPlain(getenv), width: func() int { return 80 }}
	if f, ok := w.(term.File); ok && d.screen {
		d.width = func() int {
			if w, _, err := term.GetSize(f.Fd()); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return d
}

// room is how many columns a line may have.
func (d *redrawn) room() int { return max(1, d.width()-1) }

// redraw draws lines in place of those that stand there.
func (d *redrawn) redraw(lines []string) {
	d.erase()
	for _, l := range lines {
		fmt.Fprintln(d.w, displaywidth.TruncateString(l, d.room(), "…"))
	}
	d.drawn = len(lines)
}

// note writes a line that stays.
func (d *redrawn) note(text string) {
	d.erase()
	fmt.Fprintln(d.w, "blitz: note: "+printable(text))
}

// erase takes away what was drawn.
func (d *redrawn) erase() {
	if d.drawn > 0 {
		fmt.Fprintf(d.w, "\x1b[%dA\x1b[J", d.drawn)
		d.drawn = 0
	}
}

// end leaves what stands there.
func (d *redrawn) end() { d.drawn = 0 }
