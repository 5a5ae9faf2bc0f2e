package kvcache

import (
	"crypto/sha256"
	"encoding/binary"
)

// Sum names a prefix: a SHA-256 over its salt and all its tokens, page by page.
type Sum [sha256.Size]byte

// Origin returns the sum of the empty prefix of a salt.
func Origin(salt string) Sum {
	return sha256.Sum256(append([]byte("blitz prefix\n"), salt...))
}

// Next returns the sum of the prefix, which is whole pages, with a page of tokens more, or
// with fewer.
func (s Sum) Next(tokens []int32) Sum {
	var text [sha256.Size + 4*PagePositions]byte
	copy(text[:], s[:])
	tokens = tokens[:min(len(tokens), PagePositions)]
	for i, id := range tokens {
		binary.LittleEndian.PutUint32(text[sha256.Size+4*i:], uint32(id))
	}
	return sha256.Sum256(text[:sha256.Size+4*len(tokens)])
}

// Sums returns the sums of the prefixes of tokens that are whole pages, from one page
// on.
func Sums(salt string, tokens []int32) []Sum {
	sums := make([]Sum, 0, len(tokens)/PagePositions)
	at := Origin(salt)
	for ; len(tokens) >= PagePositions; tokens = tokens[PagePositions:] {
		at = at.Next(tokens)
		sums = append(sums, at)
	}
	return sums
}
