package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/registry"
)

// untar writes the files of a layer that may belong to a model into a folder,
// each under the last part of its path, and returns their names. A layer that
// is packed with gzip says so. Files that no model needs are read over. What an
// archive of a model would not have is ErrFormat; see registry.Unpack.
func (s *Store) untar(ctx context.Context, archive, folder string, gzipped bool) (names []string, err error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	limit := registry.UnpackLimit(st.Size())
	err = registry.Unpack(f, gzipped, limit, func(member string, size int64, r io.Reader) error {
		name := path.Base(member)
		if !ofModel(name) {
			_, err := copyContext(ctx, io.Discard, r, nil)
			return err
		}
		if !PlainName(name) {
			return fmt.Errorf("file name %q is not plain: %w", clip(name), ErrFormat)
		}
		if err := s.disk.need(folder, size); err != nil {
			return err
		}
		names = append(names, name)
		return s.writeMember(ctx, filepath.Join(folder, name), r)
	})
	if errors.Is(err, registry.ErrFormat) || errors.Is(err, registry.ErrTooLarge) {
		err = fmt.Errorf("%w: %w", err, ErrFormat)
	}
	return names, err
}

// writeMember writes a new file and makes it last.
func (s *Store) writeMember(ctx context.Context, path string, r io.Reader) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("file name %q comes twice: %w", clip(filepath.Base(path)), ErrFormat)
	}
	if err != nil {
		return fmt.Errorf("store: %w", diskError(err))
	}
	_, err = copyContext(ctx, diskWriter{s.disk, file}, r, nil)
	if err == nil {
		err = diskError(file.Sync())
	}
	if closeErr := file.Close(); err == nil {
		err = diskError(closeErr)
	}
	return err
}

// ofModel reports whether a file of this name may belong to a model: weights,
// configuration, tokenizer, template or license. Names with a dot in front are
// marks that file systems leave.
func ofModel(name string) bool {
	low := strings.ToLower(name)
	if strings.HasPrefix(low, ".") {
		return false
	}
	for _, suffix := range []string{".gguf", ".safetensors", ".json", ".model", ".jinja", ".tiktoken"} {
		if strings.HasSuffix(low, suffix) {
			return true
		}
	}
	return low == "merges.txt" || low == "vocab.txt" || strings.HasPrefix(low, "license")
}
