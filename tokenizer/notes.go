package tokenizer

import (
	"fmt"
	"slices"
)

// Notes say what the files of a tokenizer leave out and was taken for granted,
// and what of them was passed over: a sentence each, for the user.
func (t *Tokenizer) Notes() []string { return slices.Clone(t.notes) }

// notes are a list that a damaged file cannot make long.
type notes []string

const maxNotes = 16

func (n *notes) add(format string, a ...any) {
	switch {
	case len(*n) < maxNotes:
		*n = append(*n, fmt.Sprintf(format, a...))
	case len(*n) == maxNotes:
		*n = append(*n, "and more of that kind")
	}
}
