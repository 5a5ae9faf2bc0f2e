package oms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/signed"
)

// Comparison says how files are compared with a statement.
type Comparison struct {
	Ignored    []string // besides those of the statement; relative paths
	Signature  string   // a file that is no part of the model: the signature; "": it is elsewhere
	AllowExtra bool     // files that were not signed may be there
	// Unread, where not nil, says that a file that was signed and is missing is read by no
	// model: it is passed over.
	Unread func(name string, there []string) bool
	// Stored are the files of a model that the store has; nil: those at the path.
	Stored *checkpoint.Listing
	Memory string // a folder in which digests are remembered; "": nowhere
}

// Compared is what a comparison found where nothing was wrong.
type Compared struct {
	Files  int      // that are as they were signed
	Passed []string // that were signed, are missing, and are read by no model
}

// List lists the files of a model, ignored ones left out. The error is a Refusal, or that
// of the file system.
func List(ctx context.Context, at string, ignored []string, signature string) (*checkpoint.Listing, error) {
	for _, p := range ignored {
		if err := checkIgnored(p); err != nil {
			return nil, err
		}
	}
	own := relative(at, signature)
	l, err := checkpoint.List(ctx, at, false, func(name string) bool {
		return slices.Contains(ignored, name) || own != "" && name == own
	})
	return l, refusal(err)
}

