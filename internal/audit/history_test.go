package audit

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// asked returns a number of the environment, which makes a test as large as the figures of
// docs/TRUST.md want it.
func asked(t *testing.T, name string, usual int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q", name, text)
	}
	return n
}

// history is a log that its operator writes anew: the hashes of all levels of its tree, in
// each of which the last may lack a neighbour.
type history struct{ levels [][]tlog.Hash }

func newHistory(leaves []tlog.Hash) *history {
	h := &history{levels: [][]tlog.Hash{leaves}}
	h.grow(0)
	return h
}

// grow computes what stands above leaves from one on.
func (h *history) grow(from int) {
	for level := 0; len(h.levels[level]) > 1; level++ {
		below := h.levels[level]
		if len(h.levels) == level+1 {
			h.levels = append(h.levels, nil)
			from = 0
		}
		from /= 2
		above := h.levels[level+1][:min(from, len(h.levels[level+1]))]
		for i := len(above); i < len(below)/2; i++ {
			above = append(above, tlog.NodeHash(below[2*i], below[2*i+1]))
		}
		if h.levels[level+1] = above; len(above) < 1 {
			break
		}
	}
}

// set changes a leaf.
func (h *history) set(i int, x tlog.Hash) {
	h.levels[0][i] = x
	for level := 1; level < len(h.levels) && i/2 < len(h.levels[level]); level++ {
		i /= 2
		h.levels[level][i] = tlog.NodeHash(h.levels[level-1][2*i], h.levels[level-1][2*i+1])
	}
}

// ReadHashes is part of tlog.HashReader.
func (h *history) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		if level >= len(h.levels) || n >= int64(len(h.levels[level])) {
			return nil, fmt.Errorf("no hash %d at level %d", n, level)
		}
		out[i] = h.levels[level][n]
	}
	return out, nil
}

func (h *history) root(t *testing.T, size int) tlog.Hash {
	t.Helper()
	root, err := tlog.TreeHash(int64(size), h)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestRewritten: an operator who changes, deletes or moves a leaf, or cuts the log, makes all
// tiles anew and signs them with the true key, is found by a witness, and by who kept an
// older checkpoint, whatever proof he gives.
//
//	TRUST_LEAVES=1048576 TRUST_EDITS=10000 go test ./internal/audit -run Rewritten -v
func TestRewritten(t *testing.T) {
	size, edits := asked(t, "TRUST_LEAVES", 3000), asked(t, "TRUST_EDITS", 200)
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	log, err := transparency.NewSigner("example.org/log", transparency.LogKey, key)
	if err != nil {
		t.Fatal(err)
	}
	witnessKey, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	witness, err := transparency.NewSigner("example.net/w", transparency.WitnessKey, witnessKey)
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]tlog.Hash, size)
	for i := range leaves {
		leaves[i] = tlog.RecordHash(fmt.Appendf(nil, "%048d", i))
	}
	h := newHistory(slices.Clone(leaves))
	seen := transparency.Seen{Size: int64(size), Root: h.root(t, size)}
	rng := rand.New(rand.NewPCG(uint64(size), uint64(edits)))
	kinds := map[string]int{}
	for n := range edits {
		kind, i := []string{"edit", "move", "cut"}[n%3], rng.IntN(size)
		if n%20 == 0 { // which takes by far the longest
			kind = "delete"
		}
		kinds[kind]++
		all := h.levels[0]
		now := size
		j := i
		switch kind {
		case "edit":
			h.set(i, tlog.RecordHash([]byte("another")))
		case "move":
			for j == i {
				j = rng.IntN(size)
			}
			h.set(i, leaves[j])
			h.set(j, leaves[i])
		case "delete":
			// Where it is rewritten to its end, in what was the last place stands a new leaf.
			copy(all[i:], all[i+1:])
			all[size-1] = tlog.RecordHash([]byte("a new one"))
			h.grow(i)
		case "cut":
			now = i
		}
		note, err := (&transparency.Checkpoint{Origin: log.Name(), Size: int64(now), Root: rootOrEmpty(t, h, now)}).Sign(log)
		if err != nil {
			t.Fatal(err)
		}
		var proof []tlog.Hash // the best that he has
		if m := rng.IntN(now + 1); m > 0 && m < now {
			if proof, err = tlog.ProveTree(int64(now), int64(m), h); err != nil {
				t.Fatal(err)
			}
		}
		for _, p := range [][]tlog.Hash{nil, proof} {
			reply := transparency.AddCheckpoint(witness, transparency.FormatAdd(min(seen.Size, int64(now)), p, note), map[string][]*transparency.Verifier{log.Name(): {log.Verifier}},
				func(string) (transparency.Seen, bool) { return seen, true }, signedAt)
			if reply.Status == transparency.StatusCosigned {
				t.Fatalf("%s of leaf %d: a witness cosigned it", kind, i)
			}
			if kind != "cut" && transparency.CheckConsistency(seen.Size, seen.Root, int64(now), rootOrEmpty(t, h, now), p) == nil {
				t.Fatalf("%s of leaf %d goes on from the log as it was", kind, i)
			}
		}
		switch kind { // as it was
		case "edit", "move":
			h.set(i, leaves[i])
			h.set(j, leaves[j])
		case "delete":
			copy(all[i:], leaves[i:])
			h.grow(i)
		}
	}
	if root := h.root(t, size); root != seen.Root {
		t.Fatal("the test does not put back what it changed")
	}
	t.Logf("%d leaves, %d rewritten histories, all found: %v", size, edits, kinds)
}

