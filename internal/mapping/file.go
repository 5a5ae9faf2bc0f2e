// Package mapping maps files into memory, read only.
package mapping

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime/debug"
)

var (
	// ErrKind is wrapped by the errors about what cannot be mapped, such as a folder or
	// a pipe. Their text is a predicate: "is a folder, want a file".
	ErrKind = errors.New("cannot be mapped")

	// ErrFault is what Guard returns for a fault.
	ErrFault = errors.New("cannot be read: it was cut short while open, or its disk failed")
)

// kindError is an error that wraps ErrKind and whose text is the reason alone.
type kindError string

func (e kindError) Error() string { return string(e) }
func (e kindError) Unwrap() error { return ErrKind }

// File is the bytes of a file. It may be used by several goroutines at once, Close
// aside.
type File struct {
	b      []byte
	stat   fs.FileInfo // nil: of no file
	mapped bool        // b came from the system and goes back to it
}

// Of returns a File of bytes that are in memory.
func Of(b []byte) *File { return &File{b: b} }

// OfFile returns a File of the bytes of a file that are in memory, and what was said of it.
func OfFile(b []byte, stat fs.FileInfo) *File { return &File{b: b, stat: stat} }

// Open maps the whole regular file at path. The errors wrap ErrKind, or are those of
// the file system.
func Open(path string) (*File, error) { return open(path, mapFile) }

// OpenHuge is Open for a file that is read all the time: it is mapped at a multiple of
// HugePage, and the system is asked for pages of that size, which it has where the file's
// bytes lie in such.
func OpenHuge(path string) (*File, error) { return open(path, mapHuge) }

// HugePage is the size of a huge page on most processors.
const HugePage = 2 << 20

func open(path string, mapFile func(*os.File, int) ([]byte, bool, error)) (*File, error) {
	// Looked at before it is opened: opening a pipe would wait for a writer.
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := mappable(stat); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if stat, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := mappable(stat); err != nil {
		return nil, err
	}
	if stat.Size() == 0 {
		return &File{stat: stat}, nil
	}
	b, mapped, err := mapFile(f, int(stat.Size()))
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: path, Err: err}
	}
	return &File{b: b, stat: stat, mapped: mapped}, nil
}

// mappable says why a file cannot be mapped.
func mappable(stat fs.FileInfo) error {
	switch {
	case stat.IsDir():
		return kindError("is a folder, want a file")
	case !stat.Mode().IsRegular():
		return kindError("is no regular file")
	case stat.Size() > math.MaxInt:
		return kindError(fmt.Sprintf("%d bytes are more than this machine can address", stat.Size()))
	}
	return nil
}

// Bytes returns the bytes of the file, without a copy, until Close; nil afterwards.
func (f *File) Bytes() []byte { return f.b }

// Stat returns what the system said of the file when it was opened; nil for bytes in
// memory.
func (f *File) Stat() fs.FileInfo { return f.stat }

// Close gives the memory back. No byte may be touched afterwards.
func (f *File) Close() error {
	b, mapped := f.b, f.mapped
	f.b, f.mapped = nil, false
	if !mapped {
		return nil
	}
	return unmapFile(b)
}

// Release gives the whole pages inside [from, to) back to the system; the next
// touch reads them from the file again.
func (f *File) Release(from, to int64) {
	if !f.mapped {
		return
	}
	page := int64(os.Getpagesize())
	from, to = (from+page-1)/page*page, to/page*page
	if from < to {
		releasePages(f.b[from:to:to])
	}
}

// Prefetch asks the system to read the pages that hold [from, to) from the disk, and
// does not wait for them.
func (f *File) Prefetch(from, to int64) {
	page := int64(os.Getpagesize())
	from = from / page * page
	if f.mapped && from < to {
		prefetchPages(f.b[from:to:to])
	}
}

// Guard runs read, which reads bytes of files, and returns ErrFault for a memory fault
// in it: the bytes of a mapped file are gone once somebody cuts the file, or its disk
// fails. It covers the calling goroutine only. Panics of read's own go on.
func Guard(read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = ErrFault
		default:
			panic(r)
		}
	}()
	return read()
}
