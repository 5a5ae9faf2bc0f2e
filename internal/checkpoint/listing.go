package checkpoint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/blitz-r1/blitz/internal/countdown"
)

// Listing is the files at a path, as a signature counts them, whether or not they are a
// model that can be opened.
type Listing struct {
	Folder string
	Names  []string // relative to Folder, with slashes, in the order of their bytes
	Single bool     // the path is that of one file, which is no part of a split
	Follow bool     // links to files count as these, as the store has them
}

// List lists what is at a path: all parts of a split that is named by its first, another
// file alone, or all files below a folder but those that are ignored. Errors are those of
// Root, and of the file system.
func List(ctx context.Context, path string, follow bool, ignored func(name string) bool) (*Listing, error) {
	if path == countdown.Path {
		return listWithin(), nil
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		folder, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, err
		}
		names, err := walk(ctx, folder, follow, ignored)
		for i := range names {
			names[i] = filepath.ToSlash(names[i])
		}
		slices.Sort(names)
		return &Listing{Folder: folder, Names: names, Follow: follow}, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, ErrLink)
	}
	l := &Listing{Folder: filepath.Dir(path), Names: []string{filepath.Base(path)}, Single: true, Follow: follow}
	if m := SplitName.FindStringSubmatch(l.Names[0]); m != nil {
		n, err := strconv.Atoi(m[3])
		if no, _ := strconv.Atoi(m[2]); err != nil || no != 1 || n < 1 {
			return nil, fmt.Errorf("%s: part %s of %s, want the first: %w", path, m[2], m[3], ErrName)
		}
		end := l.Names[0][len(m[1]):]
		l.Names, l.Single = nil, n == 1
		for no := range n {
			l.Names = append(l.Names, fmt.Sprintf("%s-%05d%s", m[1], no+1, end[len("-00001"):]))
		}
	}
	return l, nil
}

// Path returns where a file of the listing is.
func (l *Listing) Path(name string) string { return filepath.Join(l.Folder, filepath.FromSlash(name)) }

// Digest returns the files with their digests, "." the name of a single one. memory is the
// folder of Root. Errors are those of Root.
func (l *Listing) Digest(ctx context.Context, memory string) ([]Resource, error) {
	if l.Folder == countdown.Path {
		return digestsIn(countdown.Files(), l.Names)
	}
	m := openMemory(memory)
	resources, err := digestNames(ctx, m, l.Names, func(name string, buffer []byte) (Digest, error) {
		return digestFile(ctx, m, l.Path(name), nil, l.Follow, buffer)
	})
	if err == nil && l.Single {
		resources[0].Name = "."
	}
	return resources, err
}
