package hub

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/gguf"
)

func TestImportGGUF(t *testing.T) {
	s := newStore(t)
	original := tinyGGUF(t, 1, 8)
	path := write(t, filepath.Join(t.TempDir(), "Tiny.gguf"), original)
	var stages []Stage
	m, err := s.Import(t.Context(), path, "tiny", func(p Progress) {
		if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
			stages = append(stages, p.Stage)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0] != Copying || stages[1] != Storing {
		t.Errorf("stages %v", stages)
	}
	want := Facts{Format: "gguf", Title: "Tiny Good", Architecture: "llama", Parameters: 8*32 + 4*32, Quantization: "F32", Context: 512, License: "mit"}
	if m.Facts != want {
		t.Errorf("facts %+v, want %+v", m.Facts, want)
	}
	if m.Origin.Source != path || time.Since(m.PulledAt) > time.Minute || m.Digest() != digestOf(original) {
		t.Errorf("model %+v", m)
	}
	at, err := s.Path(m)
	if err != nil || filepath.Base(at) != "Tiny.gguf" || !bytes.Equal(read(t, at), original) {
		t.Errorf("path %s, %v", at, err)
	}
	if left := files(t, filepath.Join(s.dir, "staging")); len(left) != 0 {
		t.Errorf("staging holds %v", left)
	}
	checkStore(t, s)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s)
}

func TestImportWays(t *testing.T) {
	no := errors.ErrUnsupported
	copied := false
	for _, c := range []struct {
		way  string
		disk func(d *disk)
		link bool
	}{
		{"reflink", func(d *disk) { d.clone = copyFake }, false},
		{"hard link", func(d *disk) { d.clone = func(string, *os.File) error { return no } }, true},
		{"copy", func(d *disk) {
			d.clone = func(string, *os.File) error { return no }
			d.link = func(string, string) error { return no }
			d.write = func(f *os.File, p []byte) (int, error) { copied = true; return f.Write(p) }
		}, false},
	} {
		t.Run(c.way, func(t *testing.T) {
			s := newStore(t)
			c.disk(&s.disk)
			m := importTiny(t, s, "x", 1)
			st, err := os.Stat(s.blobPath(m.Files[0].Digest))
			if err != nil {
				t.Fatal(err)
			}
			_, linkErr := os.Stat(s.linkPath(m.Files[0].Digest))
			if linked := linkErr == nil; linked != c.link {
				t.Errorf("noted as a hard link: %v, want %v", linked, c.link)
			}
			if writable := st.Mode().Perm()&0o200 != 0; writable != c.link {
				t.Errorf("mode %v: a blob of its own is read-only, the user's file is as it was", st.Mode())
			}
			checkStore(t, s)
		})
	}
	if !copied {
		t.Error("the copy did not copy")
	}
}

// copyFake stands for a reflink on file systems that have none.
func copyFake(path string, src *os.File) error {
	b, err := os.ReadFile(src.Name())
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

func TestHardLinkChanged(t *testing.T) {
	s := newStore(t)
	s.disk.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	original := tinyGGUF(t, 1, 8)
	path := write(t, filepath.Join(t.TempDir(), "x.gguf"), original)
	m, err := s.Import(t.Context(), path, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Path(m); err != nil {
		t.Errorf("another time, the same bytes: %v", err)
	}
	if text := string(read(t, s.linkPath(m.Digest()))); !strings.Contains(text, later.UTC().Format("2006-01-02T15:")) && !strings.Contains(text, later.Format("2006-01-02T15:")) {
		t.Errorf("the new time was not noted: %s", text)
	}
	changed := bytes.Clone(original)
	changed[len(changed)-1] ^= 1
	overwrite := func(b []byte) { // in place, as an editor does that keeps the file
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	overwrite(changed)
	if _, err := s.Path(m); !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), path) {
		t.Errorf("other bytes: %v, want ErrDigest with the path", err)
	}
	if err := s.Verify(t.Context(), m, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("verify of other bytes: %v", err)
	}
	overwrite(changed[:100])
	if _, err := s.Path(m); !errors.Is(err, ErrDigest) {
		t.Errorf("fewer bytes: %v", err)
	}
	second := write(t, filepath.Join(t.TempDir(), "y.gguf"), original)
	if _, err := s.Import(t.Context(), second, "y", nil); err != nil {
		t.Fatal(err)
	}
	checkStore(t, s)
	if _, err := s.Path(m); err != nil {
		t.Errorf("the same bytes imported again do not mend the model: %v", err)
	}
}

// A file that everybody may write to is not shared.
func TestImportWorldWritable(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes; run on Linux or macOS")
	}
	s := newStore(t)
	s.disk.clone = func(string, *os.File) error { return errors.ErrUnsupported }
	path := write(t, filepath.Join(t.TempDir(), "x.gguf"), tinyGGUF(t, 1, 8))
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := s.Import(t.Context(), path, "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.linkPath(m.Digest())); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is a hard link")
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("the user's file has mode %v, %v", st.Mode(), err)
	}
}

