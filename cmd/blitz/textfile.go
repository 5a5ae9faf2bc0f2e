package main

import (
	"errors"
	"os"
)

// textFile is a file that a verb writes at its end, opened before so that a long
// measurement is not made in vain. What stood there stays until then.
type textFile struct {
	f     *os.File
	fresh bool // it was not there before
}

// createText opens the file at path, without changing what it holds.
func createText(path string) (*textFile, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err == nil {
		return &textFile{f, true}, nil
	}
	if !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	return &textFile{f: f}, nil
}

// write makes text what the file holds, and closes it.
func (t *textFile) write(text []byte) error {
	stat, err := t.f.Stat()
	if err == nil && stat.Mode().IsRegular() {
		err = t.f.Truncate(0)
	}
	if err == nil {
		_, err = t.f.Write(text)
	}
	if err != nil {
		return err
	}
	t.fresh = false
	return t.f.Close()
}

// abort closes the file, and removes it if it is new and nothing was written.
func (t *textFile) abort() {
	_ = t.f.Close() // after write it is closed
	if t.fresh {
		_ = os.Remove(t.f.Name())
	}
}
