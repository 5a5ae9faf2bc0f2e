package merge

import (
	"context"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// source is a model with an adapter added, as a Source of quantize.
type source struct {
	quantize.Source
	merge  *model.Merge
	digest adapter.Digest
}

// Source shows a model of GGUF files with an adapter added. Closing it closes src. The
// error wraps quantize.ErrRefused where a tensor cannot be added to.
func Source(src quantize.Source, x *model.Merge, digest adapter.Digest) (quantize.Source, error) {
	tensors := src.Tensors()
	names := map[string]bool{}
	for i := range tensors {
		names[tensors[i].Name] = true
	}
	for i := range tensors {
		t := &tensors[i]
		if stem, ok := strings.CutSuffix(t.Name, "weight"); ok && x.Has(t.Name) && t.Stored == tensor.NVFP4 && names[stem+"scale"] {
			return nil, fmt.Errorf("merge: %s: tensor %s: is NVFP4 with a factor in a tensor of its own, which nothing is added to: %w", message.Clean(src.Name()), message.Clean(t.Name), quantize.ErrRefused)
		}
	}
	return &source{src, x, digest}, nil
}

// Identity is that of the model's files, and what is added.
func (s *source) Identity() string {
	return s.Source.Identity() + "adapter " + s.digest.String() + "\n"
}

// Rows writes rows with what is added to them.
func (s *source) Rows(ctx context.Context, i, first int, dst []float32) error {
	if err := s.Source.Rows(ctx, i, first, dst); err != nil {
		return err
	}
	if t := &s.Tensors()[i]; s.merge.Has(t.Name) {
		s.merge.Add(t.Name, first, dst, t.Shape[len(t.Shape)-1])
	}
	return nil
}

// Bytes encodes rows that are added to anew; others are copied.
func (s *source) Bytes(ctx context.Context, i, first int, dst []byte) error {
	t := &s.Tensors()[i]
	if !s.merge.Has(t.Name) {
		return s.Source.Bytes(ctx, i, first, dst)
	}
	cols := t.Shape[len(t.Shape)-1]
	size := t.Type.RowBytes(cols)
	rows := make([]float32, len(dst)/size*cols)
	if err := s.Rows(ctx, i, first, rows); err != nil {
		return err
	}
	for r := range len(dst) / size {
		if err := encode(dst[r*size:(r+1)*size], t.Type, rows[r*cols:(r+1)*cols]); err != nil {
			return fmt.Errorf("merge: %s: tensor %s: row %d, %w: %w", message.Clean(s.Name()), message.Clean(t.Name), first+r, err, quantize.ErrRefused)
		}
	}
	return nil
}

// encode writes a merged row as a type, which has to have all of its numbers.
func encode(dst []byte, t tensor.DType, row []float32) error {
	for i, v := range row {
		if !quant.IsFinite(v) {
			return fmt.Errorf("column %d becomes %v, want numbers", i, v)
		}
	}
	if err := quant.Encode(dst, t, row); err != nil {
		return err
	}
	if i := quant.NotFinite(t, dst); i >= 0 {
		return fmt.Errorf("column %d becomes %v, which is no number of type %s", i, row[min(i, len(row)-1)], t)
	}
	return nil
}

// CheckKept refuses types that a merged tensor cannot be encoded in again, for a model
// whose tensors keep their types.
func CheckKept(src quantize.Source, x *model.Merge) error {
	for _, t := range src.Tensors() {
		if x.Has(t.Name) && !quant.Encodes(t.Type) && t.Type != tensor.F32 && t.Type != tensor.F16 && t.Type != tensor.BF16 {
			return fmt.Errorf("merge: %s: tensor %s: type %s can be read and not be written, want --type: %w", message.Clean(src.Name()), message.Clean(t.Name), t.Type, quantize.ErrRefused)
		}
	}
	return nil
}
