package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// headerBytes makes a zip of one member whose header change may twist.
func headerBytes(t *testing.T, content []byte, change func(h *zip.FileHeader)) []byte {
	t.Helper()
	h := &zip.FileHeader{Name: "x/m.gguf", Method: zip.Store}
	h.CompressedSize64, h.UncompressedSize64 = uint64(len(content)), uint64(len(content))
	change(h)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.CreateRaw(h)
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestOpenWheelRefused(t *testing.T) {
	good := zipBytes(t, entry{"x/m.gguf", []byte("GGUF")})
	named := func(name string) []byte { return zipBytes(t, entry{name, []byte("GGUF")}) }
	cases := map[string][]byte{
		"empty":             nil,
		"no zip":            bytes.Repeat([]byte("GGUF"), 1000),
		"cut":               good[:len(good)-1],
		"only the end":      good[len(good)-22:],
		"an absolute name":  named("/etc/passwd"),
		"a way out":         named("../x"),
		"a way out, inside": named("x/../../y"),
		"a roundabout name": named("x/./y"),
		"double slash":      named("x//y"),
		"a drive":           named("C:/x"),
		"a backslash":       named(`x\..\..\y`),
		"a zero byte":       named("x\x00y"),
		"no UTF-8":          named("x\xff"),
		"no name":           named(""),
		"twice":             zipBytes(t, entry{"x/a", nil}, entry{"x/a", nil}),
		"a link":            headerBytes(t, []byte("/etc/passwd"), func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }),
		"a device":          headerBytes(t, nil, func(h *zip.FileHeader) { h.SetMode(os.ModeDevice | 0o666) }),
		"encrypted":         headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.Flags |= 1 }),
		"bzip2":             headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.Method = 12 }),
		"stored and packed": headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.UncompressedSize64 = 5 }),
		"larger than all":   headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.CompressedSize64, h.UncompressedSize64 = 1<<40, 1<<40 }),
		"a bomb":            headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.Method, h.UncompressedSize64 = zip.Deflate, 1<<40 }),
		"a huge bomb":       headerBytes(t, []byte("x"), func(h *zip.FileHeader) { h.Method, h.UncompressedSize64 = zip.Deflate, 1<<63 }),
		"a bad RECORD":      zipBytes(t, entry{"x-1.dist-info/RECORD", []byte("a,sha256=xyz,1\n")}),
		"no CSV":            zipBytes(t, entry{"x-1.dist-info/RECORD", []byte("a\"b,\n")}),
	}
	for what, content := range cases {
		path := write(t, filepath.Join(t.TempDir(), "w.whl"), content)
		w, err := openWheel(path, "name.whl")
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "wheel name.whl") {
			t.Errorf("%s: %v, want ErrFormat with the name", what, err)
		}
		if w != nil && err == nil {
			w.close()
		}
	}
}

// Directories that claim or hold far too many members cost little memory.
func TestOpenWheelMemory(t *testing.T) {
	header := make([]byte, 46)
	copy(header, "PK\x01\x02")
	end := func(count uint16, size, offset uint32) []byte {
		b := make([]byte, 22)
		copy(b, "PK\x05\x06")
		binary.LittleEndian.PutUint16(b[8:], count)
		binary.LittleEndian.PutUint16(b[10:], count)
		binary.LittleEndian.PutUint32(b[12:], size)
		binary.LittleEndian.PutUint32(b[16:], offset)
		return b
	}
	claim := func(count uint64) []byte {
		b := make([]byte, 56+20)
		copy(b, "PK\x06\x06")
		binary.LittleEndian.PutUint64(b[24:], count)
		binary.LittleEndian.PutUint64(b[32:], count)
		copy(b[56:], "PK\x06\x07")
		binary.LittleEndian.PutUint64(b[56+8:], 32<<20)
		binary.LittleEndian.PutUint32(b[56+16:], 1)
		return append(b, end(0xffff, 0xffffffff, 0xffffffff)...)
	}
	filler := make([]byte, 32<<20)
	cases := map[string][]byte{
		"a million claimed": slices.Concat(filler, claim(1_000_000)),
		"as many as fit":    slices.Concat(bytes.Repeat(header, 700_000), end(700_000&0xffff, 46, 0)),
	}
	for what, content := range cases {
		path := write(t, filepath.Join(t.TempDir(), "w.whl"), content)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := openWheel(path, "name.whl")
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", what, err)
		}
		if took := int64(after.TotalAlloc - before.TotalAlloc); took > 150<<20 {
			t.Errorf("%s: allocated %s", what, FormatBytes(took))
		}
	}
}

