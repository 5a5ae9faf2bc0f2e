package safetensors

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSections writes tensors in random pieces and order, between others, and wants
// the file that writing them in order gives.
func TestSections(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	type want struct {
		name string
		b    []byte
	}
	var tensors []want
	for i, size := range []int{0, 3000, 1, 70000, 0, 511, 9, 0} {
		b := make([]byte, size)
		for k := range b {
			b[k] = byte(rng.Uint32())
		}
		tensors = append(tensors, want{string(rune('a' + i)), b})
	}
	write := func(path string, sections bool) []byte {
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range tensors {
			if err := w.Declare(x.name, U8, len(x.b)); err != nil {
				t.Fatal(err)
			}
		}
		type piece struct {
			section io.WriterAt
			b       []byte
			at      int
		}
		var pieces []piece
		for i, x := range tensors {
			if !sections || i%3 == 2 {
				if err := w.WriteTensor(x.name, x.b); err != nil {
					t.Fatal(err)
				}
				continue
			}
			s, err := w.Section(x.name)
			if err != nil {
				t.Fatal(err)
			}
			for from := 0; from < len(x.b); {
				to := from + 1 + rng.IntN(len(x.b)-from)
				pieces = append(pieces, piece{s, x.b[from:to], from})
				from = to
			}
		}
		for _, i := range rng.Perm(len(pieces)) {
			p := pieces[i]
			if n, err := p.section.WriteAt(p.b, int64(p.at)); n != len(p.b) || err != nil {
				t.Fatalf("write at %d: %d bytes, %v; want %d", p.at, n, err, len(p.b))
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	dir := t.TempDir()
	in := write(filepath.Join(dir, "in order"), false)
	if got := write(filepath.Join(dir, "sections"), true); !bytes.Equal(got, in) {
		t.Errorf("%d bytes that differ from the %d written in order", len(got), len(in))
	}
}

// TestSectionNotWritten wants zeros, and a file of the right length.
func TestSectionNotWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Declare("t", F32, 1000)
	if _, err := w.Section("t"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x, _ := f.Tensor("t")
	if b, err := f.Bytes(x); err != nil || !bytes.Equal(b, make([]byte, 4000)) {
		t.Errorf("got %v bytes, %v, want 4000 zeros", len(b), err)
	}
}

func TestSectionRefuses(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	_ = w.Declare("t", U8, 4)
	if _, err := w.Section("t"); err == nil || !strings.Contains(err.Error(), "tensor t: sections need a file") {
		t.Errorf("a section without a file: got %v", err)
	}
	path := filepath.Join(t.TempDir(), "f")
	open := func() (*Writer, *section) {
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Declare("t", U8, 4), w.Declare("u", U8, 4)
		s, err := w.Section("t")
		if err != nil {
			t.Fatal(err)
		}
		return w, s.(*section)
	}
	for _, c := range []struct {
		size int
		off  int64
	}{{5, 0}, {1, 4}, {1, -1}, {2, 3}, {1, 1 << 62}} {
		w, s := open()
		if _, err := s.WriteAt(make([]byte, c.size), c.off); err == nil || !strings.Contains(err.Error(), "tensor t: ") {
			t.Errorf("%d bytes at %d of 4: got %v", c.size, c.off, err)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%d bytes at %d of 4: the writer goes on", c.size, c.off)
		}
	}
	w, _ = open()
	if _, err := w.Section("t"); !errors.Is(err, errState) {
		t.Errorf("a section twice: got %v, want %v", err, errState)
	}
	w.Abort()
	w, s := open()
	w.Abort()
	if _, err := s.WriteAt([]byte{1}, 0); !errors.Is(err, errState) {
		t.Errorf("a section of an aborted writer: got %v, want %v", err, errState)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
