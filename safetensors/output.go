package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// output is a file that gets its name once it is whole: until then it stands
// beside its place under another one. Packages gguf and safetensors have this code
// each, as neither imports the other; a test holds the copies equal.
type output struct {
	*os.File
	path  string // where it goes; empty for a device or pipe, which is written in place
	whole bool   // all bytes are on the disk
}

// createOutput starts the file that will stand at path.
func createOutput(path string) (*output, error) {
	stat, err := os.Stat(path)
	switch {
	case err == nil && stat.IsDir():
		return nil, &fs.PathError{Op: "create", Path: path, Err: errors.New("is a folder")}
	case err == nil && !stat.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &output{File: f}, nil
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
			return &output{File: f, path: path}, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
}

// finish brings all bytes to the disk; place then gives the file its name.
func (o *output) finish() error {
	if o.path == "" {
		return o.Close()
	}
	if err := o.Sync(); err != nil {
		return err
	}
	o.whole = true
	return o.Close()
}

func (o *output) place() error {
	if o.path == "" {
		return nil
	}
	return os.Rename(o.Name(), o.path)
}

// discard removes the file unless it has its name already.
func (o *output) discard() {
	if !o.whole {
		_ = o.Close()
	}
	if o.path != "" {
		_ = os.Remove(o.Name())
	}
}
