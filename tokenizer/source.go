package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
)

// A source gives the files of a folder by their names in it.
type source interface {
	// read returns a file of at most max bytes; fs.ErrNotExist if there is none.
	read(name string, max int64) ([]byte, error)
	// list returns the names of the files in a folder below, in order.
	list(folder string) ([]string, error)
}

// has reports whether a file is there.
func has(s source, name string) (bool, error) {
	_, err := s.read(name, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, ErrUnsupported): // it is longer than nothing
		return true, nil
	}
	return err == nil, err
}

// A folder is a source in a file system.
type folder struct{ fs.FS }

func (f folder) read(name string, max int64) ([]byte, error) {
	info, err := fs.Stat(f.FS, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return nil, fmt.Errorf("%s: %w: not a file", name, ErrDamaged)
	}
	if info.Size() > max {
		return nil, tooLarge(name, info.Size(), max)
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	if _, err := b.ReadFrom(io.LimitReader(file, max+1)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(b.Len()) > max {
		return nil, tooLarge(name, int64(b.Len()), max)
	}
	return b.Bytes(), nil
}

func (f folder) list(below string) ([]string, error) {
	entries, err := fs.ReadDir(f.FS, below)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// memory is a source of files that are read already.
type memory map[string][]byte

func (m memory) read(name string, max int64) ([]byte, error) {
	data, ok := m[name]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case int64(len(data)) > max:
		return nil, tooLarge(name, int64(len(data)), max)
	}
	return data, nil
}

func (m memory) list(below string) ([]string, error) {
	var names []string
	for name := range m {
		if path.Dir(name) == below {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func tooLarge(name string, got, max int64) error {
	return fmt.Errorf("%s: %w: got %d bytes, want at most %d", name, ErrUnsupported, got, max)
}
