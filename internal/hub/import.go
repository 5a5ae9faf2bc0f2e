package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// Import takes a model that lies on the disk into the store under a name: a
// GGUF (the first of a split one brings the others), a folder with safetensors
// and their config.json, a folder or file of a tokenizer alone. The files are
// shared with the originals where the file system can (reflink, else hard
// link: see the package's remarks), else copied. What is no model is
// ErrFormat. A model that had this name loses it.
func (s *Store) Import(ctx context.Context, path, name string, report func(Progress)) (*Model, error) {
	as, err := ParseFree(name)
	if err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	dir, members, format, err := membersAt(absolute)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &NotFoundError{Name: path, Path: true}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	facts, err := readFacts(dir, members, format)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &Model{Name: as, Origin: Origin{Source: absolute}, Facts: facts, PulledAt: time.Now().UTC()}
	var signature []byte
	if s.Voucher != nil {
		if signature, err = signatureBeside(absolute); err != nil {
			return nil, err
		}
		if err := s.Voucher.Admits(signature != nil); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := s.take(ctx, m, dir, members, signature, report); err != nil {
		return nil, err
	}
	return m, nil
}

// take brings the members of a model from a folder into the store, and completes m.
func (s *Store) take(ctx context.Context, m *Model, dir string, members []member, signature []byte, report func(Progress)) error {
	as := m.Name
	meter := &meter{report: report}
	held, err := acquire(ctx, s.lockPath(as), func() { meter.set(Progress{Stage: Waiting, What: as.Short()}) })
	if err != nil {
		return err
	}
	defer held.release()
	staging := filepath.Join(s.stagingPath(as), "import")
	defer func() {
		os.RemoveAll(staging)
		os.Remove(s.stagingPath(as)) // unless a pull of that name waits there for its next try
	}()
	files, err := s.stage(ctx, dir, members, staging, meter)
	if err != nil {
		return err
	}
	meter.set(Progress{Stage: Storing, What: as.Short()})
	return s.commit(ctx, m, files, signature)
}

// membersAt returns the folder and the files of the model that path names.
func membersAt(path string) (dir string, members []member, format string, err error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", nil, "", err
	}
	if st.IsDir() {
		names, err := regularFiles(path)
		if err != nil {
			return "", nil, "", err
		}
		modules := moduleFiles(path)
		members, format, err = selectFiles(slices.AppendSeq(names, maps.Keys(modules)))
		for i := range members {
			members[i].from = modules[members[i].name]
		}
		return path, members, format, err
	}
	if !st.Mode().IsRegular() {
		return "", nil, "", fmt.Errorf("neither a file nor a folder: %w", ErrFormat)
	}
	dir, base := filepath.Split(path)
	if low := strings.ToLower(base); strings.HasSuffix(low, ".safetensors") || strings.HasSuffix(low, ".safetensors.index.json") || low == "config.json" {
		return membersAt(filepath.Clean(dir)) // a model of several files is its folder
	}
	names := []string{base}
	if m := checkpoint.SplitName.FindStringSubmatch(base); m != nil {
		if names, err = splitFiles(dir, m); err != nil {
			return "", nil, "", err
		}
	}
	members, format, err = selectFiles(names)
	return dir, members, format, err
}

// moduleFiles returns the files of sentence-transformers' modules, which have folders of their
// own: their paths, by their names in a snapshot.
func moduleFiles(dir string) map[string]string {
	found := map[string]string{}
	folders, _ := os.ReadDir(dir) // what cannot be read, says who opens the model
	for _, f := range folders {
		for _, name := range []string{"config.json", "model.safetensors"} {
			file := f.Name() + "/" + name
			if flat, ok := checkpoint.ModuleFile(file); ok {
				if st, err := os.Stat(filepath.Join(dir, file)); err == nil && st.Mode().IsRegular() {
					found[flat] = file
				}
			}
		}
	}
	return found
}

// splitFiles returns the names in dir that belong to the split that m names.
func splitFiles(dir string, m []string) (names []string, err error) {
	all, err := regularFiles(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		if o := checkpoint.SplitName.FindStringSubmatch(name); o != nil && o[1] == m[1] && o[3] == m[3] {
			names = append(names, name)
		}
	}
	return names, nil
}

