package model

import "github.com/blitz-r1/blitz/internal/kernel"

// halves returns the first half of each head of x, and the second.
//
//	x [T, H*2D] → [T, H*D], [T, H*D]
func (s *Step) halves(x *Act, H int) (a, b *Act) {
	a, b = s.act(x.T, x.D/2), s.act(x.T, x.D/2)
	s.eachRow(OpRows, filled(s, &s.records.delta.halves, halfRows{x, a, b, x.D / H / 2}), x.T, x.D)
	return a, b
}

type halfRows struct {
	x, a, b *Act
	D       int
}

func (o *halfRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.a, o.b}} }

func (o *halfRows) row(t int, _ *kernel.Thread) {
	x, a, b := o.x.Row(t), o.a.Row(t), o.b.Row(t)
	for ; len(a) > 0; x, a, b = x[2*o.D:], a[o.D:], b[o.D:] {
		copy(a[:o.D], x)
		copy(b[:o.D], x[o.D:])
	}
}

// SigmoidGate returns x * sigmoid(z): gated attention (Qiu et al. 2025). x is not read
// again.
//
//	x, z [T, D] → [T, D]
func (s *Step) SigmoidGate(x, z *Act) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.delta.gate, sigmoidGateRows{x, z, y}), x.T, x.D)
	return y
}

type sigmoidGateRows struct{ x, z, y *Act }

func (o *sigmoidGateRows) Operands() Operands {
	return Operands{In: []*Act{o.x, o.z}, Out: []*Act{o.y}}
}

func (o *sigmoidGateRows) row(t int, th *kernel.Thread) {
	g := th.Out(o.x.D)
	kernel.SigmoidAll(g, o.z.Row(t))
	kernel.Mul(o.y.Row(t), o.x.Row(t), g)
}
