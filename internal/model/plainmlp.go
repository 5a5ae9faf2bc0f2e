package model

import "github.com/blitz-r1/blitz/internal/kernel"

// PlainMLP is down(act(up x)), the MLP of the first transformers (Vaswani et al. 2017, §3.3).
type PlainMLP struct {
	Up, Down Linear
	Act      Activation // GeluErf or GeluTanh
}

// PlainMLP runs the MLP on the rows of x.
//
//	x [T, D] → [T, D]   Vaswani et al. 2017, eq. 2
func (s *Step) PlainMLP(x *Act, m *PlainMLP) *Act {
	return s.Linear(s.gelu(s.Linear(x, &m.Up), m.Act), &m.Down)
}

// gelu returns the Gaussian error linear unit of x, which is not read again.
//
//	x [T, I] → [T, I]   Hendrycks and Gimpel 2016
func (s *Step) gelu(x *Act, act Activation) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.gelu, geluRows{x, y, act}), x.T, x.D)
	return y
}

type geluRows struct {
	x, y *Act
	act  Activation
}

func (o *geluRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *geluRows) row(t int, _ *kernel.Thread) {
	if o.act == GeluTanh {
		kernel.GeluAll(o.y.Row(t), o.x.Row(t))
	} else {
		kernel.GeluErfAll(o.y.Row(t), o.x.Row(t))
	}
}
