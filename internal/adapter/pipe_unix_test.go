//go:build unix

package adapter

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPipe: a pipe in the place of the configuration is refused, and nobody waits for who writes
// into it.
func TestPipe(t *testing.T) {
	folder := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(folder, ConfigName), 0o600); err != nil {
		t.Skipf("no pipes here: %v; run on a file system that has them", err)
	}
	if _, err := Open(folder); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("error %v, want one of a regular file", err)
	}
}
