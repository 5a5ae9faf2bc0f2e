package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOpenSharded reads a checkpoint that another program wrote: testdata/make.py.
func TestOpenSharded(t *testing.T) {
	for _, path := range []string{"testdata/sharded", "testdata/sharded/model.safetensors.index.json"} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if f.Name() != indexName || !slices.Equal(f.Parts(), []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}) {
			t.Errorf("%s: name %s, parts %v", path, f.Name(), f.Parts())
		}
		var got []string
		for _, x := range f.Tensors() {
			b, err := f.Bytes(x)
			got = append(got, fmt.Sprint(x.Name, x.DType, x.Shape, x.Shard, len(b), err))
		}
		want := []string{"aF32[4] 0 16 <nil>", "bF16[3 2] 0 12 <nil>", "cI64[5] 1 40 <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
		c, ok := f.Tensor("c")
		if b, err := f.Bytes(c); !ok || err != nil || b[8] != 1 || b[32] != 4 {
			t.Errorf("%s: c is % x, %v", path, b, err)
		}
	}
	f, err := Open("testdata/sharded/model-00002-of-00002.safetensors")
	if err != nil {
		t.Fatalf("one shard by itself: %v", err)
	}
	defer f.Close()
	if len(f.Tensors()) != 1 {
		t.Errorf("one shard by itself: %d tensors, want 1", len(f.Tensors()))
	}
}

// shard is a file with one tensor of each name.
func shard(names ...string) string {
	var b strings.Builder
	for i, n := range names {
		fmt.Fprintf(&b, `,"%s":{"dtype":"I8","shape":[1],"data_offsets":[%d,%d]}`, n, i, i+1)
	}
	return string(file("{"+b.String()[1:]+"}", len(names)))
}

// folder writes files into a new folder; a name may have a folder in front.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestWrongIndexes(t *testing.T) {
	const one, two = "model-1.safetensors", "model-2.safetensors"
	both := map[string]string{one: shard("a", "b"), two: shard("c")}
	index := func(weights string) string { return `{"metadata":{"total_size":3},"weight_map":{` + weights + `}}` }
	for _, c := range []struct {
		name  string
		index string
		files map[string]string
		wants string
	}{
		{"empty", ``, both, "model.safetensors.index.json: the JSON ends at byte 0, want an object"},
		{"no map", `{"metadata":{}}`, both, "model.safetensors.index.json: has no weight_map"},
		{"empty map", index(``), both, "weight_map lists no tensors"},
		{"map twice", `{"weight_map":{"a":"x"},"weight_map":{}}`, both, "weight_map is there twice"},
		{"map is a list", `{"weight_map":["a"]}`, both, "want an object"},
		{"number for a file", index(`"a":1`), both, `tensor a: "1" at byte`},
		{"tensor twice", index(`"a":"` + one + `","b":"` + one + `","a":"` + one + `"`), both, "tensor a: is there twice"},
		{"deep", `{"metadata":` + strings.Repeat("[", 100_000), both, "values nested deeper than 32"},
		{"more", index(`"a":"x"`) + "x", both, "want the end"},
		{"parent", index(`"a":"../model-1.safetensors"`), both, `tensor a: file "../model-1.safetensors" is not a plain name`},
		{"absolute", index(`"a":"/etc/passwd"`), both, "is not a plain name"},
		{"below", index(`"a":"sub/x.safetensors"`), both, "is not a plain name"},
		{"backslash", index(`"a":"sub\\x.safetensors"`), both, "is not a plain name"},
		{"dots", index(`"a":".."`), both, "is not a plain name"},
		{"dot", index(`"a":"."`), both, "is not a plain name"},
		{"nameless", index(`"a":""`), both, "is not a plain name"},
		{"below, by way of here", index(`"a":"./sub/x.safetensors"`), both, "is not a plain name"},
		{"here", index(`"a":"./"`), both, "is not a plain name"},
		{"zero", index(`"a":"x\u0000"`), both, "is not a plain name"},
		{"in both", index(`"a":"` + one + `","b":"` + one + `","c":"` + two + `"`), map[string]string{one: shard("a", "b"), two: shard("c", "b")}, "model-2.safetensors: tensor b: is in model-1.safetensors too"},
		{"cut shard", index(`"a":"` + one + `","b":"` + one + `","c":"` + two + `"`), map[string]string{one: both[one], two: both[two][:30]}, "model-2.safetensors: header of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.files)
			if err := os.WriteFile(filepath.Join(dir, indexName), []byte(c.index), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			wants(t, err, "safetensors: ", c.wants)
			if !errors.Is(err, ErrFormat) {
				t.Errorf("%v: want ErrFormat", err)
			}
		})
	}
}

