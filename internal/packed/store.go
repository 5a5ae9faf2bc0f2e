package packed

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/filelock"
)

// Errors of the store.
var (
	// ErrMissing is an image that is not there, or that cannot be used.
	ErrMissing = errors.New("no such image")
	// ErrDamaged is an image that was not what it should be, and is gone.
	ErrDamaged = errors.New("not the image that it should be")
	// ErrBusy is an image that another one is writing.
	ErrBusy = errors.New("it is being written by another process")
	// ErrFull is an image that is not written: the disk is full, or it is larger than all
	// images may be.
	ErrFull = errors.New("no room")
)

// spare is what the disk keeps free for others.
const spare = 512 << 20 // bytes

const (
	extension = ".packed"
	partial   = ".partial"
)

// Options say how a store is used.
type Options struct {
	Folder string // made when the first image is written
	Limit  int64  // bytes of all images
	// Free returns how many bytes may still be written to the disk of a folder; nil: it is
	// not asked.
	Free func(folder string) (int64, error)
}

// Store is the images in a folder. Any goroutine may use it, and any process.
type Store struct {
	folder string
	limit  int64
	free   func(string) (int64, error)
	now    func() time.Time
	write  func(*os.File, []byte, int64) (int, error) // at an offset
}

// New returns the store of a folder, of which nothing is read yet.
func New(o Options) *Store {
	s := &Store{folder: o.Folder, limit: o.Limit, free: o.Free, now: time.Now, write: (*os.File).WriteAt}
	if s.free == nil {
		s.free = func(string) (int64, error) { return 0, errors.ErrUnsupported }
	}
	return s
}

// Folder returns the folder of the images.
func (s *Store) Folder() string { return s.folder }

// Limit returns how many bytes all images may take.
func (s *Store) Limit() int64 { return s.limit }

func (s *Store) path(key Key) string {
	return filepath.Join(s.folder, hex.EncodeToString(key[:])+extension)
}

// isImage says whether a file has the name of an image.
func isImage(name string) bool {
	digits, ok := strings.CutSuffix(name, extension)
	if !ok || len(digits) != hex.EncodedLen(len(Key{})) || strings.ToLower(digits) != digits {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// file is an image on disk.
type file struct {
	path  string
	bytes int64
	used  time.Time
}

// list returns the images, those that were used longest ago first, and what half-written
// ones take whose writer lives. Half-written ones of others are removed, but for the one
// at keep.
func (s *Store) list(keep string) (images []file, writing int64, err error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, 0, err
	}
	for _, e := range entries {
		path := filepath.Join(s.folder, e.Name())
		st, err := e.Info()
		whole, half := strings.CutSuffix(e.Name(), partial)
		switch {
		case err != nil || !st.Mode().IsRegular() || path == keep || !isImage(whole):
		case half && sweep(path):
		case half:
			writing += st.Size()
		default:
			images = append(images, file{path, st.Size(), st.ModTime()})
		}
	}
	slices.SortFunc(images, func(a, b file) int { return a.used.Compare(b.used) })
	return images, writing, nil
}

// sweep removes a half-written image, and says whether it did: not one whose writer lives.
func sweep(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	defer f.Close()
	return filelock.Try(f) == nil && isAt(f, path) && remove(f, path) == nil
}

// isAt says whether an open file is the one at path.
func isAt(f *os.File, path string) bool {
	held, err := f.Stat()
	found, lookErr := os.Lstat(path)
	return err == nil && lookErr == nil && os.SameFile(held, found)
}

// Clear removes all images, and returns how many there were and their bytes. Those that
// are mapped stay in memory for who has them.
func (s *Store) Clear() (images int, bytes int64, err error) {
	list, _, err := s.list("")
	for _, f := range list {
		if e := os.Remove(f.path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
			continue
		}
		images++
		bytes += f.bytes
	}
	return images, bytes, err
}

// Bytes returns how many images there are, and their bytes.
func (s *Store) Bytes() (images int, bytes int64, err error) {
	list, _, err := s.list("")
	for _, f := range list {
		bytes += f.bytes
	}
	return len(list), bytes, err
}
