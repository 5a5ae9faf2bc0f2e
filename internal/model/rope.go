package model

import (
	"sync"
	"sync/atomic"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Rope holds the tables of one RopeConfig, made as far as positions were asked for.
// All steps of a model read them, whichever goroutines run them, and grow them.
type Rope struct {
	Dim    int
	pairs  bool
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

func newRope(c *RopeConfig, dim int) *Rope {
	r := &Rope{Dim: dim, pairs: c.Pairs}
	r.freq, r.factor = c.frequencies(dim)
	r.tables.Store(new([][]float32))
	return r
}

// row returns the length of a row of a table.
func (r *Rope) row() int {
	if r.pairs {
		return r.Dim
	}
	return r.Dim / 2
}

// grow makes the tables of positions below n.
func (r *Rope) grow(n int) {
	if len(*r.tables.Load())*ropeChunk >= n {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	tables := *r.tables.Load()
	for len(tables)*ropeChunk < n {
		tables = append(tables, r.table(len(tables)*ropeChunk))
	}
	r.tables.Store(&tables)
}

// table makes the table of ropeChunk positions from first on.
func (r *Rope) table(first int) []float32 {
	cos, sin := make([]float32, r.Dim/2), make([]float32, r.Dim/2)
	table := make([]float32, ropeChunk*2*r.row())
	for p := range ropeChunk {
		for i, f := range r.freq {
			s, c := kernel.SinCos64(float64(float64(first+p) * f))
			cos[i], sin[i] = float32(float64(c*r.factor)), float32(float64(s*r.factor))
		}
		a, b := r.rows(table, p)
		if r.pairs {
			kernel.InterleaveRope(a, b, cos, sin)
		} else {
			copy(a, cos)
			copy(b, sin)
		}
	}
	return table
}

// rows returns the two rows of a position in its table.
func (r *Rope) rows(table []float32, p int) (a, b []float32) {
	n := r.row()
	return table[2*p*n:][:n], table[(2*p+1)*n:][:n]
}

// rotate turns one head's vector x [Dim] to its position.
func (r *Rope) rotate(x []float32, pos int) {
	a, b := r.rows((*r.tables.Load())[pos/ropeChunk], pos%ropeChunk)
	if r.pairs {
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
	s.eachRow(OpRows, filled(s, &s.records.rope, ropeRows{x, y, heads, at, r, s.positions, false}), x.T, x.D)
	return y
}

// unturn turns Dim elements of each head, from element at on, back from where turn turns them.
func (s *Step) unturn(x *Act, heads, at int, r *Rope) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.rope, ropeRows{x, y, heads, at, r, s.positions, true}), x.T, x.D)
	return y
}

type ropeRows struct {
	x, y      *Act
	heads, at int
	rope      *Rope
	positions []int32 // [T]
	back      bool
}

func (o *ropeRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *ropeRows) row(t int, th *kernel.Thread) {
	y := o.y.Row(t)
	if o.y != o.x {
		copy(y, o.x.Row(t))
	}
	for D := o.y.D / o.heads; len(y) > 0; y = y[D:] {
		if x := y[o.at:][:o.rope.Dim]; o.back {
			o.rope.unrotate(x, int(o.positions[t]), th.Out(2*o.rope.Dim))
		} else {
			o.rope.rotate(x, int(o.positions[t]))
		}
	}
}

// unrotate turns one head's vector x [Dim] back from its position. tmp [2*Dim]
func (r *Rope) unrotate(x []float32, pos int, tmp []float32) {
	a, b := r.rows((*r.tables.Load())[pos/ropeChunk], pos%ropeChunk)
	if r.pairs {
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
		for at := 0; at < dy.D; at += dy.D / o.heads {
			o.rope.unrotate(row[at+o.at:][:o.rope.Dim], int(o.positions[r]), tmp)
		}
		kernel.Add(dx.Row(r), dx.Row(r), row)
	})
}
