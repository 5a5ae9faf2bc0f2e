package packed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// random returns n bytes of a seed.
func random(seed uint64, n int) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func keyOf(name string) Key { return sha256.Sum256([]byte(name)) }

// newStore returns an empty store of so many bytes.
func newStore(t *testing.T, limit int64) *Store {
	t.Helper()
	return New(Options{Folder: filepath.Join(t.TempDir(), "images"), Limit: limit})
}

func write(t *testing.T, s *Store, name string, weights []byte) {
	t.Helper()
	if err := s.Write(keyOf(name), weights, Watch{}); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
}

// left returns the names of what lies in the folder.
func left(t *testing.T, s *Store) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.folder)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

const roomy = 1 << 40

func TestWriteAndOpen(t *testing.T) {
	for _, n := range []int{1, piece - 1, piece, 3*piece + 17, chunk + 5} {
		s, weights := newStore(t, roomy), random(uint64(n), n)
		var told int64
		watch := Watch{Progress: func(done, total int64) { told = max(done, told) }}
		if err := s.Write(keyOf("a"), weights, watch); err != nil {
			t.Fatal(err)
		}
		if told != int64(n) {
			t.Errorf("writing %d bytes told of %d", n, told)
		}
		write(t, s, "a", weights) // once more is no harm
		m, err := s.Open(keyOf("a"), int64(n), Watch{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Bytes(), weights) {
			t.Errorf("%d bytes come back as others", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if names := left(t, s); len(names) != 1 {
			t.Errorf("%v lie there, want one image", names)
		}
	}
}

// TestMissing: what was never written is not found, and nothing is made for that.
func TestMissing(t *testing.T) {
	s := newStore(t, roomy)
	if _, err := s.Open(keyOf("a"), 1, Watch{}); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
	if n, bytes, err := s.Clear(); n != 0 || bytes != 0 || err != nil {
		t.Errorf("clearing gave %d images, %d bytes, %v", n, bytes, err)
	}
	if _, err := os.Stat(s.folder); !os.IsNotExist(err) {
		t.Errorf("the folder: %v, want none", err)
	}
}

// TestDamage changes an image in every part of it, cuts and lengthens it: it is never
// used, and is gone.
func TestDamage(t *testing.T) {
	const n = 2*piece + 100
	weights := random(1, n)
	head, start, size := extent(n)
	flip := func(at int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var b [1]byte
			if _, err := f.ReadAt(b[:], at); err != nil {
				t.Fatal(err)
			}
			b[0] ^= 0x10
			if _, err := f.WriteAt(b[:], at); err != nil {
				t.Fatal(err)
			}
		}
	}
	cut := func(to int64) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.Truncate(path, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	damages := map[string]func(*testing.T, string){
		"empty": cut(0), "cut in its header": cut(head / 2), "cut behind its header": cut(head),
		"without its last byte": cut(size - 1), "longer": cut(size + 1),
		"magic": flip(0), "version": flip(8), "zero": flip(12), "bytes": flip(16), "key": flip(24),
		"sum 0": flip(56), "sum 1": flip(60), "sum 2": flip(67), "sum of the header": flip(head - 1),
		"first byte": flip(start), "end of a piece": flip(start + piece - 1), "second piece": flip(start + piece), "last byte": flip(size - 1),
		"zeros": func(t *testing.T, path string) {
			cut(start)(t, path)
			cut(size)(t, path)
		},
		"another one": func(t *testing.T, path string) {
			other := newStore(t, roomy)
			write(t, other, "other", weights)
			if err := os.Rename(other.path(keyOf("other")), path); err != nil {
				t.Fatal(err)
			}
		},
		"another version": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			binary.LittleEndian.PutUint32(b[8:], version+1)
			sum := sha256.Sum256(b[:head-sha256.Size])
			copy(b[head-sha256.Size:], sum[:])
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, roomy)
			write(t, s, "a", weights)
			path := s.path(keyOf("a"))
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			damage(t, path)
			if m, err := s.Open(keyOf("a"), n, Watch{}); !errors.Is(err, ErrMissing) {
				if err == nil {
					m.Close()
				}
				t.Fatalf("got %v, want ErrMissing", err)
			}
			if names := left(t, s); len(names) != 0 {
				t.Errorf("%v are left", names)
			}
			write(t, s, "a", weights)
			m, err := s.Open(keyOf("a"), n, Watch{})
			if err != nil {
				t.Fatalf("written anew: %v", err)
			}
			m.Close()
		})
	}
}

// TestOtherLength: the image of as many bytes as are wanted, or none.
func TestOtherLength(t *testing.T) {
	s := newStore(t, roomy)
	write(t, s, "a", random(1, 100))
	if _, err := s.Open(keyOf("a"), 101, Watch{}); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want ErrMissing", err)
	}
}

