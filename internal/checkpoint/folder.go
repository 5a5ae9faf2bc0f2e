package checkpoint

import (
	"bytes"
	"io/fs"
	"time"
)

// folderFS is the folder of a model as its tokenizer reads it: config.json comes from
// what was read already, and in the form that everybody reads.
type folderFS struct{ c *Checkpoint }

func (f folderFS) dir() fs.FS { return f.c.FS() }

func (f folderFS) Open(name string) (fs.File, error) {
	if name != configName {
		return f.dir().Open(name)
	}
	text, err := f.c.Config()
	if err != nil {
		return nil, err
	}
	text = PlainJSON(text)
	return &memoryFile{bytes.NewReader(text), int64(len(text))}, nil
}

func (f folderFS) Stat(name string) (fs.FileInfo, error) {
	if name != configName {
		return fs.Stat(f.dir(), name)
	}
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	return file.Stat()
}

func (f folderFS) ReadDir(name string) ([]fs.DirEntry, error) { return fs.ReadDir(f.dir(), name) }

// memoryFile is a config.json that was read.
type memoryFile struct {
	*bytes.Reader
	size int64
}

func (f *memoryFile) Close() error               { return nil }
func (f *memoryFile) Stat() (fs.FileInfo, error) { return memoryStat(f.size), nil }

// memoryStat is the size of a config.json that was read.
type memoryStat int64

func (memoryStat) Name() string       { return configName }
func (s memoryStat) Size() int64      { return int64(s) }
func (memoryStat) Mode() fs.FileMode  { return 0o444 }
func (memoryStat) ModTime() time.Time { return time.Time{} }
func (memoryStat) IsDir() bool        { return false }
func (memoryStat) Sys() any           { return nil }
