package importance

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/mapping"
)

// File is an open importance matrix. Its numbers stay in the file until they are asked
// for: those of a model with many experts take a gigabyte. It may be used by several
// goroutines at once, Close aside.
type File struct {
	Datasets  []string
	Chunks    int // 0: the file does not say
	ChunkSize int // 0: the file does not say

	name    string // base name
	stat    fs.FileInfo
	entries []stored
	byName  map[string]int // to entries
	close   func() error
}

// stored is an entry whose sums are bytes of the file.
type stored struct {
	name   string
	sums   []byte    // float32, little-endian
	counts []float32 // [experts]
}

// Open maps the importance matrix at path, of either form, and checks all of it: names,
// lengths against the file, and every number, which has to be finite and not negative.
// The error wraps ErrFormat and names the file and the entry, or is of the file system.
func Open(path string) (*File, error) {
	m, err := mapping.Open(path)
	if err != nil {
		return nil, fmt.Errorf("importance matrix: %w", err)
	}
	f := &File{name: filepath.Base(path), stat: m.Stat(), byName: map[string]int{}, close: m.Close}
	err = mapping.Guard(func() error {
		if b := m.Bytes(); len(b) >= 4 && string(b[:4]) == "GGUF" {
			return f.readGGUF(b)
		}
		return f.readDat(m.Bytes())
	})
	if err == mapping.ErrFault {
		err = &Error{File: f.name, Reason: err.Error()}
	}
	if err != nil {
		_ = m.Close() // nothing was written to it
		return nil, err
	}
	return f, nil
}

// Close gives the mapping back.
func (f *File) Close() error { return f.close() }

// Name returns the base name of the file.
func (f *File) Name() string { return f.name }

// Stat returns what the system said of the file when it was opened.
func (f *File) Stat() fs.FileInfo { return f.stat }

// Names returns the weights that the file has entries of, in its order.
func (f *File) Names() []string {
	names := make([]string, len(f.entries))
	for i := range f.entries {
		names[i] = f.entries[i].name
	}
	return names
}

// Len returns how many numbers there are for a weight, and whether it has an entry.
func (f *File) Len(name string) (int, bool) {
	i, ok := f.byName[name]
	if !ok {
		return 0, false
	}
	return len(f.entries[i].sums) / 4, true
}

// Weights returns the mean squares of a weight's inputs, [experts, columns], ones for an
// expert that saw nothing; false where there is no entry. The older form does not say
// how many experts there are: its numbers come in the same order.
func (f *File) Weights(name string) ([]float32, bool, error) {
	i, ok := f.byName[name]
	if !ok {
		return nil, false, nil
	}
	var w []float32
	err := mapping.Guard(func() error {
		e := f.entries[i].entry()
		w = e.Weights()
		return nil
	})
	if err != nil {
		err = &Error{File: f.name, Entry: name, Reason: err.Error()}
	}
	return w, true, err
}

// Matrix reads all of the file into memory, for more to be gathered on top of it.
func (f *File) Matrix() (*Matrix, error) {
	m := &Matrix{Datasets: slices.Clone(f.Datasets), Chunks: f.Chunks, ChunkSize: f.ChunkSize}
	err := mapping.Guard(func() error {
		for i := range f.entries {
			m.Entries = append(m.Entries, f.entries[i].entry())
		}
		return nil
	})
	if err != nil {
		err = &Error{File: f.name, Reason: err.Error()}
	}
	return m, err
}

// entry copies an entry out of the file.
func (s *stored) entry() Entry {
	e := Entry{Name: s.name, Sums: make([]float32, len(s.sums)/4), Counts: slices.Clone(s.counts)}
	for i := range e.Sums {
		e.Sums[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.sums[4*i:]))
	}
	return e
}