// TestNoFile: a folder or a link in the place of an image is passed over.
func TestNoFile(t *testing.T) {
	s := newStore(t, roomy)
	write(t, s, "real", random(1, 100))
	path := s.path(keyOf("a"))
	if err := os.Symlink(s.path(keyOf("real")), path); err != nil {
		t.Skipf("no symbolic links here: %v; run on a system that lets this user make them", err)
	}
	if _, err := s.Open(keyOf("a"), 100, Watch{}); !errors.Is(err, ErrMissing) {
		t.Errorf("a link: %v, want ErrMissing", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(keyOf("a"), 100, Watch{}); !errors.Is(err, ErrMissing) {
		t.Errorf("a folder: %v, want ErrMissing", err)
	}
	if err := s.Write(keyOf("a"), random(1, 100), Watch{}); err == nil {
		t.Error("a folder stands in its place: no error")
	}
	if names := left(t, s); len(names) != 2 {
		t.Errorf("%v lie there, want an image and the folder", names)
	}
}

// TestRemovedWhileMapped: who has an image keeps it.
func TestRemovedWhileMapped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system removes no file that is mapped; run on another one")
	}
	s, weights := newStore(t, roomy), random(1, 3*piece)
	write(t, s, "a", weights)
	m, err := s.Open(keyOf("a"), int64(len(weights)), Watch{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if n, bytes, err := s.Clear(); n != 1 || bytes < int64(len(weights)) || err != nil {
		t.Errorf("clearing gave %d images, %d bytes, %v", n, bytes, err)
	}
	if !bytes.Equal(m.Bytes(), weights) {
		t.Error("the weights are others once the image is removed")
	}
}

// TestEviction: those that were used longest ago go first, and no more than have to.
func TestEviction(t *testing.T) {
	const n = 1000
	_, _, size := extent(n)
	s := newStore(t, 3*size)
	clock := time.Now().Add(-time.Hour)
	s.now = func() time.Time { return clock }
	used := func(name string) {
		clock = clock.Add(time.Minute)
		m, err := s.Open(keyOf(name), n, Watch{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		m.Close()
	}
	for _, name := range []string{"a", "b", "c"} {
		write(t, s, name, random(1, n))
		used(name)
	}
	stranger := filepath.Join(s.folder, "notes.txt")
	if err := os.WriteFile(stranger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	used("a")
	write(t, s, "d", random(1, n)) // b goes
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if got := there(s.path(keyOf(name)), size); got != want {
			t.Errorf("%s is there: %v, want %v", name, got, want)
		}
	}
	if err := s.Write(keyOf("large"), random(1, int(3*size)), Watch{}); !errors.Is(err, ErrFull) {
		t.Errorf("more than all may take: %v, want ErrFull", err)
	}
	if n, bytes, err := s.Bytes(); n != 3 || bytes != 3*size || err != nil {
		t.Errorf("there are %d images of %d bytes, %v, want 3 of %d", n, bytes, err, 3*size)
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Errorf("what is no image: %v", err)
	}
}

// TestDiskRoom: where the disk has no room nothing is written and nothing is lost.
func TestDiskRoom(t *testing.T) {
	const n = 1000
	_, _, size := extent(n)
	s := newStore(t, 2*size)
	write(t, s, "a", random(1, n))
	left0 := int64(spare) + size - 1
	s.free = func(string) (int64, error) { return left0, nil }
	if err := s.Write(keyOf("b"), random(2, n), Watch{}); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if names := left(t, s); len(names) != 1 {
		t.Errorf("%v lie there, want the image of before", names)
	}
	left0++
	write(t, s, "b", random(2, n))
	failure := errors.New("no space left on device")
	s.limit = roomy
	s.free = func(string) (int64, error) { return roomy, nil }
	s.write = func(*os.File, []byte, int64) (int, error) { return 0, failure }
	if err := s.Write(keyOf("c"), random(2, n), Watch{}); !errors.Is(err, failure) {
		t.Errorf("got %v, want the error of writing", err)
	}
	if names := left(t, s); len(names) != 2 {
		t.Errorf("%v lie there, want two images", names)
	}
}

// TestInterrupted ends writing and reading, and leaves nothing half.
func TestInterrupted(t *testing.T) {
	s, weights := newStore(t, roomy), random(1, 2*chunk)
	mine := errors.New("mine")
	asked := 0
	watch := Watch{Interrupted: func() error {
		if asked++; asked == 2 {
			return mine
		}
		return nil
	}}
	if err := s.Write(keyOf("a"), weights, watch); !errors.Is(err, mine) {
		t.Errorf("writing: %v, want the error of the watch", err)
	}
	if names := left(t, s); len(names) != 0 {
		t.Errorf("%v are left", names)
	}
	write(t, s, "a", weights)
	watch.Interrupted = func() error { return mine }
	if _, err := s.Open(keyOf("a"), int64(len(weights)), watch); err != mine {
		t.Errorf("reading: %v, want the error of the watch", err)
	}
	if m, err := s.Open(keyOf("a"), int64(len(weights)), Watch{}); err != nil {
		t.Errorf("it is gone: %v", err)
	} else {
		m.Close()
	}
}
