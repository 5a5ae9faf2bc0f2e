package checkpoint

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// fileKey tells a file and its contents: who writes to it changes a time at least.
type fileKey struct {
	device, inode      uint64
	size, mtime, ctime int64 // bytes, nanoseconds
}

// memory is the digests that were made before. What it holds is believed: it is as
// well protected as the folder it lies in.
type memory struct {
	path    string // "": nothing is kept
	digests map[fileKey]Digest

	mu      sync.Mutex
	learned []remembered
}

// remembered is a line of the file.
type remembered struct {
	key    fileKey
	digest Digest
}

const (
	memoryName = "digests"
	// maxRemembered bounds the lines of the file; the newest stay.
	maxRemembered = 20_000
	maxMemory     = 8 << 20 // bytes
)

// settled is how old a change to a file must be before its digest is remembered: a
// second one within the resolution of the system's times would not show.
var settled = 2 * time.Second

// openMemory reads the digests that are remembered in a folder. What cannot be read is
// forgotten.
func openMemory(folder string) *memory {
	m := &memory{digests: map[fileKey]Digest{}}
	if folder == "" {
		return m
	}
	m.path = filepath.Join(folder, memoryName)
	for _, r := range readMemory(m.path) {
		m.digests[r.key] = r.digest
	}
	return m
}

// Identity returns what tells whether the file at a path was written to: its inode, the time
// of its last change in nanoseconds, and its size; false where the system does not say.
func Identity(path string) (inode uint64, mtime, size int64, ok bool) {
	k, ok := identityAt(path)
	return k.inode, k.mtime, k.size, ok
}

func readMemory(path string) (list []remembered) {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() || st.Size() > maxMemory {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var r remembered
		var digits string
		k := &r.key
		n, err := fmt.Sscanf(lines.Text(), "%d %d %d %d %d %s", &k.device, &k.inode, &k.size, &k.mtime, &k.ctime, &digits)
		if err != nil || n != 6 || len(digits) != hex.EncodedLen(len(r.digest)) || strings.ToLower(digits) != digits {
			continue
		}
		if _, err := hex.Decode(r.digest[:], []byte(digits)); err == nil {
			list = append(list, r)
		}
	}
	return list
}

// learn keeps a digest to be remembered.
func (m *memory) learn(key fileKey, d Digest) {
	if m.path == "" || time.Since(time.Unix(0, max(key.ctime, key.mtime))) < settled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.learned = append(m.learned, remembered{key, d})
}

// save writes what was learned behind what others wrote meanwhile. Where that fails,
// the files are read again another time.
func (m *memory) save() {
	if len(m.learned) == 0 {
		return
	}
	var list []remembered // the newest first
	seen := map[fileKey]bool{}
	for _, r := range slices.Backward(append(readMemory(m.path), m.learned...)) {
		if !seen[r.key] && len(list) < maxRemembered {
			seen[r.key] = true
			list = append(list, r)
		}
	}
	var text bytes.Buffer
	for _, r := range slices.Backward(list) {
		k := r.key
		fmt.Fprintf(&text, "%d %d %d %d %d %s\n", k.device, k.inode, k.size, k.mtime, k.ctime, r.digest)
	}
	folder := filepath.Dir(m.path)
	if os.MkdirAll(folder, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(folder, memoryName+".*.partial")
	if err != nil {
		return
	}
	_, err = f.Write(text.Bytes())
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), m.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}
