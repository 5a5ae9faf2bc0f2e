package model

import "github.com/blitz-r1/blitz/internal/kernel"

// SigmoidScale multiplies each row of x with the sigmoid of its number in z: how much of a
// shared expert a token takes. x is not read again.
//
//	x [T, D]   z [T, 1] → [T, D]   Qwen Team 2024 (Qwen1.5-MoE)
func (s *Step) SigmoidScale(x, z *Act) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.sigmoid, sigmoidRows{x, z, y}), x.T, x.D)
	return y
}

type sigmoidRows struct{ x, z, y *Act }

func (o *sigmoidRows) Operands() Operands {
	return Operands{In: []*Act{o.x, o.z}, Out: []*Act{o.y}}
}

func (o *sigmoidRows) row(t int, _ *kernel.Thread) {
	kernel.Scale(o.y.Row(t), o.x.Row(t), kernel.Sigmoid(o.z.Row(t)[0]))
}

func (o *sigmoidRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx, dz := t.Grad(o.x), t.Grad(o.z)
	t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) {
		g := kernel.Sigmoid(o.z.Row(r)[0])
		kernel.AddScaled(dx.Row(r), dy.Row(r), g)
		dz.Row(r)[0] += float32(kernel.LaneDot(dy.Row(r), o.x.Row(r)) * float32(g*(1-g)))
	})
}
