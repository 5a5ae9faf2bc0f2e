//go:build unix

package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipes: a pipe in the place of a file is refused, and nobody waits for who writes into it.
func TestPipes(t *testing.T) {
	for _, name := range []string{"run.toml", "metrics.jsonl", "eval.jsonl", "samples.jsonl"} {
		folder := t.TempDir()
		if name != "metrics.jsonl" {
			if err := os.WriteFile(filepath.Join(folder, "metrics.jsonl"), []byte("{\"step\": 1}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := syscall.Mkfifo(filepath.Join(folder, name), 0o600); err != nil {
			t.Skipf("no pipes here: %v; run on a file system that has them", err)
		}
		if _, err := Read(folder, nil); !errors.Is(err, ErrRun) || !strings.Contains(err.Error(), "regular") {
			t.Errorf("%s is a pipe: %v", name, err)
		}
	}
}
