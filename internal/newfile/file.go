// Package newfile writes files that are there whole or not at all.
package newfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// File is a file that gets its name once it is whole: until then it stands beside its
// place under another one.
type File struct {
	*os.File
	path  string // where it goes; empty for a device or pipe, which is written in place
	whole bool   // all bytes are on the disk
}

// Create starts the file that will stand at path.
func Create(path string) (*File, error) {
	stat, err := os.Stat(path)
	switch {
	case err == nil && stat.IsDir():
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("is a folder")}
	case err == nil && !stat.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &File{File: f}, nil
	case err == nil:
		// A link stays a link: what it points to is replaced.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	for {
		name := fmt.Sprintf("%s.%08x.partial", path, rand.Uint32())
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			return &File{File: f, path: path}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

// Finish brings all bytes to the disk; Place then gives the file its name.
func (o *File) Finish() error {
	if o.path == "" {
		return o.Close()
	}
	if err := o.Sync(); err != nil {
		return err
	}
	o.whole = true
	return o.Close()
}

// Place gives the file its name.
func (o *File) Place() error {
	if o.path == "" {
		return nil
	}
	return os.Rename(o.Name(), o.path)
}

// Write writes a file at once.
func Write(path string, b []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(b); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	return f.Place()
}

// InPlace says that the file is a device or a pipe, which is written where it stands.
func (o *File) InPlace() bool { return o.path == "" }

// Discard removes the file unless it has its name already.
func (o *File) Discard() {
	if !o.whole {
		_ = o.Close()
	}
	if o.path != "" {
		_ = os.Remove(o.Name())
	}
}
