package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Experts is a sparse layer: a router chooses some of many gated MLPs for each
// token (Shazeer et al. 2017; DeepSeekMoE, Dai et al. 2024).
type Experts struct {
	Router         Linear
	Choose         kernel.Router
	BiasParam      Param    // of Choose.Bias
	Gate, Up, Down []Linear // one an expert
	Act            Activation
}

// routing is where the tokens of a step go: rows of the experts' activations are
// ordered by expert, then by token.
type routing struct {
	e       *Experts
	x       *Act // inputs
	logits  *Act
	out     *Act      // [T*K, D] outputs of the experts
	y       *Act      // their weighted sums
	ids     []int32   // [T, K] chosen experts, ascending
	weights []float32 // [T, K]
	rowOf   []int32   // [T, K] row of the expert's output
	first   []int32   // [E+1] first row of each expert
	next    []int32   // [E] next free row while rows are handed out
	token   []int32   // [T*K] whose row it is
	used    []int32   // experts that have rows, ascending
	inner   []*Act    // [E] an expert's inputs, then its part of the activations inside
	phase   routePhase
}

type routePhase uint8

const (
	phaseChoose   routePhase = iota // experts of a token
	phaseGather                     // inputs of an expert
	phaseQuantise                   // rows inside an expert
	phaseSum                        // outputs of a token
)

// Experts runs the experts of a layer on the rows of x: the tokens of each expert
// are gathered and multiplied as a matrix; their outputs are added in ascending
// order of the experts.
//
//	x [T, D] → [T, D]
func (s *Step) Experts(x *Act, e *Experts) *Act {
	r := &s.routing
	r.e, r.x, r.logits = e, x, s.Linear(x, &e.Router)
	s.chooseExperts()
	rows, I := len(r.ids), e.Gate[0].Rows
	gate, up := s.act(rows, I), s.act(rows, I)
	s.prepare(x, &e.Gate[0].Matrix)
	s.gather(x)
	s.product.begin()
	for _, id := range r.used {
		in, from := r.inner[id], int(r.first[id])
		s.product.add(product{y: gate.X[from*I:], ldy: I, q8: in.q8, f32: in.f32, m: &e.Gate[id].Matrix})
		s.product.add(product{y: up.X[from*I:], ldy: I, q8: in.q8, f32: in.f32, m: &e.Up[id].Matrix})
	}
	s.runProducts(OpExperts)
	s.gate(gate, up, e.Act)
	s.expertDown(gate, x.D)
	r.y = s.act(x.T, x.D)
	r.phase = phaseSum
	s.run(OpRoute, r, x.T)
	return r.y
}

// chooseExperts routes all tokens and orders the rows by expert.
func (s *Step) chooseExperts() {
	r := &s.routing
	T, K, E := r.x.T, r.e.Choose.TopK, len(r.e.Gate)
	r.ids, r.weights, r.rowOf = tensor.Resize(r.ids, T*K), tensor.Resize(r.weights, T*K), tensor.Resize(r.rowOf, T*K)
	r.token, r.used = tensor.Resize(r.token, T*K), r.used[:0]
	r.first, r.next, r.inner = tensor.Resize(r.first, E+1), tensor.Resize(r.next, E), tensor.Resize(r.inner, E)
	r.phase = phaseChoose
	s.run(OpRoute, r, T)
	clear(r.first)
	for _, id := range r.ids {
		r.first[id+1]++
	}
	for id := range E {
		if r.first[id+1] > 0 {
			r.used = append(r.used, int32(id))
		}
		r.first[id+1] += r.first[id]
	}
	copy(r.next, r.first)
	for i, id := range r.ids {
		row := r.next[id]
		r.next[id]++
		r.rowOf[i], r.token[row] = row, int32(i/K)
	}
}

// gather copies the prepared rows of x to the experts that they go to.
func (s *Step) gather(x *Act) {
	r := &s.routing
	for _, id := range r.used {
		if x.T == 1 {
			r.inner[id] = x
		} else {
			r.inner[id] = s.prepared(r.rows(id), x.D, &r.e.Gate[id].Matrix)
		}
	}
	if x.T > 1 {
		r.phase = phaseGather
		s.run(OpRoute, r, len(r.used))
	}
}

// rows returns how many rows an expert has.
func (r *routing) rows(id int32) int { return int(r.first[id+1] - r.first[id]) }

// prepared returns an activation without numbers, whose rows are yet to be set in
// the form in which m is multiplied.
func (s *Step) prepared(T, D int, m *kernel.Matrix) *Act {
	a := s.acts.next()
	*a = Act{T: T, D: D}
	if m.IsFloat() {
		a.f32 = s.f32s.next()
		a.f32.Reset(T, D)
	} else {
		a.q8 = s.q8s.next()
		a.q8.Reset(T, D)
	}
	return a
}

// expertDown multiplies the rows inside with the last matrix of their experts.
func (s *Step) expertDown(inside *Act, D int) {
	r := &s.routing
	r.out = s.act(inside.T, D)
	for _, id := range r.used {
		r.inner[id] = s.prepared(r.rows(id), inside.D, &r.e.Down[id].Matrix)
		r.inner[id].X = inside.X[int(r.first[id])*inside.D : int(r.first[id+1])*inside.D]
	}
	r.phase = phaseQuantise
	s.run(OpRoute, r, len(r.used))
	s.product.begin()
	for _, id := range r.used {
		a := r.inner[id]
		s.product.add(product{y: r.out.X[int(r.first[id])*D:], ldy: D, q8: a.q8, f32: a.f32, m: &r.e.Down[id].Matrix})
	}
	s.runProducts(OpExperts)
}

// Do does one item of the phase: a token, or an expert.
func (r *routing) Do(i int, t *kernel.Thread) {
	switch r.phase {
	case phaseChoose:
		K := r.e.Choose.TopK
		r.e.Choose.Route(r.ids[i*K:(i+1)*K], r.weights[i*K:(i+1)*K], r.logits.Row(i), &t.RouteScratch)
	case phaseGather:
		id := r.used[i]
		a := r.inner[id]
		for row, token := range r.token[r.first[id]:r.first[id+1]] {
			if a.q8 != nil {
				a.q8.Copy(row, r.x.q8, int(token))
			} else {
				a.f32.Copy(row, r.x.f32, int(token))
			}
		}
	case phaseQuantise:
		a := r.inner[r.used[i]]
		for row := range a.T {
			if a.q8 != nil {
				a.q8.Quantise(row, a.Row(row))
			} else {
				a.f32.Set(row, a.Row(row))
			}
		}
	case phaseSum:
		y, K := r.y.Row(i), r.e.Choose.TopK
		clear(y)
		for j := i * K; j < (i+1)*K; j++ {
			kernel.AddScaled(y, r.out.Row(int(r.rowOf[j])), r.weights[j])
		}
	}
}
