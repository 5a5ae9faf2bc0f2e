package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fullDisk takes n bytes and then is full.
func fullDisk(n int64, full error) disk {
	d := realDisk
	d.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	d.link = func(from, path string) error {
		if strings.Contains(path, "staging") {
			return errors.ErrUnsupported
		}
		return os.Link(from, path)
	}
	d.write = func(f *os.File, p []byte) (int, error) {
		if n < int64(len(p)) {
			m, _ := f.Write(p[:n]) // the error to tell is the full disk
			n = 0
			return m, &os.PathError{Op: "write", Path: f.Name(), Err: full}
		}
		n -= int64(len(p))
		return f.Write(p)
	}
	d.writeAt = func(f *os.File, p []byte, at int64) (int, error) {
		if n < int64(len(p)) {
			m, _ := f.WriteAt(p[:n], at) // the error to tell is the full disk
			n = 0
			return m, &os.PathError{Op: "write", Path: f.Name(), Err: full}
		}
		n -= int64(len(p))
		return f.WriteAt(p, at)
	}
	return d
}

// Wherever an import or a pull runs out of disk, the error says so and the
// store is as it was; with room it then works.
func TestDiskFull(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	addParts(t, x, tinyGGUF(t, 1, 200), 2)
	folder := filepath.Join(t.TempDir(), "folder")
	tinyFolder(t, folder)
	s := newStore(t)
	old := importTiny(t, s, "old", 1)
	s.Settings.HuggingFace = newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": tinyGGUF(t, 5, 9000)}).URL
	for what, do := range map[string]func() error{
		"import": func() error { _, err := s.Import(t.Context(), folder, "new", nil); return err },
		"pull":   func() error { _, err := s.Pull(t.Context(), pipSource("tiny", ""), nil); return err },
		"hub":    func() error { _, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); return err },
	} {
		failures := 0
		for n := int64(0); ; n = n*3/2 + 100 {
			s.disk = fullDisk(n, []error{syscall.ENOSPC, syscall.EDQUOT}[failures%2])
			err := do()
			if err == nil {
				break
			}
			failures++
			if !errors.Is(err, ErrNoSpace) {
				t.Errorf("%s with %d bytes: %v, want ErrNoSpace", what, n, err)
			}
			checkWhole(t, s, old)
			checkStore(t, s)
		}
		if failures < 4 {
			t.Errorf("%s failed only %d times", what, failures)
		}
	}
	s.disk = realDisk
	checkStore(t, s)
}

// What cannot fit is not begun.
func TestDiskTooSmall(t *testing.T) {
	x := newFakeIndex(t, "pip3")
	x.add("x", "1", wheelBytes(t, "x", "1", nil, entry{"x/m.gguf", tinyGGUF(t, 1, 8)}))
	s := newStore(t)
	s.disk.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	s.disk.link = func(string, string) error { return errors.ErrUnsupported }
	s.disk.free = func(string) (int64, error) { return spare + 100, nil }
	s.disk.write = func(*os.File, []byte) (int, error) { t.Error("it was begun"); return 0, syscall.ENOSPC }
	path := write(t, filepath.Join(t.TempDir(), "m.gguf"), tinyGGUF(t, 1, 8))
	if _, err := s.Import(t.Context(), path, "m", nil); !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "needed") {
		t.Errorf("import: %v, want ErrNoSpace with the sizes", err)
	}
	s.disk.write = realDisk.write // of the journal
	if _, err := s.Pull(t.Context(), pipSource("x", ""), nil); !errors.Is(err, ErrNoSpace) || !strings.Contains(err.Error(), "needed") {
		t.Errorf("pull: %v, want ErrNoSpace with the sizes", err)
	}
	if models, err := s.List(); err != nil || len(models) != 0 {
		t.Errorf("stored %v, %v", models, err)
	}
	s.disk.free = func(string) (int64, error) { return 0, errors.ErrUnsupported }
	if _, err := s.Pull(t.Context(), pipSource("x", ""), nil); err != nil {
		t.Errorf("pull to a disk that does not say what is free: %v", err)
	}
}

func TestFreeSpace(t *testing.T) {
	free, err := freeSpace(t.TempDir())
	if err != nil || free <= 0 {
		t.Errorf("free: %d, %v", free, err)
	}
	if _, err := freeSpace(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a folder that is not there has free space")
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 98_362_432: "98.4 MB", 1 << 62: "4.6 EB"} {
		if got := FormatBytes(n); got != want {
			t.Errorf("FormatBytes(%d) = %s, want %s", n, got, want)
		}
	}
}

// fullRole plays on a real disk that is full: a small one in memory. It prints
// what went wrong.
func fullRole() int {
	os.Setenv("HUB_TEST_ROLE", "pip")
	home := os.Getenv("HUB_TEST_HOME")
	if err := mountSmall(home); err != nil {
		fmt.Println("skip:", err)
		return 0
	}
	s, err := Open(home)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s.disk.free = func(string) (int64, error) { return 0, errors.ErrUnsupported } // so that it is tried
	src := os.Getenv("HUB_TEST_MODEL")
	_, importErr := s.Import(context.Background(), src, "big", nil)
	_, pullErr := s.Pull(context.Background(), Source{Kind: KindPip, Name: "x"}, nil)
	_, goodErr := s.Import(context.Background(), os.Getenv("HUB_TEST_SMALL"), "small", nil)
	for what, err := range map[string]error{"import": importErr, "pull": pullErr} {
		if !errors.Is(err, ErrNoSpace) {
			fmt.Printf("%s: %v, want ErrNoSpace\n", what, err)
		}
	}
	if goodErr != nil {
		fmt.Println("the failures left no room:", goodErr)
	}
	return 0
}
