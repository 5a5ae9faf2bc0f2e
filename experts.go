package blitz

import "github.com/blitz-r1/blitz/internal/experts"

// ExpertStats count what a model did whose experts are not all in memory.
type ExpertStats = experts.Stats

// Experts returns what was read of the model's experts since it was opened, and how many
// bytes of memory they may take; false where all of them are in memory.
func (m *Model) Experts() (s ExpertStats, memory int64, ok bool) {
	if m.net == nil {
		return s, 0, false
	}
	return m.net.Experts()
}
