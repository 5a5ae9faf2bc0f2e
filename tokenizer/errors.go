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
	// ErrTimeLimit: a pattern took too long on a text.
	ErrTimeLimit = errors.New("time limit")
	// ErrTooLong: the text is longer than MaxText.
	ErrTooLong = errors.New("text too long")
	// ErrID: an id is outside of the vocabulary.
	ErrID = errors.New("no such token id")
)
