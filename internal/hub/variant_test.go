package hub

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDerive(t *testing.T) {
	s := newStore(t)
	path := write(t, filepath.Join(t.TempDir(), "tiny.gguf"), tinyGGUF(t, 1, 8))
	base, err := s.Import(t.Context(), path, "tiny", nil)
	if err != nil {
		t.Fatal(err)
	}
	v := Variant{System: "Be brief.", Template: "{{ messages }}", Parameters: Parameters{Temperature: new(0.5), Stop: []string{"x"}}}
	if _, err := s.Derive(t.Context(), "tiny", "brief", v); err != nil {
		t.Fatal(err)
	}
	m, err := s.Derive(t.Context(), "brief", "briefer", Variant{System: "Be briefer.", Parameters: Parameters{TopK: new(int64(3))}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Get("briefer")
	if err != nil {
		t.Fatal(err)
	}
	p := got.Variant.Parameters
	if got.Variant.System != "Be briefer." || got.Variant.Template != v.Template || *p.Temperature != 0.5 || *p.TopK != 3 || p.Stop[0] != "x" || p.TopP != nil {
		t.Errorf("got %+v", got.Variant)
	}
	if m.Digest() != base.Digest() {
		t.Error("the files are others")
	}
	plain, err := s.Derive(t.Context(), "tiny", "same", Variant{})
	if err != nil || plain.Variant != nil {
		t.Errorf("got %+v and %v, want no variant", plain.Variant, err)
	}
	for name, c := range map[string]struct {
		from, to string
		v        Variant
		want     error
	}{
		"no such model":  {"none", "x", v, ErrNotFound},
		"a path":         {"tiny", "../x", v, ErrSyntax},
		"no template":    {"tiny", "x", Variant{Template: "{{ .System }}"}, ErrFormat},
		"a large system": {"tiny", "x", Variant{System: strings.Repeat("x", maxVariant)}, ErrFormat},
		"no UTF-8":       {"tiny", "x", Variant{System: "\xff"}, ErrFormat},
	} {
		if _, err := s.Derive(t.Context(), c.from, c.to, c.v); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	checkStore(t, s)
}

func TestUpload(t *testing.T) {
	s := newStore(t)
	file := tinyGGUF(t, 1, 8)
	d := digestOf(file)
	if s.Uploaded(d) {
		t.Error("it is there before it came")
	}
	if err := s.Upload(t.Context(), d, bytes.NewReader(file[1:]), -1); !errors.Is(err, ErrDigest) {
		t.Errorf("other bytes: got %v, want %v", err, ErrDigest)
	}
	for range 2 {
		if err := s.Upload(t.Context(), d, bytes.NewReader(file), int64(len(file))); err != nil {
			t.Fatal(err)
		}
	}
	if left := files(t, filepath.Join(s.dir, "uploads")); len(left) != 1 || !s.Uploaded(d) {
		t.Errorf("uploads are %v", left)
	}
	m, err := s.Assemble(t.Context(), "made", map[string]Digest{"Tiny.gguf": d}, Variant{System: "Be brief."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Digest() != d || m.Variant.System != "Be brief." || m.Facts.Architecture != "llama" {
		t.Errorf("got %+v", m)
	}
	if left := files(t, filepath.Join(s.dir, "uploads")); len(left) != 0 {
		t.Errorf("uploads are %v", left)
	}
	if _, err := s.Assemble(t.Context(), "again", map[string]Digest{"other.gguf": d}, Variant{}, nil); err != nil {
		t.Errorf("of a model's file: %v", err)
	}
	checkStore(t, s)
	if _, err := s.Pull(t.Context(), Source{Kind: KindName, Name: "made"}, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want %v", err, ErrUnsupported)
	}
	for name, c := range map[string]struct {
		to    string
		files map[string]Digest
		want  error
	}{
		"not sent":       {"x", map[string]Digest{"a.gguf": digestOf([]byte("x"))}, ErrNotFound},
		"a path":         {"x", map[string]Digest{"../a.gguf": d}, ErrSyntax},
		"a long name":    {"x", map[string]Digest{strings.Repeat("a", 5000): d}, ErrSyntax},
		"no model":       {"x", map[string]Digest{"a.txt": d}, ErrFormat},
		"no files":       {"x", nil, ErrSyntax},
		"a hostile name": {"../x", map[string]Digest{"a.gguf": d}, ErrSyntax},
	} {
		if _, err := s.Assemble(t.Context(), c.to, c.files, Variant{}, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if left := files(t, filepath.Join(s.dir, "uploads")); len(left) != 0 {
		t.Errorf("uploads are %v", left)
	}
}

func TestUploadRoom(t *testing.T) {
	s := newStore(t)
	s.disk.free = func(string) (int64, error) { return spare + 10, nil }
	file := []byte("a file")
	if err := s.Upload(t.Context(), digestOf(file), bytes.NewReader(file), 1<<40); !errors.Is(err, ErrNoSpace) {
		t.Errorf("a large one: got %v, want %v", err, ErrNoSpace)
	}
	if err := s.Upload(t.Context(), digestOf(file), bytes.NewReader(file), -1); !errors.Is(err, ErrNoSpace) {
		t.Errorf("one that does not say how large it is: got %v, want %v", err, ErrNoSpace)
	}
}

func TestUploadsEnd(t *testing.T) {
	s := newStore(t)
	old, file := []byte("old"), []byte("a file")
	if err := s.Upload(t.Context(), digestOf(old), bytes.NewReader(old), -1); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-2 * uploadLife)
	if err := os.Chtimes(s.uploadPath(digestOf(old)), before, before); err != nil {
		t.Fatal(err)
	}
	if err := s.Upload(t.Context(), digestOf(file), bytes.NewReader(file), -1); err != nil {
		t.Fatal(err)
	}
	if s.Uploaded(digestOf(old)) || !s.Uploaded(digestOf(file)) {
		t.Error("the old one is there, or the new one is not")
	}
}
