package gather

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/importance"
)

// ErrOther says that a part is of another model, text or length of window.
var ErrOther = errors.New("begun from something else")

// Part is the file beside OUT that holds whole windows while more are gathered. It is an
// importance matrix in the GGUF form, whose second data set names what it is of.
type Part struct {
	path    string
	dataset string
	of      string
	size    int // tokens of a window
}

// NewPart returns the part of a file that is to stand at out.
func NewPart(out string, files *checkpoint.Checkpoint, dataset string, ids []int32, size int) (*Part, error) {
	h := sha256.New()
	f := files.GGUF()
	var names []string
	var stats []fs.FileInfo
	if f != nil {
		names, stats = f.Parts(), f.Stats()
	} else {
		w, err := files.Safetensors()
		if err != nil {
			return nil, err
		}
		names, stats = w.Parts(), w.Stats()
	}
	for i, name := range names {
		fmt.Fprintf(h, "%q %d %d\n", name, stats[i].Size(), stats[i].ModTime().UnixNano())
	}
	fmt.Fprintf(h, "%d %d\n", size, len(ids))
	for _, id := range ids {
		fmt.Fprintf(h, "%d ", id)
	}
	return &Part{path: out + ".part", dataset: filepath.Base(dataset), of: fmt.Sprintf("sha256:%x", h.Sum(nil)), size: size}, nil
}

// Path returns where the part stands.
func (p *Part) Path() string { return p.path }

// Resume has a gatherer go on from the part, if there is one. The error wraps ErrOther
// for one of something else, importance.ErrFormat or gguf.ErrFormat for one that is damaged.
func (p *Part) Resume(g *Gatherer) error {
	f, err := importance.Open(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if len(f.Datasets) != 2 || f.Datasets[1] != p.of {
		return fmt.Errorf("%s: %w: remove it to begin anew", p.path, ErrOther)
	}
	m, err := f.Matrix()
	if err != nil {
		return err
	}
	g.Resume(m)
	return nil
}

// Save writes what was gathered into the part, if anything was.
func (p *Part) Save(g *Gatherer) error {
	m := *g.Matrix()
	if m.Chunks == 0 {
		return nil
	}
	m.Datasets, m.ChunkSize = []string{p.dataset, p.of}, p.size
	return p.write(g, &m, p.path)
}

// Finish writes what was gathered at out, in the form that its name says, and removes the
// part.
func (p *Part) Finish(g *Gatherer, out string) error {
	m := *g.Matrix()
	m.Datasets, m.ChunkSize = []string{p.dataset}, p.size
	if err := p.write(g, &m, out); err != nil {
		return err
	}
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// write writes a matrix, whose entries come out sorted.
func (p *Part) write(g *Gatherer, m *importance.Matrix, path string) error {
	err := m.Write(path)
	g.Resume(g.matrix) // entries may have changed places
	return err
}
