package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestTextFile writes a file at the end, and leaves what was there where it does not
// come to that.
func TestTextFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.csv")
	create := func() *textFile {
		f, err := createText(path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	want := func(text string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if string(b) != text || (err != nil) != (text == "") {
			t.Errorf("the file holds %q (%v), want %q", b, err, text)
		}
	}
	f := create()
	f.abort()
	want("")
	f = create()
	if err := f.write([]byte("a long first text")); err != nil {
		t.Fatal(err)
	}
	f.abort()
	want("a long first text")
	f = create()
	f.abort()
	want("a long first text")
	f = create()
	if err := f.write([]byte("second")); err != nil {
		t.Fatal(err)
	}
	f.abort()
	want("second")
	if _, err := createText(filepath.Dir(path)); exitCode(err) != exitRefused {
		t.Errorf("a folder: got %v, exit code %d; want %d", err, exitCode(err), exitRefused)
	}
	if _, err := createText(filepath.Join(path, "x")); exitCode(err) != exitNotFound {
		t.Errorf("in a file: got %v, exit code %d; want %d", err, exitCode(err), exitNotFound)
	}
}
