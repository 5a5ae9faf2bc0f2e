package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// uploadLife is how long a file that was sent here waits for its model.
const uploadLife = 24 * time.Hour

// uploadStep is how many bytes come between two looks at the room on the disk.
const uploadStep = 64 << 20

func (s *Store) uploadPath(d Digest) string {
	return filepath.Join(s.dir, "uploads", d.Hex())
}

// Uploaded reports whether the store has the bytes of a digest: those of a model, or of a
// file that waits for one.
func (s *Store) Uploaded(d Digest) bool {
	_, err := s.uploaded(d)
	return err == nil
}

// uploaded returns where the bytes of a digest lie.
func (s *Store) uploaded(d Digest) (string, error) {
	for _, path := range []string{s.uploadPath(d), s.blobPath(d)} {
		if there, err := exists(path); err == nil && there {
			return path, nil
		}
	}
	return "", fmt.Errorf("file %s: it was not sent here: %w", d, ErrNotFound)
}

// Upload takes a file for a model that Assemble makes of it. It is read to its end, and
// kept for a day where its bytes are those of the digest. size is how long it says it is,
// negative where it does not. The error wraps ErrDigest, ErrNoSpace, or is that of r or
// ctx.
func (s *Store) Upload(ctx context.Context, d Digest, r io.Reader, size int64) (err error) {
	folder := filepath.Dir(s.uploadPath(d))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	s.sweepUploads()
	if err := s.disk.need(folder, max(size, 0)); err != nil {
		return err
	}
	temporary := filepath.Join(folder, temporaryName())
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	defer func() {
		if err != nil {
			os.Remove(temporary)
		}
	}()
	h := sha256.New()
	out := io.MultiWriter(h, diskWriter{s.disk, f})
	_, err = copyContext(ctx, out, &roomReader{r: r, disk: s.disk, folder: folder}, nil)
	if err == nil && Digest(h.Sum(nil)) != d {
		err = fmt.Errorf("the bytes that came have the digest %s, want %s: %w", Digest(h.Sum(nil)), d, ErrDigest)
	}
	if err == nil {
		err = diskError(f.Sync())
	}
	if closeErr := f.Close(); err == nil {
		err = diskError(closeErr)
	}
	if err == nil {
		err = os.Rename(temporary, s.uploadPath(d))
	}
	return err
}

// roomReader looks again and again whether there is room for what it reads.
type roomReader struct {
	r      io.Reader
	disk   disk
	folder string
	left   int64
}

func (r *roomReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		if err := r.disk.need(r.folder, uploadStep); err != nil {
			return 0, err
		}
		r.left = uploadStep
	}
	n, err := r.r.Read(p)
	r.left -= int64(n)
	return n, err
}

// sweepUploads removes files that no model was made of. What cannot be removed stays for
// the next time.
func (s *Store) sweepUploads() {
	folder := filepath.Join(s.dir, "uploads")
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		st, err := e.Info()
		if err == nil && (isTemporary(e.Name()) || isKey(e.Name())) && time.Since(st.ModTime()) > uploadLife {
			_ = os.RemoveAll(filepath.Join(folder, e.Name()))
		}
	}
}

// Assemble stores a model under a name: the files that were sent here under the digests,
// each under its own plain name, and a variant. The error is that of Import, and
// ErrNotFound for a digest that was not sent, ErrSyntax for a name of a file.
func (s *Store) Assemble(ctx context.Context, name string, files map[string]Digest, v Variant, report func(Progress)) (*Model, error) {
	as, err := ParseFree(name)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(v.check(), v.checkTemplate()); err != nil {
		return nil, fmt.Errorf("%s: %w", as, err)
	}
	if len(files) == 0 || len(files) > maxFiles {
		return nil, fmt.Errorf("%s: %d files, want 1 to %d: %w", as, len(files), maxFiles, ErrSyntax)
	}
	folder := filepath.Join(s.dir, "uploads", temporaryName())
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("store: %w", diskError(err))
	}
	defer os.RemoveAll(folder)
	var used []Digest
	for file, d := range files {
		if !PlainName(file) {
			return nil, fmt.Errorf("%s: file name %q is not plain: %w", as, clip(file), ErrSyntax)
		}
		if err := s.lay(ctx, d, filepath.Join(folder, file)); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", as, file, err)
		}
		used = append(used, d)
	}
	dir, members, format, err := membersAt(folder)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", as, err)
	}
	facts, err := readFacts(dir, members, format)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", as, err)
	}
	m := &Model{Name: as, Origin: Origin{Source: uploadSource}, Facts: facts, PulledAt: time.Now().UTC()}
	if !v.IsZero() {
		m.Variant = &v
	}
	if err := s.take(ctx, m, dir, members, nil, report); err != nil {
		return nil, err
	}
	for _, d := range used { // they are blobs now
		_ = os.Remove(s.uploadPath(d))
	}
	return m, nil
}

// uploadSource is where a model came from that was sent here.
const uploadSource = "sent to the server"

// lay puts the bytes of a digest at path, shared where the file system can.
func (s *Store) lay(ctx context.Context, d Digest, path string) error {
	from, err := s.uploaded(d)
	if err != nil {
		return err
	}
	src, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer src.Close()
	if s.disk.clone(path, src) == nil || s.disk.link(from, path) == nil {
		return nil
	}
	st, err := src.Stat()
	if err != nil {
		return err
	}
	if _, _, err := s.copyFile(ctx, src, path, st.Size(), nil); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
