package newfile

import (
	"os"
	"path/filepath"
	"testing"
)

// read returns what stands at a path, "" where nothing does.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// left returns how many files a folder holds.
func left(t *testing.T, folder string) int {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// TestWhole writes a file, which has its name only when it is whole.
func TestWhole(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "x")
	for _, text := range []string{"first", "second"} {
		before := read(t, path)
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil || f.InPlace() {
			t.Errorf("write: %v, in place %v", err, f.InPlace())
		}
		if got := read(t, path); got != before {
			t.Errorf("while it is written %q stands there, want %q", got, before)
		}
		if err := f.Finish(); err != nil {
			t.Fatal(err)
		}
		if err := f.Place(); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text || left(t, folder) != 1 {
			t.Errorf("%q stands there, %d files, want %q in one", got, left(t, folder), text)
		}
	}
}

// TestDiscard gives a file up, before and after its bytes are on the disk.
func TestDiscard(t *testing.T) {
	folder := t.TempDir()
	for _, whole := range []bool{false, true} {
		f, err := Create(filepath.Join(folder, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if whole {
			if err := f.Finish(); err != nil {
				t.Fatal(err)
			}
		}
		f.Discard()
		if n := left(t, folder); n != 0 {
			t.Errorf("whole %v: %d files are left", whole, n)
		}
	}
	if _, err := Create(folder); err == nil {
		t.Error("a folder: no error")
	}
	if _, err := Create(filepath.Join(folder, "gone", "x")); !os.IsNotExist(err) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// TestLink: what a link points to is replaced, the link stays.
func TestLink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "target"), filepath.Join(folder, "link")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	f, err := Create(link)
	if err == nil {
		_, err = f.WriteString("new")
	}
	if err == nil {
		err = f.Finish()
	}
	if err == nil {
		err = f.Place()
	}
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 || read(t, target) != "new" {
		t.Errorf("the link is %v, %v, its target %q", st.Mode(), err, read(t, target))
	}
}

// TestInPlace: a device is written where it stands.
func TestInPlace(t *testing.T) {
	f, err := Create(os.DevNull)
	if err != nil {
		t.Skipf("no device here: %v", err)
	}
	if !f.InPlace() {
		t.Error("a device is not written in place")
	}
	if err := f.Finish(); err != nil {
		t.Error(err)
	}
	if err := f.Place(); err != nil {
		t.Error(err)
	}
	f.Discard()
}
