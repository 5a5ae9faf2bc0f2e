package gguf

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestOpenOtherWriter reads a file that another program wrote: testdata/make.py.
func TestOpenOtherWriter(t *testing.T) {
	f, err := Open("testdata/kinds.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	nested, err := Arrays(ArrayOf([]int32{1, 2}), ArrayOf([]int32{3}))
	if err != nil {
		t.Fatal(err)
	}
	nestedText, err := Arrays(ArrayOf([]string{"a"}), ArrayOf([]string{"b", "c"}))
	if err != nil {
		t.Fatal(err)
	}
	want := []KeyValue{
		{"general.architecture", ValueOf("llama")},
		{"general.alignment", ValueOf(uint32(64))},
		{"u8", ValueOf(uint8(255))},
		{"i8", ValueOf(int8(-128))},
		{"u16", ValueOf(uint16(65535))},
		{"i16", ValueOf(int16(-32768))},
		{"u32", ValueOf(uint32(math.MaxUint32))},
		{"i32", ValueOf(int32(math.MinInt32))},
		{"u64", ValueOf(uint64(math.MaxUint64))},
		{"i64", ValueOf(int64(math.MinInt64))},
		{"f32", ValueOf(float32(0.1))},
		{"f64", ValueOf(0.1)},
		{"yes", ValueOf(true)},
		{"no", ValueOf(false)},
		{"text", ValueOf("naïve 模型\n")},
		{"empty", ValueOf("x")},
		{"a.i32", ArrayOf([]int32{1, -2, 3})},
		{"a.f32", ArrayOf([]float32{0.5, -1.25})},
		{"a.bool", ArrayOf([]bool{true, false, true})},
		{"a.text", ArrayOf([]string{"", "a", "ключ", "Ġthe"})},
		{"a.bytes", ArrayOf([]uint8{0, 127, 128, 255})},
		{"b.u8", ArrayOf([]uint8{1, 255})},
		{"b.i8", ArrayOf([]int8{-1, 1})},
		{"b.u16", ArrayOf([]uint16{65535})},
		{"b.i16", ArrayOf([]int16{-2})},
		{"b.u32", ArrayOf([]uint32{math.MaxUint32})},
		{"b.u64", ArrayOf([]uint64{math.MaxInt64})},
		{"b.i64", ArrayOf([]int64{math.MinInt64})},
		{"b.f64", ArrayOf([]float64{0.1})},
		{"nested", nested},
		{"nested.text", nestedText},
	}
	got := f.KeyValues()
	for i, kv := range want {
		if i >= len(got) || got[i] != kv {
			t.Fatalf("metadata %d: got %v, want %s %s %s", i, got[min(i, len(got)):], kv.Key, kv.Value.describe(), kv.Value)
		}
	}
	if len(got) != len(want) || f.Version() != 3 || f.Alignment() != 64 || f.Name() != "kinds.gguf" || !slices.Equal(f.Parts(), []string{"kinds.gguf"}) {
		t.Errorf("%d keys, version %d, alignment %d, name %s, parts %v", len(got), f.Version(), f.Alignment(), f.Name(), f.Parts())
	}
	checkOtherTensors(t, f)
}

func checkOtherTensors(t *testing.T, f *File) {
	t.Helper()
	tensors := f.Tensors()
	if len(tensors) != 33 {
		t.Errorf("%d tensors, want 33", len(tensors))
	}
	quantised := 0
	for _, x := range tensors {
		b := f.Bytes(x)
		if x.Offset%64 != 0 || int64(len(b)) != x.Size || cap(b) != len(b) {
			t.Errorf("%s: offset %d, %d bytes with room for %d, size %d", x.Name, x.Offset, len(b), cap(b), x.Size)
		}
		if x.Type.Block() > 1 {
			quantised++
			want := []int{3, 2 * x.Type.Block()}
			if x.Name != strings.ToLower(x.Type.String()) || !slices.Equal(x.Shape, want) || len(b) != 3*x.Type.RowBytes(want[1]) {
				t.Errorf("%s: %s %v with %d bytes, want %v", x.Name, x.Type, x.Shape, len(b), want)
			}
		}
	}
	if quantised != 25 {
		t.Errorf("%d quantised tensors, want 25", quantised)
	}
	four, ok := f.Tensor("four")
	if !ok || !slices.Equal(four.Shape, []int{2, 3, 4, 5}) {
		t.Fatalf("four: %v, want [2 3 4 5]", four.Shape)
	}
	for i, b := 0, f.Bytes(four); i < 120; i++ {
		if got := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])); got != float32(i) {
			t.Fatalf("four, element %d: %g, want %d", i, got, i)
		}
	}
	if i64, ok := f.Tensor("i64"); !ok || i64.Type != I64 || string(f.Bytes(i64)) != "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("i64: %v % x", i64, f.Bytes(i64))
	}
	if _, ok := f.Tensor("none"); ok {
		t.Error("a tensor called none is there")
	}
}

