package main

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/transparency"
)

// maxTestTree bounds the trees that trust makes of numbered leaves.
const maxTestTree = 1 << 20

// testTree is a tree whose leaf i is a text and i.
type testTree struct {
	leaf   string
	hashes []tlog.Hash
}

func newTestTree(leaf string, size int64) (*testTree, error) {
	if size < 0 || size > maxTestTree {
		return nil, fmt.Errorf("size %d, want 0 to %d", size, maxTestTree)
	}
	t := &testTree{leaf: leaf}
	for i := range size {
		more, err := tlog.StoredHashes(i, t.entry(i), t)
		if err != nil {
			return nil, err
		}
		t.hashes = append(t.hashes, more...)
	}
	return t, nil
}

func (t *testTree) entry(i int64) []byte { return fmt.Appendf(nil, "%s%d", t.leaf, i) }

// ReadHashes is part of tlog.HashReader.
func (t *testTree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at < 0 || at >= int64(len(t.hashes)) {
			return nil, fmt.Errorf("the tree has no hash %d", at)
		}
		out[i] = t.hashes[at]
	}
	return out, nil
}

// lastTree is the tree of the last question: questions come by trees.
var lastTree struct {
	leaf string
	size int64
	tree *testTree
}

func testTreeOf(q *trustQuestion) (*testTree, error) {
	if lastTree.tree == nil || lastTree.leaf != q.Leaf || lastTree.size != q.Size {
		t, err := newTestTree(q.Leaf, q.Size)
		if err != nil {
			return nil, err
		}
		lastTree.leaf, lastTree.size, lastTree.tree = q.Leaf, q.Size, t
	}
	return lastTree.tree, nil
}

func rootOfTree(size int64, r tlog.HashReader) (tlog.Hash, error) {
	if size == 0 {
		return transparency.EmptyRoot, nil
	}
	return tlog.TreeHash(size, r)
}

func trustTree(q *trustQuestion) (said, error) {
	t, err := testTreeOf(q)
	if err != nil {
		return nil, err
	}
	root, err := rootOfTree(q.Size, t)
	return said{"root": root.String()}, err
}

func trustProve(q *trustQuestion) (said, error) {
	t, err := testTreeOf(q)
	if err != nil {
		return nil, err
	}
	var proof []tlog.Hash
	if q.Index != nil {
		if *q.Index < 0 || *q.Index >= q.Size {
			return nil, fmt.Errorf("index %d of %d leaves", *q.Index, q.Size)
		}
		proof, err = tlog.ProveRecord(q.Size, *q.Index, t)
	} else {
		var from int64
		if from, err = needed("index or from", q.From); err == nil {
			if from < 1 || from > q.Size {
				return nil, fmt.Errorf("from %d of %d leaves", from, q.Size)
			}
			proof, err = tlog.ProveTree(q.Size, from, t)
		}
	}
	return said{"proof": transparency.EncodeHashes(proof)}, err
}

func trustTile(q *trustQuestion) (said, error) {
	t, err := testTreeOf(q)
	if err != nil {
		return nil, err
	}
	tile, entries, ok := transparency.ParseTilePath(q.Path)
	if !ok || !tile.In(q.Size) {
		return said{"ok": false}, nil
	}
	var data []byte
	if entries {
		for i := range int64(tile.Width) {
			entry := t.entry(tile.Index*transparency.TileWidth + i)
			data = append(binary.BigEndian.AppendUint16(data, uint16(len(entry))), entry...)
		}
	} else if data, err = tile.Read(t); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return said{"ok": true, "bytes": len(data), "sha256": hex.EncodeToString(sum[:])}, nil
}
