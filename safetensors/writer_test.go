package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// rewrite writes all of f with w, every other tensor from a reader.
func rewrite(t testing.TB, w *Writer, f *File) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range f.metadata {
		check(w.Put(p.key, p.value))
	}
	for _, x := range f.Tensors() {
		check(w.Declare(x.Name, x.DType, x.Shape...))
	}
	for i, x := range f.Tensors() {
		b, err := f.Bytes(x)
		check(err)
		if i%2 == 0 {
			check(w.WriteTensor(x.Name, b))
		} else {
			check(w.CopyTensor(x.Name, iotest.HalfReader(bytes.NewReader(b))))
		}
	}
	check(w.Close())
}

// same fails if two files differ in metadata or tensors.
func same(t testing.TB, got, want *File) {
	t.Helper()
	if g, w := got.Metadata(), want.Metadata(); !maps.Equal(g, w) {
		t.Fatalf("metadata %q, want %q", g, w)
	}
	gt, wt := got.Tensors(), want.Tensors()
	if len(gt) != len(wt) {
		t.Fatalf("%d tensors, want %d", len(gt), len(wt))
	}
	for _, w := range wt {
		g, ok := got.Tensor(w.Name)
		if !ok || g.DType != w.DType || !slices.Equal(g.Shape, w.Shape) {
			t.Errorf("tensor %q: %v, want %v", w.Name, g, w)
		}
		gb, err1 := got.Bytes(g)
		wb, err2 := want.Bytes(w)
		if err1 != nil || err2 != nil || !bytes.Equal(gb, wb) {
			t.Errorf("tensor %q: other bytes: %v, %v", w.Name, err1, err2)
		}
	}
}

// random returns a file of n tensors of random type, shape and bytes.
func random(t testing.TB, rng *rand.Rand, n int) []byte {
	var b bytes.Buffer
	w := NewWriter(&b)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range rng.IntN(3) {
		check(w.Put(fmt.Sprintf("k\n%d<&>\u2028", i), "\x00\"\\é😀"))
	}
	list := []DType{F64, F32, F16, BF16, F8_E4M3, F8_E5M2, F8_E8M0, I64, I8, Bool}
	var sizes []int
	for i := range n {
		dtype := list[rng.IntN(len(list))]
		shape := make([]int, rng.IntN(6))
		size := dtype.Size()
		for d := range shape {
			shape[d] = rng.IntN(4)
			size *= shape[d]
		}
		check(w.Declare(fmt.Sprint("t<\x7f模\t>", i), dtype, shape...))
		sizes = append(sizes, size)
	}
	for i, size := range sizes {
		raw := make([]byte, size)
		for k := range raw {
			raw[k] = byte(rng.Uint32())
		}
		check(w.WriteTensor(fmt.Sprint("t<\x7f模\t>", i), raw))
	}
	check(w.Close())
	return b.Bytes()
}

