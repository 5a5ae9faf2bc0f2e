package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
)

// Digest is a SHA-256 sum. Paths in the store are made from its bytes, never
// from the text it was parsed from.
type Digest [sha256.Size]byte

// ParseDigest reads 64 lower-case hexadecimal digits, with or without
// "sha256:" in front. Anything else is ErrSyntax.
func ParseDigest(text string) (Digest, error) {
	var d Digest
	digits := strings.TrimPrefix(text, "sha256:")
	if len(digits) != hex.EncodedLen(len(d)) || strings.Trim(digits, "0123456789abcdef") != "" {
		return Digest{}, fmt.Errorf("digest %q: want sha256: and 64 hexadecimal digits: %w", clip(text), ErrSyntax)
	}
	if _, err := hex.Decode(d[:], []byte(digits)); err != nil {
		return Digest{}, fmt.Errorf("digest %q: %w: %w", clip(text), err, ErrSyntax)
	}
	return d, nil
}

// Hex returns the 64 digits alone.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// String returns the digest as "sha256:" and 64 digits.
func (d Digest) String() string { return "sha256:" + d.Hex() }

// MarshalText writes the digest as String does.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDigest reads.
func (d *Digest) UnmarshalText(text []byte) error {
	parsed, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// clip shortens hostile text for an error message.
func clip(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// matchesGit reports whether a file is the git blob of a SHA-1: that of "blob",
// its length, a zero byte and its bytes.
func matchesGit(path string, size int64, want [sha1.Size]byte) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", size)
	n, err := io.Copy(h, f)
	return err == nil && n == size && [sha1.Size]byte(h.Sum(nil)) == want
}

// parseGitDigest reads the 40 hexadecimal digits of a SHA-1.
func parseGitDigest(text string) (sum [sha1.Size]byte, err error) {
	if len(text) != hex.EncodedLen(len(sum)) || strings.Trim(text, "0123456789abcdef") != "" {
		return sum, fmt.Errorf("digest %q: want 40 hexadecimal digits: %w", clip(text), ErrSyntax)
	}
	_, err = hex.Decode(sum[:], []byte(text))
	return sum, err
}
