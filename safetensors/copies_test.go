package safetensors

import (
	"os"
	"strings"
	"testing"
)

// TestCopies holds the files equal that package gguf has too.
func TestCopies(t *testing.T) {
	for _, name := range []string{"output.go", "clean.go"} {
		mine, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile("../gguf/" + name)
		if os.IsNotExist(err) {
			t.Skipf("package gguf is not beside this one: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(string(other), "package gguf\n", "package safetensors\n", 1)
		if string(mine) != want {
			t.Errorf("%s differs from ../gguf/%s: change both", name, name)
		}
	}
}
