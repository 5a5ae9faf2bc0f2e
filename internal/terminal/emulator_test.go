package terminal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
)

// emulator is as much of a terminal as the package's output needs: it wraps rows
// late, as terminals do, and scrolls.
type emulator struct {
	t       testing.TB
	w, h    int
	cells   [][]string // "" is the second cell of a wide character
	row     int
	column  int
	pending bool // the last column was written; the next character wraps
	scrolls int
	modes   string
	rest    string // of a sequence that was cut
}

func newEmulator(t testing.TB, w, h int) *emulator {
	e := &emulator{t: t, w: w, h: h}
	for range h {
		e.cells = append(e.cells, e.blank())
	}
	return e
}

func (e *emulator) blank() []string {
	r := make([]string, e.w)
	for i := range r {
		r[i] = " "
	}
	return r
}

func (e *emulator) Write(p []byte) (int, error) {
	text := e.rest + string(p)
	e.rest = ""
	for text != "" {
		switch text[0] {
		case '\r':
			e.column, e.pending = 0, false
			text = text[1:]
		case '\n':
			e.down()
			text = text[1:]
		case 0x1b:
			n := e.sequence(text)
			text = text[n:]
		default:
			g := displaywidth.StringGraphemes(text)
			g.Next()
			e.put(g.Value(), g.Width())
			text = text[len(g.Value()):]
		}
	}
	return len(p), nil
}

func (e *emulator) down() {
	if e.row++; e.row == e.h {
		e.row--
		e.scrolls++
		e.cells = append(e.cells[1:], e.blank())
	}
}

func (e *emulator) put(s string, w int) {
	if s[0] < ' ' {
		e.t.Fatalf("emulator: control character %q", s)
	}
	if w == 0 && (e.column > 0 || e.pending) {
		last := e.column - 1
		if e.pending {
			last = e.column
		}
		for last > 0 && e.cells[e.row][last] == "" {
			last-- // the first cell of a wide character
		}
		e.cells[e.row][last] += s
		return
	}
	if e.pending || e.column+w > e.w {
		e.column, e.pending = 0, false
		e.down()
	}
	e.cells[e.row][e.column] = s
	for i := 1; i < w; i++ {
		e.cells[e.row][e.column+i] = ""
	}
	if e.column += w; e.column == e.w {
		e.column, e.pending = e.w-1, true
	}
}

func (e *emulator) sequence(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		e.t.Fatalf("emulator: unknown sequence %.10q", text)
	}
	end := 2
	for end < len(text) && (text[end] < '@' || text[end] > '~') {
		end++
	}
	if end == len(text) {
		e.t.Fatalf("emulator: cut sequence %q", text)
	}
	args, n := text[2:end], 1
	fmt.Sscanf(args, "%d", &n)
	switch text[end] {
	case 'A':
		if e.row < n {
			e.t.Fatalf("emulator: %d rows up from row %d", n, e.row)
		}
		e.row, e.pending = e.row-n, false
	case 'C':
		e.column, e.pending = e.column+n, false
		if e.column >= e.w {
			e.t.Fatalf("emulator: column %d of %d", e.column, e.w)
		}
	case 'H':
		e.row, e.column, e.pending = 0, 0, false
	case 'K':
		e.clear(e.row, e.column)
	case 'J':
		if args == "2" {
			for r := range e.h {
				e.clear(r, 0)
			}
			break
		}
		e.clear(e.row, e.column)
		for r := e.row + 1; r < e.h; r++ {
			e.clear(r, 0)
		}
	case 'h', 'l':
		e.modes = text[:end+1]
	default:
		e.t.Fatalf("emulator: unknown sequence %q", text[:end+1])
	}
	return end + 1
}

func (e *emulator) clear(row, column int) {
	copy(e.cells[row][column:], e.blank())
}

// screen returns the rows without the spaces behind them, and without the empty
// rows at the end.
func (e *emulator) screen() []string {
	var rows []string
	for _, r := range e.cells {
		rows = append(rows, strings.TrimRight(strings.Join(r, ""), " "))
	}
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	return rows
}
