package quant

import (
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/encoded.txt anew")

// TestEncodedBytes wants the same bytes on every machine: testdata/encoded.txt has
// digests of what the encoders make of seeded tensors.
func TestEncodedBytes(t *testing.T) {
	const file = "testdata/encoded.txt"
	var lines strings.Builder
	for _, kind := range scaledTypes {
		plain, weighted := sha256.New(), sha256.New()
		for _, name := range seededNames {
			x := seeded(7, name)
			w := seededImportance(7, name, len(x))
			b := make([]byte, kind.RowBytes(len(x)))
			for hash, importance := range map[interface{ Write([]byte) (int, error) }][]float32{plain: nil, weighted: w} {
				if err := EncodeRow(b, kind, x, importance); err != nil {
					t.Fatal(err)
				}
				hash.Write(b)
			}
		}
		fmt.Fprintf(&lines, "%s %s %s\n", kind, hex.EncodeToString(plain.Sum(nil)[:8]), hex.EncodeToString(weighted.Sum(nil)[:8]))
	}
	if *update {
		if err := os.WriteFile(file, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		if got := strings.Split(lines.String(), "\n")[i]; got != line {
			t.Errorf("digests: got %s, want %s", got, line)
		}
	}
}
