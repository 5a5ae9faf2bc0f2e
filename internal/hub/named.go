package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// PullAs is Pull that stores the model under a name of the caller's: a name of a
// catalogue, or one that a stored model has already. The name moves to what the source has,
// and the files that nothing needs any more go; who has mapped them keeps them. What an
// unfinished pull left is that of Pull, so that both go on with it.
//
// Pulls as one name wait for each other. If the model that another one stored meanwhile is
// of the same source, it is returned.
func (s *Store) PullAs(ctx context.Context, src Source, as string, report func(Progress)) (*Model, error) {
	name, err := ParseFree(as)
	if err != nil {
		return nil, err
	}
	if s.Offline && src.Remote() {
		return nil, fmt.Errorf("pull %s: %w", src, ErrOffline)
	}
	start, waited := time.Now(), false
	held, err := acquire(ctx, s.namedLockPath(name), func() {
		waited = true
		if report != nil {
			report(Progress{Stage: Waiting, What: name.Short()})
		}
	})
	if err != nil {
		return nil, err
	}
	defer held.release()
	if waited {
		if m, err := s.load(name.Key()); err == nil && m.PulledAt.After(start) && m.Origin.Source == src.String() {
			return m, nil
		}
	}
	before, err := s.names()
	if err != nil {
		return nil, err
	}
	m, err := s.Pull(ctx, src, report)
	if err != nil || m.Name.Key() == name.Key() {
		return m, err
	}
	return s.rename(ctx, m.Name, name, before[m.Name.Key()])
}

// namedLockPath is the lock of those who pull as a name; the name's own is that of a pull.
func (s *Store) namedLockPath(name Name) string {
	return filepath.Join(s.dir, "locks", "as-"+name.Key().Hex())
}

// names returns the keys of all stored models.
func (s *Store) names() (map[Digest]bool, error) {
	models, err := s.List()
	if err != nil && len(models) == 0 {
		return nil, err
	}
	keys := make(map[Digest]bool, len(models))
	for _, m := range models {
		keys[m.Name.Key()] = true
	}
	return keys, nil
}

// rename gives the model of one name another one, which the other loses; a model that had
// that name loses it. With keep, the first name stays, too.
func (s *Store) rename(ctx context.Context, from, to Name, keep bool) (*Model, error) {
	held, err := s.lockCommits(ctx)
	if err != nil {
		return nil, err
	}
	defer held.release()
	m, err := s.load(from.Key())
	if err != nil {
		return nil, err
	}
	second := *m
	second.Name = to
	if former, err := s.load(to.Key()); err == nil {
		second.Variant = former.Variant // a name's own settings outlive its files
	}
	if err := s.writeManifest(&second); err != nil {
		return nil, err
	}
	if !keep {
		if err := s.removeManifest(from); err != nil {
			return nil, err
		}
	}
	s.sweep() // the files of the former model; a sweep that cannot be done is done by the next
	return &second, nil
}

// Update pulls a stored model anew from where it came, and its name moves to what is there.
// The error is ErrUnsupported for one that was imported.
func (s *Store) Update(ctx context.Context, m *Model, report func(Progress)) (*Model, error) {
	if m.IsWithin() {
		return nil, fmt.Errorf("pull %s: %w", m.Name.Short(), ErrWithin)
	}
	origin, err := ParseSource(m.Origin.Source)
	if err != nil || !origin.Remote() {
		return nil, fmt.Errorf("pull %s: it was imported from %s; there is no source to pull from: %w", m.Name.Short(), m.Origin.Source, ErrUnsupported)
	}
	return s.PullAs(ctx, origin, m.Name.String(), report)
}

// Known returns the stored model of a source under a name: the name's own if it came from
// there, else a further name of the one that did, which costs no bytes. ErrNotFound if no
// stored model came from the source.
func (s *Store) Known(ctx context.Context, src Source, as string) (*Model, error) {
	name, err := ParseFree(as)
	if err != nil {
		return nil, err
	}
	if m, err := s.load(name.Key()); err == nil {
		return m, nil
	}
	m, err := s.Find(src)
	if err != nil {
		return nil, err
	}
	m, err = s.Copy(ctx, m.Name.String(), name.String())
	if errors.Is(err, ErrNotFound) { // removed since
		return nil, &NotFoundError{Name: name.Short()}
	}
	return m, err
}
