package packed

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/mapping"
)

// Image is packed weights, mapped and checked. They are read only.
type Image struct {
	file  *mapping.File
	bytes []byte
}

// Bytes returns the weights, at a multiple of 64 bytes, until Close.
func (m *Image) Bytes() []byte { return m.bytes }

// Close gives the mapping back; nothing may use the weights afterwards.
func (m *Image) Close() error {
	m.bytes = nil
	return m.file.Close()
}

// Watch follows what takes its time.
type Watch struct {
	// Interrupted is asked again and again, and its error ends the work. nil: nothing does.
	Interrupted func() error
	// Progress is told again and again, by several goroutines at once, how many bytes of
	// the weights are done. nil: nobody is.
	Progress func(done, total int64)
}

func (w *Watch) interrupted() error {
	if w.Interrupted == nil {
		return nil
	}
	return w.Interrupted()
}

func (w *Watch) progress(done, total int64) {
	if w.Progress != nil {
		w.Progress(done, total)
	}
}

// Open maps and checks the image of a key with so many bytes of weights, and notes that it
// was used. One that is not what it should be is removed. The error wraps ErrMissing where
// there is none that can be used, or is that of w.
func (s *Store) Open(key Key, weights int64, w Watch) (*Image, error) {
	path := s.path(key)
	m, err := open(path, key, weights, &w)
	switch {
	case err == nil:
		now := s.now()
		_ = os.Chtimes(path, time.Time{}, now) // where that fails it goes earlier than it might
		return m, nil
	case errors.Is(err, ErrDamaged):
		_ = os.Remove(path)
		return nil, fmt.Errorf("packed: image %x: %w: %w", key[:8], ErrMissing, err)
	case errors.Is(err, errInterrupted):
		return nil, errors.Unwrap(err)
	}
	return nil, fmt.Errorf("packed: image %x: %w: %w", key[:8], ErrMissing, err)
}

// errInterrupted stands before an error of Watch.
var errInterrupted = errors.New("interrupted")

// interruption is an error of Watch.
type interruption struct{ err error }

func (e interruption) Error() string        { return e.err.Error() }
func (e interruption) Unwrap() error        { return e.err }
func (e interruption) Is(target error) bool { return target == errInterrupted }

// open maps and checks the image at path.
func open(path string, key Key, weights int64, w *Watch) (*Image, error) {
	if st, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "map", Path: path, Err: errors.New("is no plain file")}
	}
	f, err := mapping.OpenHuge(path)
	if err != nil {
		return nil, err
	}
	m := &Image{file: f}
	err = mapping.Guard(func() error { return m.check(key, weights, w) })
	if err == mapping.ErrFault {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return m, nil
}

// checkedAtOnce is how many bytes of weights a processor checks at a time.
const checkedAtOnce = 16 * piece

// checkSums checks weights from some piece on, the last one whole or the end of all, and
// names the first that are damaged. The error wraps ErrDamaged.
func checkSums(b []byte, from int64, sums []uint32) error {
	for at := 0; at < len(b); at += piece {
		p := b[at:min(at+piece, len(b))]
		if first := from + int64(at); sumOf(p) != sums[first/piece] {
			return fmt.Errorf("%w: bytes %d to %d of the weights are damaged", ErrDamaged, first, first+int64(len(p)))
		}
	}
	return nil
}

// check reads the header, and all weights, on all processors.
func (m *Image) check(key Key, weights int64, w *Watch) error {
	b := m.file.Bytes()
	sums, err := decode(b, int64(len(b)), key, weights)
	if err != nil {
		return err
	}
	_, start, _ := extent(weights)
	all := b[start:]
	var next, done atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, min(int64(runtime.GOMAXPROCS(0)), (weights+checkedAtOnce-1)/checkedAtOnce))
	for worker := range errs {
		group.Go(func() {
			errs[worker] = mapping.Guard(func() error {
				for {
					from := (next.Add(1) - 1) * checkedAtOnce
					if from >= weights {
						return nil
					}
					if err := w.interrupted(); err != nil {
						return interruption{err}
					}
					b := all[from:min(from+checkedAtOnce, weights)]
					if err := checkSums(b, from, sums); err != nil {
						next.Store(weights/checkedAtOnce + 1) // the others need not go on
						return err
					}
					w.progress(done.Add(int64(len(b))), weights)
				}
			})
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	m.bytes = all[:weights:weights]
	return nil
}
