package packed

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// openReader writes an image and opens it to be read in parts.
func openReader(t *testing.T, s *Store, weights []byte) *Reader {
	t.Helper()
	write(t, s, "a", weights)
	r, err := s.Read(keyOf("a"), int64(len(weights)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// pagesOf returns memory that reads may go to.
func pagesOf(t *testing.T, n int) []byte {
	t.Helper()
	m, err := tensor.Allocate(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m.Bytes()
}

// TestReader: any run of pieces, the end included, and any parts of them, with and without
// the system's cache.
func TestReader(t *testing.T) {
	const n = 5*piece + 1234
	s, weights := newStore(t, roomy), random(5, n)
	r := openReader(t, s, weights)
	if r.Bytes() != n {
		t.Errorf("%d bytes, want %d", r.Bytes(), n)
	}
	t.Logf("reads are direct: %v", r.IsDirect())
	cached := *r
	f, err := os.Open(r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cached.f, cached.direct = f, false
	cached.at = f.ReadAt
	for _, r := range []*Reader{r, &cached} {
		b := pagesOf(t, 6*piece)
		for from := int64(0); from < n; from += piece {
			for size := int64(piece); from+size <= 6*piece; size += piece {
				clear(b)
				if err := r.ReadPieces(b[:size], from); err != nil {
					t.Fatal(err)
				}
				if end := min(from+size, n); !bytes.Equal(b[:end-from], weights[from:end]) {
					t.Fatalf("bytes %d to %d are others", from, end)
				}
			}
		}
		all := make([]byte, n)
		var parts []Part
		for _, cut := range [][2]int{{0, 1}, {1, piece}, {piece, piece + 77}, {3*piece - 5, n}} {
			parts = append(parts, Part{all[cut[0]:cut[1]], int64(cut[0])})
		}
		var told atomic.Bool // of the end
		if err := r.Fill(parts, Watch{Progress: func(done, total int64) {
			if done == total {
				told.Store(true)
			}
		}}); err != nil {
			t.Fatal(err)
		}
		if !told.Load() {
			t.Error("filling did not tell of its end")
		}
		for _, p := range parts {
			if !bytes.Equal(p.Data, weights[p.From:][:len(p.Data)]) {
				t.Fatalf("the part from %d on is other", p.From)
			}
		}
	}
}

// TestReaderLarge fills what takes several reads of several goroutines.
func TestReaderLarge(t *testing.T) {
	const n = 3*copiedAtOnce + 99
	weights := random(6, n)
	r := openReader(t, newStore(t, roomy), weights)
	got := make([]byte, n-17)
	if err := r.Fill([]Part{{got, 17}}, Watch{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, weights[17:]) {
		t.Error("other bytes")
	}
	mine := errors.New("mine")
	if err := r.Fill([]Part{{got, 17}}, Watch{Interrupted: func() error { return mine }}); !errors.Is(err, mine) {
		t.Errorf("got %v, want the error of the watch", err)
	}
}

// TestReaderDamage: damage and a cut are found when the bytes are read, and named; the rest
// is read as before.
func TestReaderDamage(t *testing.T) {
	const n = 4 * piece
	for name, c := range map[string]struct {
		damage func(*testing.T, string)
		want   error
		says   []string
	}{
		"damaged": {func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			_, start, _ := extent(n)
			if _, err := f.WriteAt([]byte{0, 1, 2, 3, 4, 5, 6, 7}, start+2*piece+9); err != nil {
				t.Fatal(err)
			}
		}, ErrDamaged, []string{".packed", "bytes 131072 to 196608"}},
		"cut": {func(t *testing.T, path string) {
			_, start, _ := extent(n)
			if err := os.Truncate(path, start+2*piece+4096); err != nil {
				t.Fatal(err)
			}
		}, io.ErrUnexpectedEOF, []string{".packed", "got 4096", "want 65536"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := openReader(t, newStore(t, roomy), random(7, n))
			if err := os.Chmod(r.path, 0o600); err != nil {
				t.Fatal(err)
			}
			c.damage(t, r.path)
			b := pagesOf(t, n)
			if err := r.ReadPieces(b[:2*piece], 0); err != nil {
				t.Errorf("what is whole: %v", err)
			}
			err := r.ReadPieces(b[:piece], 2*piece)
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			for _, word := range c.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
			if err := r.Fill([]Part{{make([]byte, n), 0}}, Watch{}); !errors.Is(err, c.want) {
				t.Errorf("filling: %v, want %v", err, c.want)
			}
			if _, err := r.f.Stat(); err != nil { // it stays open
				t.Error(err)
			}
			if _, err := os.Stat(r.path); errors.Is(err, os.ErrNotExist) != (c.want == ErrDamaged) {
				t.Errorf("the image: %v, want it gone where it is damaged", err)
			}
		})
	}
}

// TestReaderMissing: nothing, another length, a header that is damaged, a folder.
func TestReaderMissing(t *testing.T) {
	s := newStore(t, roomy)
	if _, err := s.Read(keyOf("a"), 10); !errors.Is(err, ErrMissing) {
		t.Errorf("nothing is there: %v, want ErrMissing", err)
	}
	write(t, s, "a", random(1, 100))
	if _, err := s.Read(keyOf("a"), 101); !errors.Is(err, ErrMissing) {
		t.Errorf("another length: %v, want ErrMissing", err)
	}
	if names := left(t, s); len(names) != 0 {
		t.Errorf("%v are left of what cannot be used", names)
	}
	write(t, s, "a", random(1, 100))
	path := s.path(keyOf("a"))
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[20] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(keyOf("a"), 100); !errors.Is(err, ErrMissing) || !errors.Is(err, ErrDamaged) {
		t.Errorf("a damaged header: %v, want ErrDamaged", err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(keyOf("a"), 100); !errors.Is(err, ErrMissing) {
		t.Errorf("a folder: %v, want ErrMissing", err)
	}
}

// TestWriter writes an image in parts of any length, which is that written at once, past the
// system's cache too; one that is abandoned leaves nothing.
func TestWriter(t *testing.T) {
	const n = 3*piece + 500
	weights := random(8, n)
	whole := newStore(t, roomy)
	write(t, whole, "a", weights)
	want, err := os.ReadFile(whole.path(keyOf("a")))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1000, piece, piece + 1, n} {
		s := newStore(t, roomy)
		w, err := s.Create(keyOf("a"), n)
		if err != nil {
			t.Fatal(err)
		}
		w.Uncached()
		for at := 0; at < n; at += size {
			if _, err := w.Write(weights[at:min(at+size, n)]); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(s.path(keyOf("a")))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("in parts of %d it is another image", size)
		}
		if w, err := s.Create(keyOf("a"), n); w != nil || err != nil {
			t.Errorf("once more: %v, %v, want nothing to write", w, err)
		}
	}
	s := newStore(t, roomy)
	w, err := s.Create(keyOf("a"), n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(keyOf("a"), n); !errors.Is(err, ErrBusy) {
		t.Errorf("beside a writer: %v, want ErrBusy", err)
	}
	if _, err := w.Write(weights[:100]); err != nil {
		t.Fatal(err)
	}
	w.Abandon()
	if names := left(t, s); len(names) != 0 {
		t.Errorf("%v are left of an abandoned image", names)
	}
}
