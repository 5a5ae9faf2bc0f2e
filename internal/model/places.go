package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Places are what an encoder adds to the vectors of its tokens: a vector for each position,
// and one for the kind of a token: the first, or the second in the second of two texts.
type Places struct {
	Positions Embedding // [P, D]; no rows: the layers tell positions themselves
	Offset    int       // row of the first position
	Types     Embedding // [kinds, D]; no rows: there are none
}

// Adjoin adds the vectors of positions and kinds to x. x is not read again.
//
//	x [T, D] → [T, D]   Devlin et al. 2019, figure 2
func (s *Step) Adjoin(x *Act, p *Places) *Act {
	y := s.result(x)
	s.eachRow(OpRows, filled(s, &s.records.adjoin, adjoinRows{x, y, p, s.batch, s.positions, s.segment}), x.T, x.D)
	return y
}

type adjoinRows struct {
	x, y      *Act
	p         *Places
	batch     *Batch
	positions []int32 // [T]
	segment   []int32 // [T]
}

func (o *adjoinRows) Operands() Operands {
	w := Operands{In: []*Act{o.x}, Out: []*Act{o.y}}
	if o.p.Types.Rows > 0 {
		w.Weights = append(w.Weights, &o.p.Types.Param)
	}
	if o.p.Positions.Rows > 0 {
		w.Weights = append(w.Weights, &o.p.Positions.Param)
	}
	return w
}

func (o *adjoinRows) row(t int, th *kernel.Thread) {
	y, v := o.y.Row(t), th.Out(o.y.D)
	copy(y, o.x.Row(t))
	if o.p.Types.Rows > 0 {
		kind := 0
		if second := o.batch.Segments[o.segment[t]].Second; second > 0 && int(o.positions[t]) >= second {
			kind = min(1, o.p.Types.Rows-1)
		}
		o.p.Types.Row(v, kind)
		kernel.Add(y, y, v)
	}
	if o.p.Positions.Rows > 0 {
		o.p.Positions.Row(v, o.p.Offset+int(o.positions[t]))
		kernel.Add(y, y, v)
	}
}
