package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// ErrNoLog is a folder that holds no log, ErrNoLeaf a leaf that a log does not have. Both
// are fs.ErrNotExist.
var (
	ErrNoLog  = fmt.Errorf("no log is there: %w", fs.ErrNotExist)
	ErrNoLeaf = fmt.Errorf("the log has no such leaf: %w", fs.ErrNotExist)
)

// CheckpointName is the path of a log's checkpoint in its folder.
const CheckpointName = "checkpoint"

const (
	privateName = "private"
	keyName     = "key.pem"
	maxEntries  = transparency.TileWidth * (2 + maxLeaf)
	maxLeaf     = 1<<16 - 1
)

// readFile reads a file of at most so many bytes, which has to be a plain one: what is no
// such is not opened, since a pipe would be waited for.
func readFile(path string, most int) ([]byte, error) {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil, signed.Refuse(signed.Form, "%s is no plain file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, errors.Join(err, signed.Refuse(signed.Form, "%s is no plain file", path))
	}
	text, err := signed.ReadAll(f, most)
	return text, signed.In(path, err)
}

// writeSynced writes a file that replaces what stands there, whole or not at all; its
// folder is synced by syncFolder.
func writeSynced(path string, text []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return err
	}
	name := f.Name()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(name, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// syncFolder brings the names in a folder to the disk.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeFolder makes a folder and those above it, below root, and syncs them.
func makeFolder(root, path string, mode fs.FileMode) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if path != root {
		if err := makeFolder(root, filepath.Dir(path), mode); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// ReadCheckpoint returns the note of a log's checkpoint. The error wraps ErrNoLog.
func ReadCheckpoint(dir string) ([]byte, error) {
	text, err := readFile(filepath.Join(dir, CheckpointName), transparency.MaxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoLog)
	}
	return text, err
}

// ReadPublic returns a file of a log that everybody may see, by its path in the folder: the
// checkpoint, or a tile of the tree that this is of. final says that it never changes. The
// error wraps fs.ErrNotExist where there is none.
func ReadPublic(dir, path string) (text []byte, final bool, err error) {
	note, err := ReadCheckpoint(dir)
	if err != nil || path == CheckpointName {
		return note, false, err
	}
	c, err := unverified(note)
	if err != nil {
		return nil, false, err
	}
	tile, entries, ok := transparency.ParseTilePath(path)
	if !ok || !tile.In(c.Size) {
		return nil, false, fs.ErrNotExist
	}
	most := tile.Width * tlog.HashSize
	if entries {
		most = maxEntries
	}
	text, err = readFile(filepath.Join(dir, filepath.FromSlash(path)), most)
	return text, true, err
}

// tiles reads hashes of the tree of a folder of so many leaves.
type tiles struct {
	dir  string
	size int64
	last map[transparency.Tile][]byte // those that were read of late
}

// maxKept is how many tiles are kept in memory.
const maxKept = 512

func newTiles(dir string, size int64) *tiles {
	return &tiles{dir: dir, size: size, last: map[transparency.Tile][]byte{}}
}

// tileOf returns the tile in a tree of so many leaves that has a stored hash, and which of
// its hashes the hash is made of.
func (t *tiles) tileOf(index int64) (tile transparency.Tile, level int, at int64) {
	level, n := tlog.SplitStoredHashIndex(index)
	tile.Level = level / transparency.TileHeight
	level %= transparency.TileHeight
	at = n << level
	tile.Index = at / transparency.TileWidth
	rows := t.size >> (transparency.TileHeight * tile.Level)
	tile.Width = int(min(rows-tile.Index*transparency.TileWidth, transparency.TileWidth))
	return tile, level, at % transparency.TileWidth
}

// ReadHashes is part of tlog.HashReader.
func (t *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile, level, at := t.tileOf(index)
		if tile.Width <= int(at) {
			return nil, fmt.Errorf("audit: hash %d is outside of a tree of %d leaves", index, t.size)
		}
		data, err := t.read(tile)
		if err != nil {
			return nil, err
		}
		out[i] = subtree(data[at*tlog.HashSize : (at+1<<level)*tlog.HashSize])
	}
	return out, nil
}

// read reads a tile.
func (t *tiles) read(tile transparency.Tile) ([]byte, error) {
	if data, ok := t.last[tile]; ok {
		return data, nil
	}
	data, err := readTile(t.dir, tile)
	if err != nil {
		return nil, err
	}
	if len(t.last) >= maxKept {
		clear(t.last)
	}
	t.last[tile] = data
	return data, nil
}

// readTile reads a tile of hashes. The error is a Refusal with Missing or Form.
func readTile(dir string, tile transparency.Tile) ([]byte, error) {
	want := tile.Width * tlog.HashSize
	data, err := readFile(filepath.Join(dir, filepath.FromSlash(tile.Path())), want)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, signed.Refuse(signed.Missing, "%s is not there", tile.Path())
	}
	if err == nil && len(data) != want {
		err = signed.Refuse(signed.Form, "%s has %d bytes, want %d", tile.Path(), len(data), want)
	}
	return data, err
}

// subtree returns the root over a power of two of hashes.
func subtree(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(subtree(data[:half]), subtree(data[half:]))
}

// readEntries reads the leaves of a tile. The error is a Refusal with Missing or Form.
func readEntries(dir string, tile transparency.Tile) ([][]byte, error) {
	path := tile.EntriesPath()
	data, err := readFile(filepath.Join(dir, filepath.FromSlash(path)), maxEntries)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, signed.Refuse(signed.Missing, "%s is not there", path)
	}
	if err != nil {
		return nil, err
	}
	var leaves [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(data[0])<<8+int(data[1]) {
			return nil, signed.Refuse(signed.Form, "%s is cut inside leaf %d", path, len(leaves))
		}
		if len(leaves) == tile.Width {
			return nil, signed.Refuse(signed.Form, "%s has more than %d leaves", path, tile.Width)
		}
		n := int(data[0])<<8 + int(data[1])
		leaves, data = append(leaves, data[2:2+n]), data[2+n:]
	}
	if len(leaves) != tile.Width {
		return nil, signed.Refuse(signed.Form, "%s has %d leaves, want %d", path, len(leaves), tile.Width)
	}
	return leaves, nil
}

// rootOf returns the root of a tree.
func rootOf(size int64, r tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return transparency.EmptyRoot, nil
	}
	return tlog.TreeHash(size, r)
}
