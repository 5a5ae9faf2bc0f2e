package packed

import (
	"errors"
	"fmt"
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
	path := s.path(key)
	_, _, size := extent(int64(len(weights)))
	if there(path, size) {
		return nil
	}
	if size > s.limit {
		return fmt.Errorf("packed: they take %d MB, all that is kept may take %d MB: %w", size/1e6, s.limit/1e6, ErrFull)
	}
	if err := ownfolder.Make(s.folder); err != nil {
		return fmt.Errorf("packed: %w", err)
	}
	half := path + partial
	f, err := claim(half)
	switch {
	case errors.Is(err, filelock.ErrLocked) && there(path, size):
		return nil
	case errors.Is(err, filelock.ErrLocked):
		return fmt.Errorf("packed: image %x: %w", key[:8], ErrBusy)
	case err != nil:
		return fmt.Errorf("packed: %w", err)
	}
	if err = s.room(size, half); err == nil {
		err = s.fill(f, key, weights, &w)
	}
	if err == nil {
		err = place(f, half, path)
	}
	if err != nil {
		_ = remove(f, half)
		return fmt.Errorf("packed: %w", err)
	}
	return nil
}

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

// fill writes all of an image.
func (s *Store) fill(f *os.File, key Key, weights []byte, w *Watch) error {
	total := int64(len(weights))
	_, start, size := extent(total)
	// What was there of another try goes; others count the whole length from now on.
	if err := errors.Join(f.Truncate(0), f.Truncate(size)); err != nil {
		return err
	}
	sums := make([]uint32, 0, pieces(total))
	for at := int64(0); at < total; at += chunk {
		if err := w.interrupted(); err != nil {
			return err
		}
		b := weights[at:min(at+chunk, total)]
		for from := 0; from < len(b); from += piece {
			sums = append(sums, sumOf(b[from:min(from+piece, len(b))]))
		}
		if _, err := s.write(f, b, start+at); err != nil {
			return err
		}
		w.progress(at+int64(len(b)), total)
	}
	if _, err := s.write(f, encode(key, total, sums), 0); err != nil {
		return err
	}
	return f.Chmod(0o400)
}
