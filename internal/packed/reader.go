package packed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// Reader reads parts of an image, each of them from the disk and checked. Any goroutine may
// use it, and many at once get more of a disk than one.
type Reader struct {
	path  string
	f     *os.File
	at    func(b []byte, from int64) (int, error) // of the file
	total int64
	start int64
	sums  []uint32
	// direct says that what is read does not go through the system's cache: memory that is
	// read to is aligned then, as the file is.
	direct bool
}

// Read opens the image of a key with so many bytes of weights to be read in parts, and
// notes that it was used. Its header is checked. One that is not what it should be is
// removed. The error wraps ErrMissing where there is none that can be used.
func (s *Store) Read(key Key, weights int64) (*Reader, error) {
	path := s.path(key)
	r := &Reader{path: path, total: weights}
	err := r.open(key)
	if errors.Is(err, ErrDamaged) {
		_ = os.Remove(path)
	}
	if err != nil {
		return nil, fmt.Errorf("packed: image %x: %w: %w", key[:8], ErrMissing, err)
	}
	_ = os.Chtimes(path, time.Time{}, s.now()) // where that fails it goes earlier than it might
	return r, nil
}

func (r *Reader) open(key Key) error {
	st, err := os.Lstat(r.path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return &os.PathError{Op: "read", Path: r.path, Err: errors.New("is no plain file")}
	}
	f, err := os.Open(r.path)
	if err != nil {
		return err
	}
	head, start, _ := extent(r.total)
	b := make([]byte, min(head, st.Size()))
	if _, err = io.ReadFull(f, b); err == nil {
		r.sums, err = decode(b, st.Size(), key, r.total)
	}
	if err != nil {
		f.Close()
		return err
	}
	r.f, r.start = f, start
	r.at = func(b []byte, from int64) (int, error) { return r.f.ReadAt(b, from) }
	if d, err := openDirect(r.path); err == nil { // else the system has no such reads of this file
		f.Close()
		r.f, r.direct = d, true
	}
	return nil
}

// Bytes returns the length of the weights.
func (r *Reader) Bytes() int64 { return r.total }

// IsDirect says whether reads go past the system's cache.
func (r *Reader) IsDirect() bool { return r.direct }

// Close closes the file; nothing may be read afterwards.
func (r *Reader) Close() error { return r.f.Close() }

// ReadPieces reads whole pieces of the weights, from byte from on, a multiple of Piece: b
// begins at a page, and is as long as a multiple of Piece. It may reach beyond the end of
// the weights, where it stays as it is. The error names the file and what was got and
// wanted; it wraps ErrDamaged where the bytes are others than those that were written. The
// image is removed then.
func (r *Reader) ReadPieces(b []byte, from int64) error {
	want := min(int64(len(b)), r.total-from)
	n, err := r.at(b, r.start+from)
	if int64(n) < want {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%s: bytes %d to %d of the weights: got %d, want %d: %w", filepath.Base(r.path), from, from+want, n, want, err)
	}
	if !r.direct {
		uncacheRead(r.f, r.start+from, want)
	}
	if err := checkSums(b[:want], from, r.sums); err != nil {
		_ = os.Remove(r.path) // so that it is written anew the next time
		return fmt.Errorf("%s: %w", filepath.Base(r.path), err)
	}
	return nil
}

// Part is memory that is to be filled from some byte of the weights on.
type Part struct {
	Data []byte
	From int64
}

// copiedAtOnce is how many bytes Fill reads at a time.
const copiedAtOnce = 64 * piece

// Fill fills parts of memory that lie in ascending order, and need not be aligned, on
// several goroutines. It is watched as Open is. The error is that of ReadPieces, or of w.
func (r *Reader) Fill(parts []Part, w Watch) error {
	var total, done atomic.Int64
	var runs []Part
	for _, p := range parts {
		total.Add(int64(len(p.Data)))
		for len(p.Data) > 0 { // up to where the next run begins
			n := min(copiedAtOnce-p.From%copiedAtOnce, int64(len(p.Data)))
			runs = append(runs, Part{p.Data[:n], p.From})
			p.Data, p.From = p.Data[n:], p.From+n
		}
	}
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, min(max(4, runtime.GOMAXPROCS(0)), len(runs)))
	for worker := range errs {
		group.Go(func() {
			errs[worker] = r.fill(runs, &next, func(n int) { w.progress(done.Add(int64(n)), total.Load()) }, &w)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// fill fills runs of at most copiedAtOnce bytes, by pages of its own.
func (r *Reader) fill(runs []Part, next *atomic.Int64, did func(n int), w *Watch) error {
	pages, err := tensor.Allocate(copiedAtOnce)
	if err != nil {
		return err
	}
	defer pages.Free()
	for {
		i := int(next.Add(1)) - 1
		if i >= len(runs) {
			return nil
		}
		if err := w.interrupted(); err != nil {
			return err
		}
		p := runs[i]
		from := p.From / piece * piece
		end := (p.From + int64(len(p.Data)) + piece - 1) / piece * piece
		b := pages.Bytes()[:end-from]
		if err := r.ReadPieces(b, from); err != nil {
			next.Store(int64(len(runs))) // the others need not go on
			return err
		}
		copy(p.Data, b[p.From-from:])
		did(len(p.Data))
	}
}
