package gguf

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// A split model is several GGUF files named PREFIX-00001-of-00003.gguf and so on.
// Each has these keys; all other metadata is in the first.
const (
	keySplitNo      = "split.no"            // from 0
	keySplitCount   = "split.count"         // files
	keySplitTensors = "split.tensors.count" // tensors in all files together
)

// maxParts is what GGUF's uint16 can count.
const maxParts = 1<<16 - 1

// PartName returns the name of file no (from 0) of a split of count files.
func PartName(prefix string, no, count int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", prefix, no+1, count)
}

// Open maps the GGUF file at path. If that is the first file of a split, the
// others are found by name in its folder and opened with it; any other file of a
// split is refused, and so is a set that does not fit together. What is absent
// gives an error that wraps [fs.ErrNotExist], what is wrong one that wraps
// [ErrFormat].
func Open(path string) (*File, error) {
	p, h, err := openPart(path)
	if err != nil {
		return nil, opening(err)
	}
	f := &File{}
	err = f.add(p, h)
	if err == nil {
		err = f.openRest(path, h)
	}
	if err != nil {
		_ = f.Close() // the error that stopped it says more
		return nil, opening(err)
	}
	return f, nil
}

// openRest opens the other files of the split that f has the first file of.
func (f *File) openRest(path string, h *header) error {
	count, err := splitCount(f.name, h)
	if err != nil || count <= 1 {
		return err
	}
	no, err := splitNumber(f.name, h, keySplitNo)
	if err != nil {
		return err
	}
	base, suffix := filepath.Base(path), PartName("", no, count)
	prefix, ok := strings.CutSuffix(base, suffix)
	if no != 0 {
		first := PartName(prefix, 0, count)
		if !ok {
			first = "the first"
		}
		return &Error{File: base, Reason: fmt.Sprintf("is file %d of a split of %d, open %s", no+1, count, first)}
	}
	if !ok {
		return &Error{File: base, Reason: fmt.Sprintf("is the first file of a split of %d, its name has to end in %s", count, suffix)}
	}
	return f.addParts(count, func(no int) string {
		return filepath.Join(filepath.Dir(path), PartName(prefix, no, count))
	})
}

// OpenParts maps the files of a split, in their order, whatever they are called.
func OpenParts(paths ...string) (*File, error) {
	f := &File{}
	if err := f.openParts(paths); err != nil {
		_ = f.Close() // the error that stopped it says more
		return nil, opening(err)
	}
	return f, nil
}

func (f *File) openParts(paths []string) error {
	if len(paths) == 0 {
		return errors.New("no files to open")
	}
	p, h, err := openPart(paths[0])
	if err != nil {
		return err
	}
	if err := f.add(p, h); err != nil {
		return err
	}
	count, err := splitCount(p.name, h)
	if err != nil {
		return err
	}
	if max(count, 1) != len(paths) {
		return &Error{File: p.name, Subject: "key " + keySplitCount, Reason: fmt.Sprintf("%d, got %d files", count, len(paths))}
	}
	if count <= 1 {
		return nil
	}
	no, err := splitNumber(p.name, h, keySplitNo)
	if err != nil {
		return err
	}
	if no != 0 {
		return &Error{File: p.name, Subject: "key " + keySplitNo, Reason: fmt.Sprintf("%d, want 0", no)}
	}
	return f.addParts(count, func(no int) string { return paths[no] })
}

// addParts opens the files after the first and checks that all count of them belong
// together.
func (f *File) addParts(count int, path func(no int) string) error {
	for no := 1; no < count; no++ {
		p, h, err := openPart(path(no))
		if err != nil {
			return err
		}
		err = f.add(p, h)
		if err == nil {
			err = checkPart(p.name, h, no, count)
		}
		if err != nil {
			return err
		}
	}
	want, err := splitNumber(f.name, f.first, keySplitTensors)
	if err != nil {
		return err
	}
	if want != len(f.tensors) {
		return &Error{File: f.name, Subject: "key " + keySplitTensors, Reason: fmt.Sprintf("%d, the %d files have %d", want, count, len(f.tensors))}
	}
	return nil
}

// checkPart checks that a file is number no of count.
func checkPart(name string, h *header, no, count int) error {
	got, err := splitNumber(name, h, keySplitNo)
	if err != nil {
		return err
	}
	if got != no {
		return &Error{File: name, Subject: "key " + keySplitNo, Reason: fmt.Sprintf("%d, want %d", got, no)}
	}
	got, err = splitCount(name, h)
	if err != nil {
		return err
	}
	if got != count {
		return &Error{File: name, Subject: "key " + keySplitCount, Reason: fmt.Sprintf("%d, want %d", got, count)}
	}
	return nil
}

// splitCount returns of how many files h is one; 0 if it does not say.
func splitCount(name string, h *header) (int, error) {
	if _, ok := h.keys[keySplitCount]; !ok {
		return 0, nil
	}
	n, err := splitNumber(name, h, keySplitCount)
	if err == nil && n > maxParts {
		err = &Error{File: name, Subject: "key " + keySplitCount, Reason: fmt.Sprintf("%d, want at most %d", n, maxParts)}
	}
	return n, err
}

func splitNumber(name string, h *header, key string) (int, error) {
	f := File{name: name, first: h}
	n, ok := f.Int(key)
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0, f.KeyError(key, "a small unsigned integer")
	}
	return int(n), nil
}

// opening names the package in errors of the system.
func opening(err error) error {
	if errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("gguf: %w", err)
}
