package audit

import (
	"maps"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/transparency"
)

// grown is a tree that grows: what is new is in memory, all else in tiles.
type grown struct {
	size  int64
	tiles *tiles
	fresh map[int64]tlog.Hash // stored hashes, by index, that no tile has yet
}

// openGrown opens the tree of a folder.
func openGrown(dir string, size int64) *grown {
	return &grown{size: size, tiles: newTiles(dir, size), fresh: map[int64]tlog.Hash{}}
}

// begin returns a copy that may grow, or be thrown away.
func (g *grown) begin() *grown {
	return &grown{size: g.size, tiles: g.tiles, fresh: maps.Clone(g.fresh)}
}

// add adds a leaf.
func (g *grown) add(leaf []byte) error {
	hashes, err := tlog.StoredHashes(g.size, leaf, g)
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, g.size)
	for i, h := range hashes {
		g.fresh[first+int64(i)] = h
	}
	g.size++
	return nil
}

// settle says that the tiles on the disk are those of the tree, of which written are new.
func (g *grown) settle(written map[transparency.Tile][]byte) {
	g.tiles, g.fresh = newTiles(g.tiles.dir, g.size), map[int64]tlog.Hash{}
	g.tiles.last = written
}

// ReadHashes is part of tlog.HashReader.
func (g *grown) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := g.fresh[index]
		if !ok {
			read, err := g.tiles.ReadHashes([]int64{index})
			if err != nil {
				return nil, err
			}
			h = read[0]
		}
		out[i] = h
	}
	return out, nil
}

// changed returns the tiles of hashes that a tree has which grew from old to size leaves,
// and did not have before.
func (g *grown) changed(old, size int64) []transparency.Tile {
	var list []transparency.Tile
	for level := 0; size > 0; level++ {
		for index := old / transparency.TileWidth; index*transparency.TileWidth < size; index++ {
			width := int(min(size-index*transparency.TileWidth, transparency.TileWidth))
			if index*transparency.TileWidth+int64(width) > old {
				list = append(list, transparency.Tile{Level: level, Index: index, Width: width})
			}
		}
		old, size = old>>transparency.TileHeight, size>>transparency.TileHeight
	}
	return list
}
