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
	s.product.begin()
	s.multiply(y, x, w)
	s.runProducts(OpLinear)
	return y
}

// Linear2 multiplies the rows of x with two matrices at once.
//
//	x [T, in] → [T, a's out], [T, b's out]
func (s *Step) Linear2(x *Act, a, b *Linear) (ya, yb *Act) {
	ya, yb = s.act(x.T, a.Rows), s.act(x.T, b.Rows)
	s.product.begin()
	s.multiply(ya, x, a)
	s.multiply(yb, x, b)
	s.runProducts(OpLinear)
	return ya, yb
}

// Linear3 is Linear2 with three.
func (s *Step) Linear3(x *Act, a, b, c *Linear) (ya, yb, yc *Act) {
	ya, yb, yc = s.act(x.T, a.Rows), s.act(x.T, b.Rows), s.act(x.T, c.Rows)
	s.product.begin()
	s.multiply(ya, x, a)
	s.multiply(yb, x, b)
	s.multiply(yc, x, c)
	s.runProducts(OpLinear)
	return ya, yb, yc
}

// multiply adds a product to those of the next runProducts.
func (s *Step) multiply(y, x *Act, w *Linear) {
	s.prepare(x, &w.Matrix)
	s.product.add(product{y: y.X, ldy: y.D, q8: x.q8, f32: x.f32, m: &w.Matrix})
}

// prepare brings x into the form in which m is multiplied, once for all matrices
// that read it.
func (s *Step) prepare(x *Act, m *kernel.Matrix) {
	if m.IsFloat() {
		if x.f32 == nil {
			x.f32 = s.f32s.next()
			x.f32.Reset(x.T, x.D)
			s.rows.f, s.rows.x = rowSetFloat, x
			s.runRows(x.T, x.D)
		}
		return
	}
	if x.q8 == nil {
		x.q8 = s.q8s.next()
		x.q8.Reset(x.T, x.D)
		s.rows.f, s.rows.x = rowQuantise, x
		s.runRows(x.T, x.D)
	}
}
