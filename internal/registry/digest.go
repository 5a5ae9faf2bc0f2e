package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// ParseDigest reads "sha256:" and 64 hexadecimal digits. Ollama's registry is
// read with "sha256-" and with digits in capitals, so both pass here; the
// result is 32 bytes either way, and no path or address is made of the text.
func ParseDigest(text string) (sum [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(text, "sha256:")
	if !ok {
		digits, ok = strings.CutPrefix(text, "sha256-")
	}
	if !ok || len(digits) != hex.EncodedLen(len(sum)) {
		return sum, fmt.Errorf("digest %q: want sha256: and 64 hexadecimal digits: %w", clip(text), ErrFormat)
	}
	decoded, err := hex.DecodeString(digits)
	if err != nil {
		return sum, fmt.Errorf("digest %q: want sha256: and 64 hexadecimal digits: %w", clip(text), ErrFormat)
	}
	return [sha256.Size]byte(decoded), nil
}

// FormatDigest writes a digest as registries name content by it.
func FormatDigest(sum [sha256.Size]byte) string { return "sha256:" + hex.EncodeToString(sum[:]) }

// clip shortens text of a stranger for an error message.
func clip(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
