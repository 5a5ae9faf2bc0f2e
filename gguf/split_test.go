package gguf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestOpenSplit reads a split that another program wrote: testdata/make.py.
func TestOpenSplit(t *testing.T) {
	f, err := Open("testdata/part-00001-of-00003.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	checkSplit(t, f)
	parts := []string{"testdata/part-00001-of-00003.gguf", "testdata/part-00002-of-00003.gguf", "testdata/part-00003-of-00003.gguf"}
	g, err := OpenParts(parts...)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	checkSplit(t, g)

	_, err = OpenParts(parts[:2]...)
	wants(t, err, "part-00001-of-00003.gguf: key split.count: 3, got 2 files")
	_, err = OpenParts(parts[0], parts[2], parts[1])
	wants(t, err, "part-00003-of-00003.gguf: key split.no: 2, want 1")
	_, err = OpenParts(parts[1], parts[0], parts[2])
	wants(t, err, "part-00002-of-00003.gguf: key split.no: 1, want 0")
	_, err = OpenParts()
	wants(t, err, "gguf: no files to open")
	one, err := OpenParts("testdata/kinds.gguf")
	if err != nil {
		t.Fatalf("a file that is no split: %v", err)
	}
	one.Close()
	_, err = OpenParts("testdata/kinds.gguf", parts[1])
	wants(t, err, "kinds.gguf: key split.count: 0, got 2 files")
}

func checkSplit(t *testing.T, f *File) {
	t.Helper()
	if name, _ := f.String("general.name"); name != "split" {
		t.Errorf("general.name %q, want split", name)
	}
	if len(f.Parts()) != 3 || f.Parts()[2] != "part-00003-of-00003.gguf" || f.Name() != "part-00001-of-00003.gguf" {
		t.Errorf("parts %v of %s", f.Parts(), f.Name())
	}
	tensors := f.Tensors()
	if len(tensors) != 5 {
		t.Fatalf("%d tensors, want 5", len(tensors))
	}
	for i, x := range tensors {
		y, ok := f.Tensor(x.Name)
		want := bytes.Repeat([]byte{0, 0, byte(0x80 * (i & 1)), 0x3f}, 3) // 1 is 0x3f800000
		switch i {
		case 0:
			want = make([]byte, 12)
		case 2:
			want = bytes.Repeat([]byte{0, 0, 0, 0x40}, 3)
		case 3:
			want = bytes.Repeat([]byte{0, 0, 0x40, 0x40}, 3)
		case 4:
			want = bytes.Repeat([]byte{0, 0, 0x80, 0x40}, 3)
		}
		if x.Name != fmt.Sprintf("t.%d", i) || x.Shard != i/2 || !ok || y.Offset != x.Offset || !slices.Equal(x.Shape, []int{3 + i}) {
			t.Errorf("tensor %d: %v", i, x)
		}
		if b := f.Bytes(x); len(b) != 4*(3+i) || !bytes.Equal(b[:12], want) {
			t.Errorf("tensor %d: % x, want % x …", i, b, want)
		}
	}
}

// piece is a file of a split with the tensor of that name.
func piece(no, count, tensors Value, name string) []byte {
	r := start(1, 3)
	for _, kv := range []KeyValue{{keySplitNo, no}, {keySplitCount, count}, {keySplitTensors, tensors}} {
		r.key(kv.Key, kv.Value.kind)
		r.Write(kv.Value.appendTo(nil))
	}
	return r.tensor(name, I8, 0, 3).fill(3)
}

func TestWrongSplits(t *testing.T) {
	u := func(n uint16) Value { return ValueOf(n) }
	first, second := piece(u(0), u(2), ValueOf(int32(2)), "a"), piece(u(1), u(2), ValueOf(int32(2)), "b")
	const one, two = "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"
	for _, c := range []struct {
		name  string
		open  string
		files map[string][]byte
		wants []string
	}{
		{"the second", two, map[string][]byte{one: first, two: second}, []string{two + ": is file 2 of a split of 2, open " + one}},
		{"the second, renamed", "x.gguf", map[string][]byte{"x.gguf": second}, []string{"x.gguf: is file 2 of a split of 2, open the first"}},
		{"renamed", "x.gguf", map[string][]byte{"x.gguf": first}, []string{"x.gguf: is the first file of a split of 2, its name has to end in -00001-of-00002.gguf"}},
		{"other count in the name", "m-00001-of-00003.gguf", map[string][]byte{"m-00001-of-00003.gguf": first}, []string{"has to end in -00001-of-00002.gguf"}},
		{"number", one, map[string][]byte{one: first, two: first}, []string{two, "tensor a: is in " + one + " too"}},
		{"wrong number", one, map[string][]byte{one: first, two: piece(u(2), u(2), u(2), "b")}, []string{two + ": key split.no: 2, want 1"}},
		{"wrong count", one, map[string][]byte{one: first, two: piece(u(1), u(3), u(2), "b")}, []string{two + ": key split.count: 3, want 2"}},
		{"no number", one, map[string][]byte{one: first, two: start(1, 0).tensor("b", I8, 0, 3).fill(3)}, []string{two + ": key split.no: is not there, want"}},
		{"tensors", one, map[string][]byte{one: piece(u(0), u(2), u(3), "a"), two: second}, []string{one + ": key split.tensors.count: 3, the 2 files have 2"}},
		{"tensors of wrong kind", one, map[string][]byte{one: piece(u(0), u(2), ValueOf("2"), "a"), two: second}, []string{one + ": key split.tensors.count: is string, want"}},
		{"count of wrong kind", one, map[string][]byte{one: piece(u(0), ValueOf(true), u(2), "a")}, []string{one + ": key split.count: is bool true, want"}},
		{"negative count", one, map[string][]byte{one: piece(u(0), ValueOf(int32(-2)), u(2), "a")}, []string{one + ": key split.count: is int32 -2, want"}},
		{"huge count", one, map[string][]byte{one: piece(u(0), ValueOf(int32(65536)), u(2), "a")}, []string{one + ": key split.count: 65536, want at most 65535"}},
		{"number of wrong kind", one, map[string][]byte{one: piece(ValueOf(0.5), u(2), u(2), "a")}, []string{one + ": key split.no: is float64 0.5, want"}},
		{"cut", one, map[string][]byte{one: first, two: second[:len(second)-1]}, []string{two + ": tensor b: bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, b := range c.files {
				if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(filepath.Join(dir, c.open))
			wants(t, err, c.wants...)
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v: want ErrFormat", err)
			}
		})
	}
	t.Run("absent", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), one)
		if err := os.WriteFile(path, first, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		wants(t, err, "gguf: ", two)
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: want fs.ErrNotExist", err)
		}
	})
	t.Run("of one", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "any name")
		if err := os.WriteFile(path, piece(u(0), u(1), u(1), "a"), 0o644); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatalf("a split of one file: %v", err)
		}
		f.Close()
	})
}
