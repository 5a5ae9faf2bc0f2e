package safetensors

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
)

// The names that a folder's checkpoint goes by.
const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// place says which shard holds a tensor.
type place struct {
	tensor, shard string
}

// Open maps a checkpoint: a safetensors file, the index of a sharded one (a file
// that ends in .json), or a folder with model.safetensors or else
// model.safetensors.index.json in it. An index says which shards there are, and all
// of them are opened; they have to stand in its folder. Which tensors they hold is
// read from the shards: an index that lists more, fewer or other ones than are there
// is no error, a tensor that stands in two shards is one.
// What is absent gives an error that wraps [fs.ErrNotExist], what is wrong one
// that wraps [ErrFormat].
func Open(path string) (*File, error) {
	path, err := find(path)
	if err != nil {
		return nil, opening(err)
	}
	f := &File{name: filepath.Base(path)}
	if strings.HasSuffix(path, ".json") {
		err = f.openIndex(path)
	} else {
		err = f.openPart(path)
	}
	if err != nil {
		_ = f.Close() // the error that stopped it says more
		return nil, opening(err)
	}
	return f, nil
}

// OpenParts maps the files of a sharded checkpoint that has no index, in their order.
// A tensor that stands in two of them is an error. The File has the name of the first.
func OpenParts(paths ...string) (*File, error) {
	if len(paths) == 0 {
		return nil, errors.New("safetensors: no files to open")
	}
	f := &File{name: filepath.Base(paths[0])}
	for _, path := range paths {
		if err := f.openPart(path); err != nil {
			_ = f.Close() // the error that stopped it says more
			return nil, opening(err)
		}
	}
	return f, nil
}

// find returns the file to open for path, which may be a folder.
func find(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, err
	}
	for _, name := range []string{singleName, indexName} {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return "", fmt.Errorf("%s: neither %s nor %s: %w", path, singleName, indexName, fs.ErrNotExist)
}

// openIndex opens the shards of an index.
func (f *File) openIndex(path string) error {
	places, err := readIndex(path)
	if err != nil {
		return err
	}
	shards := make([]string, len(places))
	for i, p := range places {
		shards[i] = p.shard
	}
	slices.Sort(shards)
	for _, name := range slices.Compact(shards) {
		err := f.openPart(filepath.Join(filepath.Dir(path), name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: shard %s: %w", f.name, message.Clean(name), err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readIndex reads the weight_map of an index, sorted by tensor.
func readIndex(path string) ([]place, error) {
	m, err := openMapping(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	name := filepath.Base(path)
	var text string
	err = guard(name, func() error {
		if len(m.Bytes()) > maxHeader {
			return &Error{File: name, Reason: fmt.Sprintf("%d bytes, want at most %d", len(m.Bytes()), maxHeader)}
		}
		text = string(m.Bytes())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return parseIndex(name, text)
}

func parseIndex(name, text string) ([]place, error) {
	const weightMap = "weight_map"
	c := scanner{s: text, file: name}
	places := make([]place, 0, min(strings.Count(text, ":"), len(text)/8)) // "a":"b",
	seen := false
	c.object(func(key string) {
		if key != weightMap {
			c.skip(0)
			return
		}
		if seen {
			c.fail("%s is there twice", weightMap)
		}
		seen = true
		c.object(func(tensor string) {
			c.noun, c.name = "tensor ", tensor
			shard := c.text("the name of a file")
			for strings.HasPrefix(shard, "./") { // the folder itself
				shard = shard[2:]
			}
			if c.err == nil && !plain(shard) {
				c.fail("file %s is not a plain name", message.Quote(shard))
			}
			if len(places) == maxTensors {
				c.fail("more than %d tensors", maxTensors)
			}
			places = append(places, place{tensor, shard})
			c.noun = ""
		})
	})
	c.end()
	if !seen {
		c.fail("has no %s", weightMap)
	}
	if len(places) == 0 {
		c.fail("%s lists no tensors", weightMap)
	}
	slices.SortStableFunc(places, func(a, b place) int { return strings.Compare(a.tensor, b.tensor) })
	for i := 1; i < len(places); i++ {
		if places[i].tensor == places[i-1].tensor {
			c.noun, c.name = "tensor ", places[i].tensor
			c.fail("is there twice")
		}
	}
	return places, c.err
}

// plain says whether name is a file's name and no path out of the folder.
func plain(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name && name != "." && !strings.ContainsAny(name, "/\\\x00")
}

// opening names the package in errors of the system.
func opening(err error) error {
	if errors.Is(err, ErrFormat) {
		return err
	}
	return fmt.Errorf("safetensors: %w", err)
}
