package gguf_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
)

// TestLayOut writes tensors at the places that LayOut gives them, the last one first, and
// holds the files to what a Writer makes.
func TestLayOut(t *testing.T) {
	pairs := []gguf.KeyValue{{Key: "general.architecture", Value: gguf.ValueOf("llama")}, {Key: "general.alignment", Value: gguf.ValueOf(uint32(64))}}
	tensors := []gguf.Tensor{
		{Name: "a", Type: gguf.F32, Shape: []int{3, 5}},
		{Name: "b", Type: gguf.Q8_0, Shape: []int{2, 64}},
		{Name: "c", Type: gguf.F16, Shape: []int{7}},
	}
	content := func(tensor gguf.Tensor) []byte { return bytes.Repeat([]byte(tensor.Name), int(tensor.Size)) }

	for _, split := range []bool{false, true} {
		dir := t.TempDir()
		w, err := gguf.Create(filepath.Join(dir, "want.gguf"))
		if split {
			w, err = gguf.CreateSplit(filepath.Join(dir, "want"), 1) // every tensor its own file
		}
		if err != nil {
			t.Fatal(err)
		}
		defer w.Abort()
		for i := range tensors {
			if split {
				tensors[i].Shard = i
			}
		}
		files, err := gguf.LayOut("got", pairs, tensors)
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range pairs {
			_ = w.Put(kv.Key, kv.Value)
		}
		for _, x := range tensors {
			_ = w.Declare(x.Name, x.Type, x.Shape...)
		}
		for _, f := range files {
			for _, x := range f.Tensors {
				_ = w.WriteTensor(x.Name, content(x))
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		for n, f := range files {
			name := "want.gguf"
			if split {
				name = gguf.PartName("want", n, len(files))
			}
			want, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, f.Size)
			for i := len(f.Tensors) - 1; i >= 0; i-- {
				copy(got[f.Tensors[i].Offset:], content(f.Tensors[i]))
			}
			copy(got, f.Header)
			if !bytes.Equal(got, want) {
				t.Errorf("split %v: file %d of %d bytes is another than a Writer's of %d", split, n, len(got), len(want))
			}
		}
	}

	tensors[0].Shard, tensors[1].Shard = 1, 0
	if _, err := gguf.LayOut("got", pairs, tensors); err == nil {
		t.Error("files out of order were laid out")
	}
	tensors[0].Shard, tensors[1].Shard, tensors[2].Shard = 1, 1, 3
	files, err := gguf.LayOut("got", pairs, tensors)
	if err != nil || len(files) != 4 || len(files[0].Tensors) != 0 || len(files[1].Tensors) != 2 || len(files[3].Tensors) != 1 {
		t.Errorf("files without tensors: %v, %v", files, err)
	}
	if _, err := gguf.LayOut("got", append(pairs, pairs[0]), nil); err == nil {
		t.Error("a key that is there twice was laid out")
	}
}
