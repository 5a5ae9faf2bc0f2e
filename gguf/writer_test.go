package gguf

import (
	"bytes"
	"errors"
	"fmt"
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
	for _, kv := range f.KeyValues() {
		if !strings.HasPrefix(kv.Key, "split.") {
			check(w.Put(kv.Key, kv.Value))
		}
	}
	for _, x := range f.Tensors() {
		check(w.Declare(x.Name, x.Type, x.Shape...))
	}
	for i, x := range f.Tensors() {
		if i%2 == 0 {
			check(w.WriteTensor(x.Name, f.Bytes(x)))
		} else {
			check(w.CopyTensor(x.Name, iotest.HalfReader(bytes.NewReader(f.Bytes(x)))))
		}
	}
	check(w.Close())
}

// same fails if two models differ in metadata (that of a split aside) or tensors.
func same(t testing.TB, got, want *File) {
	t.Helper()
	plain := func(f *File) []KeyValue {
		return slices.DeleteFunc(f.KeyValues(), func(kv KeyValue) bool { return strings.HasPrefix(kv.Key, "split.") })
	}
	if g, w := plain(got), plain(want); !slices.Equal(g, w) {
		t.Fatalf("metadata %v, want %v", g, w)
	}
	gt, wt := got.Tensors(), want.Tensors()
	if len(gt) != len(wt) {
		t.Fatalf("%d tensors, want %d", len(gt), len(wt))
	}
	for i := range wt {
		if gt[i].Name != wt[i].Name || gt[i].Type != wt[i].Type || !slices.Equal(gt[i].Shape, wt[i].Shape) {
			t.Errorf("tensor %d: %v, want %v", i, gt[i], wt[i])
		}
		if !bytes.Equal(got.Bytes(gt[i]), want.Bytes(wt[i])) {
			t.Errorf("tensor %s: other bytes", wt[i].Name)
		}
	}
}

// TestRewriteIsTheSame writes what another program wrote: the same bytes come out.
func TestRewriteIsTheSame(t *testing.T) {
	for _, path := range []string{"testdata/kinds.gguf"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		rewrite(t, NewWriter(&b), parse(t, want))
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %d bytes that differ from the %d of the file", path, b.Len(), len(want))
		}
	}
}

// random returns a model of n tensors of random type, shape and bytes.
func random(t testing.TB, rng *rand.Rand, n int) []byte {
	var b bytes.Buffer
	w := NewWriter(&b)
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(w.Put("general.architecture", ValueOf("test")))
	if rng.IntN(2) == 0 {
		check(w.Put(keyAlignment, ValueOf(uint32(1)<<rng.IntN(12))))
	}
	check(w.Put("list", ArrayOf(make([]int16, rng.IntN(10)))))
	list := []Type{F32, F16, BF16, Q8_0, Q4_K, IQ1_M, NVFP4, I64, I8, Q8_1}
	var sizes []int64
	for i := range n {
		typ := list[rng.IntN(len(list))]
		shape := make([]int, rng.IntN(maxDims+1))
		size := int64(typ.BlockBytes())
		if len(shape) == 0 && typ.Block() > 1 {
			shape = make([]int, 1)
		}
		for d := range shape {
			shape[d] = rng.IntN(4)
			size *= int64(shape[d])
		}
		if len(shape) > 0 {
			shape[len(shape)-1] *= typ.Block()
		}
		check(w.Declare(fmt.Sprint("t.", i), typ, shape...))
		sizes = append(sizes, size)
	}
	for i, size := range sizes {
		raw := make([]byte, size)
		for k := range raw {
			raw[k] = byte(rng.Uint32())
		}
		check(w.WriteTensor(fmt.Sprint("t.", i), raw))
	}
	check(w.Close())
	return b.Bytes()
}

func TestRoundTrips(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 0))
		want := parse(t, random(t, rng, rng.IntN(20)))
		var b bytes.Buffer
		rewrite(t, NewWriter(&b), want)
		same(t, parse(t, b.Bytes()), want)

		path := filepath.Join(dir, "one.gguf")
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, w, want)
		reopen(t, path, want)

		prefix := filepath.Join(dir, fmt.Sprint("split", seed))
		if w, err = CreateSplit(prefix, 1+int64(rng.IntN(5000))); err != nil {
			t.Fatal(err)
		}
		rewrite(t, w, want)
		parts, err := filepath.Glob(prefix + "-*")
		if err != nil || len(parts) == 0 || parts[0] != PartName(prefix, 0, len(parts)) {
			t.Fatalf("parts %v, %v", parts, err)
		}
		reopen(t, parts[0], want)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func reopen(t *testing.T, path string, want *File) {
	t.Helper()
	got, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	same(t, got, want)
}

