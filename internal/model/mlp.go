package model

import "github.com/blitz-r1/blitz/internal/kernel"

// GatedMLP is down(act(gate x) * up x) (Shazeer 2020).
type GatedMLP struct {
	Gate, Up, Down Linear
	Act            Activation
	Limit          float32 // of SiluClamped
}

// GatedMLP runs the MLP on the rows of x.
//
//	x [T, D] → [T, D]   Shazeer 2020, eq. 6
func (s *Step) GatedMLP(x *Act, m *GatedMLP) *Act {
	gate, up := s.Linear2(x, &m.Gate, &m.Up)
	if m.Act == SiluClamped {
		return s.Linear(s.clamped(gate, up, m.Limit), &m.Down)
	}
	return s.Linear(s.gate(gate, up, m.Act), &m.Down)
}

// gate returns act(gate) * up. gate is not read again.
//
//	gate, up [T, I] → [T, I]
func (s *Step) gate(gate, up *Act, act Activation) *Act {
	y := s.result(gate)
	s.eachRow(OpRows, filled(s, &s.records.gate, gateRows{gate, up, y, act}), gate.T, gate.D)
	return y
}

// swiglu returns the clamped gate of gpt-oss. gate is not read again.
//
//	gate, up [T, I] → [T, I]   kernel.SwigluClamped
func (s *Step) swiglu(gate, up *Act, alpha, limit float32) *Act {
	y := s.result(gate)
	s.eachRow(OpRows, filled(s, &s.records.swiglu, swigluRows{gate, up, y, alpha, limit}), gate.T, gate.D)
	return y
}

type swigluRows struct {
	gate, up, y  *Act
	alpha, limit float32
}

func (o *swigluRows) Operands() Operands {
	return Operands{In: []*Act{o.gate, o.up}, Out: []*Act{o.y}}
}

func (o *swigluRows) row(t int, _ *kernel.Thread) {
	kernel.SwigluClamped(o.y.Row(t), o.gate.Row(t), o.up.Row(t), o.alpha, o.limit)
}

// clamped returns the clamped gate of DeepSeek-V4. gate is not read again.
//
//	gate, up [T, I] → [T, I]   kernel.SiluClamped
func (s *Step) clamped(gate, up *Act, limit float32) *Act {
	y := s.result(gate)
	s.eachRow(OpRows, filled(s, &s.records.clamped, clampedRows{gate, up, y, limit}), gate.T, gate.D)
	return y
}

type clampedRows struct {
	gate, up, y *Act
	limit       float32
}

func (o *clampedRows) Operands() Operands {
	return Operands{In: []*Act{o.gate, o.up}, Out: []*Act{o.y}}
}

func (o *clampedRows) row(t int, _ *kernel.Thread) {
	kernel.SiluClamped(o.y.Row(t), o.gate.Row(t), o.up.Row(t), o.limit)
}

type gateRows struct {
	gate, up, y *Act
	act         Activation
}

func (o *gateRows) Operands() Operands {
	return Operands{In: []*Act{o.gate, o.up}, Out: []*Act{o.y}}
}

func (o *gateRows) row(t int, _ *kernel.Thread) {
	if o.act == GeluTanh {
		kernel.GeluMul(o.y.Row(t), o.gate.Row(t), o.up.Row(t))
	} else {
		kernel.SiluMul(o.y.Row(t), o.gate.Row(t), o.up.Row(t))
	}
}

func (o *gateRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dgate, dup := t.Grad(o.gate), t.Grad(o.up)
	backward := kernel.SiluMulBackward
	if o.act == GeluTanh {
		backward = kernel.GeluMulBackward
	}
	t.eachRow(dy.T, dy.D, func(r int, th *kernel.Thread) {
		backward(dgate.Row(r), dup.Row(r), dy.Row(r), o.gate.Row(r), o.up.Row(r), th.Out(3*dy.D))
	})
}
