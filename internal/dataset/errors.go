package dataset

import (
	"errors"
	"fmt"
)

// Errors of this package. The message names the file and the line.
var (
	// ErrFormat: a file cannot be read as what it says it is.
	ErrFormat = errors.New("unusable file of examples")
	// ErrRow is in the chain of what is wrong with one row.
	ErrRow = errors.New("unusable row")
	// ErrTooLong: a sample is longer than a row, and that is to be refused.
	ErrTooLong = errors.New("sample longer than a row")
	// ErrEmpty: there is nothing to learn from.
	ErrEmpty = errors.New("nothing to learn")
	// ErrOption: a setting that is not possible.
	ErrOption = errors.New("impossible setting")
)

// rowError is what is wrong with a row.
type rowError struct{ reason string }

func (e *rowError) Error() string { return e.reason }
func (e *rowError) Unwrap() error { return ErrRow }

func badRow(format string, args ...any) error { return &rowError{fmt.Sprintf(format, args...)} }

// Broken is a row that could not be used.
type Broken struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // from 1: of a text file's lines, of Parquet's rows
	Reason string `json:"reason"`
}

// maxNamed is how many broken rows are named; all are counted.
const maxNamed = 100

// Tally counts the rows of files.
type Tally struct {
	Files  int      `json:"files"`
	Rows   int      `json:"rows"`   // that were read whole
	Broken int      `json:"broken"` // that were not
	Named  []Broken `json:"named"`  // the first of those
}

func (t *Tally) broken(file string, line int, reason string) {
	t.Broken++
	if len(t.Named) < maxNamed {
		t.Named = append(t.Named, Broken{file, line, reason})
	}
}

func badSet(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), ErrFormat)
}
