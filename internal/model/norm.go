package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Norm is a root mean square norm over the last axis (Zhang and Sennrich 2019).
type Norm struct {
	W     []float32 // [D]
	Eps   float32
	Param Param // of W
}

// Norm returns the normed rows of x: x / rms(x) * W.
//
//	x [T, D] → [T, D]   Zhang and Sennrich 2019, eq. 4
func (s *Step) Norm(x *Act, n *Norm) *Act {
	y := s.act(x.T, x.D)
	s.eachRow(OpRows, filled(s, &s.records.norm, normRows{x, y, n}), x.T, x.D)
	return y
}

// HeadNorm norms each head of x: QK norm. x is not read again.
//
//	x [T, H*D], n over D → [T, H*D]
func (s *Step) HeadNorm(x *Act, n *Norm) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.norm, normRows{x, y, n}), x.T, x.D)
	return y
}

// normRows norms each head of a row, of which there may be one.
type normRows struct {
	x, y *Act
	n    *Norm
}

func (o *normRows) Operands() Operands {
	return Operands{In: []*Act{o.x}, Out: []*Act{o.y}, Weights: []*Param{&o.n.Param}}
}

func (o *normRows) row(t int, _ *kernel.Thread) {
	x, y := o.x.Row(t), o.y.Row(t)
	for D := len(o.n.W); len(x) > 0; x, y = x[D:], y[D:] {
		kernel.RMSNorm(y[:D], x[:D], o.n.W, o.n.Eps)
	}
}

func (o *normRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx, D := t.Grad(o.x), len(o.n.W)
	row := func(r int, dw []float32, th *kernel.Thread) {
		dx, dy, x, tmp := dx.Row(r), dy.Row(r), o.x.Row(r), th.Out(2*D)
		if dw == nil {
			dw = tmp[D:]
		}
		for at := 0; at < len(x); at += D {
			kernel.RMSNormBackward(dx[at:at+D], dw, dy[at:at+D], x[at:at+D], o.n.W, o.n.Eps, tmp[:D])
		}
	}
	if g := t.gradient(&o.n.Param); g != nil {
		t.sumRows(g, dy.T, row)
		return
	}
	t.eachRow(dy.T, dy.D, func(r int, th *kernel.Thread) { row(r, nil, th) })
}

// LayerNorm is a norm with mean, weight and bias (Ba et al. 2016).
type LayerNorm struct {
	W, B             []float32 // [D]
	Eps              float32
	Param, BiasParam Param // of W and of B
}

// LayerNorm returns the normed rows of x: (x - mean(x)) / deviation(x) * W + B.
//
//	x [T, D] → [T, D]   Ba et al. 2016, eq. 4
func (s *Step) LayerNorm(x *Act, n *LayerNorm) *Act {
	y := s.act(x.T, x.D)
	s.eachRow(OpRows, filled(s, &s.records.layerNorm, layerNormRows{x, y, n}), x.T, x.D)
	return y
}

// LayerNormOver is LayerNorm of an x that is not read again.
func (s *Step) LayerNormOver(x *Act, n *LayerNorm) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.layerNorm, layerNormRows{x, y, n}), x.T, x.D)
	return y
}

type layerNormRows struct {
	x, y *Act
	n    *LayerNorm
}

func (o *layerNormRows) Operands() Operands {
	return Operands{In: []*Act{o.x}, Out: []*Act{o.y}, Weights: []*Param{&o.n.Param, &o.n.BiasParam}}
}

func (o *layerNormRows) row(t int, _ *kernel.Thread) {
	kernel.LayerNorm(o.y.Row(t), o.x.Row(t), o.n.W, o.n.B, o.n.Eps)
}
