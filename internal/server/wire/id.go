package wire

import "crypto/rand"

// NewID returns an identifier that nobody can guess: the prefix and 26 characters of
// the base32 alphabet (crypto/rand.Text).
func NewID(prefix string) string { return prefix + rand.Text() }
