package model

import "github.com/blitz-r1/blitz/internal/kernel"

// softcap returns cap * tanh(x / cap), which keeps logits between -cap and cap. x is
// not read again.
//
//	x [T, D] → [T, D]   Gemma Team 2024, §2
func (s *Step) softcap(x *Act, cap float32) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.softcap, softcapRows{x, y, cap}), x.T, x.D)
	return y
}

type softcapRows struct {
	x, y *Act
	cap  float32
}

func (o *softcapRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *softcapRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	kernel.Div(y, o.x.Row(t), o.cap)
	kernel.TanhAll(y, y)
	kernel.Scale(y, y, o.cap)
}

func (o *softcapRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx := t.Grad(o.x)
	t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) {
		kernel.SoftcapBackward(dx.Row(r), dy.Row(r), o.y.Row(r), o.cap)
	})
}
