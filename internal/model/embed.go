package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Embedding is the table of token vectors [V, D].
type Embedding struct {
	kernel.Matrix
	Scale float32 // multiplies the vectors; 0: nothing does
	Param Param
}

// Embed looks the tokens of the batch up.
//
//	→ [T, D]
func (s *Step) Embed() *Act {
	e := s.embed
	x := s.act(len(s.positions), e.Cols)
	t := 0
	for i := range s.batch.Segments {
		for _, id := range s.batch.Segments[i].Tokens {
			e.Row(x.Row(t), int(id))
			t++
		}
	}
	if e.Scale != 0 {
		s.rows.f, s.rows.x, s.rows.scale = rowScale, x, e.Scale
		s.runRows(x.T, x.D)
	}
	return x
}

// Wanted returns the rows of x whose logits are wanted: what lies behind the last
// attention is computed for no others.
//
//	x [T, D] → [wanted, D]
func (s *Step) Wanted(x *Act) *Act {
	n := 0
	for i := range s.batch.Segments {
		n += s.batch.Segments[i].Logits
	}
	if n == x.T {
		return x
	}
	y := s.act(n, x.D)
	from, to := 0, 0
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		from += len(g.Tokens)
		for t := from - g.Logits; t < from; t++ {
			copy(y.Row(to), x.Row(t))
			to++
		}
	}
	return y
}
