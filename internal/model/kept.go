package model

import (
	"github.com/blitz-r1/blitz/internal/experts"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// The matrices of an expert, in the order in which they lie.
const (
	gateOf = iota
	upOf
	downOf
)

// keptExperts runs the experts of a layer that are not all in memory: those that are there
// while the others are read, then each as it comes. After an error nothing is read any
// more in this step, and the rows are zero.
//
//	in [its rows, D] for each of r.used → out [T*K, D]
func (s *Step) keptExperts(out *Act, in []*Act, e *Experts, r *routing) {
	for s.guess(); s.err == nil; {
		from, to, err := s.visit.Next()
		if from == to && err == nil {
			return
		}
		if s.err = err; err == nil {
			s.someExperts(out, in, e, r, from, to)
		}
	}
	clear(out.X)
}

// expertMatrix returns a matrix of the expert r.used[i], where it lies.
func (s *Step) expertMatrix(e *Experts, r *routing, i, which int) *kernel.Matrix {
	id := r.used[i]
	all := [...]*kernel.Matrix{&e.Gate[id].Matrix, &e.Up[id].Matrix, &e.Down[id].Matrix}
	if e.kept == nil {
		return all[which]
	}
	data := s.visit.Data(i)
	for _, before := range all[:which] {
		data = data[before.Bytes():]
	}
	m := s.matrices.next()
	*m = *all[which]
	m.Data = data[:m.Bytes():m.Bytes()]
	return m
}

// foreseen is what the next layer will probably need.
type foreseen struct {
	of   *Experts // nil: nothing is foreseen
	ids  []int32
	sure bool // most of them are needed
}

// mostForeseen is how many tokens are routed ahead. More of them need most experts.
const mostForeseen = 16

// Foresee finds out which experts of the next layer will probably be needed, where not all
// are in memory: those that its router chooses for what comes into this layer's MLP
// (Eliseev and Mazur 2023, section 3.2). They are read while this layer is computed, and
// are computed with only if their layer chooses them.
//
//	x [T, D]   norm, next of the next layer; this, next nil: a layer without experts
func (s *Step) Foresee(x *Act, this *Experts, norm *Norm, next *Experts) {
	if next == nil || next.kept == nil || s.err != nil || s.recorded() || s.Watch != nil {
		return
	}
	f := &s.foreseen
	if f.sure = x.T > mostForeseen; !f.sure && !next.kept.Trusts() {
		return
	}
	f.of, f.ids = next, f.ids[:0]
	if f.sure {
		for id := range next.Gate {
			f.ids = append(f.ids, int32(id))
		}
	} else {
		mark := s.Mark()
		logits := s.Linear(s.Norm(x, norm), &next.Router)
		r := s.routings.next()
		r.K = next.Choose.TopK
		s.chooseExperts(r, logits, next)
		r.count(len(next.Gate))
		f.ids = append(f.ids, r.used...)
		s.free(mark)
	}
	if this == nil { // whose own experts are read first
		s.guess()
	}
}

// guess hands on what was foreseen.
func (s *Step) guess() {
	if f := &s.foreseen; f.of != nil {
		f.of.kept.Guess(f.of.layer-1, f.of.layer, f.ids, f.sure)
		f.of = nil
	}
}

// sparseLayer is a layer with experts, as it was bound.
type sparseLayer struct {
	experts *Experts
	layer   int // of the model
	first   int // place in the plan of the first expert's first matrix
}

// experts returns how many matrices of the plan are experts' from the layer's first on.
func (l *sparseLayer) matrices() int { return 3 * len(l.experts.Gate) }

// regions returns where the experts of each sparse layer lie in the image, and the layers'
// numbers.
func (b *binder) regions() (layers [][]experts.Region, numbers []int) {
	at, next := int64(0), 0 // place in the plan
	for i := range b.sparse {
		l := &b.sparse[i]
		for ; next < l.first; next++ {
			at += int64(b.plan[next].matrix.Bytes())
		}
		list := make([]experts.Region, len(l.experts.Gate))
		for e := range list {
			list[e].At = at
			for range 3 {
				at += int64(b.plan[next].matrix.Bytes())
				next++
			}
			list[e].Bytes = at - list[e].At
		}
		layers, numbers = append(layers, list), append(numbers, l.layer)
	}
	return layers, numbers
}

// expertBytes returns what all experts take.
func (b *binder) expertBytes() (total int64) {
	for i := range b.sparse {
		l := &b.sparse[i]
		for _, p := range b.plan[l.first:][:l.matrices()] {
			total += int64(p.matrix.Bytes())
		}
	}
	return total
}

// tokenExperts returns the most experts that a token needs of a layer.
func (b *binder) tokenExperts() (most int) {
	for i := range b.sparse {
		most = max(most, b.sparse[i].experts.Choose.TopK)
	}
	return most
}
