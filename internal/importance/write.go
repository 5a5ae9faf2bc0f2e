package importance

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Write writes the matrix at path, sorted by name: in the older form where the name ends
// in .dat, else as GGUF. The file is there whole or not at all.
func (m *Matrix) Write(path string) error {
	for i := range m.Entries {
		if e := &m.Entries[i]; len(e.Counts) == 0 || len(e.Sums) == 0 || len(e.Sums)%len(e.Counts) != 0 {
			return fmt.Errorf("importance matrix %s: %s: %d sums and %d counts, want a count for each expert", filepath.Base(path), e.Name, len(e.Sums), len(e.Counts))
		}
	}
	slices.SortFunc(m.Entries, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	if strings.EqualFold(filepath.Ext(path), ".dat") {
		return m.writeDat(path)
	}
	return m.writeGGUF(path)
}

func (m *Matrix) writeGGUF(path string) error {
	w, err := gguf.Create(path)
	if err != nil {
		return err
	}
	defer w.Abort()
	// The Writer keeps the first error, and Close returns it.
	_ = w.Put("general.type", gguf.ValueOf("imatrix"))
	_ = w.Put("imatrix.datasets", gguf.ArrayOf(m.Datasets))
	_ = w.Put("imatrix.chunk_count", gguf.ValueOf(uint32(m.Chunks)))
	_ = w.Put("imatrix.chunk_size", gguf.ValueOf(uint32(m.ChunkSize)))
	for i := range m.Entries {
		e := &m.Entries[i]
		_ = w.Declare(e.Name+".in_sum2", gguf.F32, len(e.Counts), len(e.Sums)/len(e.Counts))
		_ = w.Declare(e.Name+".counts", gguf.F32, len(e.Counts), 1)
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		_ = w.WriteTensor(e.Name+".in_sum2", appendFloats(nil, e.Sums))
		_ = w.WriteTensor(e.Name+".counts", appendFloats(nil, e.Counts))
	}
	return w.Close()
}

// writeDat writes the older form, in which an expert that saw nothing has ones.
func (m *Matrix) writeDat(path string) error {
	f, err := newfile.Create(path)
	if err != nil {
		return fmt.Errorf("importance matrix: %w", err)
	}
	defer f.Discard()
	le, calls := binary.LittleEndian, max(m.Chunks, 1)
	out := bufio.NewWriterSize(f, 1<<20) // keeps the first error, and Flush returns it
	_, _ = out.Write(le.AppendUint32(nil, uint32(len(m.Entries))))
	for i := range m.Entries {
		e := &m.Entries[i]
		b := le.AppendUint32(nil, uint32(len(e.Name)))
		b = append(b, e.Name...)
		b = le.AppendUint32(b, uint32(calls))
		b = le.AppendUint32(b, uint32(len(e.Sums)))
		w := e.Weights()
		for j := range w {
			w[j] *= float32(calls)
		}
		_, _ = out.Write(appendFloats(b, w))
	}
	dataset := strings.Join(m.Datasets, ", ")
	b := le.AppendUint32(nil, uint32(m.Chunks))
	b = le.AppendUint32(b, uint32(len(dataset)))
	_, _ = out.Write(append(b, dataset...))
	if err := out.Flush(); err != nil {
		return fmt.Errorf("importance matrix: %w", err)
	}
	if err := f.Finish(); err != nil {
		return fmt.Errorf("importance matrix: %w", err)
	}
	return f.Place()
}

// appendFloats appends float32 numbers, little-endian.
func appendFloats(b []byte, x []float32) []byte {
	b = slices.Grow(b, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}
