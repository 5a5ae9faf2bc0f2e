package model

import (
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
}

// Batch is what one step computes: some tokens of several sequences, in any mix of
// prefill and decoding. How a batch is put together changes no bit.
type Batch struct{ Segments []Segment }

// Tokens returns the number of rows.
func (b *Batch) Tokens() int {
	n := 0
	for i := range b.Segments {
		n += len(b.Segments[i].Tokens)
	}
	return n
}

// Act is an activation: T rows of D numbers. It lives until the step's mark that
// it was made behind is released.
type Act struct {
	T, D int
	X    []float32 // [T, D]
	q8   *kernel.Q8
	f32  *kernel.F32
}

// Row returns row t.
func (a *Act) Row(t int) []float32 { return a.X[t*a.D : (t+1)*a.D : (t+1)*a.D] }

// rows returns a view of rows from … to-1.
func (a *Act) rows(s *Step, from, to int) *Act {
	v := s.acts.next()
	*v = Act{T: to - from, D: a.D, X: a.X[from*a.D : to*a.D]}
	return v
}

// Step runs the operations of a model's forward pass, and owns the memory that
// they need. The zero value with Workers and Kind set is ready; one goroutine uses
// it at a time. Once it has seen its largest batch it allocates nothing.
type Step struct {
	Workers *kernel.Workers
	Kind    kernel.CacheKind // of keys and values
	Meter   *Meter           // adds up what is done; nil: nothing does

	embed     *Embedding
	batch     *Batch
	positions []int32 // of each row
	segment   []int32 // of each row
	pages     [][]byte
	firstPage []int // of each segment, in pages

	arena arena
	acts  pool[Act]
	q8s   pool[kernel.Q8]
	f32s  pool[kernel.F32]

	rows    rowItems
	product productItems
	attend  attendItems
	latent  latentItems
	choose  chooseItems
	heads   []*Act // parts of HeadLinear
	routing routing
}

// begin starts a step with a batch.
func (s *Step) begin(b *Batch) {
	s.Release(Mark{})
	s.arena.settle()
	s.setBatch(b)
}

// setBatch sets the rows that the operations are about.
func (s *Step) setBatch(b *Batch) {
	s.batch = b
	s.positions, s.segment = s.positions[:0], s.segment[:0]
	for i := range b.Segments {
		g := &b.Segments[i]
		for t := range g.Tokens {
			s.positions = append(s.positions, int32(g.Pos+t))
			s.segment = append(s.segment, int32(i))
		}
	}
}

// Mark is a place in the step's memory to go back to.
type Mark struct{ floats, acts, q8s, f32s int }

// Mark returns the place that the step's memory is at.
func (s *Step) Mark() Mark { return Mark{s.arena.used, s.acts.used, s.q8s.used, s.f32s.used} }

// Release frees all activations made since the mark.
func (s *Step) Release(m Mark) {
	s.arena.used, s.acts.used, s.q8s.used, s.f32s.used = m.floats, m.acts, m.q8s, m.f32s
}

// act returns a new activation with room for T rows of D.
func (s *Step) act(T, D int) *Act {
	a := s.acts.next()
	*a = Act{T: T, D: D, X: s.arena.take(T * D)}
	return a
}

// pool hands out values that keep their memory.
type pool[E any] struct {
	all  []*E
	used int
}

func (p *pool[E]) next() *E {
	if p.used == len(p.all) {
		p.all = append(p.all, new(E))
	}
	p.used++
	return p.all[p.used-1]
}

// arena hands out float32 memory in order. What does not fit is allocated beside
// it, and the arena is made larger before the next step.
type arena struct {
	memory []float32
	used   int
	most   int
}

func (a *arena) take(n int) []float32 {
	n16 := (n + 15) &^ 15
	start := a.used
	a.used += n16
	a.most = max(a.most, a.used)
	if a.used > len(a.memory) {
		return make([]float32, n)
	}
	return a.memory[start : start+n : start+n]
}

// settle makes the arena as large as what was taken at once so far.
func (a *arena) settle() {
	if a.most > len(a.memory) {
		a.memory = make([]float32, a.most)
	}
}
