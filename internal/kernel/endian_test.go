package kernel

import (
	"go/build"
	"testing"
)

// TestEndian wants the file that does not compile to be part of the package on every
// big-endian architecture that Go has, and on no other.
func TestEndian(t *testing.T) {
	big := map[string]bool{"s390x": true, "ppc64": true, "mips": true, "mips64": true}
	for _, arch := range []string{
		"s390x", "ppc64", "mips", "mips64",
		"amd64", "arm64", "386", "arm", "loong64", "mipsle", "mips64le", "ppc64le", "riscv64", "wasm",
	} {
		c := build.Default
		c.GOARCH = arch
		part, err := c.MatchFile(".", "endian.go")
		if err != nil {
			t.Fatal(err)
		}
		if part != big[arch] {
			t.Errorf("%s: refused %t, want %t", arch, part, big[arch])
		}
	}
}
