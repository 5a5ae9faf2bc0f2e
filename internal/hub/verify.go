package hub

import (
	"context"
	"errors"
	"fmt"
)

// Verify reads every byte of a stored model and compares with the digests. The
// error names each file that differs or is gone; it is ErrDigest or
// ErrNotFound.
func (s *Store) Verify(ctx context.Context, m *Model, report func(Progress)) error {
	return s.verify(ctx, m, &meter{report: report})
}

func (s *Store) verify(ctx context.Context, m *Model, meter *meter) error {
	var done int64
	var faults []error
	for i, f := range m.Files {
		p := Progress{Stage: Verifying, What: f.Name, Item: i + 1, Items: len(m.Files), Total: m.Size()}
		if _, err := s.check(f); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", m.Name, err))
			done += f.Size
			continue
		}
		d, n, err := digestFile(ctx, s.blobPath(f.Digest), func(n int64) {
			p.Done = done + min(n, f.Size)
			meter.set(p)
		})
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("verify %s: %w", m.Name, context.Cause(ctx))
		case err != nil:
			faults = append(faults, fmt.Errorf("%s: %s: %w", m.Name, f.Name, err))
		case d != f.Digest || n != f.Size:
			faults = append(faults, fmt.Errorf("%s: %s: the store has %d bytes with %s, want %d with %s; remove the model and pull it again: %w",
				m.Name, f.Name, n, d, f.Size, f.Digest, ErrDigest))
		}
		done += f.Size
	}
	return errors.Join(faults...)
}