// relative returns the name of a file below a folder; "" where it is elsewhere.
func relative(folder, file string) string {
	whole, err := os.Stat(folder)
	if file == "" || err != nil || !whole.IsDir() {
		return ""
	}
	file, err = filepath.Abs(file)
	for dir := filepath.Dir(file); err == nil; dir = filepath.Dir(dir) {
		if st, err := os.Stat(dir); err == nil && os.SameFile(st, whole) {
			name, _ := filepath.Rel(dir, file)
			return filepath.ToSlash(name)
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return ""
}

// refusal returns the error of a listing or of digests as a Refusal, where it is one.
func refusal(err error) error {
	switch {
	case errors.Is(err, checkpoint.ErrLink):
		return signed.Refuse(signed.Link, "%v", err)
	case errors.Is(err, checkpoint.ErrName):
		return signed.Refuse(signed.Path, "%v", err)
	case errors.Is(err, checkpoint.ErrEmpty):
		return signed.Refuse(signed.Missing, "%v", err)
	case errors.Is(err, checkpoint.ErrChanged):
		return signed.Refuse(signed.Digest, "%v", err)
	}
	return err
}

// Digest returns the files of a listing with their digests.
func Digest(ctx context.Context, l *checkpoint.Listing, memory string) ([]checkpoint.Resource, error) {
	files, err := l.Digest(ctx, memory)
	return files, refusal(err)
}

// Compare compares the model at a path with the statement: what is missing, then what is
// there too much, then what differs, the first by name.
func (s *Statement) Compare(ctx context.Context, at string, c Comparison) (*Compared, error) {
	l, err := c.list(ctx, at, s.Ignored)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, name := range l.Names {
		if _, err := os.Lstat(l.Path(name)); !errors.Is(err, fs.ErrNotExist) { // a part of a split may be
			there[name] = true
		}
	}
	resources, err := s.byFile(l)
	if err != nil {
		return nil, err
	}
	found := &Compared{}
	for _, name := range sortedNames(resources) {
		switch {
		case there[name]:
		case c.Unread != nil && c.Unread(name, l.Names):
			found.Passed = append(found.Passed, name)
		default:
			return nil, signed.Refuse(signed.Missing, "%s was signed and is not there", name)
		}
	}
	var names []string
	for _, name := range l.Names {
		if _, ok := resources[name]; ok {
			names = append(names, name)
			continue
		}
		if c.AllowExtra || s.shard > 0 && isEmpty(l.Path(name)) {
			continue
		}
		return nil, signed.Refuse(signed.Extra, "%s is there and was not signed", name)
	}
	found.Files = len(names)
	signedFiles := *l
	signedFiles.Names, signedFiles.Single = names, false
	if s.shard > 0 {
		return found, s.compareShards(ctx, &signedFiles, resources)
	}
	digests, err := Digest(ctx, &signedFiles, c.Memory)
	if err != nil {
		return nil, err
	}
	for _, d := range digests {
		if want := resources[d.Name][0].Digest; want != d.Digest {
			return nil, signed.Refuse(signed.Digest, "%s has the digest %s, signed was %x", d.Name, d.Digest, want)
		}
	}
	return found, nil
}

// CompareDigests compares files that were read already, under the names that they have in a
// folder, with the statement, as Compare does. What was signed by shards cannot be compared
// so, which is a Refusal with Algorithm.
func (s *Statement) CompareDigests(files []checkpoint.Resource, unread func(name string, there []string) bool) (*Compared, error) {
	if s.shard > 0 {
		return nil, signed.Refuse(signed.Algorithm, "the files were signed by shards, want sha256 of whole files")
	}
	digests, names := map[string]checkpoint.Digest{}, []string{}
	for _, f := range files {
		digests[f.Name] = f.Digest
		names = append(names, f.Name)
	}
	slices.Sort(names)
	resources, err := s.byFile(&checkpoint.Listing{Names: names, Single: len(names) == 1})
	if err != nil {
		return nil, err
	}
	found := &Compared{Files: len(names)}
	for _, name := range sortedNames(resources) {
		if _, ok := digests[name]; ok {
			continue
		}
		if unread == nil || !unread(name, names) {
			return nil, signed.Refuse(signed.Missing, "%s was signed and is not there", name)
		}
		found.Passed = append(found.Passed, name)
	}
	for _, name := range names {
		want, ok := resources[name]
		switch {
		case !ok:
			return nil, signed.Refuse(signed.Extra, "%s is there and was not signed", name)
		case want[0].Digest != digests[name]:
			return nil, signed.Refuse(signed.Digest, "%s has the digest %s, signed was %x", name, digests[name], want[0].Digest)
		}
	}
	return found, nil
}

// list returns the files that are compared, none of a folder without any.
func (c *Comparison) list(ctx context.Context, at string, ignored []string) (*checkpoint.Listing, error) {
	if c.Stored != nil {
		return c.Stored, nil
	}
	l, err := List(ctx, at, slices.Concat(ignored, c.Ignored), c.Signature)
	if signed.ReasonOf(err) == signed.Missing {
		return &checkpoint.Listing{}, nil
	}
	return l, err
}

// byFile returns the resources of each file. The one of a single file is named "." or as
// the file is, and not both.
func (s *Statement) byFile(l *checkpoint.Listing) (map[string][]Resource, error) {
	files := make(map[string][]Resource, len(s.Resources))
	whole := false // the file was called "."
	for _, r := range s.Resources {
		name := r.Name
		if l.Single && (name == "." || name == l.Names[0]) {
			if name = l.Names[0]; len(files[name]) > 0 && whole != (r.Name == ".") {
				return nil, signed.Refuse(signed.Form, "%s was signed twice, once as the file \".\"", name)
			}
			whole = r.Name == "."
		}
		files[name] = append(files[name], r)
	}
	return files, nil
}

func sortedNames(files map[string][]Resource) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func isEmpty(path string) bool {
	st, err := os.Lstat(path)
	return err == nil && st.Mode().IsRegular() && st.Size() == 0
}

// compareShards compares the shards of files.
func (s *Statement) compareShards(ctx context.Context, l *checkpoint.Listing, resources map[string][]Resource) error {
	for _, name := range l.Names {
		if err := compareFile(ctx, l.Path(name), name, resources[name]); err != nil {
			return err
		}
	}
	return nil
}

// compareFile compares the shards of a file, which checkRanges has found to be whole.
func compareFile(ctx context.Context, at, name string, shards []Resource) error {
	if st, err := os.Lstat(at); err != nil {
		return err
	} else if !st.Mode().IsRegular() {
		return signed.Refuse(signed.Link, "%s is a link or a device", name)
	}
	f, err := os.Open(at)
	if err != nil {
		return err
	}
	defer f.Close()
	slices.SortFunc(shards, func(a, b Resource) int { return cmp.Compare(a.start, b.start) })
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if last := shards[len(shards)-1]; st.Size() > last.end {
		return signed.Refuse(signed.Extra, "%s has %d bytes, signed were %d", name, st.Size(), last.end)
	}
	h := sha256.New()
	for _, r := range shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		h.Reset()
		n, err := io.Copy(h, io.NewSectionReader(f, r.start, r.end-r.start))
		if err != nil {
			return err
		}
		if n < r.end-r.start {
			return signed.Refuse(signed.Missing, "%s has %d bytes, signed were at least %d", name, st.Size(), r.end)
		}
		if [sha256.Size]byte(h.Sum(nil)) != r.Digest {
			return signed.Refuse(signed.Digest, "%s differs between bytes %d and %d", name, r.start, r.end)
		}
	}
	return nil
}
