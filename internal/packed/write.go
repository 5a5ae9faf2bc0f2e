package packed

import (
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/mapping"
	"github.com/blitz-r1/blitz/internal/ownfolder"
)

// chunk is how much is written at a time: some huge pages, so that the system keeps what
// it writes in such.
const chunk = 2 * mapping.HugePage

// Write writes the image of a key, unless it is there. Images that were used longest ago
// make room for it. w.Progress paces it: it is called between two chunks. The error wraps
// ErrBusy where another one is at it, ErrFull, or is that of w or of the file system; no
// image is left half then, and the others are as they were unless they had to make room.
func (s *Store) Write(key Key, weights []byte, w Watch) error {
	total := int64(len(weights))
	f, err := s.Create(key, total)
	if f == nil {
		return err
	}
	for at := int64(0); at < total && err == nil; at += chunk {
		if err = w.interrupted(); err != nil {
			break
		}
		b := weights[at:min(at+chunk, total)]
		if _, err = f.Write(b); err == nil {
			w.progress(at+int64(len(b)), total)
		}
	}
	if err == nil {
		err = f.Finish()
	}
	if err != nil {
		f.Abandon()
		return fmt.Errorf("packed: %w", err)
	}
	return nil
}

// Writer writes an image from its beginning to its end.
type Writer struct {
	store      *Store
	f          *os.File
	half, path string
	key        Key
	total      int64
	written    int64
	sums       []uint32
	sum        uint32 // of the piece that is begun
	uncached   bool   // what is written is not left in the system's cache
}

// Create begins to write the image of a key of so many bytes of weights. The Writer is nil
// where the image is there already. Images that were used longest ago make room for it. The
// error wraps ErrBusy where another one is at it, ErrFull, or is that of the file system.
func (s *Store) Create(key Key, weights int64) (*Writer, error) {
	path := s.path(key)
	_, _, size := extent(weights)
	if there(path, size) {
		return nil, nil
	}
	if size > s.limit {
		return nil, fmt.Errorf("packed: they take %d MB, all that is kept may take %d MB: %w", size/1e6, s.limit/1e6, ErrFull)
	}
	if err := ownfolder.Make(s.folder); err != nil {
		return nil, fmt.Errorf("packed: %w", err)
	}
	half := path + partial
	f, err := claim(half)
	switch {
	case errors.Is(err, filelock.ErrLocked) && there(path, size):
		return nil, nil
	case errors.Is(err, filelock.ErrLocked):
		return nil, fmt.Errorf("packed: image %x: %w", key[:8], ErrBusy)
	case err != nil:
		return nil, fmt.Errorf("packed: %w", err)
	}
	w := &Writer{store: s, f: f, half: half, path: path, key: key, total: weights, sums: make([]uint32, 0, pieces(weights))}
	if err = s.room(size, half); err == nil {
		// What was there of another try goes; others count the whole length from now on.
		err = errors.Join(f.Truncate(0), f.Truncate(size))
	}
	if err != nil {
		w.Abandon()
		return nil, fmt.Errorf("packed: %w", err)
	}
	return w, nil
}

// Uncached has what is written from now on go to the disk at once, and leave the system's
// cache, where the system can do so: an image that is larger than the memory would take
// that from others.
func (w *Writer) Uncached() { w.uncached = true }

// Write writes the next weights, which are not more than what is left. The error is that
// of the file system.
func (w *Writer) Write(b []byte) (int, error) {
	_, start, _ := extent(w.total)
	if _, err := w.store.write(w.f, b, start+w.written); err != nil {
		return 0, err
	}
	if w.uncached {
		uncache(w.f, start+w.written, int64(len(b)))
	}
	for rest := b; len(rest) > 0; {
		n := min(piece-w.written%piece, int64(len(rest)))
		w.sum = crc32.Update(w.sum, castagnoli, rest[:n])
		w.written += n
		rest = rest[n:]
		if w.written%piece == 0 || w.written == w.total {
			w.sums, w.sum = append(w.sums, w.sum), 0
		}
	}
	return len(b), nil
}

// Finish gives the image its name; all weights must have been written. Where it returns an
// error, Abandon is to be called.
func (w *Writer) Finish() error {
	if w.written != w.total {
		panic(fmt.Sprintf("packed: an image of %d bytes is finished behind %d", w.total, w.written))
	}
	if _, err := w.store.write(w.f, encode(w.key, w.total, w.sums), 0); err != nil {
		return err
	}
	if err := w.f.Chmod(0o400); err != nil {
		return err
	}
	return place(w.f, w.half, w.path)
}

// Abandon removes what was written.
func (w *Writer) Abandon() { _ = remove(w.f, w.half) }

// there says whether an image is there, as far as its length tells.
func there(path string, size int64) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode().IsRegular() && st.Size() == size
}

// claim opens a half-written image as its only writer. The error is filelock.ErrLocked
// where there is one.
func claim(half string) (*os.File, error) {
	f, err := os.OpenFile(half, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f); err != nil {
		f.Close()
		return nil, err
	}
	if !isAt(f, half) { // its writer has just finished it, or given it up
		f.Close()
		return nil, filelock.ErrLocked
	}
	return f, nil
}

// room makes room for an image of that length, whose file is half. The error wraps
// ErrFull.
func (s *Store) room(size int64, half string) error {
	images, writing, err := s.list(half)
	if err != nil {
		return err
	}
	total := writing + size
	for _, f := range images {
		total += f.bytes
	}
	var leaving int
	var freed int64
	for leaving < len(images) && total-freed > s.limit {
		freed += images[leaving].bytes
		leaving++
	}
	if total-freed > s.limit {
		return fmt.Errorf("they take %d MB beside %d MB that are being written, all that is kept may take %d MB: %w", size/1e6, writing/1e6, s.limit/1e6, ErrFull)
	}
	if free, err := s.free(s.folder); err == nil && free+freed-spare < size {
		return fmt.Errorf("they take %d MB, the disk has %d MB left and keeps %d MB: %w", size/1e6, free/1e6, int64(spare)/1e6, ErrFull)
	}
	for _, f := range images[:leaving] {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
