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
	y := s.act(len(s.tokens), s.embed.Cols)
	s.eachRow(OpRows, filled(s, &s.records.embed, embedRows{s.tokens, y, s.embed}), y.T, y.D)
	return y
}

type embedRows struct {
	tokens []int32 // [T]
	y      *Act
	e      *Embedding
}

func (o *embedRows) Operands() Operands {
	return Operands{Out: []*Act{o.y}, Weights: []*Param{&o.e.Param}}
}

func (o *embedRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	o.e.Row(y, int(o.tokens[t]))
	if o.e.Scale != 0 {
		kernel.Scale(y, y, o.e.Scale)
	}
}

// Wanted returns the rows of x whose logits are wanted: what lies behind the last
// attention is computed for no others.
//
//	x [T, D] → [wanted, D]
func (s *Step) Wanted(x *Act) *Act {
	o := record(s, &s.records.wanted)
	o.which = o.which[:0]
	from := 0
	for i := range s.batch.Segments {
		g := &s.batch.Segments[i]
		from += len(g.Tokens)
		for t := from - g.Logits; t < from; t++ {
			o.which = append(o.which, int32(t))
		}
	}
	if len(o.which) == x.T {
		return x
	}
	o.x, o.y = x, s.act(len(o.which), x.D)
	if s.owners != nil {
		for i, t := range o.which {
			s.owners[i] = s.owners[t]
		}
		s.owners = s.owners[:len(o.which)]
	}
	s.eachRow(OpRows, o, o.y.T, x.D)
	return o.y
}

// wantedRows copies some rows.
type wantedRows struct {
	x, y  *Act
	which []int32 // row of x for each row of y
}

func (o *wantedRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *wantedRows) row(t int, _ *kernel.Thread) { copy(o.y.Row(t), o.x.Row(int(o.which[t]))) }
