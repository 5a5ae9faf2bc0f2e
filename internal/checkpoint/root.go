package checkpoint

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// Digest is a SHA-256 sum.
type Digest [sha256.Size]byte

// String returns the 64 hexadecimal digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Resource is one file of a model as its root counts it.
type Resource struct {
	Name   string // relative to the model's folder, with slashes; "." of a model of one file
	Digest Digest
}

// Errors of the root. The message names the file.
var (
	// ErrLink: a symbolic link, or what is neither a file nor a folder.
	ErrLink = errors.New("a link or a device, want plain files")
	// ErrEmpty: a folder without any file that counts.
	ErrEmpty = errors.New("no files")
	// ErrChanged: a file is no longer the one that was opened, or is being written to.
	ErrChanged = errors.New("changed since it was opened")
	// ErrName: a name that is no UTF-8, or is too long, or too many of them.
	ErrName = errors.New("unusable name")
)

const (
	maxResources = 1_000_000
	maxName      = 4096 // bytes of a name
)

// leftOut are the names at the top of a folder that are no part of a model.
var leftOut = []string{".git", ".gitattributes", ".github", ".gitignore"}

// Root of a list of resources is the sum over their digests, by name; the order is
// that of the names' bytes.
func Root(resources []Resource) Digest {
	sorted := slices.SortedFunc(slices.Values(resources), func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for _, r := range sorted {
		h.Write(r.Digest[:])
	}
	return Digest(h.Sum(nil))
}

// rooted is the state of a root that is made once. turn is held by who makes it.
type rooted struct {
	turn      chan struct{}
	resources []Resource
	made      atomic.Pointer[Digest] // nil: not yet
}

// set keeps the root of resources, and them.
func (r *rooted) set(resources []Resource) {
	r.resources = resources
	root := Root(resources)
	r.made.Store(&root)
}

// Root returns the digest that names the model, over the names and the contents of its
// files (OpenSSF Model Signing 1.0: files, sha256), and these. It is made when first
// asked for, by one caller while others wait, each until its ctx is done; a caller who
// gives up leaves what was read to memory. memory is a folder in which digests are
// remembered by device, inode, size and times of their files; "": nowhere. It is
// created where it is missing, and nothing is lost where it cannot be written. The error wraps
// ErrLink, ErrEmpty, ErrChanged, ErrName, or is that of ctx or of the file system.
func (c *Checkpoint) Root(ctx context.Context, memory string) (Digest, []Resource, error) {
	r := &c.root
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Digest{}, nil, ctx.Err()
	}
	if r.made.Load() == nil {
		resources, err := c.digestAll(ctx, openMemory(memory))
		if err != nil {
			return Digest{}, nil, err
		}
		r.set(resources)
	}
	return *r.made.Load(), slices.Clone(r.resources), nil
}

// Know takes the digests of the model's files from who keeps them, as the store does:
// the root is made of them, and no file is read for it.
func (c *Checkpoint) Know(resources []Resource) {
	c.root.turn <- struct{}{}
	defer func() { <-c.root.turn }()
	c.root.set(slices.Clone(resources))
}

// Rooted returns the root if it has been made by now, and never waits.
func (c *Checkpoint) Rooted() (Digest, bool) {
	if d := c.root.made.Load(); d != nil {
		return *d, true
	}
	return Digest{}, false
}

// Reread returns the digest of what the files hold, by their contents or by memory,
// whatever Know said: the root, but that links to files count as these, as downloads have
// them. It works on the calling goroutine alone. The errors are those of Root, and wrap
// ErrChanged, too, where the files are not what Know said.
func (c *Checkpoint) Reread(ctx context.Context, memory string) (Digest, error) {
	r := &c.root
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Digest{}, ctx.Err()
	}
	if c.within {
		return reread(c.path, c.FS(), r.resources)
	}
	names, err := c.resourceNames(ctx, true)
	if err != nil {
		return Digest{}, err
	}
	m, buffer := openMemory(memory), make([]byte, readSize)
	defer m.save()
	resources := make([]Resource, len(names))
	for i, name := range names {
		d, err := c.digestFile(ctx, m, name, true, buffer)
		if err != nil {
			return Digest{}, err
		}
		resources[i] = Resource{filepath.ToSlash(name), d}
	}
	root := Root(resources)
	if said, ok := c.Rooted(); ok && said != root {
		return Digest{}, fmt.Errorf("%s: its files hold %s, want %s: %w", c.path, root, said, ErrChanged)
	}
	return root, nil
}

// Remembered is Reread without reading the files, and believes Know: false where a digest
// of one of them is not in memory, or is that of a file that changed since.
func (c *Checkpoint) Remembered(memory string) (Digest, bool) {
	if d, ok := c.Rooted(); ok || memory == "" {
		return d, ok
	}
	names, err := c.resourceNames(context.Background(), true)
	if err != nil {
		return Digest{}, false
	}
	known := openMemory(memory)
	resources := make([]Resource, len(names))
	for i, name := range names {
		d, ok := c.rememberedFile(known, name)
		if !ok {
			return Digest{}, false
		}
		resources[i] = Resource{filepath.ToSlash(name), d}
	}
	return Root(resources), true
}

