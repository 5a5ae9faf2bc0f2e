package model

// GatedMLP is down(act(gate x) * up x) (Shazeer 2020).
type GatedMLP struct {
	Gate, Up, Down Linear
	Act            Activation
}

// GatedMLP runs the MLP on the rows of x.
//
//	x [T, D] → [T, D]
func (s *Step) GatedMLP(x *Act, m *GatedMLP) *Act {
	gate, up := s.Linear2(x, &m.Gate, &m.Up)
	s.gate(gate, up, m.Act)
	return s.Linear(gate, &m.Down)
}

// gate writes gate = act(gate) * up.
func (s *Step) gate(gate, up *Act, act Activation) {
	s.rows.f, s.rows.y, s.rows.x, s.rows.act = rowGate, gate, up, act
	s.runRows(gate.T, gate.D)
}