func TestLookups(t *testing.T) {
	f := parse(t, small())
	if s, ok := f.String("general.architecture"); !ok || s != "llama" {
		t.Errorf("architecture %q, %v", s, ok)
	}
	if n, ok := f.Uint("llama.block_count"); !ok || n != 2 {
		t.Errorf("block_count %d, %v", n, ok)
	}
	if n, ok := f.Int("llama.block_count"); !ok || n != 2 {
		t.Errorf("block_count as int %d, %v", n, ok)
	}
	if x, ok := f.Float("llama.block_count"); !ok || x != 2 {
		t.Errorf("block_count as float %g, %v", x, ok)
	}
	if s, ok := f.Strings("tokens"); !ok || !slices.Equal(s, []string{"a", "", "\xff\xfe"}) {
		t.Errorf("tokens %q, %v", s, ok)
	}
	if x, ok := f.Floats("scores"); !ok || !slices.Equal(x, []float64{1.5, -2}) {
		t.Errorf("scores %v, %v", x, ok)
	}
	if !f.Has("scores") || f.Has("score") {
		t.Error("Has is wrong")
	}
	for name, got := range map[string]bool{
		"String": is(f.String("tokens")), "Uint": is(f.Uint("scores")), "Int": is(f.Int("general.architecture")), "Float": is(f.Float("tokens")),
		"Bool": is(f.Bool("llama.block_count")), "Strings": is(f.Strings("scores")), "Ints": is(f.Ints("scores")), "Floats": is(f.Floats("tokens")),
		"Bools": is(f.Bools("scores")), "absent": is(f.String("absent")),
	} {
		if got {
			t.Errorf("%s took a value of another kind", name)
		}
	}
}

func is[T any](_ T, ok bool) bool { return ok }