func rootOrEmpty(t *testing.T, h *history, size int) tlog.Hash {
	if size == 0 {
		return transparency.EmptyRoot
	}
	return h.root(t, size)
}

// TestTornFiles: bytes that are changed, cut, added or moved in any public file of a log are
// found in the tile that they stand in, against the one below.
//
//	TRUST_LEAVES=1048576 TRUST_EDITS=10000 go test ./internal/audit -run TornFiles -v
func TestTornFiles(t *testing.T) {
	size, edits := asked(t, "TRUST_LEAVES", 3000), asked(t, "TRUST_EDITS", 200)
	dir, _, trust := newLog(t)
	w := open(t, dir)
	var last *Pending
	for i := range size {
		last = w.Begin(fmt.Appendf(nil, "%048d", i))
	}
	if _, err := last.Wait(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if _, err := Check(t.Context(), dir, trust, nil); err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, uint64(size)))
	levels := (bits.Len(uint(size)) + transparency.TileHeight - 1) / transparency.TileHeight
	for n := range edits {
		level := -1 // entries
		if n%3 == 0 {
			level = rng.IntN(levels)
		}
		width := int64(size) >> (transparency.TileHeight * max(level, 0))
		if width == 0 {
			continue
		}
		tile := transparency.Tile{Level: max(level, 0), Index: rng.Int64N(width) / transparency.TileWidth}
		tile.Width = int(min(width-tile.Index*transparency.TileWidth, transparency.TileWidth))
		path := dir + "/" + tile.Path()
		if level < 0 {
			path = dir + "/" + tile.EntriesPath()
		}
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		now := slices.Clone(was)
		at := rng.IntN(len(now))
		switch rng.IntN(5) {
		case 0:
			now[at] ^= 1 << rng.IntN(8)
		case 1:
			now = now[:at]
		case 2:
			now = slices.Insert(now, at, byte(rng.Uint32()))
		case 3: // the rest comes first
			now = slices.Concat(was[at:], was[:at])
		case 4:
			now = append(now, was...)
		}
		if slices.Equal(was, now) {
			continue
		}
		if err := os.WriteFile(path, now, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := r.checkOne(tile); signed.ReasonOf(err) == "" {
			t.Errorf("%s: an edit is not found: %v", path, err)
		}
		if err := os.WriteFile(path, was, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := r.checkOne(tile); err != nil {
			t.Fatalf("%s, put back: %v", path, err)
		}
	}
}

// checkOne does with one tile what Check does with all.
func (r *Reader) checkOne(tile transparency.Tile) error {
	if tile.Level == 0 {
		_, err := r.hashEntries(tile)
		return err
	}
	var hashes []byte
	for i := range tile.Width {
		below, err := readTile(r.dir, transparency.Tile{Level: tile.Level - 1, Index: tile.Index*transparency.TileWidth + int64(i), Width: transparency.TileWidth})
		if err != nil {
			return err
		}
		h := subtree(below)
		hashes = append(hashes, h[:]...)
	}
	return r.compare(tile, hashes, "the level below")
}
