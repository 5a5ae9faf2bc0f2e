package gguf

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/internal/mapping"
	"github.com/blitz-r1/blitz/internal/message"
)

// File is an open model: one file, or all files of a split. It may be used by
// several goroutines at once, Close aside.
type File struct {
	name    string
	first   *header // metadata comes from the first file
	parts   []part
	tensors []Tensor
	byName  map[string]int // to tensors
}

// part is one file of a split.
type part struct {
	name string // base name
	m    *mapping.File
	// missing is how many bytes of padding the file lacks at its end.
	missing int
}

// Parse reads a GGUF file that is in memory. name stands in error messages. The
// File keeps b. A file of a split is read by itself.
func Parse(name string, b []byte) (*File, error) {
	h, err := readHeader(name, b)
	if err != nil {
		return nil, err
	}
	f := &File{}
	if err := f.add(part{name: name, m: mapping.Of(b)}, h); err != nil {
		return nil, err
	}
	return f, nil
}

// add appends the tensors of one more file.
func (f *File) add(p part, h *header) error {
	shard := len(f.parts)
	p.missing = h.missing
	f.parts = append(f.parts, p)
	if shard == 0 {
		f.first, f.name = h, p.name
		f.tensors = h.tensors
		f.byName = make(map[string]int, len(h.tensors))
	} else {
		f.tensors = append(f.tensors, h.tensors...)
	}
	h.tensors = nil
	for i := len(f.byName); i < len(f.tensors); i++ {
		t := &f.tensors[i]
		t.Shard = shard
		old, twice := f.byName[t.Name]
		if twice {
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
// afterwards; metadata, names and shapes stay valid.
func (f *File) Close() error {
	var first error
	for _, p := range f.parts {
		if err := p.m.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Name returns the base name of the (first) file.
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

// Missing returns how many bytes of the padding that writers put behind a file's last
// tensor are not there, by [Tensor.Shard]. No tensor lacks any; but a file whose end is
// missing was cut, perhaps, or is still being fetched.
func (f *File) Missing() []int {
	missing := make([]int, len(f.parts))
	for i, p := range f.parts {
		missing[i] = p.missing
	}
	return missing
}

// Version returns the version of the format, 2 or 3.
func (f *File) Version() uint32 { return f.first.version }

// Alignment returns the alignment of the (first) file's tensors in bytes.
func (f *File) Alignment() int { return f.first.alignment }

// KeyValues returns the metadata in the order of the file.
func (f *File) KeyValues() []KeyValue { return slices.Clone(f.first.keyValues) }

// RawKeyValues returns the pairs of the metadata as the file has them: length and text of
// the key, kind, value.
func (f *File) RawKeyValues() []string {
	c := cursor{s: f.first.pairs, whole: len(f.first.pairs), file: f.name}
	raw := make([]string, len(f.first.keyValues))
	for i := range raw {
		from := c.at
		c.keyValue(i)
		raw[i] = c.s[from:c.at]
	}
	return raw
}

// Value returns the value of key.
func (f *File) Value(key string) (Value, bool) {
	i, ok := f.first.keys[key]
	if !ok {
		return Value{}, false
	}
	return f.first.keyValues[i].Value, true
}

// String returns the string at key. Like the look-ups below it returns false if
// the key is absent and if its value is of another kind; [File.KeyError] tells
// which. The bytes are as in the file: not every published string is valid UTF-8.
func (f *File) String(key string) (string, bool) { return look(f, key, Value.Text) }

// Uint returns the integer at key, of whatever kind, if it is not negative.
func (f *File) Uint(key string) (uint64, bool) { return look(f, key, Value.Uint) }

// Int returns the integer at key, of whatever kind, if an int64 can hold it.
func (f *File) Int(key string) (int64, bool) { return look(f, key, Value.Int) }

// Float returns the number at key, of whatever kind.
func (f *File) Float(key string) (float64, bool) { return look(f, key, Value.Float) }

// Bool returns the bool at key.
func (f *File) Bool(key string) (value, ok bool) { return look(f, key, Value.Bool) }

// Strings returns the array of strings at key, made anew at each call.
func (f *File) Strings(key string) ([]string, bool) { return look(f, key, Value.Strings) }

// Ints returns the array of integers at key, of whatever kind.
func (f *File) Ints(key string) ([]int64, bool) { return look(f, key, Value.Ints) }

// Floats returns the array of numbers at key, of whatever kind.
func (f *File) Floats(key string) ([]float64, bool) { return look(f, key, Value.Floats) }

// Bools returns the array of bools at key.
func (f *File) Bools(key string) ([]bool, bool) { return look(f, key, Value.Bools) }

func look[T any](f *File, key string, as func(Value) (T, bool)) (x T, ok bool) {
	v, ok := f.Value(key)
	if !ok {
		return x, false
	}
	return as(v)
}

// Has says whether the metadata has key, of whatever kind.
func (f *File) Has(key string) bool {
	_, ok := f.first.keys[key]
	return ok
}

// KeyError returns the error for a key that a look-up gave false for: it names
// the file and the key, what is there (or that nothing is) and what was wanted,
// such as "an unsigned integer".
func (f *File) KeyError(key, want string) error {
	got := "is not there"
	if v, ok := f.Value(key); ok {
		got = "is " + v.describe()
		if v.kind != Array && v.kind != String {
			got += " " + v.String()
		}
	}
	return &Error{File: f.name, Subject: "key " + message.Clean(key), Reason: got + ", want " + want}
}

// Tensors returns the directory in the order of the files, which is the order of
// the bytes too.
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
// a copy, until Close. They start at a multiple of the alignment. nil after
// Close, and for a Tensor that lies outside its file.
func (f *File) Bytes(t Tensor) []byte {
	m, ok := f.place(t)
	if !ok {
		return nil
	}
	return m.Bytes()[t.Offset : t.Offset+t.Size : t.Offset+t.Size]
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

// openPart maps one file and reads its header.
func openPart(path string) (part, *header, error) {
	p := part{name: filepath.Base(path)}
	m, err := openMapping(path)
	if err != nil {
		return p, nil, err
	}
	p.m = m
	var h *header
	err = guard(p.name, func() (err error) {
		h, err = readHeader(p.name, m.Bytes())
		return err
	})
	if err != nil {
		_ = m.Close() // nothing was written to it
		return p, nil, err
	}
	m.Release(0, int64(h.end))
	return p, h, nil
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
