// Package golden reads the reference vectors that tests and the self-test
// compare with.
package golden

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// What a file may hold at most. Reference vectors are far smaller; a file that
// claims more is damaged or hostile.
const (
	maxMembers = 1 << 16
	maxMember  = 1 << 28 // bytes of one array
	maxTotal   = 1 << 28 // bytes of all arrays
)

var (
	// ErrFormat is a file that is not an archive of arrays, or is damaged.
	ErrFormat = errors.New("bad format")
	// ErrUnsupported is an array of a kind that is not read: big-endian,
	// column-major, structured.
	ErrUnsupported = errors.New("unsupported array")
	// ErrTooLarge is a file that claims more than the limits.
	ErrTooLarge = errors.New("too large")
	// ErrType is an array asked for as another type than its own.
	ErrType = errors.New("wrong type")
)

// LoadNPZ reads all arrays of a numpy .npz file, by their names without ".npy".
// See ReadNPZ.
func LoadNPZ(path string) (map[string]Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("golden: %w", err)
	}
	arrays, err := ReadNPZ(f, st.Size())
	if err != nil {
		return nil, fmt.Errorf("%w (file %s)", err, path)
	}
	return arrays, nil
}

// ReadNPZ reads all arrays of a numpy .npz archive of size bytes, by their names
// without ".npy": stored or deflated members with little-endian numbers or
// booleans in row-major order. The archive need not be trusted: sizes are
// bounded, and checked against each other.
// Errors: ErrFormat, ErrUnsupported, ErrTooLarge, and those of r.
func ReadNPZ(r io.ReaderAt, size int64) (map[string]Array, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("golden: npz: %w: %w", ErrFormat, err)
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("golden: npz: %w: %d members, limit %d", ErrTooLarge, len(z.File), maxMembers)
	}
	arrays := make(map[string]Array, len(z.File))
	left := int64(maxTotal)
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("golden: npz: %w: member %q does not end in .npy", ErrFormat, f.Name)
		}
		if _, twice := arrays[name]; twice {
			return nil, fmt.Errorf("golden: npz: %w: member %q occurs twice", ErrFormat, f.Name)
		}
		a, n, err := readMember(f, left)
		if err != nil {
			return nil, fmt.Errorf("golden: npz: member %q: %w", f.Name, err)
		}
		left -= n
		a.Name = name
		arrays[name] = a
	}
	return arrays, nil
}

// readMember unpacks one member of at most left bytes and returns its array and
// its size. The sizes that the archive states are not relied upon: memory grows
// with what is really there.
func readMember(f *zip.File, left int64) (Array, int64, error) {
	limit := min(left, maxMember)
	if f.UncompressedSize64 > uint64(limit) {
		return Array{}, 0, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, f.UncompressedSize64, limit)
	}
	r, err := f.Open()
	if err != nil {
		return Array{}, 0, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, limit+1)) // up to its end, where the checksum is compared
	switch {
	case err != nil:
		return Array{}, 0, fmt.Errorf("%w: %w", ErrFormat, err)
	case int64(len(raw)) > limit:
		return Array{}, 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	}
	a, err := parseNPY(raw)
	return a, int64(len(raw)), err
}
