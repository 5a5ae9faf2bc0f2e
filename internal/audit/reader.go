package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// Reader reads a log as its checkpoint has it; nothing is believed of it.
type Reader struct {
	dir  string
	note []byte
	*transparency.Checkpoint
	tiles *tiles
}

// Read opens a log to read from it. The error wraps ErrNoLog.
func Read(dir string) (*Reader, error) {
	note, err := ReadCheckpoint(dir)
	if err != nil {
		return nil, err
	}
	return at(dir, note)
}

// at reads a log as a checkpoint of it has it.
func at(dir string, note []byte) (*Reader, error) {
	c, err := unverified(note)
	if err != nil {
		return nil, signed.In(dir+"/"+CheckpointName, err)
	}
	return &Reader{dir: dir, note: note, Checkpoint: c, tiles: newTiles(dir, c.Size)}, nil
}

// Note returns the checkpoint's note.
func (r *Reader) Note() []byte { return r.note }

// Leaf returns a leaf. The error wraps ErrNoLeaf.
func (r *Reader) Leaf(index int64) ([]byte, error) {
	if index < 0 || index >= r.Size {
		return nil, fmt.Errorf("%s: leaf %d of %d: %w", r.dir, index, r.Size, ErrNoLeaf)
	}
	tile := r.entryTile(index / transparency.TileWidth)
	leaves, err := readEntries(r.dir, tile)
	if err != nil {
		return nil, err
	}
	return leaves[index%transparency.TileWidth], nil
}

// entryTile returns the tile of leaves with a number.
func (r *Reader) entryTile(n int64) transparency.Tile {
	return transparency.Tile{Index: n, Width: int(min(r.Size-n*transparency.TileWidth, transparency.TileWidth))}
}

// Prove returns the proof that a leaf stands in the log. The error wraps ErrNoLeaf.
func (r *Reader) Prove(index int64) (*transparency.Proof, error) {
	if index < 0 || index >= r.Size {
		return nil, fmt.Errorf("%s: leaf %d of %d: %w", r.dir, index, r.Size, ErrNoLeaf)
	}
	hashes, err := tlog.ProveRecord(r.Size, index, r.tiles)
	if err != nil {
		return nil, err
	}
	return &transparency.Proof{Index: index, Hashes: hashes, Checkpoint: r.note}, nil
}

// ProveSince returns the proof that the log goes on from its first so many leaves, and the
// root of these. The error wraps ErrNoLeaf.
func (r *Reader) ProveSince(from int64) (old tlog.Hash, proof []tlog.Hash, err error) {
	if from < 0 || from > r.Size {
		return old, nil, fmt.Errorf("%s: %d of %d leaves: %w", r.dir, from, r.Size, ErrNoLeaf)
	}
	if old, err = rootOf(from, r.tiles); err != nil || from == 0 || from == r.Size {
		return old, nil, err
	}
	proof, err = tlog.ProveTree(r.Size, from, r.tiles)
	return old, proof, err
}

// Find returns the index of a leaf, the newest of those that are alike. The error wraps
// ErrNoLeaf.
func (r *Reader) Find(ctx context.Context, leaf []byte) (int64, error) {
	for n := (r.Size - 1) / transparency.TileWidth; n >= 0 && r.Size > 0; n-- {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		leaves, err := readEntries(r.dir, r.entryTile(n))
		if err != nil {
			return 0, err
		}
		for i := len(leaves) - 1; i >= 0; i-- {
			if string(leaves[i]) == string(leaf) {
				return n*transparency.TileWidth + int64(i), nil
			}
		}
	}
	return 0, fmt.Errorf("%s: the receipt: %w", r.dir, ErrNoLeaf)
}

// Check checks all of a log: the checkpoint's signature, every leaf against its hash, every
// tile against the one below, the root, and the tree of an older checkpoint, where since is
// not nil. The error is a Refusal, or wraps ErrNoLog.
func Check(ctx context.Context, dir string, trust transparency.Trust, since []byte) (*transparency.Witnessed, error) {
	note, err := ReadCheckpoint(dir)
	if err != nil {
		return nil, err
	}
	w, err := trust.Open(note)
	if err != nil {
		return nil, signed.In(CheckpointName, err)
	}
	var old *transparency.Witnessed
	if since != nil {
		before := transparency.Trust{Origin: w.Origin, Logs: trust.Logs}
		if old, err = before.Open(since); err != nil {
			return nil, signed.In("the older checkpoint", err)
		}
		if old.Size > w.Size {
			return nil, signed.Refuse(signed.Consistency, "the log has %d leaves, it had %d", w.Size, old.Size)
		}
	}
	r, err := at(dir, note)
	if err != nil {
		return nil, err
	}
	if err := r.checkTiles(ctx); err != nil {
		return nil, err
	}
	root, err := rootOf(w.Size, r.tiles)
	if err != nil {
		return nil, err
	}
	if root != w.Root {
		return nil, signed.Refuse(signed.Root, "the leaves have the root %s, the checkpoint says %s", root, w.Root)
	}
	if old != nil {
		if root, err = rootOf(old.Size, r.tiles); err != nil {
			return nil, err
		}
		if root != old.Root {
			return nil, signed.Refuse(signed.Consistency, "the first %d leaves have the root %s, they had %s: the log does not go on from the older checkpoint", old.Size, root, old.Root)
		}
	}
	return w, nil
}

// checkTiles hashes every leaf, and compares every tile.
func (r *Reader) checkTiles(ctx context.Context) error {
	var below []tlog.Hash // roots of the full tiles of the level below
	for n := int64(0); n*transparency.TileWidth < r.Size; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		tile := r.entryTile(n)
		hashes, err := r.hashEntries(tile)
		if err != nil {
			return err
		}
		if tile.Width == transparency.TileWidth {
			below = append(below, subtree(hashes))
		}
	}
	for level := 1; len(below) > 0; level++ {
		var above []tlog.Hash
		for n := 0; n*transparency.TileWidth < len(below); n++ {
			part := below[n*transparency.TileWidth : min((n+1)*transparency.TileWidth, len(below))]
			tile := transparency.Tile{Level: level, Index: int64(n), Width: len(part)}
			var hashes []byte
			for _, h := range part {
				hashes = append(hashes, h[:]...)
			}
			if err := r.compare(tile, hashes, "the level below"); err != nil {
				return err
			}
			if len(part) == transparency.TileWidth {
				above = append(above, subtree(hashes))
			}
		}
		below = above
	}
	return nil
}

// hashEntries hashes the leaves of a tile, and compares the tile of their hashes.
func (r *Reader) hashEntries(tile transparency.Tile) ([]byte, error) {
	leaves, err := readEntries(r.dir, tile)
	if err != nil {
		return nil, err
	}
	hashes := make([]byte, 0, len(leaves)*tlog.HashSize)
	for _, leaf := range leaves {
		h := tlog.RecordHash(leaf)
		hashes = append(hashes, h[:]...)
	}
	return hashes, r.compare(tile, hashes, tile.EntriesPath())
}

// compare compares a tile with the hashes that it should have.
func (r *Reader) compare(tile transparency.Tile, hashes []byte, of string) error {
	data, err := readTile(r.dir, tile)
	if err != nil {
		return err
	}
	for i := 0; i < len(data); i += tlog.HashSize {
		if string(data[i:i+tlog.HashSize]) != string(hashes[i:i+tlog.HashSize]) {
			return signed.Refuse(signed.Digest, "%s: hash %d is not that of %s", tile.Path(), i/tlog.HashSize, of)
		}
	}
	return nil
}