// add takes an entry, whose numbers it checks.
func (f *File) add(s stored) error {
	fail := func(format string, args ...any) error {
		return &Error{File: f.name, Entry: s.name, Reason: fmt.Sprintf(format, args...)}
	}
	if _, twice := f.byName[s.name]; twice {
		return fail("is there twice")
	}
	columns := len(s.sums) / 4 / len(s.counts)
	for i := range len(s.sums) / 4 {
		if x := math.Float32frombits(binary.LittleEndian.Uint32(s.sums[4*i:])); !(x >= 0 && x <= math.MaxFloat32) {
			return fail("number %d is %g, want finite mean squares: it was gathered from a damaged model, or by a computation that overflowed", i, x)
		}
	}
	for i, n := range s.counts {
		if !(n >= 0 && n <= math.MaxFloat32) {
			return fail("count %d of %d is %g, want a finite number", i, len(s.counts), n)
		}
		// A mean is at most the sum for a count of one and more, but counts may be fractions.
		if n > 0 && n < 1 {
			for j := i * columns; j < (i+1)*columns; j++ {
				x := math.Float32frombits(binary.LittleEndian.Uint32(s.sums[4*j:]))
				if x/n > math.MaxFloat32 {
					return fail("number %d is %g of %g rows, want a finite mean", j, x, n)
				}
			}
		}
	}
	f.byName[s.name] = len(f.entries)
	f.entries = append(f.entries, s)
	return nil
}

// readGGUF reads the newer form.
func (f *File) readGGUF(b []byte) error {
	g, err := gguf.Parse(f.name, b)
	if err != nil {
		return fmt.Errorf("importance matrix: %w", err)
	}
	if err := f.readKeys(g); err != nil {
		return err
	}
	const sums, counts = ".in_sum2", ".counts"
	for _, t := range g.Tensors() {
		name, ok := trimmed(t.Name, sums)
		if !ok {
			if of, ok := trimmed(t.Name, counts); ok {
				if _, ok := g.Tensor(of + sums); ok {
					continue
				}
			}
			return &Error{File: f.name, Entry: t.Name, Reason: "belongs to no importance matrix, want NAME" + sums + " and NAME" + counts}
		}
		c, ok := g.Tensor(name + counts)
		switch {
		case !ok:
			return &Error{File: f.name, Entry: name, Reason: "has sums and no " + counts[1:]}
		case t.Type != gguf.F32 || c.Type != gguf.F32:
			return &Error{File: f.name, Entry: name, Reason: fmt.Sprintf("sums are %s and counts %s, want F32", t.Type, c.Type)}
		case t.Size == 0 || c.Size == 0 || t.Size%c.Size != 0:
			return &Error{File: f.name, Entry: name, Reason: fmt.Sprintf("%d sums and %d counts, want a count for each expert", t.Size/4, c.Size/4)}
		}
		n := stored{sums: g.Bytes(c)}
		if err := f.add(stored{name: name, sums: g.Bytes(t), counts: n.entry().Sums}); err != nil {
			return err
		}
	}
	if len(f.entries) == 0 {
		return &Error{File: f.name, Reason: "has no entries"}
	}
	return nil
}

// trimmed returns a name without its ending, and whether it has that.
func trimmed(name, ending string) (string, bool) {
	n := len(name) - len(ending)
	return name[:max(n, 0)], n > 0 && name[n:] == ending
}

// readKeys reads what the newer form says of itself.
func (f *File) readKeys(g *gguf.File) error {
	if kind, _ := g.String("general.type"); kind != "imatrix" {
		return &Error{File: f.name, Reason: fmt.Sprintf("its general.type is %q, want imatrix: this is another kind of GGUF file", kind)}
	}
	var ok bool
	if f.Datasets, ok = g.Strings("imatrix.datasets"); !ok {
		return fmt.Errorf("importance matrix: %w", g.KeyError("imatrix.datasets", "an array of strings"))
	}
	for _, k := range []struct {
		key string
		to  *int
	}{{"imatrix.chunk_count", &f.Chunks}, {"imatrix.chunk_size", &f.ChunkSize}} {
		n, ok := g.Uint(k.key)
		if !ok || n > math.MaxInt32 {
			return fmt.Errorf("importance matrix: %w", g.KeyError(k.key, "a small unsigned integer"))
		}
		*k.to = int(n)
	}
	return nil
}
