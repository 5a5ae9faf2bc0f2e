package grammar

import "errors"

var (
	// ErrSyntax is a grammar that is written wrong.
	ErrSyntax = errors.New("the grammar is written wrong")
	// ErrUnsupported is a part of a grammar that cannot be held; the message names it.
	ErrUnsupported = errors.New("not supported in a grammar")
	// ErrTooLarge is a grammar, or its use, beyond a bound; the message names the bound.
	ErrTooLarge = errors.New("the grammar is too large")
	// ErrToken is a token that does not match a grammar.
	ErrToken = errors.New("no token of the grammar")
	// ErrEmpty is a grammar that no text matches.
	ErrEmpty = errors.New("no text matches the grammar")
)
