package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/charmbracelet/x/term"
)

// isTerminal says whether a stream is a terminal that understands control sequences
// or, for an input, is typed on.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}

// isPlain says that the terminal shows nothing but text.
func isPlain(getenv func(string) string) bool { return getenv("TERM") == "dumb" }

// hasStyle says whether text on a stream may be dimmed or bold.
func hasStyle(stream any, getenv func(string) string) bool {
	return isTerminal(stream) && !isPlain(getenv) && getenv("NO_COLOR") == ""
}

// The styles of a terminal.
const (
	styleDim  = "\x1b[2m"
	styleBold = "\x1b[1m"
	styleNone = "\x1b[0m"
)

// printable returns text of a file in a form that a terminal shows and does not obey,
// in one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		return visible(r)
	}, s)
}

// printableText is printable that keeps lines and tabs.
func printableText(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, s)
}

// visible returns the picture of a control character, and other characters as they
// are.
func visible(r rune) rune {
	switch {
	case r < ' ':
		return 0x2400 + r
	case r == 0x7f:
		return 0x2421
	case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // and marks that reorder a line
		return unicode.ReplacementChar
	}
	return r
}

// writeJSON writes a value as indented JSON.
func writeJSON(w io.Writer, v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(asShown(w, text.Bytes()))
	return err
}

// asShown returns text as a stream gets it: a terminal is shown control characters, which
// JSON has some of in its strings, and does not obey them.
func asShown(w io.Writer, text []byte) []byte {
	if isTerminal(w) {
		return []byte(printableText(string(text)))
	}
	return text
}

// writeTable writes rows in columns of equal width.
func writeTable(w io.Writer, rows ...[]string) error {
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	for _, r := range rows {
		line := strings.TrimRight(strings.Join(r, "\t"), "\t")
		if _, err := fmt.Fprintln(t, line); err != nil {
			return err
		}
	}
	return t.Flush()
}

// formatCount writes a count for people: 134.5 M.
func formatCount(n int64) string {
	units := []string{"", " K", " M", " B", " T"}
	x, unit := float64(n), 0
	for x >= 999.5 && unit < len(units)-1 {
		x /= 1000
		unit++
	}
	switch {
	case unit == 0:
		return fmt.Sprint(n)
	case x < 9.995:
		return fmt.Sprintf("%.2f%s", x, units[unit])
	case x < 99.95:
		return fmt.Sprintf("%.1f%s", x, units[unit])
	}
	return fmt.Sprintf("%.0f%s", x, units[unit])
}

// counted writes a number of things: "1 model", "2 models".
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// formatAge says how long ago something was.
func formatAge(at, now time.Time) string {
	d := now.Sub(at)
	ago := func(n int, unit string) string { return counted(n, unit) + " ago" }
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return ago(int(d/time.Minute), "minute")
	case d < 24*time.Hour:
		return ago(int(d/time.Hour), "hour")
	case d < 60*24*time.Hour:
		return ago(int(d/(24*time.Hour)), "day")
	}
	return at.Local().Format(time.DateOnly)
}
