package gguf

import (
	"errors"
	"fmt"
)

var (
	// ErrFormat is wrapped by every error that is about what a file contains, as
	// against the file being absent or unreadable.
	ErrFormat = errors.New("refused GGUF file")

	// errState is wrapped by errors about calls of a Writer in the wrong order.
	errState = errors.New("wrong order of calls")
)

// Error says what is wrong in which file. It wraps [ErrFormat].
type Error struct {
	File    string // base name
	Subject string // "tensor blk.0.attn_q.weight", "key general.name"; empty for the file as a whole
	Reason  string
}

func (e *Error) Error() string {
	if e.Subject == "" {
		return fmt.Sprintf("gguf: %s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("gguf: %s: %s: %s", e.File, e.Subject, e.Reason)
}

// Unwrap returns [ErrFormat].
func (e *Error) Unwrap() error { return ErrFormat }
