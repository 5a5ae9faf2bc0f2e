package model

// Norm is a root mean square norm over the last axis (Zhang and Sennrich 2019).
type Norm struct {
	W   []float32 // [D]
	Eps float32
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

// HeadNorm norms each head of x in place: QK norm.
//
//	x [T, H*D], n over D
func (s *Step) HeadNorm(x *Act, n *Norm) {
	s.rows.f, s.rows.x, s.rows.norm = rowHeadNorm, x, n
	s.runRows(x.T, x.D)
}

// Add adds the rows of y to x: the residual stream.
//
//	x, y [T, D]
func (s *Step) Add(x, y *Act) {
	s.rows.f, s.rows.y, s.rows.x = rowAdd, x, y
	s.runRows(x.T, x.D)
}

// softcap replaces x by cap * tanh(x / cap), in place.
func (s *Step) softcap(x *Act, limit float32) {
	s.rows.f, s.rows.x, s.rows.scale = rowSoftcap, x, limit
	s.runRows(x.T, x.D)
}
