package model

import (
	"runtime/debug"

	"github.com/blitz-r1/blitz/internal/experts"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// A page of the cache is one split of attention: this does not compile where the two
// packages do not agree on its positions.
const (
	_ = uint(kvcache.PagePositions - kernel.PagePositions)
	_ = uint(kernel.PagePositions - kvcache.PagePositions)
)

// Segment is a run of consecutive positions of one sequence in a step.
type Segment struct {
	Seq    *kvcache.Sequence // has pages for these positions
	Pos    int               // of the first token
	Tokens []int32
	// Logits says which rows are wanted: the last so many tokens. 0: none.
	Logits int
	// Guessed is how many of the tokens, the last ones, may not stay: at most MostGuessed.
	// Nothing that cannot be undone comes of them.
	Guessed int
	// Limit is how many positions the sequence may come to have, which rotary frequencies
	// may depend on: the same for all of its segments. 0: no more than the model was first
	// trained on.
	Limit int
	// Second is where the second of two texts begins, of a sequence that is a pair; 0: it is
	// none. Encoders are told.
	Second int
	// Adapter is what the model is adapted by for this sequence; nil: nothing.
	Adapter *Adapter
}

// Batch is what one step computes: some tokens of several sequences, in any mix of
// prefill and decoding. How a batch is put together changes no bit.
type Batch struct {
	Segments []Segment
	Routes   *Routes // the experts of its tokens; nil: routers choose
}

// Tokens returns the number of rows.
func (b *Batch) Tokens() int {
	n := 0
	for i := range b.Segments {
		n += len(b.Segments[i].Tokens)
	}
	return n
}

// Step runs the operations of a model's forward pass, and owns the memory that
// they need. The zero value with Workers and Kind set is ready; one goroutine uses
// it at a time. Once it has seen its largest batch it allocates nothing.
type Step struct {
	Workers *kernel.Workers
	Kind    kernel.CacheKind // of keys and values
	Meter   *Meter           // adds up what is done; nil: nothing does
	// Record is handed each operation before it is computed. Then inputs stay as they
	// are, and what a step made lives until the next one. It changes no bit. nil:
	// records and activations are used again as soon as nobody reads them.
	Record func(Operation)
	// Watch is handed each operation before it is computed, when its inputs are there: those
	// of products by their numbers too. It may use Workers, and keeps nothing. nil: nobody
	// looks.
	Watch func(Operation)
	// Passed is called behind each layer of a forward pass. nil: nothing is.
	Passed func()

	tape *Tape // nil: nothing is differentiated

	embed     *Embedding
	batch     *Batch
	tokens    []int32 // of each row
	positions []int32
	limits    []int32
	segment   []int32
	owners    []*Adapter // of each row that the operations are about; nil: none has one
	adapters  []*Adapter // memory of owners
	pages     layerPages
	low       lowRanks

	arena    arena
	acts     pool[Act]
	q8s      pool[kernel.Q8]
	f32s     pool[kernel.F32]
	routings pool[routing]
	matrices pool[kernel.Matrix]

	records records
	rows    rowItems
	units   attendUnits
	choice  choice
	chosen  *choice // of the last layer with an indexer
	index   indexUnits
	carries []carried
	entries entryScratch
	ends    []stateEnd

	visit    experts.Visit // of a layer whose experts are not all in memory
	foreseen foreseen
	err      error
}

// begin starts a step with a batch.
func (s *Step) begin(b *Batch) {
	s.free(Mark{})
	if s.tape != nil {
		s.tape.forget()
	}
	if s.tape != nil && s.arena.tight() {
		s.giveBack()
	}
	s.arena.settle()
	s.err = nil
	s.setBatch(b)
}

// giveBack has the system take what a step on a tape took in pieces, before all of it is one:
// both together would be twice what was computed before.
func (s *Step) giveBack() {
	for _, a := range s.acts.all {
		*a = Act{}
	}
	s.arena.memory = nil
	debug.FreeOSMemory()
}

// Err returns why what was computed since the last Forward began is not what it should be:
// experts that are not in memory could not be read. nil: it is.
func (s *Step) Err() error { return s.err }

// setBatch sets the rows that the operations are about.
func (s *Step) setBatch(b *Batch) {
	s.batch = b
	s.tokens, s.positions, s.limits, s.segment = s.tokens[:0], s.positions[:0], s.limits[:0], s.segment[:0]
	if s.recorded() { // records keep them
		s.tokens, s.positions, s.limits, s.segment = nil, nil, nil, nil
	}
	for i := range b.Segments {
		g := &b.Segments[i]
		s.tokens = append(s.tokens, g.Tokens...)
		for t := range g.Tokens {
			s.positions = append(s.positions, int32(g.Pos+t))
			s.limits = append(s.limits, int32(min(g.Limit, maxContext)))
			s.segment = append(s.segment, int32(i))
		}
	}
	s.setOwners()
}

// setOwners sets the adapter of each row of the batch.
func (s *Step) setOwners() {
	clear(s.adapters) // which are let go
	s.owners, s.adapters = nil, s.adapters[:0]
	any := false
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		any = any || g.Adapter != nil
		for range g.Tokens {
			s.adapters = append(s.adapters, g.Adapter)
		}
	}
	if any {
		s.owners = s.adapters
	}
}

// Bytes returns what the step's activations took at most, with the forms in which products
// read them.
func (s *Step) Bytes() int64 {
	n := int64(s.arena.most)
	for _, f := range s.f32s.all {
		n += int64(f.Room())
	}
	return 4 * n
}

// Mark is a place in the step's memory to go back to.
type Mark struct{ floats, acts, q8s, f32s, routings, matrices, taped int }

// Mark returns the place that the step's memory is at.
func (s *Step) Mark() Mark {
	m := Mark{s.arena.used, s.acts.used, s.q8s.used, s.f32s.used, s.routings.used, s.matrices.used, 0}
	if s.tape != nil {
		m.taped = len(s.tape.taped)
	}
	return m
}

// Release frees all activations made since the mark, unless operations are recorded: a
// layer is over. A tape that computes layers again lets go of their numbers.
func (s *Step) Release(m Mark) {
	switch {
	case s.tape != nil:
		s.tape.release(m)
	case s.Record == nil:
		s.free(m)
	}
	if s.Passed != nil {
		s.Passed()
	}
}

func (s *Step) free(m Mark) {
	s.arena.used, s.acts.used, s.q8s.used, s.f32s.used, s.routings.used, s.matrices.used = m.floats, m.acts, m.q8s, m.f32s, m.routings, m.matrices
}
