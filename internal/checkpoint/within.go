package checkpoint

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/blitz-r1/blitz/internal/countdown"
)

// openWithin opens the model that the program carries. Its digests are known, as those of a
// stored model are.
func openWithin() (*Checkpoint, error) {
	c := &Checkpoint{path: countdown.Path, folder: countdown.Path, within: true, stats: map[string]fs.FileInfo{}}
	c.root.turn = make(chan struct{}, 1)
	names := slices.Sorted(maps.Keys(countdown.Sums()))
	files, err := Select(names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path, err)
	}
	c.files = files
	var resources []Resource
	for _, name := range names {
		resources = append(resources, Resource{name, countdown.Sums()[name]})
	}
	c.root.set(resources)
	return c, nil
}

// FS returns the folder that the files lie in.
func (c *Checkpoint) FS() fs.FS {
	if c.within {
		return countdown.Files()
	}
	return os.DirFS(c.folder)
}

// listWithin lists the files of the model that the program carries.
func listWithin() *Listing {
	return &Listing{Folder: countdown.Path, Names: slices.Sorted(maps.Keys(countdown.Sums()))}
}

// digestIn returns the digest of a file of a file system.
func digestIn(fsys fs.FS, name string) (Digest, error) {
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Digest{}, err
	}
	return sha256.Sum256(b), nil
}

// digestsIn returns files of a file system with their digests.
func digestsIn(fsys fs.FS, names []string) ([]Resource, error) {
	resources := make([]Resource, len(names))
	for i, name := range names {
		d, err := digestIn(fsys, name)
		if err != nil {
			return nil, err
		}
		resources[i] = Resource{name, d}
	}
	return resources, nil
}

// reread returns the root of what a file system holds, which has to be what was said of it.
func reread(path string, fsys fs.FS, said []Resource) (Digest, error) {
	names := make([]string, len(said))
	for i, r := range said {
		names[i] = r.Name
	}
	resources, err := digestsIn(fsys, names)
	if err != nil {
		return Digest{}, err
	}
	root := Root(resources)
	if want := Root(said); root != want {
		return Digest{}, fmt.Errorf("%s: its files hold %s, want %s: %w", path, root, want, ErrChanged)
	}
	return root, nil
}
