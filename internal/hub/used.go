package hub

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// usedPath is an empty file whose time of change is when the model of a name was last used.
// A time is written without anything else being read or moved, and cannot be half written.
func (s *Store) usedPath(name Name) string {
	return filepath.Join(s.dir, "used", name.Key().Hex())
}

// Touch notes that a model is used. A store that cannot be written to notes nothing.
func (s *Store) Touch(m *Model) {
	path, now := s.usedPath(m.Name), time.Now()
	err := os.Chtimes(path, now, now)
	if !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if there, err := exists(s.manifestPath(m.Name.Key())); err != nil || !there { // removed since
		return
	}
	if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644); err == nil {
		f.Close()
	}
}

// LastUse returns when a model was last used, the zero time where it never was.
func (s *Store) LastUse(m *Model) time.Time {
	st, err := os.Stat(s.usedPath(m.Name))
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}
