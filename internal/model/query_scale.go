package model

import "github.com/blitz-r1/blitz/internal/kernel"

// QueryScale makes queries longer the later their position is, so that attention over a
// long context stays as sharp: 1 + beta ln(1 + floor(p / L)) at position p (Llama 4, and
// Mistral's models since 2025).
type QueryScale struct {
	Beta float64 // 0: queries stay as they are
	L    int
}

func newQueryScale(c *Config) QueryScale { return QueryScale{c.QueryScaleBeta, c.QueryScaleLength} }

// at returns the factor of a position.
func (q *QueryScale) at(pos int32) float32 {
	return float32(1 + float64(q.Beta*kernel.Log64(float64(1+int(pos)/q.L))))
}

// ScaleQueries multiplies the rows of q with the factors of their positions. q is not read
// again.
//
//	q [T, D] → [T, D]
func (s *Step) ScaleQueries(q *Act, by *QueryScale) *Act {
	if by.Beta == 0 {
		return q
	}
	y := s.result(q)
	s.eachRow(OpRows, filled(s, &s.records.queryScale, queryScaleRows{q, y, by, s.positions}), q.T, q.D)
	return y
}

type queryScaleRows struct {
	x, y      *Act
	by        *QueryScale
	positions []int32 // [T]
}

func (o *queryScaleRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *queryScaleRows) row(t int, _ *kernel.Thread) {
	kernel.Scale(o.y.Row(t), o.x.Row(t), o.by.at(o.positions[t]))
}

func (o *queryScaleRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx := t.Grad(o.x)
	t.eachRow(dy.T, dy.D, func(r int, _ *kernel.Thread) {
		kernel.AddScaled(dx.Row(r), dy.Row(r), o.by.at(o.positions[r]))
	})
}
