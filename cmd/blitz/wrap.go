package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/charmbracelet/x/term"
	"github.com/clipperhouse/displaywidth"
)

// wrapper breaks lines at words where they would break at the edge of a terminal. Text
// is written as it comes: a word that turns out not to fit is taken off its row and
// written in the next.
type wrapper struct {
	w      *bufio.Writer
	width  func() int // of the terminal, in cells; nil: lines are not broken
	column int        // cells of the row that are written
	word   string     // the last of them, where a word goes on
	cells  int        // of that word
}

// tabCells is the distance of tab stops.
const tabCells = 8

// widthOf returns what measures the terminal that a stream is, nil where it is none, or
// one that cannot take a word off its row.
func widthOf(stream any) func() int {
	if isPlain(os.Getenv) {
		return nil
	}
	switch t := stream.(type) {
	case interface{ Size() (width, height int) }:
		return func() int { width, _ := t.Size(); return width }
	case term.File:
		if isTerminal(stream) {
			return func() int {
				if w, _, err := term.GetSize(t.Fd()); err == nil && w > 0 {
					return w
				}
				return 80
			}
		}
	}
	return nil
}

// write writes text that has no control characters but line ends and tabs.
func (p *wrapper) write(s string) {
	if p.width == nil {
		p.w.WriteString(s)
		return
	}
	// The last cell stays free: behind it terminals disagree on where the cursor is.
	limit := max(p.width()-1, 1)
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		p.character(g.Value(), g.Width(), limit)
	}
}

// character writes one character, which takes so many cells.
func (p *wrapper) character(c string, cells, limit int) {
	switch {
	case c == "\n":
		p.w.WriteString(c)
		p.column, p.word, p.cells = 0, "", 0
		return
	case c == "\t":
		cells = tabCells - p.column%tabCells
	}
	blank := c == " " || c == "\t"
	if p.column+cells > limit && p.column > 0 {
		switch own := p.cells; {
		case blank:
			p.w.WriteString("\n") // which stands for the blank
			p.column, p.word, p.cells = 0, "", 0
			return
		case cells < 2 && 0 < own && own < p.column && own+cells <= limit:
			fmt.Fprintf(p.w, "\x1b[%dD\x1b[K\n%s", own, p.word)
			p.column = own
		default: // a word as long as a row, or a script without blanks
			p.w.WriteString("\n")
			p.column, p.word, p.cells = 0, "", 0
		}
	}
	p.w.WriteString(c)
	p.column += cells
	if blank || cells > 1 {
		p.word, p.cells = "", 0
		return
	}
	p.word += c
	p.cells += cells
}
