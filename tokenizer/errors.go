package tokenizer

import "errors"

// Errors that callers act on; each comes wrapped with the file and the thing.
var (
	// ErrNoTokenizer: the files hold no tokenizer at all.
	ErrNoTokenizer = errors.New("no tokenizer")
	// ErrUnsupported: the tokenizer needs something that is not built.
	ErrUnsupported = errors.New("not supported")
	// ErrDamaged: a tokenizer file contradicts its format.
	ErrDamaged = errors.New("damaged")
	// ErrTimeLimit: the patterns of a tokenizer took too many steps on a text.
	ErrTimeLimit = errors.New("time limit")
	// ErrTooLong: a text is longer than MaxText, or grows too much on its way.
	ErrTooLong = errors.New("text too long")
	// ErrID: an id is outside of the vocabulary.
	ErrID = errors.New("no such token id")
)
