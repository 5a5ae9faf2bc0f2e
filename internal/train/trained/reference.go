package trained

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/safetensors"
)

// Refer finds the log-probabilities of all answers before anything is learned: the weights
// are those that the run begins with, and its adapter adds nothing yet. They are computed
// once and kept in a file of the run; told is called before they are. The error of a file
// that was changed wraps course.ErrState.
func (m *Preference) Refer(ctx context.Context, path string, set *dataset.Set, p *course.Plan, told func()) error {
	parts := []*dataset.Samples{&set.Train, &set.Validation}
	key := m.Trainer.Identity([]byte(set.Key))
	m.reference = map[*dataset.Samples][]float64{}
	values, err := readReference(path, key, parts)
	if errors.Is(err, fs.ErrNotExist) {
		told()
		values, err = m.computeReference(ctx, parts, p)
		if err == nil {
			err = writeReference(path, key, values)
		}
	}
	if err != nil {
		return err
	}
	for i, part := range parts {
		m.reference[part] = values[i]
	}
	return nil
}

// computeReference computes the log-probabilities of all samples.
func (m *Preference) computeReference(ctx context.Context, parts []*dataset.Samples, p *course.Plan) (values [][]float64, err error) {
	for _, part := range parts {
		of := make([]float64, part.Len())
		packed := dataset.Pack(part, p.Length, 0, 0)
		for from := 0; from < len(packed.Rows); from += p.AtOnce {
			b := packed.Batch(from, min(from+p.AtOnce, len(packed.Rows)))
			sums, err := m.logp(ctx, b)
			if err != nil {
				return nil, err
			}
			for k, i := range b.Index {
				if v := sums[k]; v-v != 0 {
					at := part.Origin[i]
					return nil, fmt.Errorf("line %d of file %d of the examples: the log-probability of an answer is %g before anything is learned: %w", at.Line, at.File+1, v, course.ErrDoomed)
				}
				of[i] = sums[k]
			}
		}
		values = append(values, of)
	}
	return values, nil
}

// The names of the tensors of a file of references, in the order of a set's parts.
var referenceNames = []string{"train", "validation"}

// bytesOf returns numbers as they lie in a file.
func bytesOf(values []float64) []byte {
	b := make([]byte, 0, 8*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// referenceDigest is over the numbers of a file.
func referenceDigest(values [][]float64) string {
	h := sha256.New()
	for _, v := range values {
		fmt.Fprintf(h, "%d\n", len(v))
		h.Write(bytesOf(v))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeReference(path, key string, values [][]float64) error {
	w, err := safetensors.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := errors.Join(w.Put("key", key), w.Put("digest", referenceDigest(values))); err != nil {
		return err
	}
	for i, name := range referenceNames {
		if err := w.Declare(name, safetensors.F64, len(values[i])); err != nil {
			return err
		}
	}
	for i, name := range referenceNames {
		if err := w.WriteTensor(name, bytesOf(values[i])); err != nil {
			return err
		}
	}
	return w.Close()
}

// readReference reads the log-probabilities of the samples of parts.
func readReference(path, key string, parts []*dataset.Samples) (values [][]float64, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	wrong := func(what string) error {
		return fmt.Errorf("%s: %s: without the file it is computed again: %w", message.Clean(path), what, course.ErrState)
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, wrong(err.Error())
	}
	defer f.Close()
	if f.Metadata()["key"] != key {
		return nil, wrong("is of other examples or weights")
	}
	err = f.Guard(func() error {
		for i, name := range referenceNames {
			t, ok := f.Tensor(name)
			if !ok || t.DType != safetensors.F64 || len(t.Shape) != 1 || t.Shape[0] != parts[i].Len() {
				return wrong("tensor " + name + ": is missing, or has not a number for each sample")
			}
			b, err := f.Bytes(t)
			if err != nil {
				return err
			}
			of := make([]float64, t.Shape[0])
			for k := range of {
				of[k] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*k:]))
			}
			values = append(values, of)
		}
		return nil
	})
	if err == nil && f.Metadata()["digest"] != referenceDigest(values) {
		err = wrong("was changed")
	}
	return values, err
}
