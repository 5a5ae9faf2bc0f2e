package hub

import (
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// Stamp tells whether a file was written to since its digest was made.
type Stamp struct {
	Inode uint64 `json:"inode"`
	MTime int64  `json:"mtime"` // nanoseconds
}

// stampAt returns the stamp of a file of a size; false where the system has none, or it is
// not there.
func stampAt(path string, size int64) (Stamp, bool) {
	inode, mtime, n, ok := checkpoint.Identity(path)
	return Stamp{inode, mtime}, ok && n == size
}

// stamp notes what tells the model's files, which lie in the store.
func (s *Store) stamp(m *Model) {
	m.Stamps = map[string]Stamp{}
	for _, f := range m.Files {
		if x, ok := stampAt(s.blobPath(f.Digest), f.Size); ok {
			m.Stamps[f.Name] = x
		}
	}
}

// SumsAt returns the SHA-256 sums of the files by their names, which lie where path says;
// false where one of them is not as it was stored, so that they have to be made anew.
func (m *Model) SumsAt(path string) (map[string][32]byte, bool) {
	folder := path
	if st, err := os.Stat(path); err == nil && !st.IsDir() {
		folder = filepath.Dir(path)
	}
	for _, f := range m.Files {
		was, noted := m.Stamps[f.Name]
		if x, ok := stampAt(filepath.Join(folder, f.Name), f.Size); noted && (!ok || x != was) {
			return nil, false
		}
	}
	return m.Sums(), true
}
