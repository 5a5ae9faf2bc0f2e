package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestMan(t *testing.T) {
	dir := t.TempDir()
	if code := run(t.Context(), []string{"man", dir}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, name := range []string{"blitz.1", "blitz-run.1", "blitz-serve.1", "blitz-keys-create.1"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.HasPrefix(string(text), ".TH BLITZ") {
			t.Errorf("%s: %.60s, %v", name, text, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "blitz-man.1")); err == nil {
		t.Error("a page of a hidden verb")
	}
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff, which reads manual pages, is not installed: install it")
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "*.1"))
	out, err := exec.Command(groff, append([]string{"-man", "-ww", "-Tutf8", "-z"}, pages...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("groff: %v\n%s", err, out)
	}
}
