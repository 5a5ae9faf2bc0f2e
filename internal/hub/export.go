package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/newfile"
)

// ErrExists says that a file is there that may not be written over.
var ErrExists = errors.New("exists already")

// Export writes the files of a stored model to path, for other programs: a model of one
// file to a file, or into a folder that is there, a model of several to a folder. They are
// reflinks or copies, never links: who writes into them changes nothing in the store. All
// bytes are compared with their digests on the way.
//
// Files are written beside their place and renamed, so that at path there is a whole model
// or what was there before. What is there is not written over without force, which is
// ErrExists; with force a file is, and of a folder the files of the same names. It returns
// what was written.
func (s *Store) Export(ctx context.Context, m *Model, path string, force bool, report func(Progress)) (string, error) {
	x := &export{store: s, model: m, force: force, meter: &meter{report: report}}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	st, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("export: %w", err)
	}
	if len(m.Files) == 1 {
		if err == nil && st.IsDir() {
			path = filepath.Join(path, m.Files[0].Name)
		}
		err = x.file(ctx, path)
	} else {
		err = x.folder(ctx, path, err == nil)
	}
	if err != nil {
		return "", fmt.Errorf("export %s: %w", m.Name.Short(), err)
	}
	return path, nil
}

// export is one export while it runs.
type export struct {
	store *Store
	model *Model
	force bool
	meter *meter
	done  int64
}

// file writes the one file of a model.
func (x *export) file(ctx context.Context, path string) error {
	if err := x.free(path); err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(path), temporaryName())
	defer os.Remove(temporary)
	if err := x.write(ctx, x.model.Files[0], temporary); err != nil {
		return err
	}
	return x.place(temporary, path)
}

// folder writes the files of a model into a folder, which is made whole beside its place
// where there is none yet.
func (x *export) folder(ctx context.Context, path string, there bool) error {
	if there {
		return x.into(ctx, path)
	}
	temporary := filepath.Join(filepath.Dir(path), temporaryName())
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return diskError(err)
	}
	defer os.RemoveAll(temporary)
	for _, f := range x.model.Files {
		if err := x.write(ctx, f, filepath.Join(temporary, f.Name)); err != nil {
			return err
		}
	}
	if err := x.free(path); err != nil { // somebody else's by now
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return diskError(err)
	}
	return newfile.SyncFolder(filepath.Dir(path))
}

// into writes the files of a model into a folder that is there: all beside their places
// first.
func (x *export) into(ctx context.Context, path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is a file, and the model is one of %d files, which want a folder: %w", path, len(x.model.Files), ErrExists)
	}
	for _, f := range x.model.Files {
		if err := x.free(filepath.Join(path, f.Name)); err != nil {
			return err
		}
	}
	temporary := filepath.Join(path, temporaryName())
	if err := os.Mkdir(temporary, 0o755); err != nil {
		return diskError(err)
	}
	defer os.RemoveAll(temporary)
	for _, f := range x.model.Files {
		if err := x.write(ctx, f, filepath.Join(temporary, f.Name)); err != nil {
			return err
		}
	}
	for _, f := range x.model.Files {
		if err := x.place(filepath.Join(temporary, f.Name), filepath.Join(path, f.Name)); err != nil {
			return err
		}
	}
	return nil
}

// free returns ErrExists where something is at path that may not be written over. What is
// no file, such as a folder, never may.
func (x *export) free(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().IsRegular() && x.force:
		return nil
	case st.Mode().IsRegular():
		return fmt.Errorf("%s: %w", path, ErrExists)
	}
	return fmt.Errorf("%s is no file: %w", path, ErrExists)
}

// place gives a whole file its name. Without force a file that came meanwhile stays: a link
// is never made over one.
func (x *export) place(temporary, path string) error {
	if err := x.free(path); err != nil {
		return err
	}
	if !x.force {
		err := os.Link(temporary, path)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, ErrExists)
		}
		if err == nil {
			if err := os.Remove(temporary); err != nil {
				return err
			}
			return newfile.SyncFolder(filepath.Dir(path))
		}
		// A file system without hard links: free has looked a moment ago.
	}
	if err := os.Rename(temporary, path); err != nil {
		return diskError(err)
	}
	return newfile.SyncFolder(filepath.Dir(path))
}

// write brings the bytes of a stored file to a new file at path, and compares them.
func (x *export) write(ctx context.Context, f File, path string) error {
	p := Progress{Stage: Copying, What: f.Name, Total: x.model.Size()}
	report := func(n int64) {
		p.Done = min(x.done+n, p.Total)
		x.meter.set(p)
	}
	if x.model.IsWithin() {
		err := x.store.writeWithin(ctx, f, path, report)
		x.done += f.Size
		return err
	}
	src, err := os.Open(x.store.blobPath(f.Digest))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: its bytes (%s) are gone from the store: %w", f.Name, f.Digest, ErrDigest)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	defer src.Close()
	var d Digest
	var n int64
	if x.store.disk.clone(path, src) == nil {
		d, n, err = x.store.digestClone(ctx, path, report)
	} else {
		d, n, err = x.store.copyFile(ctx, src, path, f.Size, report)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if d != f.Digest || n != f.Size {
		return fmt.Errorf("%s: the store has %d bytes with %s, want %d with %s: %w", f.Name, n, d, f.Size, f.Digest, ErrDigest)
	}
	x.done += n
	return os.Chmod(path, 0o644)
}
