package model

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Rope holds the tables of one RopeConfig, made as far as positions were asked for.
// All steps of a model read them, whichever goroutines run them, and grow them. Where
// frequencies depend on how long a sequence may become (its limit), each class of limits
// has tables of its own.
type Rope struct {
	Dim    int
	config RopeConfig
	angles atomic.Pointer[[]*angles]
	mu     sync.Mutex // of those who add angles
}

// angles are the tables of one class of limits.
type angles struct {
	class  int
	rope   *Rope
	freq   []float64
	factor float64
	// tables of ropeChunk positions each: for a position two rows, [2, Dim] for
	// pairs (see kernel.RopePairs), cosines and sines [2, Dim/2] for halves. Those that
	// are there stay as they are.
	tables atomic.Pointer[[][]float32]
	mu     sync.Mutex // of those who add tables
}

// ropeChunk is how many positions a table has.
const ropeChunk = 256

// maxAngles bounds how many classes of limits have tables at once: the oldest make way,
// and are made again where they are still read.
const maxAngles = 64

func newRope(c *RopeConfig, dim int) *Rope {
	r := &Rope{Dim: dim, config: *c}
	r.angles.Store(new([]*angles))
	r.of(0)
	return r
}

// of returns the tables for sequences of up to limit positions.
func (r *Rope) of(limit int) *angles {
	class := r.config.class(limit)
	for _, a := range *r.angles.Load() {
		if a.class == class {
			return a
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := *r.angles.Load()
	for _, a := range list { // another goroutine was first
		if a.class == class {
			return a
		}
	}
	a := &angles{class: class, rope: r}
	a.freq, a.factor = r.config.frequencies(r.Dim, limit)
	a.tables.Store(new([][]float32))
	if len(list) == maxAngles {
		list = list[1:]
	}
	list = append(slices.Clone(list), a)
	r.angles.Store(&list)
	return a
}

// row returns the length of a row of a table.
func (r *Rope) row() int {
	if r.config.Pairs {
		return r.Dim
	}
	return r.Dim / 2
}

// grow makes the tables of positions below n.
func (a *angles) grow(n int) {
	if len(*a.tables.Load())*ropeChunk >= n {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	tables := *a.tables.Load()
	for len(tables)*ropeChunk < n {
		tables = append(tables, a.table(len(tables)*ropeChunk))
	}
	a.tables.Store(&tables)
}

// table makes the table of ropeChunk positions from first on.
func (a *angles) table(first int) []float32 {
	r := a.rope
	cos, sin := make([]float32, r.Dim/2), make([]float32, r.Dim/2)
	table := make([]float32, ropeChunk*2*r.row())
	for p := range ropeChunk {
		for i, f := range a.freq {
			s, c := kernel.SinCos64(float64(float64(first+p) * f))
			cos[i], sin[i] = float32(float64(c*a.factor)), float32(float64(s*a.factor))
		}
		x, y := r.rows(table, p)
		if r.config.Pairs {
			kernel.InterleaveRope(x, y, cos, sin)
		} else {
			copy(x, cos)
			copy(y, sin)
		}
	}
	return table
}

// rows returns the two rows of a position in its table.
func (r *Rope) rows(table []float32, p int) (a, b []float32) {
	n := r.row()
	return table[2*p*n:][:n], table[(2*p+1)*n:][:n]
}

// turns returns the two rows by which vectors at a position turn.
func (a *angles) turns(pos int) (x, y []float32) {
	tables := *a.tables.Load()
	if pos/ropeChunk >= len(tables) { // they made way, and are new
		a.grow(pos + 1)
		tables = *a.tables.Load()
	}
	return a.rope.rows(tables[pos/ropeChunk], pos%ropeChunk)
}

// rotate turns one head's vector x [Dim] by the rows of its position.
func (r *Rope) rotate(x, a, b []float32) {
	if r.config.Pairs {
		kernel.RopePairs(x, a, b)
	} else {
		kernel.RopeHalves(x, a, b)
	}
}

// Rope turns every head of x to its row's position. Only the last Dim elements of a
// head turn. x is not read again.
//
//	x [T, heads*D] → [T, heads*D]   Su et al. 2021, eq. 34
func (s *Step) Rope(x *Act, heads int, r *Rope) *Act {
	return s.turn(x, heads, x.D/heads-r.Dim, r)
}

// ropeFirst is Rope on the first Dim elements of each head.
func (s *Step) ropeFirst(x *Act, heads int, r *Rope) *Act { return s.turn(x, heads, 0, r) }

// turn turns Dim elements of each head, from element at on.
func (s *Step) turn(x *Act, heads, at int, r *Rope) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.rope, ropeRows{x, y, heads, at, r, s.positions, s.limits, false}), x.T, x.D)
	return y
}

// unturn turns Dim elements of each head, from element at on, back from where turn turns them.
func (s *Step) unturn(x *Act, heads, at int, r *Rope) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.rope, ropeRows{x, y, heads, at, r, s.positions, s.limits, true}), x.T, x.D)
	return y
}

type ropeRows struct {
	x, y      *Act
	heads, at int
	rope      *Rope
	positions []int32 // [T]
	limits    []int32 // [T] of each row's sequence
	back      bool
}

func (o *ropeRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *ropeRows) row(t int, th *kernel.Thread) {
	y := o.y.Row(t)
	if o.y != o.x {
		copy(y, o.x.Row(t))
	}
	a, b := o.rope.of(int(o.limits[t])).turns(int(o.positions[t]))
	for D := o.y.D / o.heads; len(y) > 0; y = y[D:] {
		if x := y[o.at:][:o.rope.Dim]; o.back {
			o.rope.unrotate(x, a, b, th.Out(2*o.rope.Dim))
		} else {
			o.rope.rotate(x, a, b)
		}
	}
}

// unrotate turns one head's vector x [Dim] back by the rows of its position. tmp [2*Dim]
func (r *Rope) unrotate(x, a, b, tmp []float32) {
	if r.config.Pairs {
		kernel.UnturnPairs(x, a, b, tmp)
	} else {
		kernel.UnturnHalves(x, a, b, tmp)
	}
}

func (o *ropeRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx := t.Grad(o.x)
	t.eachRow(dy.T, dy.D, func(r int, th *kernel.Thread) {
		row := th.Out(dy.D + 2*o.rope.Dim)
		row, tmp := row[:dy.D], row[dy.D:]
		copy(row, dy.Row(r))
		a, b := o.rope.of(int(o.limits[r])).turns(int(o.positions[r]))
		for at := 0; at < dy.D; at += dy.D / o.heads {
			o.rope.unrotate(row[at+o.at:][:o.rope.Dim], a, b, tmp)
		}
		kernel.Add(dx.Row(r), dx.Row(r), row)
	})
}
