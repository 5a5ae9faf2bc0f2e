package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// routing says which experts the tokens of a step go to. Activations of experts have
// a row for each of them, in the order of used, then by token.
type routing struct {
	K       int        // experts of a token
	ids     []int32    // [T, K] ascending
	weights *Act       // [T, K]
	rowOf   []int32    // [T, K] row of the expert's output
	token   []int32    // [T*K] whose row it is
	first   []int32    // [E] first row of each expert
	next    []int32    // [E] the row behind its last one
	owners  []*Adapter // [T*K] of each row; none: no token has one
	used    []int32    // experts that have rows: ascending, unless they are not all in memory
}

// route chooses the experts of all tokens.
//
//	x [T, D]   DeepSeek-V2, eq. 21-22; DeepSeek-V3, eq. 13-16
func (s *Step) route(x *Act, e *Experts) *routing {
	logits := s.Linear(x, &e.Router)
	r := s.routings.next()
	r.K = e.Choose.TopK
	s.chooseExperts(r, logits, e)
	r.count(len(e.Gate))
	if e.kept != nil && len(r.used) > 0 && s.err == nil {
		s.visit.Begin(e.kept, e.layer, r.used) // which orders them as it has them
	}
	r.order()
	r.owners = r.owners[:0]
	if s.owners != nil {
		for _, token := range r.token {
			r.owners = append(r.owners, s.owners[token])
		}
	}
	return r
}

// chooseExperts chooses the experts of all rows of logits [T, E].
func (s *Step) chooseExperts(r *routing, logits *Act, e *Experts) {
	r.ids, r.weights = tensor.Resize(r.ids, logits.T*r.K), s.act(logits.T, r.K)
	s.eachRow(OpRoute, filled(s, &s.records.route, routeRows{e, logits, r}), logits.T, routeCost*logits.D)
}

// routeCost is how many numbers a score counts for: its exponential, and the choice.
const routeCost = 8

// routeRows chooses the experts of a token.
//
//	logits [T, E] → r.ids, r.weights [T, K]
type routeRows struct {
	e      *Experts
	logits *Act
	r      *routing
}

func (o *routeRows) Operands() Operands {
	w := Operands{In: []*Act{o.logits}, Out: []*Act{o.r.weights}}
	if o.e.Choose.Bias != nil {
		w.Weights = []*Param{&o.e.BiasParam}
	}
	return w
}

func (o *routeRows) row(t int, th *kernel.Thread) {
	K := o.r.K
	o.e.Choose.Route(o.r.ids[t*K:(t+1)*K], o.r.weights.Row(t), o.logits.Row(t), &th.RouteScratch)
}

// count finds which of E experts have rows, and how many.
func (r *routing) count(E int) {
	r.used = r.used[:0]
	r.first, r.next = tensor.Resize(r.first, E), tensor.Resize(r.next, E)
	clear(r.next)
	for _, id := range r.ids {
		r.next[id]++
	}
	for id, n := range r.next {
		if n > 0 {
			r.used = append(r.used, int32(id))
		}
	}
}

// order hands the rows out to the experts in use, in their order.
func (r *routing) order() {
	n := len(r.ids)
	r.rowOf, r.token = tensor.Resize(r.rowOf, n), tensor.Resize(r.token, n)
	row := int32(0)
	for _, id := range r.used {
		r.first[id] = row
		row, r.next[id] = row+r.next[id], row
	}
	for i, id := range r.ids {
		row := r.next[id]
		r.next[id]++
		r.rowOf[i], r.token[row] = row, int32(i/r.K)
	}
}

// rows returns which rows an expert in use has.
func (r *routing) rows(id int32) (from, to int) { return int(r.first[id]), int(r.next[id]) }

// ownersOf returns the adapters of the rows of an expert; none where no token has one.
func (r *routing) ownersOf(id int32) []*Adapter {
	if len(r.owners) == 0 {
		return nil
	}
	from, to := r.rows(id)
	return r.owners[from:to]
}

// part returns the rows of an expert in a, an activation of experts from row first on.
func (r *routing) part(s *Step, a *Act, id int32, first int) *Act {
	from, to := r.rows(id)
	return a.rows(s, from-first, to-first)
}
