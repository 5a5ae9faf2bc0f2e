package blitz_test

import (
	"os"
	"strings"
	"testing"
)

// TestReadme holds the Go code of the README to the example that is compiled.
func TestReadme(t *testing.T) {
	_, rest, ok := strings.Cut(read(t, "README.md"), "```go\n")
	code, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("README.md has no Go code")
	}
	_, example, ok := strings.Cut(read(t, "example_test.go"), "func Example() {\n")
	if !ok {
		t.Fatal("example_test.go has no Example")
	}
	example, _, _ = strings.Cut(example, "\n}")
	want := strings.ReplaceAll("\n"+example, "\n\t", "\n")[1:] + "\n"
	if code != want {
		t.Errorf("README.md has\n%s\nthe compiled example is\n%s", code, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
