package hub

import (
	"errors"
	"strings"
	"testing"
)

func TestParseDigest(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", 4)
	for _, text := range []string{hex, "sha256:" + hex} {
		d, err := ParseDigest(text)
		if err != nil || d.Hex() != hex || d.String() != "sha256:"+hex {
			t.Errorf("ParseDigest(%q) = %v, %v", text, d, err)
		}
	}
	for _, text := range []string{
		"", "sha256:", hex[1:], hex + "0", strings.ToUpper(hex), "SHA256:" + hex, "sha256-" + hex, "sha256:sha256:" + hex,
		"sha512:" + hex, " " + hex[1:], hex[:63] + "g", hex[:63] + "/", "../" + hex[3:], hex[:60] + "\x00\x00\x00\x00", strings.Repeat("é", 32),
	} {
		if d, err := ParseDigest(text); !errors.Is(err, ErrSyntax) || d != (Digest{}) {
			t.Errorf("ParseDigest(%q) = %v, %v, want ErrSyntax", text, d, err)
		}
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add(strings.Repeat("ab", 32))
	f.Add("sha256:" + strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDigest(text)
		if err != nil {
			return
		}
		if text != d.Hex() && text != d.String() {
			t.Errorf("ParseDigest(%q) = %v, which is another text", text, d)
		}
	})
}
