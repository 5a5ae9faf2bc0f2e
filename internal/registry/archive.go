package registry

import (
	"archive/tar"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrTooLarge says that an archive unpacks to more than it may.
var ErrTooLarge = errors.New("unpacks to more than any model would")

const (
	maxMembers = 10_000
	// Weights hardly get smaller by packing; what shrinks to less than a
	// twentieth is no model, and no text beside one is larger than the floor.
	maxRatio    = 20
	unpackFloor = 16 << 20 // bytes
)

// UnpackLimit is how many bytes an archive of so many bytes may unpack to.
func UnpackLimit(packed int64) int64 {
	if packed > (1<<62)/maxRatio {
		return 1 << 62
	}
	return packed*maxRatio + unpackFloor
}

// Unpack reads a tar archive, packed with gzip if packed says so, and gives
// every file in it to take: its path, which is a plain relative one, its size
// in bytes and what is in it, all of which take has to read. Folders are passed
// over. Anything else, such as a link or a device, a path that leaves the
// archive, one that comes twice, a file that is cut short, and what goes beyond
// limit bytes are refused: ErrFormat, or ErrTooLarge, before take has been
// given the file. The other errors are those of r and of take.
func Unpack(r io.Reader, packed bool, limit int64, take func(path string, size int64, r io.Reader) error) error {
	if packed {
		z, err := gzip.NewReader(r)
		if err != nil {
			return fmt.Errorf("gzip: %w: %w", err, ErrFormat)
		}
		defer z.Close()
		r = z
	}
	// Headers are not counted against the limit by their files' sizes, so that
	// the whole stream is counted too.
	r = &limited{r: r, left: limit + limit/8 + 1<<20, limit: limit}
	archive := tar.NewReader(r)
	seen := make(map[string]bool)
	var total int64
	for n := 0; ; n++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return drain(r)
		}
		if err != nil {
			return archiveError(err)
		}
		if n == maxMembers {
			return fmt.Errorf("tar: more than %d members: %w", maxMembers, ErrFormat)
		}
		path, err := memberPath(h)
		if err != nil {
			return err
		}
		if path == "" {
			continue
		}
		if folded := strings.ToLower(path); seen[folded] {
			return fmt.Errorf("tar: %q comes twice: %w", clip(path), ErrFormat)
		} else {
			seen[folded] = true
		}
		if h.Size > limit-total {
			return fmt.Errorf("tar: %q has %d bytes, and %d are the most of this archive: %w", clip(path), h.Size, limit, ErrTooLarge)
		}
		total += h.Size
		if err := take(path, h.Size, &memberReader{archive, path}); err != nil {
			return err
		}
	}
}

// memberPath returns the path of a file, or nothing for a member that is to be
// passed over.
func memberPath(h *tar.Header) (string, error) {
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir:
		if _, err := PlainPath(strings.TrimSuffix(h.Name, "/")); err != nil && h.Name != "./" && h.Name != "." {
			return "", fmt.Errorf("tar: %w", err)
		}
		return "", nil
	case tar.TypeXGlobalHeader:
		return "", nil
	default:
		return "", fmt.Errorf("tar: %q is %s, want files and folders alone: %w", clip(h.Name), memberKind(h.Typeflag), ErrFormat)
	}
	path, err := PlainPath(strings.TrimPrefix(h.Name, "./"))
	if err != nil {
		return "", fmt.Errorf("tar: %w", err)
	}
	return path, nil
}

func memberKind(flag byte) string {
	switch flag {
	case tar.TypeSymlink:
		return "a symbolic link"
	case tar.TypeLink:
		return "a hard link"
	case tar.TypeChar, tar.TypeBlock:
		return "a device"
	case tar.TypeFifo:
		return "a pipe"
	case tar.TypeGNUSparse:
		return "a sparse file"
	}
	return fmt.Sprintf("of type %q", flag)
}

// PlainPath checks the path of a file inside an archive or a repository:
// relative, with "/" between its parts, none of them empty, "." or "..", without
// backslash, drive letter or control character. The error is ErrFormat.
func PlainPath(path string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("path %q: %s: %w", clip(path), why, ErrFormat)
	}
	if path == "" || len(path) > 1024 {
		return refuse("want 1 to 1024 bytes")
	}
	if strings.ContainsAny(path, `\:`) || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return refuse("holds a character that no plain path has")
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return refuse("leaves its folder, or is absolute")
		}
	}
	return path, nil
}

// memberReader turns the errors of a damaged archive into ErrFormat.
type memberReader struct {
	archive *tar.Reader
	path    string
}

func (r *memberReader) Read(p []byte) (int, error) {
	n, err := r.archive.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%q: %w", clip(r.path), archiveError(err))
	}
	return n, err
}

// archiveError tells what is wrong with an archive from what is wrong with
// reading it.
func archiveError(err error) error {
	var read *readError
	if errors.As(err, &read) || errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("tar: %w: %w", err, ErrFormat)
}

// readError is an error of the reader below the archive.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// limited ends a stream that is longer than it may be, and marks its errors:
// what gzip says of a damaged stream is one of the archive, all else is not.
type limited struct {
	r           io.Reader
	left, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes: %w", l.limit, ErrTooLarge)
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err == nil || err == io.EOF || isGzipError(err) {
		return n, err
	}
	return n, &readError{err}
}

func isGzipError(err error) bool {
	return errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(flate.CorruptInputError))
}

// drain reads what stands behind the end of an archive: the sum of a gzip
// stream is compared at its end. Tar pads with zeros; anything else is refused.
func drain(r io.Reader) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		for _, b := range buffer[:n] {
			if b != 0 {
				return fmt.Errorf("tar: bytes behind its end: %w", ErrFormat)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return archiveError(err)
		}
	}
}
