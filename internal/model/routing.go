package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// routing says which experts the tokens of a step go to. Activations of experts have
// a row for each of them, ordered by expert, then by token.
type routing struct {
	K       int     // experts of a token
	ids     []int32 // [T, K] ascending
	weights *Act    // [T, K]
	rowOf   []int32 // [T, K] row of the expert's output
	token   []int32 // [T*K] whose row it is
	first   []int32 // [E+1] first row of each expert
	next    []int32 // [E] next free row while rows are handed out
	used    []int32 // experts that have rows, ascending
}

// route chooses the experts of all tokens.
//
//	x [T, D]   DeepSeek-V2, eq. 21-22; DeepSeek-V3, eq. 13-16
func (s *Step) route(x *Act, e *Experts) *routing {
	logits := s.Linear(x, &e.Router)
	r := s.routings.next()
	r.K = e.Choose.TopK
	r.ids, r.weights = tensor.Resize(r.ids, x.T*r.K), s.act(x.T, r.K)
	s.eachRow(OpRoute, filled(s, &s.records.route, routeRows{e, logits, r}), x.T, routeCost*logits.D)
	r.order(len(e.Gate))
	return r
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

// order hands the rows out to E experts.
func (r *routing) order(E int) {
	n := len(r.ids)
	r.rowOf, r.token, r.used = tensor.Resize(r.rowOf, n), tensor.Resize(r.token, n), r.used[:0]
	r.first, r.next = tensor.Resize(r.first, E+1), tensor.Resize(r.next, E)
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
		r.rowOf[i], r.token[row] = row, int32(i/r.K)
	}
}

// rows returns which rows an expert has.
func (r *routing) rows(id int32) (from, to int) { return int(r.first[id]), int(r.first[id+1]) }

// part returns the rows of an expert in a, an activation of experts.
func (r *routing) part(s *Step, a *Act, id int32) *Act {
	from, to := r.rows(id)
	return a.rows(s, from, to)
}
