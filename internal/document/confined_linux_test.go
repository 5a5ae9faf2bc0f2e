package document

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/blitz-r1/blitz/internal/sandbox"
)

func init() { peek = look }

// look tries what a parser may do that a file has taken over, and says what it could.
func look() int {
	for _, path := range []string{"/etc/passwd", "/etc/hosts", "/proc/1/status"} {
		if _, err := os.ReadFile(path); !errors.Is(err, fs.ErrPermission) {
			fmt.Println(path, err)
		}
	}
	if _, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0); !errors.Is(err, syscall.EPERM) {
		fmt.Println("a socket", err)
	}
	if _, err := syscall.ForkExec(os.Args[0], os.Args[:1], nil); !errors.Is(err, syscall.EPERM) {
		fmt.Println("a process", err)
	}
	fmt.Println("looked")
	return exitRead
}

// TestConfined keeps files, network and processes from a reader that a file has taken over.
func TestConfined(t *testing.T) {
	if err := sandbox.Check(); err != nil {
		t.Skip(err)
	}
	if raced {
		t.Skip("the race detector reserves more memory than a box gives")
	}
	got, err := reader("peek").Text(t.Context(), "evil.pdf", page("x"))
	if err != nil || got != "looked\n" && got != "looked" {
		t.Errorf("got %q, %v", got, err)
	}
}