func TestSplitSizes(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "m")
	w, err := CreateSplit(prefix, 100)
	if err != nil {
		t.Fatal(err)
	}
	// Padded to 32: 64, 32 | 224 | 64 | 64.
	sizes := []int{60, 30, 200, 40, 64}
	for i, n := range sizes {
		if err := w.Declare(fmt.Sprint(i), I8, n); err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range sizes {
		if err := w.WriteTensor(fmt.Sprint(i), make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := Open(PartName(prefix, 0, 4))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var shards []int
	for _, x := range f.Tensors() {
		shards = append(shards, x.Shard)
	}
	if want := []int{0, 0, 1, 2, 3}; !slices.Equal(shards, want) {
		t.Errorf("tensors in files %v, want %v", shards, want)
	}
	if _, err := CreateSplit(prefix, 0); err == nil {
		t.Error("a split of 0 bytes a file was accepted")
	}
}

func TestWriterRefuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(w *Writer) error
		wants string
	}{
		{"key twice", func(w *Writer) error {
			_ = w.Put("a", ValueOf(true))
			return w.Put("a", ValueOf(true))
		}, "key a: put twice"},
		{"no key", func(w *Writer) error { return w.Put("", ValueOf(true)) }, "name of 0 bytes"},
		{"long key", func(w *Writer) error { return w.Put(strings.Repeat("k", 1<<16), ValueOf(true)) }, "name of 65536 bytes"},
		{"no value", func(w *Writer) error { return w.Put("a", Value{}) }, "key a: no value"},
		{"split", func(w *Writer) error { return w.Put("split.count", ValueOf(uint16(2))) }, "key split.count: is written by CreateSplit"},
		{"alignment", func(w *Writer) error { return w.Put(keyAlignment, ValueOf(uint32(12))) }, "key general.alignment: uint32 12, want"},
		{"alignment kind", func(w *Writer) error { return w.Put(keyAlignment, ValueOf(int32(32))) }, "key general.alignment: int32 32, want"},
		{"tensor twice", func(w *Writer) error {
			_ = w.Declare("t", F32, 1)
			return w.Declare("t", F32, 1)
		}, "tensor t: declared twice"},
		{"no name", func(w *Writer) error { return w.Declare("", F32, 1) }, "name of 0 bytes"},
		{"dimensions", func(w *Writer) error { return w.Declare("t", F32, 1, 1, 1, 1, 1) }, "tensor t: 5 dimensions, want at most 4"},
		{"negative", func(w *Writer) error { return w.Declare("t", F32, 2, -1) }, "tensor t: dimension 1 is -1"},
		{"block", func(w *Writer) error { return w.Declare("t", Q4_K, 2, 255) }, "tensor t: rows of 255 elements"},
		{"type", func(w *Writer) error { return w.Declare("t", 31, 32) }, "tensor t: type 31 (Q4_0_4_4)"},
		{"overflow", func(w *Writer) error { return w.Declare("t", I8, 1<<30, 1<<30, 8) }, "is too large"},
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
			return w.Put("a", ValueOf(true))
		}, "key a: put after the first tensor's bytes"},
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
			path := filepath.Join(t.TempDir(), "w.gguf")
			w, err := Create(path)
			if err != nil {
				t.Fatal(err)
			}
			err = c.do(w)
			wants(t, err, "gguf: w.gguf: ", c.wants)
			for name, again := range map[string]error{
				"Put": w.Put("z", ValueOf(true)), "Declare": w.Declare("z", F32, 1), "WriteTensor": w.WriteTensor("z", nil),
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

// TestCreateReplaces looks at what stands at the path before, during and after.
func TestCreateReplaces(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real.gguf"), filepath.Join(dir, "link.gguf")
	if err := os.WriteFile(real, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.gguf", link); err != nil {
		t.Skipf("no links here: %v; run on a system that lets this user make them", err)
	}
	w, err := Create(link)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if b, _ := os.ReadFile(real); string(b) != "old" {
		t.Errorf("before Close: %q, want the old file", b)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(real); !bytes.HasPrefix(b, []byte(magic)) {
		t.Errorf("after Close: %q, want the new file", b)
	}
	if stat, err := os.Lstat(link); err != nil || stat.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", stat, err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCreateWhereNoFileCanBe(t *testing.T) {
	_, err := Create(t.TempDir())
	wants(t, err, "gguf: ", "is a folder")
	_, err = Create(filepath.Join(t.TempDir(), "no", "such", "folder"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: want ErrNotExist", err)
	}
}

// TestCreateDevice writes to a device in place: it must not be replaced.
func TestCreateDevice(t *testing.T) {
	w, err := Create(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if stat, err := os.Stat(os.DevNull); err == nil && stat.Mode().IsRegular() {
		t.Fatalf("%s is a regular file", os.DevNull)
	}
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := CreateSplit(filepath.Join(dir, "m"), 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := w.Declare(fmt.Sprint(i), I8, 10); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		if err := w.WriteTensor(fmt.Sprint(i), make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("while writing: %v, want two partial files", left)
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
