package transparency

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight is the height of a tile: it has up to 256 hashes (C2SP tlog-tiles).
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// maxLevel is the highest level of tiles, of trees of up to 2^63 leaves.
const maxLevel = 63/TileHeight + 1

// Tile is a part of a level of a tree: hashes, or at level 0 as well entries.
type Tile struct {
	Level int // hashes of trees of 256^Level leaves
	Index int64
	Width int // 1 to 256; less than 256 at the right end only
}

// Path returns the path of a tile of hashes; of entries with Level 0.
func (t Tile) Path() string { return t.path(strconv.Itoa(t.Level)) }

// EntriesPath returns the path of the entries.
func (t Tile) EntriesPath() string { return t.path("entries") }

func (t Tile) path(level string) string {
	n, index := t.Index, ""
	for n >= 1000 {
		index = fmt.Sprintf("/%03d%s", n%1000, index)
		n /= 1000
	}
	index = fmt.Sprintf("%03d%s", n, index)
	if n := strings.Count(index, "/"); n > 0 {
		parts := strings.Split(index, "/")
		for i := range n {
			parts[i] = "x" + parts[i]
		}
		index = strings.Join(parts, "/")
	}
	path := "tile/" + level + "/" + index
	if t.Width < TileWidth {
		path += ".p/" + strconv.Itoa(t.Width)
	}
	return path
}

// ParseTilePath reads a path in its one form.
func ParseTilePath(path string) (t Tile, entries, ok bool) {
	if len(path) > 64 {
		return t, false, false
	}
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[0] != "tile" {
		return t, false, false
	}
	entries = parts[1] == "entries"
	level, isLevel := ParseSize(parts[1])
	if !entries && (!isLevel || level > maxLevel) {
		return t, false, false
	}
	t.Level, t.Width = int(level), TileWidth
	rest := parts[2:]
	if n := len(rest); n >= 2 && strings.HasSuffix(rest[n-2], ".p") {
		width, isWidth := ParseSize(rest[n-1])
		if !isWidth || width < 1 || width >= TileWidth {
			return t, false, false
		}
		t.Width = int(width)
		rest = rest[:n-1]
		rest[n-2] = strings.TrimSuffix(rest[n-2], ".p")
	}
	for _, part := range rest {
		n, err := strconv.ParseUint(strings.TrimPrefix(part, "x"), 10, 16)
		if err != nil || n > 999 || t.Index > (1<<63-1)/1000-1 {
			return t, false, false
		}
		t.Index = t.Index*1000 + int64(n)
	}
	if entries {
		return t, true, t.EntriesPath() == path
	}
	return t, false, t.Path() == path
}

// In says whether a tree of so many leaves has the tile: a partial one is the last of its
// level in a tree of some size up to this.
func (t Tile) In(size int64) bool {
	for range t.Level {
		size >>= TileHeight
	}
	first := t.Index * TileWidth
	if t.Index > size/TileWidth {
		return false
	}
	return first+int64(t.Width) <= size
}

// Read returns the hashes of the tile of a tree.
func (t Tile) Read(r tlog.HashReader) ([]byte, error) {
	indexes := make([]int64, t.Width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(TileHeight*t.Level, t.Index*TileWidth+int64(i))
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	data := make([]byte, 0, tlog.HashSize*len(hashes))
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	return data, nil
}
