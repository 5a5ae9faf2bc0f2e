package jinja

import (
	"errors"
	"fmt"
)

var (
	// ErrSyntax is in the chain of every error of NewTemplate: the source is not a template.
	ErrSyntax = errors.New("template syntax")

	// ErrLimit is in the chain when a rendering or a document reached one of its limits.
	ErrLimit = errors.New("limit reached")

	// ErrRefused is in the chain when a template asked for something it is
	// never given: other templates, chance, changing its input.
	ErrRefused = errors.New("refused")

	// ErrJSON is in the chain of every error of ParseJSON.
	ErrJSON = errors.New("json")
)

// Error is an error of a template, with the line where it happened. Lines
// count from 1.
type Error struct {
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("jinja: line %d: %v", e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// RaisedError is what a template said through raise_exception, mostly that a
// conversation does not have the form its model was trained on.
type RaisedError struct {
	Message string
}

func (e *RaisedError) Error() string { return e.Message }

// faultKind says which exception Python would have raised. Only the kinds that
// some construct of the language catches, or that a caller tells apart, are
// worth a name.
type faultKind uint8

const (
	faultType faultKind = iota // TypeError
	faultValue
	faultLookup // KeyError, IndexError
	faultOverflow
	faultZeroDivision
	faultUndefined
	faultRuntime
	faultSecurity // the sandbox says no
	faultRefused  // this interpreter says no
	faultLimit
	faultSyntax
)

// fault is an error of a running or compiling template.
type fault struct {
	kind faultKind
	text string
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() error {
	switch f.kind {
	case faultSecurity, faultRefused:
		return ErrRefused
	case faultLimit:
		return ErrLimit
	case faultSyntax:
		return ErrSyntax
	}
	return nil
}

func faultf(kind faultKind, format string, a ...any) error {
	return &fault{kind, fmt.Sprintf(format, a...)}
}

// isFault reports whether err is a fault of one of the kinds.
func isFault(err error, kinds ...faultKind) bool {
	var f *fault
	if !errors.As(err, &f) {
		return false
	}
	for _, k := range kinds {
		if f.kind == k {
			return true
		}
	}
	return false
}

// atLine gives err its line, unless it has one.
func atLine(err error, line int) error {
	if _, ok := err.(*Error); ok {
		return err
	}
	return &Error{line, err}
}
