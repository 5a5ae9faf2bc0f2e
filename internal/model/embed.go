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
func (s *Step) Embed() *Act { return s.embedBy(s.embed) }

// embedBy looks them up in another table.
func (s *Step) embedBy(e *Embedding) *Act {
	y := s.act(len(s.tokens), e.Cols)
	s.eachRow(OpRows, filled(s, &s.records.embed, embedRows{s.tokens, y, e}), y.T, y.D)
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

// backward goes column by column, since several rows may be of one token.
func (o *embedRows) backward(t *Tape) {
	dy, g := t.have(o.y), t.gradient(&o.e.Param)
	if dy == nil || g == nil {
		return
	}
	x := g.begin()
	scale := o.e.Scale
	if scale == 0 {
		scale = 1
	}
	runs := (dy.D + kernel.RowBlock - 1) / kernel.RowBlock
	t.run(runs, func(i int, _ *kernel.Thread) {
		c0, c1 := i*kernel.RowBlock, min((i+1)*kernel.RowBlock, dy.D)
		for r, id := range o.tokens {
			row := x[int(id)/kernel.RowBlock*kernel.RowBlock*dy.D+int(id)%kernel.RowBlock:]
			for c, v := range dy.Row(r)[c0:c1] {
				row[(c0+c)*kernel.RowBlock] += float32(v * scale)
			}
		}
	})
}

// Rows returns some rows of x.
//
//	x [T, D] → [len(which), D]
func (s *Step) Rows(x *Act, which []int32) *Act {
	o := record(s, &s.records.wanted)
	o.which = append(o.which[:0], which...)
	o.x, o.y = x, s.act(len(which), x.D)
	s.eachRow(OpRows, o, o.y.T, x.D)
	return o.y
}

// Wanted returns the rows of x whose logits are wanted: what lies behind the last
// attention is computed for no others.
//
//	x [T, D] → [wanted, D]
func (s *Step) Wanted(x *Act) *Act {
	y, which := s.wanted(x)
	if y != x && s.owners != nil {
		for i, t := range which {
			s.owners[i] = s.owners[t]
		}
		s.owners = s.owners[:len(which)]
	}
	return y
}

// wantedOf is Wanted of what goes along with x, before it.
func (s *Step) wantedOf(x *Act) *Act {
	y, _ := s.wanted(x)
	return y
}

// wanted returns the rows whose logits are wanted, and which they are.
func (s *Step) wanted(x *Act) (y *Act, which []int32) {
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
		return x, o.which
	}
	o.x, o.y = x, s.act(len(o.which), x.D)
	s.eachRow(OpRows, o, o.y.T, x.D)
	return o.y, o.which
}

// wantedRows copies some rows.
type wantedRows struct {
	x, y  *Act
	which []int32 // row of x for each row of y
}

func (o *wantedRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: []*Act{o.y}} }

func (o *wantedRows) row(t int, _ *kernel.Thread) { copy(o.y.Row(t), o.x.Row(int(o.which[t]))) }

func (o *wantedRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx := t.Grad(o.x)
	columns := (dy.D + rowRun - 1) / rowRun // a row may be wanted twice
	t.run(columns, func(i int, _ *kernel.Thread) {
		c0, c1 := i*rowRun, min((i+1)*rowRun, dy.D)
		for r, from := range o.which {
			row := dx.Row(int(from))[c0:c1]
			kernel.Add(row, row, dy.Row(r)[c0:c1])
		}
	})
}
