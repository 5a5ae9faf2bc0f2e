package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Hyper is the hyper-connection around one sublayer: N streams stand in for the residual
// stream (Zhu et al. 2024; DeepSeek-V4 report, manifold-constrained hyper-connections).
type Hyper struct {
	Fn                    Linear // [(2+N)N, N*H]
	Mix                   kernel.HyperMix
	BaseParam, ScaleParam Param
	eps                   float32 // of the norm over all streams
}

// hyperHead is the last sum over the streams.
type hyperHead struct {
	Fn                    Linear    // [N, N*H]
	Base                  []float32 // [N]
	Scale, Eps            float32
	BaseParam, ScaleParam Param
	eps                   float32
}

// hyperRecords are the records of hyper-connections.
type hyperRecords struct {
	unit   unitRows
	spread spreadRows
	read   readRows
	last   lastRows
	write  writeRows
	mean   meanRows
}

// Streams makes n equal streams of the rows of x.
//
//	x [T, H] → [T, n*H]
func (s *Step) Streams(x *Act, n int) *Act {
	y := s.act(x.T, n*x.D)
	s.eachRow(OpRows, filled(s, &s.records.hyper.spread, spreadRows{x, y}), y.T, y.D)
	return y
}

type spreadRows struct{ x, y *Act }

func (o *spreadRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *spreadRows) row(t int, _ *kernel.Thread) {
	for y := o.y.Row(t); len(y) > 0; y = y[o.x.D:] {
		copy(y, o.x.Row(t))
	}
}

// unit norms each head of the rows without weights; a head that becomes wider has zeros
// behind it.
//
//	x [T, heads*D] → [T, heads*width]
func (s *Step) unit(x *Act, heads, width int, eps float32) *Act {
	y := s.act(x.T, heads*width)
	s.eachRow(OpRows, filled(s, &s.records.hyper.unit, unitRows{x, y, heads, eps}), x.T, x.D)
	return y
}

type unitRows struct {
	x, y  *Act
	heads int
	eps   float32
}

func (o *unitRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *unitRows) row(t int, _ *kernel.Thread) {
	D, width := o.x.D/o.heads, o.y.D/o.heads
	x, y := o.x.Row(t), o.y.Row(t)
	for ; len(x) > 0; x, y = x[D:], y[width:] {
		kernel.UnitRMS(y[:D], x[:D], o.eps)
		clear(y[D:width])
	}
}

// ReadStreams returns what a sublayer reads of the streams, and the weights with which
// WriteStreams gives back what comes out of it.
//
//	S [T, N*H] → x [T, H], mix [T, (2+N)N]
func (s *Step) ReadStreams(S *Act, h *Hyper) (x, mix *Act) {
	n := h.Mix.N
	m := s.Linear(s.unit(S, 1, S.D, h.eps), &h.Fn)
	x, mix = s.act(S.T, S.D/n), s.act(S.T, m.D)
	s.eachRow(OpRows, filled(s, &s.records.hyper.read, readRows{S, m, x, mix, h}), S.T, S.D)
	return x, mix
}

type readRows struct {
	S, m, x, mix *Act
	h            *Hyper
}

func (o *readRows) Operands() Operands {
	return Operands{In: []*Act{o.S, o.m}, Out: []*Act{o.x, o.mix}, Weights: []*Param{&o.h.BaseParam, &o.h.ScaleParam}}
}

func (o *readRows) row(t int, _ *kernel.Thread) {
	mix := o.mix.Row(t)
	o.h.Mix.Mix(mix, o.m.Row(t))
	kernel.Collapse(o.x.Row(t), mix[:o.h.Mix.N], o.S.Row(t))
}

// WriteStreams mixes the streams and adds y to each. S is not read again.
//
//	S [T, N*H]   y [T, H]   mix [T, (2+N)N] → [T, N*H]
func (s *Step) WriteStreams(S, y, mix *Act) *Act {
	out := s.result(S)
	s.eachRow(OpRows, filled(s, &s.records.hyper.write, writeRows{S, y, mix, out}), S.T, S.D)
	return out
}

type writeRows struct{ S, y, mix, out *Act }

func (o *writeRows) Operands() Operands {
	return Operands{In: []*Act{o.S, o.y, o.mix}, Out: []*Act{o.out}}
}

func (o *writeRows) row(t int, th *kernel.Thread) {
	n := o.S.D / o.y.D
	mix := o.mix.Row(t)
	kernel.Expand(o.out.Row(t), o.S.Row(t), o.y.Row(t), mix[n:2*n], mix[2*n:], th.Out(kernel.ExpandScratch(n)))
}

// JoinStreams returns the last sum over the streams.
//
//	S [T, N*H] → [T, H]
func (s *Step) JoinStreams(S *Act, h *hyperHead) *Act {
	n := len(h.Base)
	m := s.Linear(s.unit(S, 1, S.D, h.eps), &h.Fn)
	x := s.act(S.T, S.D/n)
	s.eachRow(OpRows, filled(s, &s.records.hyper.last, lastRows{S, m, x, h}), S.T, S.D)
	return x
}

type lastRows struct {
	S, m, x *Act
	h       *hyperHead
}

func (o *lastRows) Operands() Operands {
	return Operands{In: []*Act{o.S, o.m}, Out: []*Act{o.x}, Weights: []*Param{&o.h.BaseParam, &o.h.ScaleParam}}
}

func (o *lastRows) row(t int, th *kernel.Thread) {
	pre := th.Out(len(o.h.Base))
	kernel.Pre(pre, o.m.Row(t), o.h.Base, o.h.Scale, o.h.Eps)
	kernel.Collapse(o.x.Row(t), pre, o.S.Row(t))
}

// bare returns what stands behind the names of tensors that end without .weight in
// checkpoints.
func (b *binder) bare() string {
	if b.hf {
		return ""
	}
	return ".weight"
}

// hyper binds a hyper-connection; what is attn or ffn.
func (b *binder) hyper(h *Hyper, what string, layer int, c *Config) {
	n := c.HCMult
	rows := (2 + n) * n
	h.Mix = kernel.HyperMix{N: n, Eps: c.HCEps, Iterations: c.HCSinkhornIters}
	h.eps = c.RMSNormEps
	b.linearPart(&h.Fn, "hc_"+what+"_fn", b.bare(), layer, rows, n*c.HiddenSize)
	h.Mix.Base, h.BaseParam = b.vector("hc_"+what+"_base", layer, b.bare(), rows)
	scale, p := b.vector("hc_"+what+"_scale", layer, b.bare(), 3)
	copy(h.Mix.Scale[:], scale)
	h.ScaleParam = p
}

// hyperHead binds the last sum over the streams.
func (b *binder) hyperHead(h *hyperHead, layer int, c *Config) {
	n := c.HCMult
	h.Eps, h.eps = c.HCEps, c.RMSNormEps
	b.linearPart(&h.Fn, "output_hc_fn", b.bare(), layer, n, n*c.HiddenSize)
	h.Base, h.BaseParam = b.vector("output_hc_base", layer, b.bare(), n)
	scale, p := b.vector("output_hc_scale", layer, b.bare(), 1)
	if len(scale) == 1 {
		h.Scale = scale[0]
	}
	h.ScaleParam = p
}
