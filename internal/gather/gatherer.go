// Package gather runs a model over a text and gathers its importance matrix: for each
// column of each weight matrix the sum of squares of what it is multiplied by.
//
// Weights go by the names that a GGUF file of the model has, whatever files it is read
// from. The experts of a layer have sums and counts of their own: one that no token chose
// has none, and is told from one that saw zeros.
package gather

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// Options say how a model is run.
type Options struct {
	model.Options     // of opening; the form of latent attention is chosen by the file's names
	Threads       int // 0: all processors
}

// Gatherer runs a model and adds up what its matrices see. One goroutine uses it at a
// time.
type Gatherer struct {
	model   *model.Model
	names   naming
	workers *kernel.Workers
	cache   *kvcache.Cache
	step    model.Step

	matrix  *importance.Matrix
	entries map[string]int // to matrix.Entries
	window  window
}

// Open opens a model to be run. The files may be closed afterwards. The errors are those
// of model.Open.
func Open(files *checkpoint.Checkpoint, o Options) (*Gatherer, error) {
	names, err := newNaming(files)
	if err != nil {
		return nil, err
	}
	o.Latent, o.MTP = names.form, false
	m, err := model.Open(files, o.Options)
	if err != nil {
		return nil, err
	}
	names.config = &m.Config
	cache, err := kvcache.New(m.CacheLayers(kernel.CacheF32), math.MaxInt)
	if err != nil {
		m.Close()
		return nil, err
	}
	threads := o.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	g := &Gatherer{model: m, names: names, workers: kernel.NewWorkers(threads), cache: cache, matrix: &importance.Matrix{}, entries: map[string]int{}}
	g.step = model.Step{Workers: g.workers, Kind: kernel.CacheF32, Watch: g.watch}
	return g, nil
}

// Close gives the model's memory back.
func (g *Gatherer) Close() {
	g.workers.Close()
	g.model.Close()
}

// Context returns the longest window.
func (g *Gatherer) Context() int { return g.model.Config.MaxPositionEmbeddings }

// Matrix returns what was gathered so far. It is the gatherer's own.
func (g *Gatherer) Matrix() *importance.Matrix { return g.matrix }

// Resume goes on from what was gathered before.
func (g *Gatherer) Resume(m *importance.Matrix) {
	g.matrix, g.entries = m, map[string]int{}
	for i := range m.Entries {
		g.entries[m.Entries[i].Name] = i
	}
}

// Window runs the model over a piece of text and adds what its matrices see, all of it or
// nothing. How many threads there are changes no bit. The error wraps model.ErrTokens,
// kvcache.ErrNoRoom, or model.ErrTensor where sums are no numbers.
func (g *Gatherer) Window(ids []int32) error {
	if err := g.model.CheckTokens(ids); err != nil {
		return err
	}
	s := g.cache.Sequence()
	defer g.cache.Drop()
	defer s.Free()
	if err := s.Reserve(len(ids)); err != nil {
		return err
	}
	g.window.begin()
	g.model.Forward(&g.step, &model.Batch{Segments: []model.Segment{{Seq: s, Tokens: ids, Logits: len(ids)}}})
	if err := g.window.check(); err != nil {
		return err
	}
	for i := range g.window.seen {
		if err := g.add(&g.window.seen[i]); err != nil {
			return err
		}
	}
	g.matrix.Chunks++
	return nil
}

// watch notes the inputs of products while they are there.
func (g *Gatherer) watch(o model.Operation) {
	g.window.watch(g.workers, model.Products(o), g.names.of)
}

// add adds what a part of a weight saw in a window.
func (g *Gatherer) add(x *seen) error {
	i, known := g.entries[x.of.name]
	if !known {
		i = len(g.matrix.Entries)
		g.entries[x.of.name] = i
		g.matrix.Entries = append(g.matrix.Entries, importance.Entry{
			Name: x.of.name, Sums: make([]float32, x.of.parts*len(x.sums)), Counts: make([]float32, x.of.counts()),
		})
	}
	e := &g.matrix.Entries[i]
	if len(e.Sums) != x.of.parts*len(x.sums) || len(e.Counts) != x.of.counts() {
		return fmt.Errorf("gather: %s has %d sums and %d counts, want %d and %d: what is gone on with is of another model: %w",
			e.Name, len(e.Sums), len(e.Counts), x.of.parts*len(x.sums), x.of.counts(), model.ErrTensor)
	}
	for j, v := range x.sums {
		e.Sums[x.of.part*len(x.sums)+j] += float32(v)
	}
	switch {
	case x.of.experts:
		e.Counts[x.of.part] += float32(x.rows)
	case x.of.part == 0: // all heads see the same rows
		e.Counts[0] += float32(x.rows)
	}
	return nil
}

// damaged returns the error for sums that are no numbers.
func damaged(name string, column int, v float64) error {
	return fmt.Errorf("gather: %s: what its column %d is multiplied by has squares of %v in sum: the model is damaged: %w", strings.ToValidUTF8(name, "?"), column, v, model.ErrTensor)
}
