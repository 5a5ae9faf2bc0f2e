package safetensors

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
)

// mapping is the bytes of a file. Packages gguf and safetensors have this code
// each, as neither imports the other; a test holds the copies equal.
type mapping struct {
	b      []byte
	mapped bool // b came from the system and goes back to it
}

// openMapping maps the whole regular file at path.
func openMapping(path string) (*mapping, error) {
	// Looked at before it is opened: opening a pipe would wait for a writer.
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := mappable(path, stat); err != nil {
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
	if err := mappable(path, stat); err != nil {
		return nil, err
	}
	if stat.Size() == 0 {
		return &mapping{}, nil
	}
	b, mapped, err := mapFile(f, int(stat.Size()))
	if err != nil {
		return nil, &fs.PathError{Op: "map", Path: path, Err: err}
	}
	return &mapping{b: b, mapped: mapped}, nil
}

// mappable says why a file cannot be mapped.
func mappable(path string, stat fs.FileInfo) error {
	base := filepath.Base(path)
	switch {
	case stat.IsDir():
		return &Error{File: base, Reason: "is a folder, want a file"}
	case !stat.Mode().IsRegular():
		return &Error{File: base, Reason: "is no regular file"}
	case stat.Size() > math.MaxInt:
		return &Error{File: base, Reason: fmt.Sprintf("%d bytes are more than this machine can address", stat.Size())}
	}
	return nil
}

// close gives the memory back. No byte may be touched afterwards.
func (m *mapping) close() error {
	b, mapped := m.b, m.mapped
	m.b, m.mapped = nil, false
	if !mapped {
		return nil
	}
	return unmapFile(b)
}

// release gives the whole pages inside [from, to) back to the system; the next
// touch reads them from the file again.
func (m *mapping) release(from, to int64) {
	if !m.mapped {
		return
	}
	page := int64(os.Getpagesize())
	from, to = (from+page-1)/page*page, to/page*page
	if from < to {
		releasePages(m.b[from:to:to])
	}
}

// prefetch asks the system to read the pages that hold [from, to) from the disk.
func (m *mapping) prefetch(from, to int64) {
	page := int64(os.Getpagesize())
	from = from / page * page
	if m.mapped && from < to {
		prefetchPages(m.b[from:to:to])
	}
}

// guard runs read and returns a fault in it as an error: the bytes of a mapped
// file are gone once somebody cuts the file, or its disk fails.
func guard(file string, read func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = &Error{File: file, Reason: "cannot be read: it was cut short while open, or its disk failed"}
		default:
			panic(r)
		}
	}()
	return read()
}
