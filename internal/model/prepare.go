package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Products read the rows of an activation in a form of their own: 8-bit integers and
// scales for quantised matrices, float32 in another order for float ones. It is made
// once for all matrices that read the same rows, and is no activation of its own.

// prepare brings x into the form in which matrices of one kind read it.
func (s *Step) prepare(x *Act, float bool) {
	if x.prepared(float) {
		return
	}
	o := s.preparation(float)
	s.add(o, x)
	s.eachTile(OpRows, o, x.T, x.D)
}

// prepared says whether the form is there.
func (a *Act) prepared(float bool) bool {
	if float {
		return a.f32 != nil
	}
	return a.q8 != nil
}

// makeForm makes room for the rows of x in a form.
func (s *Step) makeForm(x *Act, float bool) {
	if float {
		x.f32 = s.f32s.next()
		x.f32.Reset(x.T, x.D)
	} else {
		x.q8 = s.q8s.next()
		x.q8.Reset(x.T, x.D)
	}
}

// prepareRows brings several activations into a form: row by row where they have the
// same rows, or as an item each.
type prepareRows struct {
	acts  []*Act
	float bool
}

// preparation returns a record without activations.
func (s *Step) preparation(float bool) *prepareRows {
	o := record(s, &s.records.prepare)
	o.acts, o.float = o.acts[:0], float
	return o
}

// add adds an activation.
func (s *Step) add(o *prepareRows, x *Act) {
	s.makeForm(x, o.float)
	o.acts = append(o.acts, x)
}

func (o *prepareRows) Operands() Operands { return Operands{In: o.acts} }

func (o *prepareRows) row(t int, th *kernel.Thread) { o.rows(t, t+1, th) }

// rows prepares rows of all activations, whole tiles or all that there are of one.
func (o *prepareRows) rows(from, to int, th *kernel.Thread) {
	for _, a := range o.acts {
		a.prepareRows(from, to, o.float, th)
	}
}

// Do prepares all rows of one activation.
func (o *prepareRows) Do(i int, th *kernel.Thread) {
	o.acts[i].prepareRows(0, o.acts[i].T, o.float, th)
}

func (a *Act) prepareRows(from, to int, float bool, th *kernel.Thread) {
	switch {
	case !float:
		for t := from; t < to; t++ {
			a.q8.Quantise(t, a.Row(t))
		}
	case from%kernel.Tile == 0 && (to%kernel.Tile == 0 || to == a.T):
		for tile := from / kernel.Tile; tile*kernel.Tile < to; tile++ {
			a.f32.SetTile(tile, a.X, a.D+a.gap, &th.BackScratch)
		}
	default:
		for t := from; t < to; t++ {
			a.f32.Set(t, a.Row(t))
		}
	}
}