// TestInexactIndexes opens checkpoints whose shards hold other tensors than the index
// lists for them: what stands in the shards counts.
func TestInexactIndexes(t *testing.T) {
	const one, two = "model-1.safetensors", "model-2.safetensors"
	for name, weights := range map[string]string{
		"not listed":     `"a":"` + one + `","c":"` + two + `"`,
		"not there":      `"a":"` + one + `","b":"` + one + `","d":"` + one + `","c":"` + two + `"`,
		"in the other":   `"a":"` + one + `","b":"` + two + `","c":"` + two + `"`,
		"in the folder":  `"a":"./` + one + `","b":"` + one + `","c":"././` + two + `"`,
		"not one listed": `"x":"` + one + `","y":"` + two + `"`,
	} {
		f, err := Open(folder(t, map[string]string{one: shard("a", "b"), two: shard("c"), indexName: `{"weight_map":{` + weights + `}}`}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, tensor := range f.Tensors() {
			b, err := f.Bytes(tensor)
			if err != nil || len(b) != 1 {
				t.Errorf("%s: tensor %s has bytes %v, error %v", name, tensor.Name, b, err)
			}
			names = append(names, tensor.Name)
		}
		if !slices.Equal(names, []string{"a", "b", "c"}) || len(f.Parts()) != 2 {
			t.Errorf("%s: tensors %q in %d files, want a b c in 2", name, names, len(f.Parts()))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMissingShard(t *testing.T) {
	dir := folder(t, map[string]string{indexName: `{"weight_map":{"a":"model-2.safetensors"}}`})
	_, err := Open(dir)
	wants(t, err, "safetensors: model.safetensors.index.json: shard model-2.safetensors: ")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v: want fs.ErrNotExist", err)
	}
}

// TestSingleBeforeIndex opens model.safetensors where both are there.
func TestSingleBeforeIndex(t *testing.T) {
	f, err := Open(folder(t, map[string]string{indexName: `{}`, singleName: shard("x")}))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Name() != singleName || len(f.Tensors()) != 1 {
		t.Errorf("%s with %d tensors", f.Name(), len(f.Tensors()))
	}
}

// TestLinkedShards is a folder of links, as download caches have them.
func TestLinkedShards(t *testing.T) {
	dir := folder(t, map[string]string{"blobs/0123": shard("a"), "snapshot/" + indexName: `{"weight_map":{"a":"model-1.safetensors"}}`})
	if err := os.Symlink("../blobs/0123", filepath.Join(dir, "snapshot", "model-1.safetensors")); err != nil {
		t.Skipf("no links here: %v; run on a system that lets this user make them", err)
	}
	f, err := Open(filepath.Join(dir, "snapshot"))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestOpenParts(t *testing.T) {
	dir := folder(t, map[string]string{"x": shard("a", "b"), "y": shard("c"), "z": shard("b")})
	at := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	f, err := OpenParts(at("x", "y")...)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := f.Tensor("c"); !ok || c.Shard != 1 || f.Name() != "x" || len(f.Tensors()) != 3 {
		t.Errorf("%d tensors in %q, c in file %d, want 3 in x, c in file 1", len(f.Tensors()), f.Name(), c.Shard)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	_, err = OpenParts(at("x", "z")...)
	wants(t, err, "z: tensor b: is in x too")
	_, err = OpenParts(at("x", "gone")...)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is gone: %v, want fs.ErrNotExist", err)
	}
	if _, err := OpenParts(); err == nil {
		t.Error("no files: no error")
	}
}
