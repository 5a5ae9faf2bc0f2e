package model

import (
	"fmt"

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
	s.followRoutes(r, logits, e)
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
func (s *Step) chooseExperts(r *routing, logits *Act, e *Experts) { s.eachRoute(r, logits, e, nil) }

// eachRoute finds experts and weights of all rows: the experts are those of known [T, K], or where
// it is nil chosen.
//
//	logits [T, E]
func (s *Step) eachRoute(r *routing, logits *Act, e *Experts, known []int32) {
	r.ids, r.weights = tensor.Resize(r.ids, logits.T*r.K), s.act(logits.T, r.K)
	copy(r.ids, known)
	s.eachRow(OpRoute, filled(s, &s.records.route, routeRows{e, logits, r, s.tokens, known != nil}), logits.T, routeCost*logits.D)
}

// followRoutes is chooseExperts of a batch that may know its experts, or is to.
func (s *Step) followRoutes(r *routing, logits *Act, e *Experts) {
	routes := s.batch.Routes
	known := routes.known(e.number)
	switch {
	case known == nil:
		s.chooseExperts(r, logits, e)
		if routes != nil {
			routes.keep(e.number, r.ids)
		}
	case len(known) != logits.T*r.K:
		s.err = fmt.Errorf("model: layer %d: the experts of %d tokens are known, there are %d", e.number, len(known)/r.K, logits.T)
		s.chooseExperts(r, logits, e)
	default:
		s.eachRoute(r, logits, e, known)
	}
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
	tokens []int32 // [T]
	known  bool    // the experts are: only their weights are computed
}

func (o *routeRows) Operands() Operands {
	w := Operands{In: []*Act{o.logits}, Out: []*Act{o.r.weights}}
	if o.e.Choose.Bias != nil {
		w.Weights = []*Param{&o.e.BiasParam}
	}
	if o.e.Scales != nil {
		w.Weights = append(w.Weights, &o.e.ScalesParam)
	}
	return w
}

func (o *routeRows) row(t int, th *kernel.Thread) {
	K := o.r.K
	ids, weights := o.r.ids[t*K:(t+1)*K], o.r.weights.Row(t)
	if o.e.Table != nil {
		copy(ids, o.e.Table[int(o.tokens[t])*K:])
	}
	if o.known || o.e.Table != nil {
		o.e.Choose.Weigh(ids, weights, o.logits.Row(t), &th.RouteScratch)
	} else {
		o.e.Choose.Route(ids, weights, o.logits.Row(t), &th.RouteScratch)
	}
	if o.e.Scales != nil {
		for i, id := range ids {
			weights[i] *= o.e.Scales[id]
		}
	}
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

// Balance is the sequence-wise balance loss: Alpha times the mean over Samples of the sums
// over routers of f_i P_i, f_i the share of the K best scores that expert i has, P_i its
// mean share of the scores. f has no gradient. DeepSeek-V3, eq. 17-20.
type Balance struct {
	Alpha   float64 // 0: none
	Samples int
	losses  []float64 // of each router and segment that was run back over
}

// Loss returns the loss of what was run back over.
func (b *Balance) Loss() (sum float64) {
	for _, v := range b.losses {
		sum += v
	}
	return sum
}

// Loads returns how many rows each expert had of each layer that was run back over, by the
// layer's number.
func (t *Tape) Loads() map[int][]int32 { return t.loads }

func (o *routeRows) backward(t *Tape) {
	E := o.logits.D
	load := t.loads[o.e.number]
	if load == nil {
		load = make([]int32, E)
		t.loads[o.e.number] = load
	}
	for _, id := range o.r.ids {
		load[id]++
	}
	dw := t.have(o.r.weights)
	if dw == nil && t.Balance.Alpha == 0 {
		return
	}
	score := &Act{T: o.logits.T, D: E, X: t.room(o.logits.T * E)}
	dscore := &Act{T: o.logits.T, D: E, X: t.take(o.logits.T * E)}
	t.eachRow(score.T, routeCost*E, func(r int, _ *kernel.Thread) { o.e.Choose.Scores(score.Row(r), o.logits.Row(r)) })
	if t.Balance.Alpha != 0 {
		starts := t.at.batch.starts()
		losses := make([]float64, len(starts)-1)
		t.run(len(losses), func(i int, _ *kernel.Thread) {
			losses[i] = t.Balance.segment(dscore, score, starts[i], starts[i+1], o.r.K)
		})
		t.Balance.losses = append(t.Balance.losses, losses...)
	}
	dlogits := t.Grad(o.logits)
	none := make([]float32, o.r.K)
	t.eachRow(score.T, routeCost*E, func(r int, th *kernel.Thread) {
		dweights := none
		if dw != nil {
			dweights = dw.Row(r)
		}
		o.e.Choose.Backward(dlogits.Row(r), dscore.Row(r), score.Row(r), th.Out(E), o.r.ids[r*o.r.K:][:o.r.K], dweights)
	})
	t.give(score.X)
	t.give(dscore.X)
}

// segment returns the balance loss of rows from … to-1 of the scores of one router, and adds
// its gradient.
//
//	dscore, score [T, E]
func (b *Balance) segment(dscore, score *Act, from, to, K int) float64 {
	n, E := to-from, score.D
	if n == 0 {
		return 0
	}
	f, P := make([]float64, E), make([]float64, E)
	best := make([]int32, 0, K)
	for r := from; r < to; r++ {
		row := score.Row(r)
		best = kernel.TopK(best[:0], row, K)
		for _, id := range best {
			f[id]++
		}
		sum := sumOf64(row)
		for i, v := range row {
			P[i] += float64(v) / sum
		}
	}
	loss := 0.0
	for i := range f {
		f[i] *= float64(E) / float64(K*n)
		loss += float64(f[i] * P[i])
	}
	weight := b.Alpha / float64(b.Samples) / float64(n)
	for r := from; r < to; r++ {
		row, sum, mean := score.Row(r), sumOf64(score.Row(r)), 0.0
		for i, v := range row {
			mean += float64(f[i] * (float64(v) / sum))
		}
		for i, d := range dscore.Row(r) {
			dscore.Row(r)[i] = d + float32(float64(weight*(f[i]-mean))/sum)
		}
	}
	return float64(weight * loss)
}

func sumOf64(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}
