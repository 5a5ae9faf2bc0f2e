package model

import (
	"github.com/blitz-r1/blitz/internal/experts"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// Experts is a sparse layer: a router chooses some of many gated MLPs for each
// token (Shazeer et al. 2017; DeepSeekMoE, Dai et al. 2024).
type Experts struct {
	Router         Linear
	Choose         kernel.Router
	BiasParam      Param    // of Choose.Bias
	Gate, Up, Down []Linear // one an expert; of each list all float or all quantised
	Act            Activation
	Alpha, Limit   float32 // of SwigluClamped; of SiluClamped the limit
	// Table has the experts of each token, ascending, where it is no matter of scores:
	// [V, TopK]. nil: the router chooses.
	Table []int32
	// Scales multiply the weights of the chosen experts, last. nil: nothing does.
	Scales      []float32 // [E]
	ScalesParam Param

	kept  *experts.Cache // where not all are in memory; nil: they are
	layer int            // of it

	number int // of the model's layer
}

// Experts runs the experts of a layer on the rows of x: the tokens of each expert
// are gathered and multiplied as a matrix; their outputs are added in ascending
// order of the experts.
//
//	x [T, D] → [T, D]   DeepSeekMoE, eq. 3
func (s *Step) Experts(x *Act, e *Experts) *Act { return s.ExpertsChosenBy(x, x, e) }

// ExpertsChosenBy is Experts whose router reads z.
//
//	x, z [T, D] → [T, D]
func (s *Step) ExpertsChosenBy(x, z *Act, e *Experts) *Act {
	r := s.route(z, e)
	in := s.gather(x, r, e.Gate[0].IsFloat())
	out := s.act(len(r.ids), e.Down[0].Rows)
	switch {
	case len(r.used) == 0: // no row of the last layer is wanted
	case e.kept == nil:
		s.someExperts(out, in, e, r, 0, len(r.used))
	default:
		s.keptExperts(out, in, e, r)
	}
	return s.sum(out, r)
}

// sharedAndChosen returns x with the MLP of a dense layer added, or the chosen and the shared
// experts of a sparse one, all of which read h.
//
//	x, h [T, D]   experts nil: a dense layer; mlp without rows: no shared experts → [T, D]
func (s *Step) sharedAndChosen(x, h *Act, mlp *GatedMLP, experts *Experts) *Act {
	if experts == nil {
		return s.Add(x, s.GatedMLP(h, mlp))
	}
	y := s.Experts(h, experts)
	if mlp.Gate.Rows > 0 {
		y = s.Add(y, s.GatedMLP(h, mlp))
	}
	return s.Add(x, y)
}

// someExperts runs the experts r.used[from:to], whose rows follow each other.
//
//	in [its rows, D] for each of r.used → those rows of out [T*K, D]
func (s *Step) someExperts(out *Act, in []*Act, e *Experts, r *routing, from, to int) {
	used := r.used[from:to]
	first, _ := r.rows(used[0])
	_, end := r.rows(used[len(used)-1])
	I := e.Gate[0].Rows
	gate, up := s.act(end-first, I), s.act(end-first, I)
	p := s.products()
	for i, id := range used {
		s.multiplyWith(p, r.part(s, gate, id, first), in[from+i], &e.Gate[id], s.expertMatrix(e, r, from+i, gateOf), r.ownersOf(id))
		s.multiplyWith(p, r.part(s, up, id, first), in[from+i], &e.Up[id], s.expertMatrix(e, r, from+i, upOf), r.ownersOf(id))
	}
	s.runProducts(OpExperts, p)
	inside := e.inside(s, gate, up)
	parts := s.preparation(e.Down[0].IsFloat())
	for _, id := range used {
		s.add(parts, r.part(s, inside, id, first))
	}
	s.run(OpRoute, parts, len(parts.acts))
	p = s.products()
	for i, id := range used {
		s.multiplyWith(p, r.part(s, out, id, 0), parts.acts[i], &e.Down[id], s.expertMatrix(e, r, from+i, downOf), r.ownersOf(id))
	}
	s.runProducts(OpExperts, p)
}

// inside returns what goes into the last matrix of experts. gate is not read again.
//
//	gate, up [T, I] → [T, I]
func (e *Experts) inside(s *Step, gate, up *Act) *Act {
	switch e.Act {
	case SwigluClamped:
		return s.swiglu(gate, up, e.Alpha, e.Limit)
	case SiluClamped:
		return s.clamped(gate, up, e.Limit)
	}
	return s.gate(gate, up, e.Act)
}

// gather returns the rows of x that go to each expert in use, prepared for its
// products; the list is the record's. The numbers themselves are there only where
// somebody looks at operations, or adapters read them.
//
//	x [T, D] → [its rows, D] for each of r.used
func (s *Step) gather(x *Act, r *routing, float bool) []*Act {
	s.prepare(x, float)
	o := record(s, &s.records.gather)
	o.x, o.r, o.float, o.parts = x, r, float, o.parts[:0]
	for _, id := range r.used {
		if x.T == 1 {
			o.parts = append(o.parts, x)
			continue
		}
		from, to := r.rows(id)
		part := s.acts.next()
		*part = Act{T: to - from, D: x.D}
		if s.recorded() || s.Watch != nil || s.owners != nil {
			part.X = s.arena.take(part.T * part.D)
		}
		s.makeForm(part, float)
		o.parts = append(o.parts, part)
	}
	if x.T > 1 {
		s.run(OpRoute, o, len(o.parts))
	}
	return o.parts
}

// gatherRows copies the rows of an expert, as they were prepared.
type gatherRows struct {
	x     *Act
	r     *routing
	float bool
	parts []*Act // of each expert in use
}

func (o *gatherRows) Operands() Operands { return Operands{In: []*Act{o.x}, Out: o.parts} }

// Do copies the rows of one expert.
func (o *gatherRows) Do(i int, _ *kernel.Thread) {
	part := o.parts[i]
	from, to := o.r.rows(o.r.used[i])
	for row, token := range o.r.token[from:to] {
		if o.float {
			part.f32.Copy(row, o.x.f32, int(token))
		} else {
			part.q8.Copy(row, o.x.q8, int(token))
		}
		if part.X != nil {
			copy(part.Row(row), o.x.Row(int(token)))
		}
	}
}

// sum returns the weighted sum of the outputs of each token's experts, in ascending
// order of the experts.
//
//	x [T*K, D] → [T, D]
func (s *Step) sum(x *Act, r *routing) *Act {
	y := s.act(r.weights.T, x.D)
	s.eachRow(OpRoute, filled(s, &s.records.sum, sumRows{x, y, r}), y.T, r.K*y.D)
	return y
}

type sumRows struct {
	x, y *Act
	r    *routing
}

func (o *sumRows) Operands() Operands {
	return Operands{In: []*Act{o.x, o.r.weights}, Out: []*Act{o.y}}
}

func (o *sumRows) row(t int, _ *kernel.Thread) {
	y := o.y.Row(t)
	clear(y)
	for j, w := range o.r.weights.Row(t) {
		kernel.AddScaled(y, o.x.Row(int(o.r.rowOf[t*o.r.K+j])), w)
	}
}

func (o *gatherRows) backward(t *Tape) {
	parts := make([]*Act, len(o.r.first)) // by expert
	for i, id := range o.r.used {
		parts[id] = t.have(o.parts[i])
	}
	dx := t.Grad(o.x)
	t.eachRow(dx.T, dx.D*o.r.K, func(r int, _ *kernel.Thread) {
		for k := r * o.r.K; k < (r+1)*o.r.K; k++ {
			id := o.r.ids[k]
			if part := parts[id]; part != nil {
				kernel.Add(dx.Row(r), dx.Row(r), part.Row(int(o.r.rowOf[k]-o.r.first[id])))
			}
		}
	})
}

func (o *sumRows) backward(t *Tape) {
	dy := t.have(o.y)
	if dy == nil {
		return
	}
	dx, dw := t.Grad(o.x), t.Grad(o.r.weights)
	t.eachRow(dy.T, dy.D*o.r.K, func(r int, _ *kernel.Thread) {
		for k, w := range o.r.weights.Row(r) {
			row := int(o.r.rowOf[r*o.r.K+k])
			kernel.AddScaled(dx.Row(row), dy.Row(r), w)
			dw.Row(r)[k] += kernel.LaneDot(dy.Row(r), o.x.Row(row))
		}
	})
}
