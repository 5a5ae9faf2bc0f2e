package safetensors

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/internal/mapping"
	"github.com/blitz-r1/blitz/internal/message"
)

// File is an open checkpoint: one file, or all files of a sharded one. It may be
// used by several goroutines at once, Close aside.
type File struct {
	name     string // of the file or of the index
	metadata []pair // of the first file
	parts    []part
	tensors  []Tensor
	byName   map[string]int // to tensors
}

// part is one file of a sharded checkpoint.
type part struct {
	name string // base name
	m    *mapping.File
}

// Parse reads a safetensors file that is in memory. name stands in error
// messages. The File keeps b.
func Parse(name string, b []byte) (*File, error) {
	h, err := readHeader(name, b)
	if err != nil {
		return nil, err
	}
	f := &File{name: name}
	if err := f.add(part{name, mapping.Of(b)}, h); err != nil {
		return nil, err
	}
	return f, nil
}

// OpenFS reads the safetensors file of that name in a file system into memory.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, opening(err)
	}
	stat, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, opening(err)
	}
	base := path.Base(name)
	h, err := readHeader(base, b)
	if err != nil {
		return nil, err
	}
	f := &File{name: base}
	if err := f.add(part{base, mapping.OfFile(b, stat)}, h); err != nil {
		return nil, err
	}
	return f, nil
}

// add appends the tensors of one more file.
func (f *File) add(p part, h *header) error {
	shard := len(f.parts)
	f.parts = append(f.parts, p)
	if shard == 0 {
		f.metadata = h.metadata
		f.tensors = h.tensors
		f.byName = make(map[string]int, len(h.tensors))
	} else {
		f.tensors = append(f.tensors, h.tensors...)
	}
	h.tensors = nil
	for i := len(f.byName); i < len(f.tensors); i++ {
		t := &f.tensors[i]
		t.Shard = shard
		if old, twice := f.byName[t.Name]; twice {
			e := &Error{File: p.name, Subject: "tensor " + message.Clean(t.Name), Reason: "is there twice"}
			if other := f.parts[f.tensors[old].Shard].name; other != p.name {
				e.Reason = "is in " + other + " too"
			}
			return e
		}
		f.byName[t.Name] = i
	}
	return nil
}

// Close gives the mapping back. Bytes that were returned must not be touched
// afterwards; names and shapes stay valid.
func (f *File) Close() error {
	var first error
	for _, p := range f.parts {
		if err := p.m.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Name returns the base name of the file, of the index for a sharded checkpoint.
func (f *File) Name() string { return f.name }

// Parts returns the base names of the files, by [Tensor.Shard].
func (f *File) Parts() []string {
	names := make([]string, len(f.parts))
	for i, p := range f.parts {
		names[i] = p.name
	}
	return names
}

// Stats returns what the system said of the files when they were opened, by
// [Tensor.Shard]; nil for one that came from memory.
func (f *File) Stats() []fs.FileInfo {
	stats := make([]fs.FileInfo, len(f.parts))
	for i, p := range f.parts {
		stats[i] = p.m.Stat()
	}
	return stats
}

// Metadata returns the header's free text by key, of the first file.
func (f *File) Metadata() map[string]string {
	m := make(map[string]string, len(f.metadata))
	for _, p := range f.metadata {
		m[p.key] = p.value
	}
	return m
}

// Tensors returns the tensors in the order of the files and of their bytes.
func (f *File) Tensors() []Tensor { return slices.Clone(f.tensors) }

// Tensor returns the tensor of that name.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Bytes returns the bytes of t, which came from f: exactly Size of them, without
// a copy, until Close. They need not be aligned to the type. A type that is not
// read, a closed File and a Tensor that lies outside its file give an error that
// wraps [ErrFormat].
func (f *File) Bytes(t Tensor) ([]byte, error) {
	subject := "tensor " + message.Clean(t.Name)
	m, ok := f.place(t)
	switch {
	case !ok:
		return nil, &Error{File: f.name, Subject: subject, Reason: "has no bytes here: the file is closed or another one"}
	case !t.DType.Known():
		return nil, &Error{File: f.parts[t.Shard].name, Subject: subject, Reason: "type " + message.Clean(string(t.DType)) + " is not supported"}
	}
	return m.Bytes()[t.Offset : t.Offset+t.Size : t.Offset+t.Size], nil
}

// Prefetch asks the system to read the bytes of t from the disk, and does not
// wait for them.
func (f *File) Prefetch(t Tensor) {
	if m, ok := f.place(t); ok {
		m.Prefetch(t.Offset, t.Offset+t.Size)
	}
}

// Release gives the pages that hold nothing but t back to the system: for a
// tensor whose bytes are no longer wanted, because they were packed elsewhere.
// They can still be read, from the file again.
func (f *File) Release(t Tensor) {
	if m, ok := f.place(t); ok {
		m.Release(t.Offset, t.Offset+t.Size)
	}
}

// place returns the mapping that t lies in.
func (f *File) place(t Tensor) (*mapping.File, bool) {
	if t.Shard < 0 || t.Shard >= len(f.parts) {
		return nil, false
	}
	m := f.parts[t.Shard].m
	size := int64(len(m.Bytes()))
	ok := t.Offset >= 0 && t.Size >= 0 && t.Offset <= size && t.Size <= size-t.Offset && m.Bytes() != nil
	return m, ok
}

// Guard runs read, which reads bytes of f, and returns a memory fault in it as an
// error that wraps [ErrFormat]: a file that is cut short while it is open would
// end the program otherwise. It covers the calling goroutine only.
func (f *File) Guard(read func() error) error { return guard(f.name, read) }

// openPart maps one file and appends its tensors.
func (f *File) openPart(path string) error {
	p := part{name: filepath.Base(path)}
	m, err := openMapping(path)
	if err != nil {
		return err
	}
	p.m = m
	var h *header
	err = guard(p.name, func() (err error) {
		h, err = readHeader(p.name, m.Bytes())
		return err
	})
	if err != nil {
		_ = m.Close() // nothing was written to it
		return err
	}
	m.Release(0, int64(h.end))
	return f.add(p, h)
}

// openMapping maps the file at path.
func openMapping(path string) (*mapping.File, error) {
	m, err := mapping.Open(path)
	if errors.Is(err, mapping.ErrKind) {
		err = &Error{File: filepath.Base(path), Reason: err.Error()}
	}
	return m, err
}

// guard runs read and returns a fault in it as an error of the file.
func guard(file string, read func() error) error {
	err := mapping.Guard(read)
	if err == mapping.ErrFault {
		err = &Error{File: file, Reason: err.Error()}
	}
	return err
}
