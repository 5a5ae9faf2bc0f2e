package hub

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// member is a file of an archive that a test makes.
type tarred struct {
	name string
	data []byte
}

func tarBytes(tb testing.TB, gzipped bool, members ...tarred) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Size: int64(len(m.data)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	if !gzipped {
		return b.Bytes()
	}
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	if _, err := zw.Write(b.Bytes()); err != nil {
		tb.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		tb.Fatal(err)
	}
	return z.Bytes()
}

func TestUntar(t *testing.T) {
	weights := randomBytes(3, 40_000)
	for _, gzipped := range []bool{false, true} {
		s, folder := newStore(t), t.TempDir()
		archive := write(t, filepath.Join(t.TempDir(), "layer"), tarBytes(t, gzipped,
			tarred{"m/model.gguf", weights}, tarred{"m/README.md", []byte("# x")}, tarred{"m/._model.gguf", []byte("mark")}, tarred{"m/LICENSE", []byte("MIT")}))
		names, err := s.untar(t.Context(), archive, folder, gzipped)
		if err != nil || !slices.Equal(names, []string{"model.gguf", "LICENSE"}) {
			t.Fatalf("got %v, %v", names, err)
		}
		if got := files(t, folder); len(got) != 2 || !bytes.Equal(read(t, filepath.Join(folder, "model.gguf")), weights) {
			t.Errorf("the folder has %v", got)
		}
	}
}

func TestUntarRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		data    []byte
		gzipped bool
	}{
		"two folders, one name": {tarBytes(t, false, tarred{"a/m.gguf", []byte("a")}, tarred{"b/m.gguf", []byte("b")}), false},
		"a device's name":       {tarBytes(t, false, tarred{"con.gguf", []byte("a")}), false},
		"a path that leaves":    {tarBytes(t, false, tarred{"../m.gguf", []byte("a")}), false},
		"a bomb":                {tarBytes(t, true, tarred{"m.gguf", make([]byte, 64<<20)}), true},
		"one that is cut":       {tarBytes(t, false, tarred{"m.gguf", make([]byte, 4000)})[:2000], false},
	} {
		s, folder := newStore(t), t.TempDir()
		archive := write(t, filepath.Join(t.TempDir(), "layer"), c.data)
		if names, err := s.untar(t.Context(), archive, folder, c.gzipped); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, %v, want ErrFormat", name, names, err)
		}
		if size := folderSize(folder); size > 1<<20 {
			t.Errorf("%s: %d bytes were written", name, size)
		}
	}
}

// A file that is there already, or a link that somebody put there, is not
// written to.
func TestUntarKeepsWhatIsThere(t *testing.T) {
	s, folder := newStore(t), t.TempDir()
	outside := write(t, filepath.Join(t.TempDir(), "outside"), []byte("outside"))
	if err := os.Symlink(outside, filepath.Join(folder, "m.gguf")); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	archive := write(t, filepath.Join(t.TempDir(), "layer"), tarBytes(t, false, tarred{"m.gguf", []byte("new")}))
	if _, err := s.untar(t.Context(), archive, folder, false); !errors.Is(err, ErrFormat) {
		t.Errorf("%v, want ErrFormat", err)
	}
	if got := read(t, outside); string(got) != "outside" {
		t.Errorf("the file outside holds %q", got)
	}
}

func TestUntarFullDisk(t *testing.T) {
	s, folder := newStore(t), t.TempDir()
	s.disk.free = func(string) (int64, error) { return spare + 100, nil }
	archive := write(t, filepath.Join(t.TempDir(), "layer"), tarBytes(t, false, tarred{"m.gguf", make([]byte, 4000)}))
	if _, err := s.untar(t.Context(), archive, folder, false); !errors.Is(err, ErrNoSpace) {
		t.Errorf("%v, want ErrNoSpace", err)
	}
}
