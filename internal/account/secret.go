package account

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"strings"
)

// A key is its prefix, random letters and digits, and a checksum of them, by which
// programs that look for leaked keys tell one from other text.
const (
	prefix   = "blz-"
	letters  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	random   = 43 // letters: 256 bits
	checksum = 6  // letters: 32 bits
	shown    = len(prefix) + 4
)

// maxText bounds what is looked at as a key, in bytes.
const maxText = 512

// newText returns a key that nobody had before.
func newText() string {
	var text strings.Builder
	text.WriteString(prefix)
	for b := make([]byte, 1); text.Len() < len(prefix)+random; {
		rand.Read(b)                                 // never fails
		if x := int(b[0]) & 0x3f; x < len(letters) { // so that each letter is as likely
			text.WriteByte(letters[x])
		}
	}
	sum := crc32.ChecksumIEEE([]byte(text.String()))
	for range checksum {
		text.WriteByte(letters[sum%62])
		sum /= 62
	}
	return text.String()
}

// hash is what is stored of a key. It is fast, for a key of 256 random bits cannot be
// guessed, and so that a request costs no time.
type hash [sha256.Size]byte

func hashOf(text string) hash { return sha256.Sum256([]byte(text)) }