func TestKeyError(t *testing.T) {
	f := parse(t, small())
	for key, want := range map[string]string{
		"llama.block_count":    "gguf: test.gguf: key llama.block_count: is uint32 2, want text",
		"tokens":               "gguf: test.gguf: key tokens: is array of string, want text",
		"general.architecture": "gguf: test.gguf: key general.architecture: is string, want text",
		"absent":               "gguf: test.gguf: key absent: is not there, want text",
	} {
		err := f.KeyError(key, "text")
		if err.Error() != want || !errors.Is(err, ErrFormat) {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestMetadataOutlivesClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.gguf")
	if err := os.WriteFile(path, small(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	tokens, _ := f.Strings("tokens")
	norm, _ := f.Tensor("norm")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	again, _ := f.Strings("tokens")
	want := []string{"a", "", "\xff\xfe"}
	if !slices.Equal(tokens, want) || !slices.Equal(again, want) || norm.Name != "norm" || !slices.Equal(norm.Shape, []int{5}) {
		t.Errorf("after Close: %q, %q, %v", tokens, again, norm)
	}
	if b := f.Bytes(norm); b != nil {
		t.Errorf("after Close: %d bytes of a tensor", len(b))
	}
	f.Release(norm)
	f.Prefetch(norm)
}

// TestReturnedSlices changes what was returned and looks again.
func TestReturnedSlices(t *testing.T) {
	f := parse(t, small())
	f.KeyValues()[0] = KeyValue{}
	f.Tensors()[0] = Tensor{}
	if f.KeyValues()[0].Key != "general.architecture" || f.Tensors()[0].Name != "norm" {
		t.Error("a returned slice is the File's own")
	}
}

func TestForgedTensor(t *testing.T) {
	f := parse(t, small())
	good := f.Tensors()[0]
	for name, change := range map[string]func(*Tensor){
		"shard":  func(x *Tensor) { x.Shard = 1 },
		"-shard": func(x *Tensor) { x.Shard = -1 },
		"offset": func(x *Tensor) { x.Offset = math.MaxInt64 },
		"before": func(x *Tensor) { x.Offset = -1 },
		"size":   func(x *Tensor) { x.Size = math.MaxInt64 },
		"-size":  func(x *Tensor) { x.Size = -1 },
	} {
		x := good
		change(&x)
		if b := f.Bytes(x); b != nil {
			t.Errorf("%s: %d bytes", name, len(b))
		}
		f.Release(x)
		f.Prefetch(x)
	}
}

func TestTensorsOfSmall(t *testing.T) {
	f := parse(t, small())
	base := f.Tensors()[0].Offset
	want := []Tensor{
		{Name: "norm", Type: F32, Shape: []int{5}, Offset: base, Size: 20},
		{Name: "q", Type: Q4_0, Shape: []int{2, 64}, Offset: base + 32, Size: 72},
		{Name: "scalar", Type: I8, Shape: []int{}, Offset: base + 128, Size: 1},
	}
	if got := f.Tensors(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if b := f.Bytes(f.Tensors()[2]); len(b) != 1 || b[0] != 128 {
		t.Errorf("scalar: % x, want 80", b)
	}
}

func TestVersion2(t *testing.T) {
	b := small()
	b[4] = 2
	if v := parse(t, b).Version(); v != 2 {
		t.Errorf("version %d, want 2", v)
	}
}

func TestBytesAfterTheEnd(t *testing.T) {
	f := parse(t, append(small(), "whatever else"...))
	if n := len(f.Tensors()); n != 3 {
		t.Errorf("%d tensors, want 3", n)
	}
}

// TestNoTensors is a file of metadata alone, as vocabularies are published.
func TestNoTensors(t *testing.T) {
	f := parse(t, start(0, 1).key("a", Bool).put(true).Bytes())
	if len(f.Tensors()) != 0 || len(f.KeyValues()) != 1 {
		t.Errorf("%d tensors, %d keys", len(f.Tensors()), len(f.KeyValues()))
	}
	parse(t, start(0, 0).Bytes())
}

func TestEmptyTensor(t *testing.T) {
	f := parse(t, start(2, 0).tensor("none", Q4_0, 0, 32, 0).tensor("one", F32, 0, 1).fill(4))
	if x := f.Tensors()[0]; x.Size != 0 || len(f.Bytes(x)) != 0 || f.Bytes(x) == nil {
		t.Errorf("%v with bytes %v", x, f.Bytes(x))
	}
	// The last tensor may be empty and have no place left in the file.
	parse(t, start(1, 0).tensor("none", F32, 0, 0).Bytes())
}

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "nowhere.gguf"))
	wants(t, err, "gguf: ", "nowhere.gguf")
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrFormat) {
		t.Errorf("%v: want it to be ErrNotExist and not ErrFormat", err)
	}
	_, err = Open(dir)
	wants(t, err, "gguf: "+filepath.Base(dir), "folder")
	if !errors.Is(err, ErrFormat) {
		t.Errorf("%v: want ErrFormat", err)
	}
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(empty)
	wants(t, err, "gguf: empty.gguf: 0 bytes")
	if runtime.GOOS != "windows" {
		_, err = Open(os.DevNull)
		wants(t, err, "null", "no regular file")
	}
}
