package model

import "github.com/blitz-r1/blitz/internal/kernel"

// scale returns (x * a) * b. x is not read again.
//
//	x [T, D] → [T, D]
func (s *Step) scale(x *Act, a, b float32) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.scale, scaleRows{x, y, a, b}), x.T, x.D)
	return y
}

type scaleRows struct {
	x, y *Act
	a, b float32
}

func (o *scaleRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *scaleRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	kernel.Scale(y, o.x.Row(t), o.a)
	if o.b != 1 {
		kernel.Scale(y, y, o.b)
	}
}