func TestExtract(t *testing.T) {
	content := randomBytes(1, 1<<20)
	var out bytes.Buffer
	w := openTestWheel(t, wheelBytes(t, "x", "1", nil, entry{"x/m", content}))
	d, err := w.extract(t.Context(), w.byName["x/m"], &out, nil)
	if err != nil || d != digestOf(content) || !bytes.Equal(out.Bytes(), content) {
		t.Errorf("extract: %v, %v", d, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.extract(ctx, w.byName["x/m"], io.Discard, nil); !errors.Is(err, context.Canceled) || errors.Is(err, ErrFormat) {
		t.Errorf("cancelled: %v", err)
	}
	full := errors.New("full")
	if _, err := w.extract(t.Context(), w.byName["x/m"], failingWriter{full}, nil); !errors.Is(err, full) || errors.Is(err, ErrFormat) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestExtractRefused(t *testing.T) {
	content := randomBytes(1, 1<<16)
	record := func(sum Digest, size string) []byte {
		return zipBytes(t, entry{"x/m.gguf", content}, entry{"x-1.dist-info/RECORD", []byte("x/m.gguf,sha256=" + base64Of(sum) + "," + size + "\n")})
	}
	deflated := func(change func(h *zip.FileHeader)) []byte {
		z := zipBytes(t, entry{"x/m.gguf", content})
		r, err := zip.NewReader(bytes.NewReader(z), int64(len(z)))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := r.File[0].OpenRaw()
		if err != nil {
			t.Fatal(err)
		}
		packed, err := io.ReadAll(raw)
		if err != nil {
			t.Fatal(err)
		}
		h := r.File[0].FileHeader
		return headerBytes(t, packed, func(to *zip.FileHeader) { *to = h; change(to) })
	}
	good := deflated(func(*zip.FileHeader) {})
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	for _, c := range []struct {
		what  string
		wheel []byte
		kind  error
	}{
		{"all right", good, nil},
		{"RECORD is right", record(digestOf(content), "65536"), nil},
		{"RECORD without a size", record(digestOf(content), ""), nil},
		{"another digest in RECORD", record(Digest{1}, "65536"), ErrDigest},
		{"another size in RECORD", record(digestOf(content), "65535"), ErrDigest},
		{"more than it says", deflated(func(h *zip.FileHeader) { h.UncompressedSize64 = 100 }), ErrFormat},
		{"less than it says", deflated(func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 17 }), ErrFormat},
		{"another CRC", deflated(func(h *zip.FileHeader) { h.CRC32 ^= 1 }), ErrFormat},
		{"a flipped bit", flipped, ErrFormat},
	} {
		path := write(t, filepath.Join(t.TempDir(), "w.whl"), c.wheel)
		w, err := openWheel(path, "name.whl")
		if err == nil {
			var out bytes.Buffer
			_, err = w.extract(t.Context(), w.byName["x/m.gguf"], &out, nil)
			if out.Len() > 1<<17 {
				t.Errorf("%s: wrote %d bytes", c.what, out.Len())
			}
			w.close()
		}
		if !errors.Is(err, c.kind) || err != nil && !strings.Contains(err.Error(), "wheel name.whl: member x/m.gguf") {
			t.Errorf("%s: %v, want %v", c.what, err, c.kind)
		}
	}
}

func FuzzWheel(f *testing.F) {
	f.Add(zipBytes(f, entry{"x/m.gguf", []byte("GGUF----")}))
	f.Add(zipBytes(f, entry{"x/m.part1", []byte("GGUF----")}, entry{"x/m.part2", []byte("more")}, entry{"x-1.dist-info/RECORD", []byte("x/m.part1,,\n")}))
	f.Add(wheelBytes(f, "x", "1", []string{"x-part1==1", "x-part2>=1"}, entry{"x/SHA256SUMS", []byte(digestOf(nil).Hex() + " m\n")}))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		useWheel(t, write(t, filepath.Join(dir, "w.whl"), content))
	})
}

// useWheel does with a wheel what a pull does, and wants names that stay in
// their folder and members no longer than they say.
func useWheel(t *testing.T, path string) {
	w, err := openWheel(path, "w.whl")
	if err != nil {
		return
	}
	defer w.close()
	for name := range w.byName {
		if !filepath.IsLocal(name) {
			t.Errorf("member %q leads out", name)
		}
	}
	outputs, _, err := wholeModel(w)
	if err != nil {
		outputs, _, err = joinedModel([]*wheel{w}, "x")
	}
	if err == nil && len(outputs) == 0 {
		t.Error("a model without files")
	}
	for _, o := range outputs {
		if !PlainName(o.name) {
			t.Errorf("file name %q", o.name)
		}
		for _, p := range o.pieces {
			limited := &countingWriter{limit: p.size()}
			w.extract(t.Context(), p.zip, limited, nil)
			if limited.n > limited.limit+1 {
				t.Errorf("%s: wrote %d bytes, says %d", p.zip.Name, limited.n, limited.limit)
			}
		}
	}
	requirements, _ := partPackages(w, "x") // an error is an answer
	for _, r := range requirements {
		if strings.HasPrefix(r.String(), "-") || strings.ContainsAny(r.String(), " \t\n;@/") {
			t.Errorf("requirement %q would reach pip's command line", r)
		}
	}
	statedDigests([]*wheel{w})
}

// FuzzWheelMembers makes sound zips of hostile names and contents, which bytes
// that are changed blindly seldom are.
func FuzzWheelMembers(f *testing.F) {
	f.Add("x/m.gguf", []byte("GGUF----"), "x/README", []byte("text"), "x-1.dist-info/RECORD", []byte("x/m.gguf,,\n"))
	f.Add("x/m.gguf.part1", []byte("GGUF----"), "x/m.gguf.part2", []byte("more"), "x/SHA256SUMS", []byte(digestOf(nil).Hex()+"  m.gguf\n"))
	f.Add("x/config.json", []byte("{}"), "x/model.safetensors", []byte("--------"), "x-1.dist-info/METADATA", []byte("Requires-Dist: x-part1==1\nRequires-Dist: x-part2 (>=1)\n"))
	f.Add("../x", []byte("GGUF"), "x//y", []byte(nil), "x-1.dist-info/RECORD", []byte("a,sha256=AAAA,1\n"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, n1 string, c1 []byte, n2 string, c2 []byte, n3 string, c3 []byte) {
		for _, name := range []string{n1, n2, n3} {
			if len(name) > 60_000 || strings.HasSuffix(name, "/") {
				return // the zip writer knows no longer names, and puts nothing into folders
			}
		}
		useWheel(t, write(t, filepath.Join(dir, "w.whl"), zipBytes(t, entry{n1, c1}, entry{n2, c2}, entry{n3, c3})))
	})
}

type countingWriter struct{ n, limit int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}
