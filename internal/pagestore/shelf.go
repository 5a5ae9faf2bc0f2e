package pagestore

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Shelf is the pages of one make.
type Shelf struct {
	store *Store
	make  Sum
}

// Page is a page to be written.
type Page struct {
	Sum, Parent Sum // of the tokens up to its end, and up to its beginning
	Split       int // how many pages come before it
	Groups      [][]byte
}

// Shelf returns the pages of a make.
func (s *Store) Shelf(m Make) *Shelf { return &Shelf{s, m.digest()} }

// Has says whether the page that ends the tokens of that sum may be there, as far as is
// known without waiting for the disk.
func (h *Shelf) Has(sum Sum) bool {
	if !h.store.looked() {
		return true
	}
	h.store.mu.Lock()
	defer h.store.mu.Unlock()
	return h.store.index.get(pageName(h.make, sum)) != nil
}

// Read reads the page that ends the tokens of that sum into groups, whose lengths are
// those of the page's groups, and says that it was used. Everything is checked first; a
// file that is not what it should be is removed. The error wraps ErrMissing, or is that
// of the file system; what is in groups then is not to be used.
func (h *Shelf) Read(sum Sum, groups [][]byte) error {
	s, name := h.store, pageName(h.make, sum)
	head, size, err := h.read(name, groups)
	switch {
	case errors.Is(err, errDamaged):
		s.refuse(name)
		return fmt.Errorf("pagestore: page %x: %w: %w", name[:8], ErrMissing, err)
	case errors.Is(err, fs.ErrNotExist):
		s.mu.Lock()
		s.index.remove(name)
		s.mu.Unlock()
		return fmt.Errorf("pagestore: page %x: %w", name[:8], ErrMissing)
	case err != nil:
		s.count(func(x *Stats) { x.Failures++ })
		return fmt.Errorf("pagestore: %w", err)
	}
	now := s.now()
	s.mu.Lock()
	s.stats.ReadPages++
	s.stats.ReadBytes += size
	s.index.add(entry{name: name, parent: head.parent, split: head.split, bytes: size, used: now})
	s.index.touch(name, now)
	s.mu.Unlock()
	s.stamp(name, now)
	return nil
}

// read reads and checks a page's file.
func (h *Shelf) read(name Sum, groups [][]byte) (head header, size int64, err error) {
	path := h.store.path(name)
	// What is no plain file, as a pipe, could make its reader wait for ever.
	if st, err := os.Lstat(path); err != nil {
		return head, 0, err
	} else if !st.Mode().IsRegular() {
		return head, 0, fmt.Errorf("%w: no plain file", errDamaged)
	}
	f, err := os.Open(path)
	if err != nil {
		return head, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return head, 0, err
	}
	b := make([]byte, headerBytes(len(groups)))
	if err := readFull(f, b); err != nil {
		return head, 0, err
	}
	if head, size, err = decode(b); err != nil {
		return head, 0, err
	}
	if head.name != name || head.make != h.make || len(head.groups) != len(groups) || size != st.Size() {
		return head, 0, fmt.Errorf("%w: another page, or of another length", errDamaged)
	}
	for i, g := range head.groups {
		if g.bytes != uint64(len(groups[i])) {
			return head, 0, fmt.Errorf("%w: group %d has %d bytes, want %d", errDamaged, i, g.bytes, len(groups[i]))
		}
		if err := readFull(f, groups[i]); err != nil {
			return head, 0, err
		}
		if sum := sha256.Sum256(groups[i]); !bytes.Equal(sum[:], g.sum[:]) {
			return head, 0, fmt.Errorf("%w: group %d", errDamaged, i)
		}
	}
	return head, size, nil
}

// readFull fills b; a file that ends before is damaged.
func readFull(f *os.File, b []byte) error {
	_, err := io.ReadFull(f, b)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: cut short", errDamaged)
	}
	return err
}

// Touch says that the page that ends the tokens of that sum was used, and those before
// it.
func (h *Shelf) Touch(sum Sum) {
	s, name, now := h.store, pageName(h.make, sum), h.store.now()
	s.mu.Lock()
	known := s.index.get(name) != nil
	s.index.touch(name, now)
	s.mu.Unlock()
	if known {
		s.stamp(name, now)
	}
}

// stamp writes down when a page was used.
func (s *Store) stamp(name Sum, now time.Time) {
	if err := os.Chtimes(s.path(name), time.Time{}, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.count(func(x *Stats) { x.Failures++ })
	}
}

// Write writes a page, unless it is there. One without the page before it, which nobody
// could use, is not written. The error wraps ErrFull, ErrMissing where the page before it
// is not there, or is that of the file system.
func (h *Shelf) Write(p *Page) error {
	s := h.store
	<-s.ready
	s.disk.Lock()
	defer s.disk.Unlock()
	head := header{split: uint32(p.Split), make: h.make, name: pageName(h.make, p.Sum)}
	if p.Split > 0 {
		head.parent = pageName(h.make, p.Parent)
	}
	size := int64(headerBytes(len(p.Groups)))
	for _, b := range p.Groups {
		size += int64(len(b))
	}
	there, err := s.prepare(&head, size)
	if err != nil {
		s.count(func(x *Stats) { x.SkippedPages++ })
	}
	if err != nil || there {
		return err
	}
	if err := s.put(&head, p.Groups); err != nil {
		s.stopped = s.now()
		s.count(func(x *Stats) { x.Failures++ })
		return fmt.Errorf("pagestore: %w", err)
	}
	s.fresh += size
	s.allowed -= size
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.WrittenPages++
	s.stats.WrittenBytes += size
	s.index.add(entry{name: head.name, parent: head.parent, split: head.split, bytes: size, used: s.now()})
	return nil
}

// prepare makes room for a page, unless it is there already. The disk is the caller's.
func (s *Store) prepare(head *header, size int64) (there bool, err error) {
	now := s.now()
	s.mu.Lock()
	there = s.index.get(head.name) != nil
	before := head.split == 0 || s.index.get(head.parent) != nil
	s.index.touch(head.name, now)
	s.index.touch(head.parent, now) // it stays while room is made
	s.mu.Unlock()
	switch {
	case there:
		s.stamp(head.name, now)
		return true, nil
	case !before:
		return false, fmt.Errorf("pagestore: the page before page %x: %w", head.name[:8], ErrMissing)
	}
	return false, s.room(size)
}

// put writes the file of a page.
func (s *Store) put(head *header, groups [][]byte) (err error) {
	for _, b := range groups {
		head.groups = append(head.groups, section{uint64(len(b)), sha256.Sum256(b)})
	}
	var random [8]byte
	rand.Read(random[:]) // does not fail
	path := s.path(head.name)
	half := strings.TrimSuffix(path, extension) + "." + hex.EncodeToString(random[:]) + extension + partial
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = s.write(f, head.encode())
	for _, b := range groups {
		if err == nil {
			_, err = s.write(f, b)
		}
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(half, path)
	}
	if err != nil {
		_ = os.Remove(half)
	}
	return err
}
