package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// archive writes a tar archive of members; one without a type is a file.
func archive(t testing.TB, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range members {
		text := ""
		if h.Typeflag == 0 {
			h.Typeflag, text = tar.TypeReg, "bytes of "+h.Name
			h.Size = int64(len(text))
		}
		h.Mode = 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpack collects what is in an archive.
func unpack(data []byte, packed bool, limit int64) (map[string]string, error) {
	files := map[string]string{}
	err := Unpack(bytes.NewReader(data), packed, limit, func(path string, size int64, r io.Reader) error {
		text, err := io.ReadAll(r)
		if err == nil && int64(len(text)) != size {
			err = errors.New("another size than was said")
		}
		files[path] = string(text)
		return err
	})
	return files, err
}

func TestUnpack(t *testing.T) {
	data := archive(t, tar.Header{Name: "model/", Typeflag: tar.TypeDir}, tar.Header{Name: "./model/a.gguf"}, tar.Header{Name: "README.md"}, tar.Header{Name: strings.Repeat("long/", 40) + "b.gguf"})
	want := map[string]string{"model/a.gguf": "bytes of ./model/a.gguf", "README.md": "bytes of README.md", strings.Repeat("long/", 40) + "b.gguf": "bytes of " + strings.Repeat("long/", 40) + "b.gguf"}
	for _, packed := range []bool{false, true} {
		in := data
		if packed {
			in = zip(t, data)
		}
		if got, err := unpack(in, packed, 1<<20); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("packed %v: got %v, %v", packed, got, err)
		}
	}
}

func TestUnpackRefuses(t *testing.T) {
	good := archive(t, tar.Header{Name: "a.gguf"})
	damaged := zip(t, good)
	damaged[len(damaged)/2] ^= 0x10
	wrongSum := zip(t, good)
	wrongSum[len(wrongSum)-6] ^= 1
	huge := archive(t, tar.Header{Name: "a.gguf"})
	for name, c := range map[string]struct {
		data   []byte
		packed bool
		want   error
	}{
		"a path that leaves it": {archive(t, tar.Header{Name: "../a.gguf"}), false, ErrFormat},
		"one inside":            {archive(t, tar.Header{Name: "a/../../a.gguf"}), false, ErrFormat},
		"an absolute path":      {archive(t, tar.Header{Name: "/tmp/a.gguf"}), false, ErrFormat},
		"a backslash":           {archive(t, tar.Header{Name: `..\a.gguf`}), false, ErrFormat},
		"a drive":               {archive(t, tar.Header{Name: "C:a.gguf"}), false, ErrFormat},
		"a folder that leaves":  {archive(t, tar.Header{Name: "../out/", Typeflag: tar.TypeDir}), false, ErrFormat},
		"a pax path":            {archive(t, tar.Header{Name: "a.gguf", Format: tar.FormatPAX}, tar.Header{Name: "../é.gguf"}), false, ErrFormat},
		"a symbolic link":       {archive(t, tar.Header{Name: "a.gguf", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), false, ErrFormat},
		"a hard link":           {archive(t, tar.Header{Name: "a.gguf", Typeflag: tar.TypeLink, Linkname: "b"}), false, ErrFormat},
		"a device":              {archive(t, tar.Header{Name: "a.gguf", Typeflag: tar.TypeChar}), false, ErrFormat},
		"a pipe":                {archive(t, tar.Header{Name: "a.gguf", Typeflag: tar.TypeFifo}), false, ErrFormat},
		"one twice":             {archive(t, tar.Header{Name: "a.gguf"}, tar.Header{Name: "A.gguf"}), false, ErrFormat},
		"one twice by a dot":    {archive(t, tar.Header{Name: "a.gguf"}, tar.Header{Name: "./a.gguf"}), false, ErrFormat},
		"cut in a member":       {good[:520], false, ErrFormat},
		"cut in a header":       {good[:100], false, ErrFormat},
		"no archive":            {[]byte("<html>" + strings.Repeat("x", 600)), false, ErrFormat},
		"no gzip":               {good, true, ErrFormat},
		"damaged gzip":          {damaged, true, ErrFormat},
		"gzip of another sum":   {wrongSum, true, ErrFormat},
		"more behind":           {append(huge, "PK"...), false, ErrFormat},
	} {
		if files, err := unpack(c.data, c.packed, 1<<20); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, %v, want %v", name, files, err, c.want)
		}
	}
}

// A megabyte that unpacks to a gigabyte is refused by what its header says,
// or by the bytes that come, before they are written.
func TestUnpackBomb(t *testing.T) {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "a.gguf", Size: 256 << 20, Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 256 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	z.Close()
	limit := UnpackLimit(int64(b.Len()))
	err := Unpack(&b, true, limit, func(string, int64, io.Reader) error { t.Error("was taken"); return nil })
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}

	var many bytes.Buffer // headers alone, one behind the other
	z = gzip.NewWriter(&many)
	block := archive(t, tar.Header{Name: "d/", Typeflag: tar.TypeDir})[:512]
	for range 100_000 {
		z.Write(block)
	}
	z.Close()
	if _, err := unpack(many.Bytes(), true, 1<<20); !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrFormat) {
		t.Errorf("%v, want ErrTooLarge or ErrFormat", err)
	}
}

// What the disk or the network says is told as it is, not as a fault of the archive.
func TestUnpackPassesErrors(t *testing.T) {
	full := errors.New("full")
	data := archive(t, tar.Header{Name: "a.gguf"})
	if err := Unpack(bytes.NewReader(data), false, 1<<20, func(string, int64, io.Reader) error { return full }); !errors.Is(err, full) || errors.Is(err, ErrFormat) {
		t.Errorf("%v, want %v alone", err, full)
	}
	r := io.MultiReader(bytes.NewReader(data[:512]), failing{full})
	_, err := func() (any, error) {
		return nil, Unpack(r, false, 1<<20, func(_ string, _ int64, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
	}()
	if !errors.Is(err, full) || errors.Is(err, ErrFormat) {
		t.Errorf("%v, want %v alone", err, full)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzUnpack(f *testing.F) {
	good := archive(f, tar.Header{Name: "model/", Typeflag: tar.TypeDir}, tar.Header{Name: "model/a.gguf"})
	f.Add(good, false)
	f.Add(zip(f, good), true)
	f.Add(archive(f, tar.Header{Name: "../a", Typeflag: tar.TypeSymlink, Linkname: "b"}), false)
	f.Fuzz(func(t *testing.T, data []byte, packed bool) {
		const limit = 1 << 16
		var total int64
		err := Unpack(bytes.NewReader(data), packed, limit, func(path string, size int64, r io.Reader) error {
			if _, err := PlainPath(path); err != nil {
				t.Error(err)
			}
			n, err := io.Copy(io.Discard, r)
			total += n
			return err
		})
		if total > limit {
			t.Errorf("%d bytes came out, %d are allowed", total, limit)
		}
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%v, want ErrFormat or ErrTooLarge", err)
		}
	})
}
