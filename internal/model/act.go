package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Act is an activation: T rows of D numbers. It lives until the step's mark that it
// was made behind is released; where operations are recorded, until the next step.
type Act struct {
	T, D int
	X    []float32 // [T, D], gap numbers behind each row
	gap  int       // of a part of the columns of another activation; else 0

	grad  *Act // its gradient, while a tape runs back over it; of a whole
	maker int  // 1 + number of the record that wrote it first, on a tape; of a whole
	kept  bool // outlives its layer on a tape that computes layers again

	of     *Act // the whole that this is a part of, nil: of none
	offset int  // of X in of.X

	// The rows as products read them, from the first product on: see prepare.
	q8  *kernel.Q8
	f32 *kernel.F32
}

// Row returns row t.
func (a *Act) Row(t int) []float32 {
	at := t * (a.D + a.gap)
	return a.X[at : at+a.D : at+a.D]
}

// rows returns rows from … to-1 as an activation that shares their memory.
func (a *Act) rows(s *Step, from, to int) *Act {
	return s.part(a, from*(a.D+a.gap), to-from, a.D)
}

// columns returns n columns, from first on, as an activation that shares their memory.
//
//	[T, n]
func (a *Act) columns(s *Step, first, n int) *Act { return s.part(a, first, a.T, n) }

// part returns T rows of D numbers of a, whose first number is a.X[at].
func (s *Step) part(a *Act, at, T, D int) *Act {
	p := s.acts.next()
	*p = Act{T: T, D: D, gap: a.D + a.gap - D, of: a, offset: at}
	if a.of != nil {
		p.of, p.offset = a.of, a.offset+at
	}
	if T > 0 {
		p.X = a.X[at : at+(T-1)*(D+p.gap)+D]
	}
	return p
}

// reshape returns the numbers of a, which has no gaps, as T rows of D.
func (s *Step) reshape(a *Act, T, D int) *Act {
	p := s.acts.next()
	*p = Act{T: T, D: D, X: a.X}
	return p
}

// act returns a new activation with room for T rows of D numbers.
func (s *Step) act(T, D int) *Act {
	a := s.acts.next()
	*a = Act{T: T, D: D, X: s.arena.take(T * D)}
	return a
}

// result returns where an operation writes whose caller does not read x again: over x,
// or, where operations are recorded, behind it, since a record's inputs stay.
func (s *Step) result(x *Act) *Act {
	if s.recorded() {
		return s.act(x.T, x.D)
	}
	x.q8, x.f32 = nil, nil
	return x
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

// tight says that the arena has less room than what was taken at once so far.
func (a *arena) tight() bool { return a.most > len(a.memory) }

// settle makes the arena as large as what was taken at once so far.
func (a *arena) settle() {
	if a.tight() {
		a.memory = nil
		a.memory = make([]float32, a.most)
	}
}
