package account

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrUnknown is wrapped by errors about a key that there is not.
	ErrUnknown = errors.New("no such key")
	// ErrRevoked is wrapped by errors about a key that was taken back.
	ErrRevoked = errors.New("the key was revoked")
	// ErrExpired is wrapped by errors about a key whose time is over.
	ErrExpired = errors.New("the key has expired")
	// ErrTaken is wrapped by errors about a name that another key has.
	ErrTaken = errors.New("the name is taken")
	// ErrValue is wrapped by errors about what a key cannot have.
	ErrValue = errors.New("bad value")
	// ErrModel is wrapped by errors about a model that a key may not use.
	ErrModel = errors.New("the key may not use this model")
)

// ValueError is what a key cannot have.
type ValueError struct {
	Field string // as NewKey's JSON calls it
	Want  string
}

func (e *ValueError) Error() string { return fmt.Sprintf("%s: want %s", e.Field, e.Want) }

// Unwrap returns ErrValue.
func (e *ValueError) Unwrap() error { return ErrValue }

// LimitError is a limit of a key that is reached.
type LimitError struct {
	Name      string // of the limit, in words
	Limit     int64
	Remaining int64
	Wait      time.Duration // until a request may be let in again
	Lasting   bool          // that is so long that nobody should wait for it: the month is used up
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the key's limit is reached: %s, %d", e.Name, e.Limit)
}
