package hub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// hardLink is kept beside a blob that is a hard link to a user's file.
type hardLink struct {
	Path    string    `json:"path"` // of the user's file, for messages
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mod_time"`
}

// linkSuffix ends the name of the file that a hardLink is kept in.
const linkSuffix = ".link"

func (s *Store) linkPath(d Digest) string { return s.blobPath(d) + linkSuffix }

// staged is a file whose bytes are on the disk, synced and digested, and that
// waits for its place in the store.
type staged struct {
	File
	path string
	link *hardLink // of a hard link, else nil
}

// commit gives the staged files their places and makes the model known by its
// name; a model that had the name before loses it. When it fails, what was
// stored before is as it was.
func (s *Store) commit(ctx context.Context, m *Model, files []staged, signature []byte) error {
	m.Files = m.Files[:0]
	for _, f := range files {
		m.Files = append(m.Files, f.File)
	}
	if err := checkFiles(m.Files); err != nil {
		return fmt.Errorf("%s: %w: %w", m.Name, err, ErrFormat)
	}
	if err := s.vouch(m, signature); err != nil {
		return err
	}
	good := make([]bool, len(files))
	for i, f := range files {
		ok, err := s.holds(ctx, f.File)
		if err != nil {
			return err
		}
		good[i] = ok
	}
	held, err := s.lockCommits(ctx)
	if err != nil {
		return err
	}
	defer held.release()
	for i, f := range files {
		if err := s.place(f, good[i]); err != nil {
			s.sweep() // what was placed for this model; the error to tell is the first
			return err
		}
	}
	if err := s.link(m); err != nil {
		s.sweep()
		return err
	}
	s.stamp(m)
	if err := s.writeManifest(m); err != nil {
		s.sweep()
		return err
	}
	s.sweep() // the name's former model; a sweep that cannot be done is done by the next
	return nil
}

// holds reports whether the store has the blob with the right bytes, read and
// digested. A pull thus repairs what a disk has damaged.
func (s *Store) holds(ctx context.Context, f File) (bool, error) {
	d, n, err := digestFile(ctx, s.blobPath(f.Digest), nil)
	if err != nil {
		if ctx.Err() != nil {
			return false, err
		}
		return false, nil // missing or unreadable: it is written anew
	}
	return n == f.Size && d == f.Digest, nil
}

// place renames a staged file into blobs, unless good says that the blob was
// there. The lock on commits is held.
func (s *Store) place(f staged, good bool) error {
	path := s.blobPath(f.Digest)
	if good {
		if there, err := exists(path); err == nil && there {
			os.Remove(f.path)
			return nil
		}
	}
	if err := s.move(f, path); err != nil {
		return fmt.Errorf("store %s: %w", f.Name, diskError(err))
	}
	return nil
}

// move makes a staged file the blob at path, in the place of a damaged one. At
// no moment is there no blob, and a hard link is never without its note.
func (s *Store) move(f staged, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.link != nil {
		if err := s.writeLink(f.Digest, *f.link); err != nil {
			return err
		}
	} else if err := os.Chmod(f.path, 0o444); err != nil {
		return err
	}
	if err := os.Rename(f.path, path); err != nil {
		// Windows does not rename over a read-only file.
		if os.Remove(path) != nil || os.Rename(f.path, path) != nil {
			return err
		}
	}
	if f.link == nil {
		if err := os.Remove(s.linkPath(f.Digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return newfile.SyncFolder(filepath.Dir(path))
}

func (s *Store) writeLink(d Digest, l hardLink) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return s.disk.writeFile(s.linkPath(d), append(text, '\n'))
}

// check looks whether a blob can be the file it should be: its size, and for a
// hard link its times. A hard link whose size or time has changed is digested.
// It returns what os.Stat says of the blob.
func (s *Store) check(f File) (fs.FileInfo, error) {
	path := s.blobPath(f.Digest)
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: its bytes (%s) are gone from the store; remove the model and pull it again: %w",
			f.Name, f.Digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	text, err := readFile(s.linkPath(f.Digest), 1<<16)
	if errors.Is(err, fs.ErrNotExist) {
		if st.Size() != f.Size {
			return nil, fmt.Errorf("%s: %d bytes in the store, want %d; remove the model and pull it again: %w",
				f.Name, st.Size(), f.Size, ErrDigest)
		}
		return st, nil
	}
	var l hardLink
	if err == nil {
		err = json.Unmarshal(text, &l)
	}
	if err == nil && st.Size() == f.Size && st.Size() == l.Size && st.ModTime().Equal(l.ModTime) {
		return st, nil
	}
	return st, s.recheck(f, l, st)
}

// recheck digests a hard-linked blob that may have been written to, and notes
// its new time when the bytes are the old ones.
func (s *Store) recheck(f File, l hardLink, st fs.FileInfo) error {
	d, n, err := digestFile(context.Background(), s.blobPath(f.Digest), nil)
	if err != nil {
		return err
	}
	if n != f.Size || d != f.Digest {
		return fmt.Errorf("%s: %s was changed after it was imported by a hard link; import it again: %w", f.Name, l.Path, ErrDigest)
	}
	l.Size, l.ModTime = st.Size(), st.ModTime()
	// A store that cannot be written to digests again next time.
	if err := s.writeLink(f.Digest, l); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// digestFile reads a whole file. report, if not nil, gets the bytes read so
// far.
func digestFile(ctx context.Context, path string, report func(done int64)) (Digest, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return Digest{}, 0, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	n, err := copyContext(ctx, h, f, report)
	if err != nil {
		return Digest{}, n, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return Digest(h.Sum(nil)), n, nil
}

// copyContext copies until the end of src or of ctx.
func copyContext(ctx context.Context, dst io.Writer, src io.Reader, report func(done int64)) (int64, error) {
	buffer := make([]byte, 1<<20)
	var done int64
	for {
		if ctx.Err() != nil {
			return done, context.Cause(ctx)
		}
		n, readErr := src.Read(buffer)
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				return done, err
			}
			done += int64(n)
			if report != nil {
				report(done)
			}
		}
		if readErr == io.EOF {
			return done, nil
		}
		if readErr != nil {
			return done, readErr
		}
	}
}