// regularFiles lists the files of a folder, also those behind symbolic links,
// as downloads keep them.
func regularFiles(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			st, err := os.Stat(filepath.Join(dir, e.Name()))
			if err != nil {
				continue // a link to nothing is no file
			}
			mode = st.Mode()
		}
		if mode.IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// stage brings the members of a model from a user's folder to staging.
func (s *Store) stage(ctx context.Context, dir string, members []member, staging string, meter *meter) ([]staged, error) {
	if err := os.RemoveAll(staging); err != nil { // the rest of a crash
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := os.MkdirAll(staging, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", diskError(err))
	}
	var total, done int64
	for _, m := range members {
		st, err := os.Stat(filepath.Join(dir, m.path()))
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		total += st.Size()
	}
	var files []staged
	for i, m := range members {
		p := Progress{Stage: Copying, What: m.name, Item: i + 1, Items: len(members), Total: total}
		f, err := s.bring(ctx, filepath.Join(dir, m.path()), filepath.Join(staging, strconv.Itoa(i)), func(n int64) {
			p.Done = min(done+n, total)
			meter.set(p)
		})
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", m.name, err)
		}
		f.Role, f.Name = m.role, m.name
		files = append(files, f)
		done += f.Size
	}
	return files, nil
}

// bring makes staged a file with the bytes of source: a reflink, a hard link
// or a copy, whichever the file system can, and digests it.
func (s *Store) bring(ctx context.Context, source, path string, report func(int64)) (staged, error) {
	real, err := filepath.EvalSymlinks(source)
	if err != nil {
		return staged{}, err
	}
	src, err := os.Open(real)
	if err != nil {
		return staged{}, err
	}
	defer src.Close()
	before, err := src.Stat()
	if err != nil {
		return staged{}, err
	}
	if !before.Mode().IsRegular() {
		return staged{}, fmt.Errorf("not a file: %w", ErrFormat)
	}
	f := staged{path: path}
	if s.disk.clone(path, src) == nil {
		f.Digest, f.Size, err = s.digestClone(ctx, path, report)
		return f, err
	}
	if s.linkSame(real, path, before) {
		f.Digest, f.Size, err = digestFile(ctx, path, report)
		f.link = &hardLink{Path: real, Size: before.Size(), ModTime: before.ModTime()}
	} else {
		f.Digest, f.Size, err = s.copyFile(ctx, src, path, before.Size(), report)
	}
	if err != nil {
		return staged{}, err
	}
	if after, err := src.Stat(); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) || f.Size != before.Size() {
		return staged{}, errors.New("the file was written to while it was read")
	}
	return f, nil
}

// digestClone digests a reflink and makes it last.
func (s *Store) digestClone(ctx context.Context, path string, report func(int64)) (Digest, int64, error) {
	d, n, err := digestFile(ctx, path, report)
	if err != nil {
		return d, n, err
	}
	f, err := os.Open(path)
	if err != nil {
		return d, n, err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return d, n, diskError(err)
}

// linkSame makes path a hard link to the file that st describes, and reports
// whether it did. A file that everybody may write to is not linked.
func (s *Store) linkSame(real, path string, st fs.FileInfo) bool {
	if st.Mode().Perm()&0o002 != 0 || s.disk.link(real, path) != nil {
		return false
	}
	linked, err := os.Lstat(path)
	if err != nil || !os.SameFile(st, linked) {
		os.Remove(path)
		return false
	}
	return true
}

// copyFile copies src to a new file, digests what it writes and makes it last.
func (s *Store) copyFile(ctx context.Context, src io.Reader, path string, size int64, report func(int64)) (Digest, int64, error) {
	if err := s.disk.need(filepath.Dir(path), size); err != nil {
		return Digest{}, 0, err
	}
	dst, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return Digest{}, 0, diskError(err)
	}
	h := sha256.New()
	n, err := copyContext(ctx, io.MultiWriter(h, diskWriter{s.disk, dst}), src, report)
	if err == nil {
		err = dst.Sync()
	}
	if closeErr := dst.Close(); err == nil {
		err = closeErr
	}
	return Digest(h.Sum(nil)), n, diskError(err)
}