func TestImportFolder(t *testing.T) {
	for _, name := range []string{"", "config.json", "model.safetensors"} {
		s := newStore(t)
		dir := filepath.Join(t.TempDir(), "folder")
		tinyFolder(t, dir)
		m, err := s.Import(t.Context(), filepath.Join(dir, name), "f", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := Facts{Format: "safetensors", Architecture: "qwen3", Parameters: 32, Quantization: "BF16", Context: 4096}
		if m.Facts != want {
			t.Errorf("facts %+v, want %+v", m.Facts, want)
		}
		at, err := s.Path(m)
		if st, statErr := os.Stat(at); err != nil || statErr != nil || !st.IsDir() {
			t.Errorf("path %s, %v, %v, want a folder", at, err, statErr)
		}
		checkStore(t, s)
	}
}

// Downloads keep their folders as symbolic links to files elsewhere.
func TestImportSymlinks(t *testing.T) {
	s := newStore(t)
	real, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(real, "blob"), tinyGGUF(t, 1, 8))
	if err := os.Symlink(filepath.Join(real, "blob"), filepath.Join(dir, "m.gguf")); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "n.gguf")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "m.gguf")} {
		m, err := s.Import(t.Context(), path, "m", nil)
		if err != nil {
			t.Fatalf("import %s: %v", path, err)
		}
		if st, err := os.Lstat(s.blobPath(m.Digest())); err != nil || !st.Mode().IsRegular() {
			t.Errorf("the blob is %v, %v, want a file", st.Mode(), err)
		}
	}
	checkStore(t, s)
	if _, err := s.Import(t.Context(), filepath.Join(dir, "n.gguf"), "n", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a link to nothing: %v, want ErrNotFound", err)
	}
}

func splitGGUF(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := gguf.CreateSplit(filepath.Join(dir, "m"), 4096)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := w.Declare(name, gguf.F32, 32, 32); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if err := w.WriteTensor(name, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return files(t, dir)
}

func TestImportSplit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "split")
	names := splitGGUF(t, dir)
	if len(names) != 3 {
		t.Fatalf("split into %v", names)
	}
	for _, path := range []string{dir, filepath.Join(dir, names[0]), filepath.Join(dir, names[1])} {
		s := newStore(t)
		m, err := s.Import(t.Context(), path, "m", nil)
		if err != nil {
			t.Fatalf("import %s: %v", path, err)
		}
		if len(m.Files) != 3 || m.Files[0].Name != names[0] || m.Files[0].Role != RoleModel || m.Files[2].Role != RoleShard || m.Facts.Parameters != 3*1024 {
			t.Errorf("import %s: %+v", path, m)
		}
		at, err := s.Path(m)
		if err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(at)
		if err != nil {
			t.Fatalf("the stored split does not open: %v", err)
		}
		f.Close()
	}
	if err := os.Remove(filepath.Join(dir, names[1])); err != nil {
		t.Fatal(err)
	}
	s := newStore(t)
	if _, err := s.Import(t.Context(), filepath.Join(dir, names[0]), "m", nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "-0000") {
		t.Errorf("a split with a file missing: %v, want ErrFormat", err)
	}
}

