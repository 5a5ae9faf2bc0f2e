package model

// Norm is a root mean square norm over the last axis (Zhang and Sennrich 2019).
type Norm struct {
	W     []float32 // [D]
	Eps   float32
	Param Param // of W
}

// Norm returns the normed rows of x.
//
//	x [T, D] → [T, D]
func (s *Step) Norm(x *Act, n *Norm) *Act {
	y := s.act(x.T, x.D)
	s.rows.f, s.rows.x, s.rows.y, s.rows.norm = rowNorm, x, y, n
	s.runRows(x.T, x.D)
	return y
}

// NormPart returns the norm of the first elements of the rows of x, as many as the
// norm has weights.
//
//	x [T, D], n over N ≤ D → [T, N]
func (s *Step) NormPart(x *Act, n *Norm) *Act {
	y := s.act(x.T, len(n.W))
	s.rows.f, s.rows.x, s.rows.y, s.rows.norm = rowNormPart, x, y, n
	s.runRows(x.T, x.D)
	return y
}

// LayerNorm is a norm with mean, weight and bias (Ba et al. 2016).
type LayerNorm struct {
	W, B             []float32 // [D]
	Eps              float32
	Param, BiasParam Param // of W and of B
}

// LayerNorm returns the normed rows of x.
//
//	x [T, D] → [T, D]
func (s *Step) LayerNorm(x *Act, n *LayerNorm) *Act {
	y := s.act(x.T, x.D)
	s.rows.f, s.rows.x, s.rows.y, s.rows.layer = rowLayerNorm, x, y, n
	s.runRows(x.T, x.D)
	return y
}

// HeadNorm norms each head of x: QK norm. x is not read again.
//
//	x [T, H*D], n over D → [T, H*D]
func (s *Step) HeadNorm(x *Act, n *Norm) *Act {
	s.rows.f, s.rows.x, s.rows.norm = rowHeadNorm, x, n
	s.runRows(x.T, x.D)
	return x
}

// Add returns x + y: the residual stream. x is not read again.
//
//	x, y [T, D] → [T, D]
func (s *Step) Add(x, y *Act) *Act {
	s.rows.f, s.rows.y, s.rows.x = rowAdd, x, y
	s.runRows(x.T, x.D)
	return x
}

// softcap replaces x by cap * tanh(x / cap), in place.
func (s *Step) softcap(x *Act, limit float32) {
	s.rows.f, s.rows.x, s.rows.scale = rowSoftcap, x, limit
	s.runRows(x.T, x.D)
}

// scaleRows multiplies x by a, then by b, in place.
func (s *Step) scaleRows(x *Act, a, b float32) {
	s.rows.f, s.rows.x, s.rows.scale, s.rows.again = rowScaleTwice, x, a, b
	s.runRows(x.T, x.D)
}
