package puppet_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
)

// TestWrite: the file is the one that the acceptance checks of the server are made for.
func TestWrite(t *testing.T) {
	const want = "691a58d660101a01cfb6715878d6e671002851b7d4034c1e59dbcd27671bd27c"
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != want {
		t.Errorf("the file of %d bytes has the sum %x, want %s", len(file), sum, want)
	}
}