func TestImportRefused(t *testing.T) {
	s := newStore(t)
	good := importTiny(t, s, "good", 1)
	dir := t.TempDir()
	whole := tinyGGUF(t, 2, 8)
	at := func(name string, b []byte) string { return write(t, filepath.Join(dir, name), b) }
	at("two/a.gguf", whole)
	at("two/b.gguf", whole)
	at("pickle/pytorch_model.bin", whole)
	at("lone/x.safetensors", whole)
	at("broken/config.json", []byte("{"))
	at("broken/model.safetensors", make([]byte, 64))
	at("deep/config.json", bytes.Repeat([]byte("["), 200_000))
	at("deep/model.safetensors", make([]byte, 64))
	tinyFolder(t, filepath.Join(dir, "shard"))
	if err := os.Rename(filepath.Join(dir, "shard/model.safetensors"), filepath.Join(dir, "shard/model-00001-of-00002.safetensors")); err != nil {
		t.Fatal(err)
	}
	at("shard/model.safetensors.index.json", []byte(`{"weight_map": {"x.weight": "model-00002-of-00002.safetensors"}}`))
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	at("cut.gguf", whole[:len(whole)-1])
	at("text.gguf", []byte("this is no model\n"))
	at("empty.gguf", nil)
	at("one/m-00001-of-00002.gguf", whole)
	at("high/m-00007-of-00002.gguf", whole)
	at("names/m-00001-of-00002.gguf", whole) // two files by their names, and not by what they say
	at("names/m-00002-of-00002.gguf", whole)
	at("note.txt", []byte("x"))
	for _, c := range []struct{ path, want string }{
		{"cut.gguf", "cut.gguf"},
		{"text.gguf", "text.gguf"},
		{"empty.gguf", "empty.gguf"},
		{"one/m-00001-of-00002.gguf", "file 2 of 2 is missing"},
		{"high/m-00007-of-00002.gguf", "m-00007-of-00002.gguf"},
		{"names", "m-00001-of-00002.gguf"},
		{"note.txt", "note.txt"},
		{"two", "holds 2 models"},
		{"pickle", "pytorch_model.bin"},
		{"lone", "config.json"},
		{"broken", "config.json"},
		{"deep", "config.json"},
		{"shard", "model-00002-of-00002.safetensors"},
		{"empty", "holds no model"},
	} {
		if m, err := s.Import(t.Context(), filepath.Join(dir, c.path), "bad", nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("import %s: %v, %v, want ErrFormat with %q", c.path, m, err, c.want)
		}
	}
	if _, err := s.Import(t.Context(), filepath.Join(dir, "nowhere.gguf"), "bad", nil); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nowhere.gguf") {
		t.Errorf("a missing file: %v, want ErrNotFound", err)
	}
	if _, err := s.Import(t.Context(), dir, "../bad", nil); !errors.Is(err, ErrSyntax) {
		t.Errorf("a bad name: %v, want ErrSyntax", err)
	}
	if _, err := s.Import(t.Context(), os.DevNull, "bad", nil); !errors.Is(err, ErrFormat) {
		t.Errorf("a device: %v, want ErrFormat", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Import(ctx, at("ok.gguf", whole), "bad", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if models, err := s.List(); err != nil || len(models) != 1 || models[0].Digest() != good.Digest() {
		t.Errorf("the store lists %v, %v", models, err)
	}
	checkStore(t, s)
	if left := files(t, filepath.Join(s.dir, "staging")); len(left) != 0 {
		t.Errorf("staging holds %v", left)
	}
}

func TestImportTokenizer(t *testing.T) {
	s := newStore(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tokenizer.json"), []byte("{}"))
	write(t, filepath.Join(dir, "tokenizer_config.json"), []byte("{}"))
	for path, want := range map[string]int{dir: 2, filepath.Join(dir, "tokenizer.json"): 1} {
		m, err := s.Import(t.Context(), path, "t", nil)
		if err != nil || m.Facts != (Facts{Format: "tokenizer"}) || len(m.Files) != want {
			t.Errorf("import %s: %+v, %v", path, m, err)
		}
	}
}

func TestSelectFiles(t *testing.T) {
	for _, c := range []struct{ names, want, format string }{
		{"x.gguf README.md", "model:x.gguf", "gguf"},
		{"x.gguf mmproj-x.gguf", "model:x.gguf projector:mmproj-x.gguf", "gguf"},
		{"mmproj-x.gguf", "model:mmproj-x.gguf", "gguf"},
		{"x-00002-of-00002.gguf x-00001-of-00002.gguf", "model:x-00001-of-00002.gguf shard:x-00002-of-00002.gguf", "gguf"},
		{"config.json model.safetensors consolidated.safetensors other.safetensors tokenizer.model LICENSE", "model:model.safetensors license:LICENSE config:config.json tokenizer:tokenizer.model", "safetensors"},
		{
			"config.json model-2.safetensors model-1.safetensors consolidated-1.safetensors model.safetensors.index.json x.gguf",
			"shard:model-1.safetensors shard:model-2.safetensors index:model.safetensors.index.json config:config.json", "safetensors",
		},
		{"tiktoken.model tokenizer_config.json x.py", "tokenizer:tiktoken.model tokenizer:tokenizer_config.json", "tokenizer"},
	} {
		members, format, err := selectFiles(strings.Fields(c.names))
		var got []string
		for _, m := range members {
			got = append(got, string(m.role)+":"+m.name)
		}
		if text := strings.Join(got, " "); err != nil || text != c.want || format != c.format {
			t.Errorf("selectFiles(%s) = %s, %s, %v, want %s, %s", c.names, text, format, err, c.want, c.format)
		}
	}
	for _, names := range []string{"", "README.md", "a.gguf b.gguf", "a-00001-of-00002.gguf", "a-00001-of-00002.gguf a-00003-of-00002.gguf", "a-00002-of-00002.gguf", "a-00000-of-00000.gguf", "x.safetensors", "x.bin"} {
		if members, _, err := selectFiles(strings.Fields(names)); !errors.Is(err, ErrFormat) {
			t.Errorf("selectFiles(%s) = %v, %v, want ErrFormat", names, members, err)
		}
	}
}
