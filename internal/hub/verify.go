package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// Verify reads every byte of a stored model and compares with the digests. The
// error names each file that differs or is gone; it is ErrDigest or
// ErrNotFound.
func (s *Store) Verify(ctx context.Context, m *Model, report func(Progress)) error {
	return s.verify(ctx, m, &meter{report: report})
}

func (s *Store) verify(ctx context.Context, m *Model, meter *meter) error {
	damaged, err := s.checkBytes(ctx, m, meter)
	if err != nil {
		return err
	}
	var faults []error
	for _, f := range m.Files {
		if err := damaged[f.Name]; err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", m.Name, err))
		}
	}
	return errors.Join(faults...)
}

// Check reads every byte of a stored model and returns what is wrong with which file, by
// the files' names; nothing where all is as it was stored. The error is that of ctx.
func (s *Store) Check(ctx context.Context, m *Model, report func(Progress)) (map[string]error, error) {
	return s.checkBytes(ctx, m, &meter{report: report})
}

func (s *Store) checkBytes(ctx context.Context, m *Model, meter *meter) (map[string]error, error) {
	damaged := make(map[string]error)
	var done int64
	for i, f := range m.Files {
		p := Progress{Stage: Verifying, What: f.Name, Item: i + 1, Items: len(m.Files), Total: m.Size()}
		err := s.checkFile(ctx, m, f, func(n int64) {
			p.Done = done + min(n, f.Size)
			meter.set(p)
		})
		if ctx.Err() != nil {
			return nil, fmt.Errorf("verify %s: %w", m.Name, context.Cause(ctx))
		}
		if err != nil {
			damaged[f.Name] = err
		}
		done += f.Size
	}
	return damaged, nil
}

// checkFile compares the bytes of a stored file of a model.
func (s *Store) checkFile(ctx context.Context, m *Model, f File, report func(int64)) error {
	if m.IsWithin() {
		return checkWithin(f)
	}
	if _, err := s.check(f); err != nil {
		return err
	}
	d, n, err := digestFile(ctx, s.blobPath(f.Digest), report)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: its bytes (%s) are gone from the store: %w", f.Name, f.Digest, ErrNotFound)
	case err != nil:
		return fmt.Errorf("%s: %w", f.Name, err)
	case d != f.Digest || n != f.Size:
		return fmt.Errorf("%s: the store has %d bytes with %s, want %d with %s; remove the model and pull it again: %w",
			f.Name, n, d, f.Size, f.Digest, ErrDigest)
	}
	return nil
}
