package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Frees returns how many bytes Remove of a name would set free, and the other names that
// need files of this one, in the order of their names.
func (s *Store) Frees(text string) (bytes int64, shared []string, err error) {
	m, err := s.Get(text)
	if err != nil {
		return 0, nil, err
	}
	models, err := s.List()
	if err != nil { // then Remove leaves all files
		return 0, nil, err
	}
	users := map[Digest][]string{}
	for _, other := range models {
		if other.Name.Key() == m.Name.Key() {
			continue
		}
		for _, f := range other.Files {
			users[f.Digest] = append(users[f.Digest], other.Name.Short())
		}
	}
	seen := map[Digest]bool{}
	for _, f := range m.Files {
		switch {
		case seen[f.Digest]:
		case users[f.Digest] != nil:
			shared = append(shared, users[f.Digest]...)
		default:
			bytes += s.ownBytes(f.Digest)
		}
		seen[f.Digest] = true
	}
	slices.Sort(shared)
	return bytes + s.stagedBytes(s.stagingPath(m.Name)), slices.Compact(shared), nil
}

// ownBytes returns the bytes of a blob that nobody else has: a hard link to a user's file
// has none.
func (s *Store) ownBytes(d Digest) int64 {
	path := s.blobPath(d)
	if _, err := os.Lstat(path + linkSuffix); err == nil {
		return 0
	}
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return st.Size()
}

// stagedBytes returns the bytes of what an unfinished pull left in a folder, and in those of
// its parts.
func (s *Store) stagedBytes(path string) int64 {
	n := folderSize(path)
	for _, key := range partsOf(path) {
		n += folderSize(filepath.Join(s.dir, "staging", key))
	}
	return n
}

// stagedName returns the name under which what came of a source waits.
func stagedName(src Source) (Name, error) {
	switch src.Kind {
	case KindPip:
		return pipName(src), nil
	case KindHuggingFace:
		return huggingFaceName(src)
	case KindOllama:
		return ollamaName(src), nil
	case KindOCI:
		return ociName(src), nil
	case KindModelScope:
		return modelScopeName(src), nil
	case KindHTTPS:
		return httpsName(src)
	}
	return Name{}, fmt.Errorf("source %q is fetched from nowhere: %w", clip(src.String()), ErrSyntax)
}

// Discard removes what an unfinished pull of a source left. It waits for one that ends
// until ctx does; one that goes on keeps what it has, and that is no error.
func (s *Store) Discard(ctx context.Context, src Source) error {
	name, err := stagedName(src)
	if err != nil {
		return err
	}
	for {
		if there, err := exists(s.stagingPath(name)); err != nil || !there {
			return err
		}
		dropped, err := s.tryDiscard(ctx, name)
		if err != nil || dropped {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Store) tryDiscard(ctx context.Context, name Name) (dropped bool, err error) {
	held, err := s.lockCommits(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return true, nil
		}
		return false, err
	}
	defer held.release()
	_, dropped, err = s.dropStaging(name)
	if errors.Is(err, fs.ErrNotExist) { // it ended meanwhile
		return true, nil
	}
	return dropped, err
}
