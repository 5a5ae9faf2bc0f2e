package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// TestOpenOtherWriter reads a file that another program wrote: testdata/make.py.
func TestOpenOtherWriter(t *testing.T) {
	f, err := Open("testdata/types.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m := f.Metadata(); !maps.Equal(m, map[string]string{"format": "np", "note": "a\né"}) {
		t.Errorf("metadata %q", m)
	}
	want := map[string]DType{
		"bool": Bool, "int8": I8, "uint8": U8, "int16": I16, "uint16": U16, "float16": F16, "int32": I32, "uint32": U32,
		"float32": F32, "int64": I64, "uint64": U64, "float64": F64, "scalar": F32, "empty": F32, "quo\"te\\é\t模😀": F32,
	}
	next := f.Tensors()[0].Offset
	for _, x := range f.Tensors() {
		shape := []int{2, 3}
		switch x.Name {
		case "scalar":
			shape = []int{}
		case "empty":
			shape = []int{0, 4}
		case "quo\"te\\é\t模😀":
			shape = []int{2}
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		b, err := f.Bytes(x)
		if want[x.Name] != x.DType || !slices.Equal(x.Shape, shape) || err != nil || len(b) != n*x.DType.Size() || cap(b) != len(b) || x.Offset != next {
			t.Errorf("%q: %s %v at %d with %d bytes, %v; want %s %v at %d", x.Name, x.DType, x.Shape, x.Offset, len(b), err, want[x.Name], shape, next)
		}
		delete(want, x.Name)
		next += x.Size
	}
	if len(want) > 0 {
		t.Errorf("not there: %v", want)
	}
	x, ok := f.Tensor("int16")
	if b, err := f.Bytes(x); !ok || err != nil || string(b) != "\x00\x00\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00" {
		t.Errorf("int16: % x, %v", b, err)
	}
	if _, ok := f.Tensor("none"); ok {
		t.Error("a tensor called none is there")
	}
}

func TestTensorsOfSmall(t *testing.T) {
	f := parse(t, small())
	base := f.Tensors()[0].Offset
	want := []Tensor{
		{Name: "norm", DType: F32, Shape: []int{5}, Offset: base, Size: 20},
		{Name: `sc"alar`, DType: F8_E4M3, Shape: []int{}, Offset: base + 20, Size: 1},
		{Name: "odd", DType: "F4", Shape: []int{1, 2}, Offset: base + 21, Size: 1},
		{Name: "q", DType: BF16, Shape: []int{2, 3}, Offset: base + 22, Size: 12},
	}
	if got := f.Tensors(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if b, err := f.Bytes(want[1]); err != nil || len(b) != 1 || b[0] != 20 {
		t.Errorf("scalar: % x, %v, want 14", b, err)
	}
	_, err := f.Bytes(want[2])
	wants(t, err, "safetensors: test.safetensors: tensor odd: type F4 is not supported")
	if !errors.Is(err, ErrFormat) {
		t.Errorf("%v: want ErrFormat", err)
	}
	if m := f.Metadata(); !maps.Equal(m, map[string]string{"format": "pt", "nöte": "a\nb"}) {
		t.Errorf("metadata %q", m)
	}
	f.Tensors()[0] = Tensor{}
	if f.Tensors()[0].Name != "norm" {
		t.Error("the returned slice is the File's own")
	}
}

func TestRightHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		header  string
		behind  int
		tensors int
	}{
		"nothing":           {`{}`, 0, 0},
		"metadata null":     {`{"__metadata__":null}`, 0, 0},
		"metadata empty":    {`{"__metadata__":{}}`, 0, 0},
		"spaces":            {"{ \"t\" : \n{ \"dtype\":\t\"I8\" , \"shape\" : [ 1 ] , \"data_offsets\" : [ 0 , 1 ] } }\r\n ", 1, 1},
		"no name":           {`{"":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1, 1},
		"surrogates":        {`{"\ud83d\ude00\u0000\/\b\f\n\r\t\\":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1, 1},
		"empty":             {`{"t":{"dtype":"I8","shape":[4,0],"data_offsets":[0,0]}}`, 0, 1},
		"empty between":     {`{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"I8","shape":[1],"data_offsets":[1,2]},"c":{"dtype":"F64","shape":[0],"data_offsets":[1,1]}}`, 2, 3},
		"unknown type":      {`{"t":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}`, 3, 1},
		"other fields":      {`{"t":{"a":[],"b":{},"c":[true,false,null,-1.5e+3,0.1E-2,"x"],"dtype":"I8","shape":[],"data_offsets":[0,1]}}`, 1, 1},
		"largest dimension": {fmt.Sprintf(`{"t":{"dtype":"X","shape":[%d],"data_offsets":[0,1]}}`, math.MaxInt/8), 1, 1},
	} {
		f, err := Parse(name, file(c.header, c.behind))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(f.Tensors()) != c.tensors {
			t.Errorf("%s: %d tensors, want %d", name, len(f.Tensors()), c.tensors)
		}
	}
	f := parse(t, file(`{"\ud83d\ude00\u0000\/\b\f\n\r\t\\":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}`, 1))
	if got, want := f.Tensors()[0].Name, "😀\x00/\b\f\n\r\t\\"; got != want {
		t.Errorf("name %q, want %q", got, want)
	}
}

func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := os.WriteFile(path, small(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	norm, _ := f.Tensor("norm")
	if err := errors.Join(f.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if norm.Name != "norm" || f.Tensors()[0].Name != "norm" || f.Metadata()["format"] != "pt" {
		t.Error("names are gone after Close")
	}
	_, err = f.Bytes(norm)
	wants(t, err, "tensor norm: has no bytes here")
	f.Release(norm)
	f.Prefetch(norm)
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
		if b, err := f.Bytes(x); err == nil {
			t.Errorf("%s: %d bytes", name, len(b))
		}
		f.Release(x)
		f.Prefetch(x)
	}
}

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "nowhere.safetensors"))
	wants(t, err, "safetensors: ", "nowhere.safetensors")
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrFormat) {
		t.Errorf("%v: want it to be ErrNotExist and not ErrFormat", err)
	}
	_, err = Open(dir)
	wants(t, err, "safetensors: "+dir, "neither model.safetensors nor model.safetensors.index.json")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v: want ErrNotExist", err)
	}
	if err := os.Mkdir(filepath.Join(dir, "model.safetensors"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wants(t, err, "safetensors: model.safetensors: is a folder")
}

func TestDType(t *testing.T) {
	for size, list := range map[int][]DType{
		8: {"F64", "I64", "U64"}, 4: {"F32", "I32", "U32"}, 2: {"F16", "BF16", "I16", "U16"},
		1: {"F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"},
		0: {"", "F4", "F6_E2M3", "F8_E4M3FNUZ", "C64", "Q77", "f32"},
	} {
		for _, d := range list {
			if d.Size() != size || d.Known() != (size > 0) {
				t.Errorf("%s: %d bytes, known %v, want %d", d, d.Size(), d.Known(), size)
			}
		}
	}
}
