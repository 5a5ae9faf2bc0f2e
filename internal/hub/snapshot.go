package hub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// Path returns what opens a stored model: the GGUF (of a split one the first),
// or the folder of a model of several files. The files lie there under their
// own names. Nothing is read but the files' sizes and times; see the package's
// remarks on hard links, and Verify.
func (s *Store) Path(m *Model) (string, error) {
	if m.IsWithin() {
		return m.Origin.Source, nil
	}
	ok, err := s.linked(m)
	if err != nil {
		return "", err
	}
	if !ok {
		if err := s.relink(m); err != nil {
			return "", err
		}
	}
	path := s.snapshotPath(m.listing())
	if m.Facts.Format == formatGGUF {
		path = filepath.Join(path, m.Files[0].Name)
	}
	return path, nil
}

// linked checks the blobs of a model and reports whether its snapshot shows
// them.
func (s *Store) linked(m *Model) (bool, error) {
	dir := s.snapshotPath(m.listing())
	all := true
	for _, f := range m.Files {
		blob, err := s.check(f)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.Name, err)
		}
		shown, err := os.Stat(filepath.Join(dir, f.Name))
		all = all && err == nil && os.SameFile(blob, shown)
	}
	return all, nil
}

func (s *Store) relink(m *Model) error {
	held, err := s.lockCommits(context.Background())
	if err != nil {
		return err
	}
	defer held.release()
	return s.link(m)
}

// link makes the snapshot of a model, or makes it anew. The lock on commits is
// held.
func (s *Store) link(m *Model) error {
	if ok, err := s.linked(m); ok || err != nil {
		return err
	}
	path := s.snapshotPath(m.listing())
	temporary := filepath.Join(filepath.Dir(path), temporaryName())
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	err := s.linkFiles(m, temporary)
	if err == nil {
		err = os.RemoveAll(path)
	}
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = newfile.SyncFolder(filepath.Dir(path))
	}
	if err != nil {
		os.RemoveAll(temporary)
		return fmt.Errorf("snapshot of %s: %w", m.Name, diskError(err))
	}
	return nil
}

// linkFiles links each blob under its file's name: hard where the file system
// can, since that needs no privilege on any system, else symbolic.
func (s *Store) linkFiles(m *Model, dir string) error {
	for _, f := range m.Files {
		blob, path := s.blobPath(f.Digest), filepath.Join(dir, f.Name)
		hardErr := s.disk.link(blob, path)
		if hardErr == nil {
			continue
		}
		relative, err := filepath.Rel(dir, blob)
		if err != nil {
			return err
		}
		if err := os.Symlink(relative, path); err != nil {
			return fmt.Errorf("neither a hard link (%w) nor a symbolic one: %w", hardErr, err)
		}
	}
	return newfile.SyncFolder(dir)
}
