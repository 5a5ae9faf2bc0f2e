package output

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownFormat is in the chain when NewParser is asked for a format of
// output that it does not know.
var ErrUnknownFormat = errors.New("unknown output format")

// format is a way to write calls. Its markers are literal strings.
type format struct {
	// names are those of the releases that write it. They differ in what their
	// prompts open, or in whitespace, which does not matter to a parser.
	names []string

	// detect gives the name of the release that a chat template belongs to, "" if
	// it is none of these. Formats are asked in the order of the list.
	detect func(template string) string

	reasons bool // there is reasoning between think tags
	tokens  bool // sections and calls begin with a token of the vocabulary's own
	asks    bool // it asks the tools for names or types

	sections []string // begin a section of calls
	calls    []string // begin a call; models forget the section around it now and then
	closers  []string // end a call or a section
	ends     []string // those closers that end a section

	start state // reads the text from its start
	begin state // reads what follows the begin of a call
	after state // reads what follows a call
	plain state // reads text, and on where a call was none

	// Where a name stands between tokens and arguments are JSON (readName).
	nameEnds []string                        // end the name
	named    func(m *machine, marker string) // counts the call when one did, "" if its arguments began
	fence    bool                            // arguments may stand in a fence

	// Where arguments are tags (readParams).
	params []string // begin a parameter
	param  state    // reads what follows the begin of a parameter
	direct bool     // an object may stand in place of the parameters

	// Where the call is an object (readMember).
	bare bool // without a tag around it
}

// formats are all there are; hermes comes last, for it takes every template that
// has think tags.
var formats = []*format{&deepseek, &dsml, &kimi, &glm, &llama, &hermes}

// Formats lists the names that NewParser knows.
func Formats() []string {
	var names []string
	for _, f := range formats {
		names = append(names, f.names...)
	}
	return names
}

// AsksTools reports whether a format, one of Formats, makes something of Options.Tools.
func AsksTools(name string) bool {
	f, err := formatNamed(name)
	return err == nil && f.asks
}

// formatNamed gives the format with a name. The error is ErrUnknownFormat.
func formatNamed(name string) (*format, error) {
	for _, f := range formats {
		for _, n := range f.names {
			if n == name {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("output: %w %q, want one of %s%s", ErrUnknownFormat, name, strings.Join(Formats(), ", "), nearest(name))
}

// nearest names the formats that a wrong name is close to, for an error.
func nearest(name string) string {
	if len(name) > 64 {
		return ""
	}
	name = strings.ToLower(name)
	best, near := 4, []string{}
	for _, f := range Formats() {
		d := editDistance(name, f)
		if strings.HasPrefix(f, name) && name != "" || strings.HasPrefix(name, f) {
			d = 1
		}
		if d < best {
			best, near = d, near[:0]
		}
		if d == best {
			near = append(near, f)
		}
	}
	if best > 3 || len(near) == 0 {
		return ""
	}
	return " (nearest: " + strings.Join(near, ", ") + ")"
}

// editDistance counts the bytes to insert, delete or replace to get from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