func TestRoundTrips(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		want := parse(t, random(t, rng, rng.IntN(20)))
		path := filepath.Join(dir, "one.safetensors")
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, w, want)
		got, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
		got.Close()
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// TestWrittenBytes fixes the bytes of a small file: order as declared, the header
// padded to 8.
func TestWrittenBytes(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, err := range []error{
		w.Put("z", "1"), w.Put("a", "<2>"), w.Declare("b", F16, 2), w.Declare("a", U8), w.WriteTensor("b", []byte("bbbb")),
		w.WriteTensor("a", []byte("a")), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const header = `{"__metadata__":{"z":"1","a":"<2>"},"b":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[],"data_offsets":[4,5]}}`
	padded := header + strings.Repeat(" ", -len(header)&7)
	if want := string(file(padded, 0)) + "bbbba"; b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

// TestOtherFileAgain writes what another program wrote and reads it again.
func TestOtherFileAgain(t *testing.T) {
	f, err := Open("testdata/types.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	rewrite(t, NewWriter(&b), f)
	same(t, parse(t, b.Bytes()), f)
}

func TestWriterRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(w *Writer) error
		wants string
	}{
		{"key twice", func(w *Writer) error {
			_ = w.Put("a", "")
			return w.Put("a", "")
		}, "metadata a: put twice"},
		{"key not UTF-8", func(w *Writer) error { return w.Put("\xff", "") }, `metadata "\xff": is not UTF-8`},
		{"value not UTF-8", func(w *Writer) error { return w.Put("a", "\xff") }, "metadata a: is not UTF-8"},
		{"tensor twice", func(w *Writer) error {
			_ = w.Declare("t", F32, 1)
			return w.Declare("t", F32, 1)
		}, "tensor t: declared twice"},
		{"name not UTF-8", func(w *Writer) error { return w.Declare("\xff", F32, 1) }, "is no name for a tensor"},
		{"reserved name", func(w *Writer) error { return w.Declare("__metadata__", F32, 1) }, "is no name for a tensor"},
		{"dimensions", func(w *Writer) error { return w.Declare("t", F32, make([]int, 65)...) }, "tensor t: 65 dimensions"},
		{"negative", func(w *Writer) error { return w.Declare("t", F32, 2, -1) }, "tensor t: dimension 1 is -1"},
		{"type", func(w *Writer) error { return w.Declare("t", "F4", 2) }, "tensor t: type F4 is not supported"},
		{"overflow", func(w *Writer) error { return w.Declare("t", I8, 1<<30, 1<<30, 1<<4) }, "is too large"},
		{"sum overflows", func(w *Writer) error {
			var err error
			for i := range 20 {
				if err == nil {
					err = w.Declare(fmt.Sprint(i), F64, 1<<29, 1<<30)
				}
			}
			return err
		}, "is too large"},
		{"undeclared", func(w *Writer) error { return w.WriteTensor("t", nil) }, "tensor t: all declared tensors are written"},
		{"order", func(w *Writer) error {
			_, _ = w.Declare("a", F32, 1), w.Declare("b", F32, 1)
			return w.WriteTensor("b", make([]byte, 4))
		}, "tensor b: the next tensor is a"},
		{"short", func(w *Writer) error {
			_ = w.Declare("t", F32, 2)
			return w.WriteTensor("t", make([]byte, 7))
		}, "tensor t: 7 bytes, want 8"},
		{"short reader", func(w *Writer) error {
			_ = w.Declare("t", F32, 2)
			return w.CopyTensor("t", strings.NewReader("1234567"))
		}, "tensor t: 7 bytes, want 8: unexpected EOF"},
		{"broken reader", func(w *Writer) error {
			_ = w.Declare("t", F32, 2)
			return w.CopyTensor("t", iotest.ErrReader(errors.New("broken")))
		}, "tensor t: broken"},
		{"put late", func(w *Writer) error {
			_, _ = w.Declare("t", F32, 1), w.WriteTensor("t", make([]byte, 4))
			return w.Put("a", "")
		}, "metadata a: put after the first tensor's bytes"},
		{"declare late", func(w *Writer) error {
			_, _ = w.Declare("t", F32, 1), w.WriteTensor("t", make([]byte, 4))
			return w.Declare("u", F32, 1)
		}, "tensor u: declared after the first tensor's bytes"},
		{"unwritten", func(w *Writer) error {
			_ = w.Declare("t", F32, 1)
			return w.Close()
		}, "tensor t: was not written"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "w.safetensors")
			w, err := Create(path)
			if err != nil {
				t.Fatal(err)
			}
			err = c.do(w)
			wants(t, err, "safetensors: w.safetensors: ", c.wants)
			for name, again := range map[string]error{
				"Put": w.Put("z", ""), "Declare": w.Declare("z", F32, 1), "WriteTensor": w.WriteTensor("z", nil),
				"CopyTensor": w.CopyTensor("z", nil), "Close": w.Close(),
			} {
				if again == nil {
					t.Errorf("%s works after an error", name)
				}
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestWriterFails gives it a place that takes only n bytes.
func TestWriterFails(t *testing.T) {
	full := errors.New("no space left")
	for n := range 3 {
		w := NewWriter(&tight{left: n * 100_000, err: full})
		err := w.Declare("t", I8, 1<<20)
		if err == nil {
			err = w.WriteTensor("t", make([]byte, 1<<20))
		}
		if err == nil {
			err = w.Close()
		}
		if !errors.Is(err, full) {
			t.Errorf("%d bytes of room: %v, want %v", n*100_000, err, full)
		}
	}
}

type tight struct {
	left int
	err  error
}

func (w *tight) Write(b []byte) (int, error) {
	if len(b) > w.left {
		return 0, w.err
	}
	w.left -= len(b)
	return len(b), nil
}

func TestCreate(t *testing.T) {
	_, err := Create(t.TempDir())
	wants(t, err, "safetensors: ", "is a folder")
	_, err = Create(filepath.Join(t.TempDir(), "no", "such", "folder"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: want ErrNotExist", err)
	}
	dir := t.TempDir()
	w, err := Create(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := w.Close(); err == nil {
		t.Error("Close after Abort works")
	}
}
