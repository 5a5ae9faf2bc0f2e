package history

import (
	"errors"
	"fmt"
)

var (
	// ErrUnknown is wrapped by errors about a chat, message or preset that there is not,
	// or not any more.
	ErrUnknown = errors.New("not there")
	// ErrConflict is wrapped by errors about a change that does not fit to what is there.
	ErrConflict = errors.New("does not fit to what is there")
	// ErrValue is wrapped by errors about what a chat, message or preset cannot have.
	ErrValue = errors.New("bad value")
)

// ValueError is what a chat, message or preset cannot have.
type ValueError struct {
	Field string // with its path; "" where the caller knows
	Want  string
}

func (e *ValueError) Error() string {
	if e.Field == "" {
		return "want " + e.Want
	}
	return e.Field + ": want " + e.Want
}

// Unwrap returns ErrValue.
func (e *ValueError) Unwrap() error { return ErrValue }

// refuse returns a ValueError.
func refuse(field, format string, args ...any) error {
	return &ValueError{Field: field, Want: fmt.Sprintf(format, args...)}
}

// unknown returns an error that wraps ErrUnknown.
func unknown(what, id string) error {
	return fmt.Errorf("history: %s %q is %w", what, id, ErrUnknown)
}

// conflict returns an error that wraps ErrConflict.
func conflict(format string, args ...any) error {
	return fmt.Errorf("history: %s: %w", fmt.Sprintf(format, args...), ErrConflict)
}

// isOwn says whether an error is one of this package's.
func isOwn(err error) bool {
	return errors.Is(err, ErrUnknown) || errors.Is(err, ErrConflict) || errors.Is(err, ErrValue)
}
