package hub

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A model of one file becomes a file of its own bytes: writing into it changes nothing in
// the store, whether the disk can clone or not.
func TestExportFile(t *testing.T) {
	for _, clone := range []func(string, *os.File) error{reflink, func(string, *os.File) error { return errors.ErrUnsupported }} {
		s := newStore(t)
		s.disk.clone = clone
		m := importTiny(t, s, "tiny", 1)
		want := tinyGGUF(t, 1, 8)
		dir := t.TempDir()
		out := filepath.Join(dir, "out.gguf")
		got, err := s.Export(t.Context(), m, out, false, nil)
		if err != nil || got != out || !bytes.Equal(read(t, out), want) {
			t.Fatalf("export: %q, %v", got, err)
		}
		if err := os.WriteFile(out, []byte("changed"), 0o644); err != nil {
			t.Fatal(err)
		}
		checkStore(t, s)
		if _, err := s.Export(t.Context(), m, out, false, nil); !errors.Is(err, ErrExists) || string(read(t, out)) != "changed" {
			t.Errorf("over a file: %v, %q", err, read(t, out))
		}
		if _, err := s.Export(t.Context(), m, out, true, nil); err != nil || !bytes.Equal(read(t, out), want) {
			t.Errorf("over a file with force: %v", err)
		}
		sub := filepath.Join(dir, "sub")
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Export(t.Context(), m, sub, false, nil); err != nil || got != filepath.Join(sub, "tiny.gguf") {
			t.Errorf("into a folder: %q, %v", got, err)
		}
		if err := os.Symlink(out, filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Export(t.Context(), m, filepath.Join(dir, "link"), true, nil); !errors.Is(err, ErrExists) {
			t.Errorf("over a link: %v", err)
		}
		if _, err := s.Export(t.Context(), m, filepath.Join(dir, "none", "x.gguf"), false, nil); err == nil {
			t.Error("into no folder: no error")
		}
		if got := files(t, dir); !slices.Equal(got, []string{"link", "out.gguf", "sub/tiny.gguf"}) {
			t.Errorf("left are %v", got)
		}
	}
}

// A model of several files becomes a folder, whole or not at all.
func TestExportFolder(t *testing.T) {
	s := newStore(t)
	folder := filepath.Join(t.TempDir(), "folder")
	tinyFolder(t, folder)
	m, err := s.Import(t.Context(), folder, "folder", nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	if _, err := s.Export(t.Context(), m, out, false, nil); err != nil || !slices.Equal(files(t, out), names) {
		t.Fatalf("export: %v, %v, want %v", err, files(t, out), names)
	}
	again, err := s.Import(t.Context(), out, "again", nil)
	if err != nil || again.Digest() != m.Digest() {
		t.Errorf("what was exported is another model: %v", err)
	}
	if _, err := s.Export(t.Context(), m, out, false, nil); !errors.Is(err, ErrExists) {
		t.Errorf("over the same: %v", err)
	}
	write(t, filepath.Join(out, "config.json"), []byte("mine"))
	write(t, filepath.Join(out, "notes.txt"), []byte("mine"))
	if _, err := s.Export(t.Context(), m, out, true, nil); err != nil || string(read(t, filepath.Join(out, "config.json"))) == "mine" || string(read(t, filepath.Join(out, "notes.txt"))) != "mine" {
		t.Errorf("with force: %v", err)
	}
	if _, err := s.Export(t.Context(), m, filepath.Join(out, "notes.txt"), true, nil); !errors.Is(err, ErrExists) {
		t.Errorf("a folder over a file: %v", err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Export(t.Context(), m, empty, false, nil); err != nil || !slices.Equal(files(t, empty), names) {
		t.Errorf("into an empty folder: %v", err)
	}
	checkStore(t, s)
}

// Damaged bytes, a full disk and an interrupt leave nothing at the path.
func TestExportFails(t *testing.T) {
	s := newStore(t)
	m := importTiny(t, s, "tiny", 1)
	dir := t.TempDir()
	out := filepath.Join(dir, "out.gguf")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.disk.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	if _, err := s.Export(ctx, m, out, false, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	s.disk.free = func(string) (int64, error) { return 0, nil }
	if _, err := s.Export(t.Context(), m, out, false, nil); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a full disk: %v", err)
	}
	s.disk = realDisk
	blob := s.blobPath(m.Files[0].Digest)
	b := read(t, blob)
	b[len(b)-1] ^= 1
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	write(t, blob, b)
	if _, err := s.Export(t.Context(), m, out, false, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("a changed byte: %v", err)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Export(t.Context(), m, out, false, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("no bytes: %v", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}