// rememberedFile returns the digest of a file that is in memory, without opening it.
func (c *Checkpoint) rememberedFile(m *memory, name string) (Digest, bool) {
	path := filepath.Join(c.folder, name)
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return Digest{}, false
	}
	if old := c.stat(name); old != nil && !same(old, st) {
		return Digest{}, false
	}
	key, known := identityAt(path)
	d, ok := m.digests[key]
	return d, known && ok
}

// digestAll digests the model's files, several at a time.
func (c *Checkpoint) digestAll(ctx context.Context, m *memory) ([]Resource, error) {
	names, err := c.resourceNames(ctx, false)
	if err != nil {
		return nil, err
	}
	resources, err := digestNames(ctx, m, names, func(name string, buffer []byte) (Digest, error) {
		return c.digestFile(ctx, m, name, false, buffer)
	})
	if err != nil {
		return nil, err
	}
	if c.single() {
		resources[0].Name = "."
	}
	return resources, nil
}

// digestNames digests files, several at a time, and saves what was learned.
func digestNames(ctx context.Context, m *memory, names []string, digest func(name string, buffer []byte) (Digest, error)) ([]Resource, error) {
	resources := make([]Resource, len(names))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(names), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			buffer := make([]byte, readSize)
			for i := range next {
				d, err := digest(names[i], buffer)
				if err != nil {
					cancel(err)
					return
				}
				resources[i] = Resource{filepath.ToSlash(names[i]), d}
			}
		})
	}
feed:
	for i := range names {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	workers.Wait()
	m.save()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return resources, nil
}

// single says whether the model is one file, whatever lies beside it.
func (c *Checkpoint) single() bool { return c.alone && len(c.files.Weights) < 2 }

// resourceNames returns the names of the files that count, relative to the folder; with
// links to files where those are followed.
func (c *Checkpoint) resourceNames(ctx context.Context, follow bool) ([]string, error) {
	if !c.alone {
		return walk(ctx, c.folder, follow, nil)
	}
	if c.files.Kind == GGUF {
		return c.files.Weights, nil
	}
	return []string{filepath.Base(c.path)}, nil
}

// walk lists all files below a folder but those that are ignored, and what lies below them.
func walk(ctx context.Context, folder string, follow bool, ignored func(name string) bool) (names []string, err error) {
	err = filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		switch {
		case err != nil:
			return err
		case name == ".":
			if st, err := os.Stat(path); err != nil || !st.IsDir() {
				return cmpErr(err, fmt.Errorf("%s: %w", path, ErrLink))
			}
			return nil
		case slices.Contains(leftOut, name) && e.IsDir():
			return fs.SkipDir
		case ignored != nil && ignored(filepath.ToSlash(name)):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case slices.Contains(leftOut, name), e.IsDir():
			return nil
		case !e.Type().IsRegular() && !(follow && isFile(path)):
			return fmt.Errorf("%s: %w", path, ErrLink)
		case len(name) > maxName, !utf8.ValidString(name):
			return fmt.Errorf("%q: want UTF-8 of at most %d bytes: %w", path, maxName, ErrName)
		case len(names) == maxResources:
			return fmt.Errorf("%s: more than %d files: %w", folder, maxResources, ErrName)
		}
		names = append(names, name)
		return nil
	})
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: %w", folder, ErrEmpty)
	}
	return names, err
}

// isFile says whether a path, or what it links to, is a plain file.
func isFile(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular()
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// readSize is how much of a file is read at a time.
const readSize = 1 << 20

// digestFile returns the digest of a file, from memory where it is there; of what a link
// points to where it is followed.
func (c *Checkpoint) digestFile(ctx context.Context, m *memory, name string, follow bool, buffer []byte) (Digest, error) {
	return digestFile(ctx, m, filepath.Join(c.folder, name), c.stat(name), follow, buffer)
}

// digestFile returns the digest of the file at a path, which has to be the one that was
// seen as old, where that is not nil.
func digestFile(ctx context.Context, m *memory, path string, old fs.FileInfo, follow bool, buffer []byte) (Digest, error) {
	if st, err := os.Lstat(path); err != nil {
		return Digest{}, err
	} else if !st.Mode().IsRegular() && !(follow && isFile(path)) {
		return Digest{}, fmt.Errorf("%s: %w", path, ErrLink)
	}
	f, err := os.Open(path)
	if err != nil {
		return Digest{}, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return Digest{}, err
	}
	if old != nil && !same(old, before) {
		return Digest{}, fmt.Errorf("%s: %w", path, ErrChanged)
	}
	key, known := identity(f)
	if d, ok := m.digests[key]; known && ok {
		return d, nil
	}
	h := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return Digest{}, context.Cause(ctx)
		}
		n, err := f.Read(buffer)
		h.Write(buffer[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return Digest{}, err
		}
	}
	d := Digest(h.Sum(nil))
	after, err := f.Stat()
	if err != nil {
		return Digest{}, err
	}
	if !same(before, after) {
		return Digest{}, fmt.Errorf("%s: %w", path, ErrChanged)
	}
	if again, ok := identity(f); known && ok && again == key {
		m.learn(key, d)
	}
	return d, nil
}

// same says whether two looks at a file saw the same one, unchanged.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// stat returns what the system said of a file of the model when it was opened; nil
// where it was not.
func (c *Checkpoint) stat(name string) fs.FileInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats[name]
}
