package quantize

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/ik"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/quant"
)

// ggufSource is a GGUF file, or all files of a split one.
type ggufSource struct {
	file    *gguf.File
	folder  string
	pairs   []gguf.KeyValue
	entries []gguf.Tensor
	tensors []Tensor
}

// FromGGUF returns a model of GGUF files, which lie in folder, as a Source that closes
// them. The error wraps ErrRefused.
func FromGGUF(f *gguf.File, folder string) (Source, error) {
	s := &ggufSource{file: f, folder: folder, entries: f.Tensors()}
	if kind, ok := f.String("general.type"); ok && kind == "imatrix" {
		return nil, fail(ErrRefused, "%s: is an importance matrix, want a model", message.Clean(f.Name()))
	}
	for _, kv := range f.KeyValues() {
		if !strings.HasPrefix(kv.Key, "split.") && kv.Key != keyFileType && kv.Key != keyVersion {
			s.pairs = append(s.pairs, kv)
		}
	}
	for _, e := range s.entries {
		t, form, ok := ik.DType(e.Type)
		if form != nil {
			return nil, fail(ErrRefused, "%s: tensor %s: type %s, whose rows are stored otherwise than GGML's: it is run, not quantized again", message.Clean(f.Name()), message.Clean(e.Name), e.Type)
		}
		if !ok { // Q8_1 and Q8_K are types of activations
			return nil, fail(ErrRefused, "%s: tensor %s: type %s, want one that weights have", message.Clean(f.Name()), message.Clean(e.Name), e.Type)
		}
		s.tensors = append(s.tensors, Tensor{Name: e.Name, Shape: e.Shape, Type: t, Stored: t, Part: e.Shard})
	}
	return s, nil
}

func (s *ggufSource) Name() string               { return s.file.Name() }
func (s *ggufSource) KeyValues() []gguf.KeyValue { return s.pairs }
func (s *ggufSource) Tensors() []Tensor          { return s.tensors }
func (s *ggufSource) Close() error               { return s.file.Close() }
func (s *ggufSource) Done(i int)                 { s.file.Release(s.entries[i]) }

func (s *ggufSource) Identity() string {
	var b strings.Builder
	for i, path := range s.Files() {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
		fmt.Fprintln(&b, describe(path, s.file.Stats()[i]))
	}
	return b.String()
}

func (s *ggufSource) Files() []string {
	var paths []string
	for _, name := range s.file.Parts() {
		paths = append(paths, filepath.Join(s.folder, name))
	}
	return paths
}

func (s *ggufSource) Rows(ctx context.Context, i, first int, dst []float32) error {
	return s.read(ctx, i, first, len(dst)/max(s.tensors[i].columns(), 1), func(b []byte) error {
		return quant.Decode(dst, s.tensors[i].Type, b)
	})
}

func (s *ggufSource) Bytes(ctx context.Context, i, first int, dst []byte) error {
	t := &s.tensors[i]
	row := t.Type.RowBytes(t.columns())
	return s.read(ctx, i, first, len(dst)/max(row, 1), func(b []byte) error {
		copy(dst, b)
		return nil
	})
}

// read runs use on the bytes of some rows, and lets their pages go: a tensor may be
// larger than the memory.
func (s *ggufSource) read(ctx context.Context, i, first, count int, use func(b []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := &s.tensors[i]
	row := int64(t.Type.RowBytes(t.columns()))
	piece := s.entries[i]
	end := piece.Offset + piece.Size
	piece.Offset += int64(first) * row
	piece.Size = int64(count) * row
	if piece.Offset+piece.Size > end {
		return fmt.Errorf("%s: tensor %s: rows %d to %d, there are %d", s.file.Name(), t.Name, first, first+count, t.rows())
	}
	ahead := piece
	ahead.Offset += piece.Size
	ahead.Size = min(ahead.Size, end-ahead.Offset)
	s.file.Prefetch(ahead)
	defer s.file.Release(piece)
	return s.file.Guard(func() error { return use(s.file.Bytes(piece)) })
}

// same says whether two paths name one file.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
