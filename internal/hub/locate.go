package hub

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/blitz-r1/blitz/internal/countdown"
)

// Location is what a MODEL was found to be.
type Location struct {
	Path  string // what to open: a file or a folder
	Model *Model // the stored model; nil for a path of the user's
}

// Locate finds a MODEL as the command line knows them: a path, a stored name,
// or a source, whose model is pulled if the store does not have it. A bare
// word is a stored name first and then a path; with a slash or an ending such
// as .gguf it is a path first. If the store is offline, nothing is pulled and
// the error is ErrOffline. The other errors are those of Pull, Get and Path.
func (s *Store) Locate(ctx context.Context, text string, report func(Progress)) (Location, error) {
	src, err := ParseSource(text)
	if err != nil {
		return Location{}, err
	}
	if src.Remote() {
		m, err := s.Find(src)
		if errors.Is(err, ErrNotFound) {
			m, err = s.Pull(ctx, src, report)
		}
		return s.located(m, err)
	}
	if text == countdown.Path {
		return s.located(Within())
	}
	_, statErr := os.Stat(text)
	if src.Kind == KindPath {
		if statErr == nil || errors.Is(statErr, fs.ErrPermission) {
			return Location{Path: text}, nil // what it cannot be opened for, opening says best
		}
		m, err := s.Get(text)
		if errors.Is(err, ErrSyntax) || errors.Is(err, ErrNotFound) {
			return Location{}, &NotFoundError{Name: text, Path: true}
		}
		return s.located(m, err)
	}
	m, err := s.Get(text)
	if err != nil && statErr == nil {
		return Location{Path: text}, nil
	}
	if errors.Is(err, ErrSyntax) { // no name the store could have
		err = &NotFoundError{Name: text}
	}
	return s.located(m, err)
}

func (s *Store) located(m *Model, err error) (Location, error) {
	if err != nil {
		return Location{}, err
	}
	path, err := s.Path(m)
	return Location{Path: path, Model: m}, err
}
