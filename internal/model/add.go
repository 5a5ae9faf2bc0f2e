package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Add returns x + y: the residual stream. x is not read again.
//
//	x, y [T, D] → [T, D]
func (s *Step) Add(x, y *Act) *Act {
	sum := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.add, addRows{x, y, sum}), x.T, x.D)
	return sum
}

type addRows struct{ x, y, sum *Act }

func (o *addRows) Operands() Operands { return Operands{In: []*Act{o.x, o.y}, Out: []*Act{o.sum}} }

func (o *addRows) row(t int, _ *kernel.Thread) { kernel.Add(o.sum.Row(t), o.x.Row(t), o.y.Row(t)) }

func (o *addRows) backward(t *Tape) {
	dy := t.have(o.sum)
	if dy == nil {
		return
	}
	a, b := t.Grad(o.x), t.Grad(o.y)
	t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) {
		kernel.Add(a.Row(r), a.Row(r), dy.Row(r))
		kernel.Add(b.Row(r), b.Row(r), dy.Row(r))
	})
}
