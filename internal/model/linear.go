package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Linear is a matrix [out, in] with its bias: y = W x + b.
type Linear struct {
	kernel.Matrix
	Param, BiasParam Param // of W and of b
}

// Linear multiplies the rows of x.
//
//	x [T, in] → [T, out]
func (s *Step) Linear(x *Act, w *Linear) *Act {
	y := s.act(x.T, w.Rows)
	p := s.products()
	s.multiply(p, y, x, w)
	s.runProducts(OpLinear, p)
	return y
}

// linearOf multiplies rows from … to-1 of x, of which the step's rows are about.
//
//	x [T, in] → [to-from, out]
func (s *Step) linearOf(x *Act, from, to int, w *Linear) *Act {
	all := s.owners
	if all != nil {
		s.owners = all[from:to]
	}
	y := s.Linear(x.rows(s, from, to), w)
	s.owners = all
	return y
}

// Linear2 multiplies the rows of x with two matrices at once.
//
//	x [T, in] → [T, a's out], [T, b's out]
func (s *Step) Linear2(x *Act, a, b *Linear) (ya, yb *Act) {
	ya, yb = s.act(x.T, a.Rows), s.act(x.T, b.Rows)
	p := s.products()
	s.multiply(p, ya, x, a)
	s.multiply(p, yb, x, b)
	s.runProducts(OpLinear, p)
	return ya, yb
}

// Linear3 is Linear2 with three.
func (s *Step) Linear3(x *Act, a, b, c *Linear) (ya, yb, yc *Act) {
	ya, yb, yc = s.act(x.T, a.Rows), s.act(x.T, b.Rows), s.act(x.T, c.Rows)
	p := s.products()
	s.multiply(p, ya, x, a)
	s.multiply(p, yb, x, b)
	s.multiply(p, yc, x, c)
	s.runProducts(OpLinear, p)
	return ya, yb, yc
}

// HeadLinear multiplies each head with a matrix of its own: the first `in` elements
// of head h of x with w[h], into the first of head h of y. The matrices are all float
// or all quantised.
//
//	x [T, H*…]   y [T, H*…]   w [H] of [out, in]
func (s *Step) HeadLinear(y, x *Act, in int, w []Linear) {
	H := len(w)
	heads := s.preparation(w[0].IsFloat())
	for h := range w {
		s.add(heads, x.columns(s, h*(x.D/H), in))
	}
	s.eachTile(OpRows, heads, x.T, x.D)
	p := s.products()
	for h, x := range heads.acts {
		s.multiply(p, y.columns(s, h*(y.D/H), w[h].Rows), x, &w[h])
	}
	s.runProducts(OpHeads, p)
}
