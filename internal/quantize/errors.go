package quantize

import (
	"errors"
	"fmt"
)

// The kinds of errors. The text of an error that wraps one is its own.
var (
	// ErrOption: what is asked for makes no sense.
	ErrOption = errors.New("wrong use")
	// ErrRefused: a model, or its importances, that cannot be written so.
	ErrRefused = errors.New("refused model")
	// ErrNoRoom: the disk has too little room.
	ErrNoRoom = errors.New("no room on the disk")
)

// problem is an error with a text of its own.
type problem struct {
	text string
	kind error
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.kind }

func fail(kind error, format string, a ...any) error {
	return &problem{fmt.Sprintf(format, a...), kind}
}
