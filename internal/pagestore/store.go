package pagestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/ownfolder"
)

// Errors of the store.
var (
	// ErrMissing is a page that is not there, or was not what it should be.
	ErrMissing = errors.New("no such page")
	// ErrFull is a page that is not written: the disk is full, or was a moment ago, or
	// enough was written in this hour.
	ErrFull = errors.New("no room for the page")
	// ErrFolder is a folder that cannot be used.
	ErrFolder = errors.New("unusable folder")
)

const (
	// spare is what the disk keeps free for others.
	spare = 512 << 20 // bytes
	// pause is how long a disk that was full is let alone.
	pause = time.Minute
	// share is the part of the limit after whose writing the folder is looked at again,
	// for what other processes did.
	share = 16
	// mostPages bounds the files, however small they are: each takes some memory, too.
	mostPages = 1 << 17
	// abandoned is how old a half-written file is that nobody finishes any more.
	abandoned = time.Hour
)

// Options say how a store is used.
type Options struct {
	Folder string
	Limit  int64 // bytes of all pages
	// Free returns how many bytes may still be written to the disk of a folder; nil: it
	// is not asked.
	Free func(folder string) (int64, error)
}

// Store is the pages in a folder. Any goroutine may use it. Read, Write and Touch wait for
// the disk; nothing else does.
type Store struct {
	folder string
	limit  int64
	most   int // pages
	free   func(string) (int64, error)
	now    func() time.Time
	write  func(*os.File, []byte) (int, error)

	disk    sync.Mutex // held by who writes or removes
	fresh   int64      // bytes written since the folder was looked at
	allowed int64      // bytes that may be written by now
	counted time.Time  // when allowed was
	stopped time.Time  // when the disk was full

	mu    sync.Mutex // held for moments
	index index
	stats Stats
	ready chan struct{} // closed once the folder was looked at
}

// Stats counts what a store holds, as far as it knows, and what it did.
type Stats struct {
	Pages, Bytes               int64 // on disk
	Limit                      int64 // bytes
	ReadPages, ReadBytes       int64 // checked and used
	WrittenPages, WrittenBytes int64
	RefusedPages               int64 // found damaged, or not to be what they were named; removed
	EvictedPages               int64 // removed, so that others had room
	SkippedPages               int64 // not written, for want of room on the disk or of the page before
	Failures                   int64 // errors of the file system
}

// Open returns the store of a folder, which it makes where it is missing. The folder is
// looked at in the background. The error wraps ErrFolder, or is that of the file system.
func Open(o Options) (*Store, error) {
	if o.Limit <= 0 {
		return nil, fmt.Errorf("pagestore: limit of %d bytes, want more", o.Limit)
	}
	if err := ownfolder.Make(o.Folder); err != nil {
		return nil, fmt.Errorf("pagestore: %w: %w", ErrFolder, err)
	}
	s := &Store{
		folder: o.Folder, limit: o.Limit, most: mostPages, free: o.Free, now: time.Now, write: (*os.File).Write,
		allowed: o.Limit, counted: time.Now(), index: newIndex(), ready: make(chan struct{}),
	}
	if s.free == nil {
		s.free = func(string) (int64, error) { return 0, errors.ErrUnsupported }
	}
	go func() {
		defer close(s.ready)
		s.disk.Lock()
		defer s.disk.Unlock()
		s.look()
		s.evict(0, 0)
	}()
	return s, nil
}

// Stats returns the counts.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.stats
	x.Pages, x.Bytes, x.Limit = int64(len(s.index.pages)), s.index.bytes, s.limit
	return x
}

// looked says whether the folder was looked at.
func (s *Store) looked() bool {
	select {
	case <-s.ready:
		return true
	default:
		return false
	}
}

// count changes the counts.
func (s *Store) count(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}

func (s *Store) path(name Sum) string { return filepath.Join(s.folder, fileName(name)) }

// evict removes the pages that were used longest ago, until there is room for so many
// pages more, of that many bytes. The disk is the caller's.
func (s *Store) evict(pages int, bytes int64) {
	for {
		s.mu.Lock()
		p := s.index.oldest()
		if p == nil || s.index.bytes <= s.limit-bytes && len(s.index.pages) <= s.most-pages {
			s.mu.Unlock()
			return
		}
		s.index.remove(p.name)
		s.stats.EvictedPages++
		s.mu.Unlock()
		s.remove(p.name)
	}
}

// remove removes the file of a page. One that another process removed is gone, too.
func (s *Store) remove(name Sum) {
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.count(func(x *Stats) { x.Failures++ })
	}
}

// room makes room for a page of that many bytes. The error wraps ErrFull. The disk is
// the caller's.
func (s *Store) room(size int64) error {
	now := s.now()
	// In an hour no more is written than the folder holds, so that no load wears the
	// disk out.
	if gone := now.Sub(s.counted); gone > 0 {
		s.allowed = min(s.limit, s.allowed+int64(float64(s.limit)*min(1, gone.Hours())))
		s.counted = now
	}
	switch {
	case size > s.limit:
		return fmt.Errorf("pagestore: a page of %d bytes, the limit is %d: %w", size, s.limit, ErrFull)
	case size > s.allowed:
		return fmt.Errorf("pagestore: %d bytes were written in an hour: %w", s.limit, ErrFull)
	case !s.stopped.IsZero() && now.Sub(s.stopped) < pause:
		return fmt.Errorf("pagestore: the disk was full: %w", ErrFull)
	}
	if free, err := s.free(s.folder); err == nil && free-spare < size {
		s.stopped = now
		return fmt.Errorf("pagestore: the disk has %d bytes left: %w", free, ErrFull)
	}
	if s.fresh >= s.limit/share {
		s.look()
	}
	s.evict(1, size)
	return nil
}
