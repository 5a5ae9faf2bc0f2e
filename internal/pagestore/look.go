package pagestore

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	extension = ".kv1" // with the version of the header
	partial   = ".partial"
)

func fileName(name Sum) string { return hex.EncodeToString(name[:]) + extension }

// nameOf returns the name of the page that a file has the name of.
func nameOf(file string) (name Sum, ok bool) {
	digits, ok := strings.CutSuffix(file, extension)
	if !ok || len(digits) != hex.EncodedLen(len(name)) || strings.ToLower(digits) != digits {
		return name, false
	}
	_, err := hex.Decode(name[:], []byte(digits))
	return name, err == nil
}

// look brings the index to what lies in the folder. What is no page by its name is left
// alone. The disk is the caller's.
func (s *Store) look() {
	s.fresh = 0
	files, err := os.ReadDir(s.folder)
	if err != nil {
		s.count(func(x *Stats) { x.Failures++ })
		return
	}
	there := map[Sum]bool{}
	var found []entry
	for _, f := range files {
		if strings.HasSuffix(f.Name(), extension+partial) {
			s.sweep(f)
			continue
		}
		name, ok := nameOf(f.Name())
		if !ok {
			continue
		}
		if p, ok := s.glance(name, f); ok {
			there[name] = true
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return a.used.Compare(b.used) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range found {
		if known := s.index.get(p.name); known == nil {
			s.index.add(p)
		} else if p.used.After(known.used) {
			s.index.touch(p.name, p.used)
		}
	}
	for name := range s.index.pages {
		if !there[name] {
			s.index.remove(name)
		}
	}
}

// glance returns what is to be known of a page's file. One that cannot be the page is
// removed.
func (s *Store) glance(name Sum, f fs.DirEntry) (entry, bool) {
	st, err := f.Info()
	if err != nil || !st.Mode().IsRegular() {
		return entry{}, false
	}
	s.mu.Lock()
	known := s.index.get(name)
	if known != nil && known.bytes == st.Size() {
		p := *known
		p.used = st.ModTime()
		s.mu.Unlock()
		return p, true
	}
	s.mu.Unlock()
	h, size, err := s.header(name)
	if err == nil && (size != st.Size() || h.name != name) {
		err = errDamaged
	}
	switch {
	case errors.Is(err, errDamaged):
		s.refuse(name)
		return entry{}, false
	case errors.Is(err, fs.ErrNotExist):
		return entry{}, false
	case err != nil:
		s.count(func(x *Stats) { x.Failures++ })
		return entry{}, false
	}
	return entry{name: name, parent: h.parent, split: h.split, bytes: size, used: st.ModTime()}, true
}

// header reads the header of a page's file.
func (s *Store) header(name Sum) (header, int64, error) {
	f, err := os.Open(s.path(name))
	if err != nil {
		return header{}, 0, err
	}
	defer f.Close()
	b := make([]byte, headerBytes(64))
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return header{}, 0, err
	}
	h, size, err := decode(b[:n])
	if errors.Is(err, errDamaged) && n == len(b) { // it may have more groups than that
		b = append(b, make([]byte, headerBytes(maxGroups)-len(b))...)
		more, _ := io.ReadFull(f, b[n:])
		h, size, err = decode(b[:n+more])
	}
	return h, size, err
}

// refuse removes a file that is not the page that it should be.
func (s *Store) refuse(name Sum) {
	s.mu.Lock()
	s.index.remove(name)
	s.stats.RefusedPages++
	s.mu.Unlock()
	s.remove(name)
}

// sweep removes a half-written file that nobody finishes any more.
func (s *Store) sweep(f fs.DirEntry) {
	if st, err := f.Info(); err == nil && st.Mode().IsRegular() && s.now().Sub(st.ModTime()) > abandoned {
		_ = os.Remove(filepath.Join(s.folder, f.Name()))
	}
}
