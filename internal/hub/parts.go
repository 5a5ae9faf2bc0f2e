package hub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// A file of a known SHA-256 is fetched in a staging folder of its own, named by
// the digest, under a lock of that name: whatever the names are by which several
// pulls want it, one fetches it, and what came of it serves the next pull.

// sharedFrom is the size from which a file is worth that.
const sharedFrom = 1 << 20 // bytes

// partsFile is in the staging folder of a name, and lists the digests of the
// files that its pull wants, a line each.
const partsFile = "parts"

// isShared reports whether a file is fetched in a folder of its own.
func (f *remote) isShared() bool {
	return f.digest != Digest{} && f.content == nil && max(f.size, f.hint) >= sharedFrom
}

func (s *Store) partFolder(d Digest) string { return filepath.Join(s.dir, "staging", d.Hex()) }

// lockParts takes the locks of the files that are fetched in folders of their
// own, in the order of their digests, so that two pulls never wait for each
// other.
func (p *fetching) lockParts(ctx context.Context) (release func(), err error) {
	var keys []string
	for i := range p.listing.files {
		if f := &p.listing.files[i]; f.isShared() {
			keys = append(keys, f.digest.Hex())
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	var held []*lock
	release = func() {
		for _, l := range held {
			l.release()
		}
	}
	if err := p.store.disk.writeFile(filepath.Join(p.staging, partsFile), []byte(strings.Join(keys, "\n"))); err != nil {
		return nil, err
	}
	for _, key := range keys {
		l, err := acquire(ctx, filepath.Join(p.store.dir, "locks", key), func() {
			p.meter.set(Progress{Stage: Waiting, What: "the same file"})
		})
		if err != nil {
			release()
			return nil, err
		}
		held = append(held, l)
	}
	return release, nil
}

// partsOf returns the keys of the staging folders that the pull of another one
// uses.
func partsOf(staging string) (keys []string) {
	text, err := readFile(filepath.Join(staging, partsFile), maxManifest)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if key := strings.TrimSpace(line); isKey(key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// kept is how many bytes of the pull are on the disk.
func (p *fetching) kept() int64 {
	n := folderSize(p.folder()) + folderSize(filepath.Join(p.staging, "layers"))
	for _, key := range partsOf(p.staging) {
		n += folderSize(filepath.Join(p.store.dir, "staging", key))
	}
	return n
}

// fetchFile has the client fetch a file to its place, by way of its own folder
// where it has one.
func (p *fetching) fetchFile(ctx context.Context, f *remote, what fetch.File, report func(done, total int64)) (Digest, int64, error) {
	if !f.isShared() {
		return p.listing.client.File(ctx, what, report)
	}
	place, folder := what.Path, p.store.partFolder(f.digest)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return Digest{}, 0, fmt.Errorf("store: %w", diskError(err))
	}
	what.Path = filepath.Join(folder, "file")
	d, n, err := p.listing.client.File(ctx, what, report)
	if err == nil {
		err = os.Rename(what.Path, place)
	}
	_ = os.Remove(folder) // it stays with what came for the next try
	if err != nil {
		return Digest{}, 0, err
	}
	return d, n, nil
}
