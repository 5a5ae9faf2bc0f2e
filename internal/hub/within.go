package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/countdown"
)

// Errors about the model that the program carries.
var (
	// ErrReserved: another one was to have its name.
	ErrReserved = errors.New("the name is reserved for the model in the program")
	// ErrWithin: something was to be done that only a stored model has done to it.
	ErrWithin = errors.New("it is in the program, and not in the store")
)

// Within returns the model that the program carries, as the store would know it.
var Within = sync.OnceValues(func() (*Model, error) {
	files, err := checkpoint.Open(countdown.Path)
	if err != nil {
		return nil, err
	}
	m := &Model{Name: Name{countdown.Name, DefaultTag}, Origin: Origin{Source: countdown.Path}}
	if m.Facts, err = files.Describe(); err != nil {
		return nil, errors.Join(err, files.Close())
	}
	for name, sum := range countdown.Sums() {
		st, err := fs.Stat(countdown.Files(), name)
		if err != nil {
			return nil, errors.Join(err, files.Close())
		}
		role := companionRole(name)
		if strings.HasSuffix(name, ".safetensors") {
			role = RoleShard
		}
		m.Files = append(m.Files, File{Role: role, Name: name, Size: st.Size(), Digest: sum})
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return m, files.Close()
})

// IsWithin says whether the program carries the model: no store has it.
func (m *Model) IsWithin() bool { return m.Name.isReserved() && m.Origin.Source == countdown.Path }

// IsCalled says whether a MODEL is the name of m.
func (m *Model) IsCalled(text string) bool {
	n, err := ParseName(text)
	return err == nil && n.Key() == m.Name.Key()
}

// isReserved says whether a name is that of the model in the program, with whatever tag.
func (n Name) isReserved() bool { return strings.EqualFold(n.Path, countdown.Name) }

// ParseFree is ParseName of a name that a model is to be given: ErrReserved for that of the
// model in the program.
func ParseFree(text string) (Name, error) {
	n, err := ParseName(text)
	if err != nil {
		return Name{}, err
	}
	return n, n.checkFree()
}

func (n Name) checkFree() error {
	if n.isReserved() {
		return withHint(fmt.Errorf("%s: %w", n.Short(), ErrReserved), "any other name will do")
	}
	return nil
}

// checkWithin compares a file that the program carries with its digest.
func checkWithin(f File) error {
	b, err := fs.ReadFile(countdown.Files(), f.Name)
	if err != nil {
		return err
	}
	if d := Digest(sha256.Sum256(b)); d != f.Digest {
		return fmt.Errorf("%s: the program has %d bytes with %s, want %d with %s: %w", f.Name, len(b), d, f.Size, f.Digest, ErrDigest)
	}
	return nil
}

// writeWithin writes a file that the program carries to a new file at path.
func (s *Store) writeWithin(ctx context.Context, f File, path string, report func(int64)) error {
	src, err := countdown.Files().Open(f.Name)
	if err != nil {
		return err
	}
	defer src.Close()
	d, n, err := s.copyFile(ctx, src, path, f.Size, report)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if d != f.Digest || n != f.Size {
		return fmt.Errorf("%s: the program has %d bytes with %s, want %d with %s: %w", f.Name, n, d, f.Size, f.Digest, ErrDigest)
	}
	return os.Chmod(path, 0o644)
}
