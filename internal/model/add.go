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
