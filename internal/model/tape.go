package model

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// ErrNoBackward says that a model has an operation that is not differentiated.
var ErrNoBackward = errors.New("models of this kind are not trained")

// CheckTrainable returns an error that wraps ErrNoBackward for a model that cannot be
// trained: the choice of a lightning indexer has no gradient, some operations have none made.
func (m *Model) CheckTrainable() error {
	if f := m.Config.family; f.untrained != "" {
		return fmt.Errorf("model: %s: %s: %w", f.modelType, f.untrained, ErrNoBackward)
	}
	if m.Config.Encoder {
		return fmt.Errorf("model: %s: %s: %w", m.Config.family.modelType, untrainedEncoder, ErrNoBackward)
	}
	if m.Config.IndexNHeads > 0 {
		return fmt.Errorf("model: %s: its attention sees what an indexer chooses: %w", m.Config.family.modelType, ErrNoBackward)
	}
	return nil
}

// differentiable is an operation with its backward, which adds the gradients of inputs and
// weights to what there is of them.
type differentiable interface {
	Operation
	backward(t *Tape)
}

// Tape records what a step computes, and runs back over it. Segments begin at position 0.
//
// The gradient of an activation lies beside it, made when it is first added to and let go
// of behind the record that wrote the activation. Threads share out numbers of outputs
// alone, so that they cannot be seen in any bit.
type Tape struct {
	Gradients *Gradients
	// Recompute keeps only what goes into a layer, and computes it again on the way back:
	// less memory, a third more time, the same bits.
	Recompute bool
	// Balance is the balance loss of routers.
	Balance Balance

	step   *Step
	taped  []taped
	spans  []span
	at     *taped // that runs back
	memory lent
	loads  map[int][]int32

	product productBackward
}

// taped is a record on the tape, with what it takes to compute it again.
type taped struct {
	o     Operation
	kind  Op
	items kernel.Items
	n     int
	batch *Batch
}

// span is a run of records whose activations were let go of.
type span struct {
	mark     Mark
	end      int // behind its last record
	endActs  int
	computed bool
}

// NewTape returns a tape of what s computes from its next step on.
func NewTape(s *Step, g *Gradients) *Tape {
	t := &Tape{Gradients: g, step: s, loads: map[int][]int32{}}
	s.tape = t
	return t
}

// Stop ends recording.
func (t *Tape) Stop() { t.step.tape = nil }

// forget begins a step.
func (t *Tape) forget() {
	t.taped, t.spans = t.taped[:0], t.spans[:0]
	t.Balance.losses = t.Balance.losses[:0]
	clear(t.loads)
}

// add records an operation that is about to be computed.
func (t *Tape) add(x taped) {
	if t.at != nil {
		return // it is computed again
	}
	x.batch = t.step.batch
	t.taped = append(t.taped, x)
	for _, y := range x.o.Operands().Out {
		if w := y.whole(); w.maker == 0 {
			w.maker = len(t.taped)
		}
	}
}

// whole returns what a is a part of, or itself.
func (a *Act) whole() *Act {
	if a.of != nil {
		return a.of
	}
	return a
}

// have returns the gradient of an activation, nil where nothing was added to it.
func (t *Tape) have(a *Act) *Act {
	w := a.whole()
	if w.grad == nil || a.T == 0 {
		return nil
	}
	if a.of == nil {
		return w.grad
	}
	return &Act{T: a.T, D: a.D, gap: a.gap, X: w.grad.X[a.offset:][:(a.T-1)*(a.D+a.gap)+a.D]}
}

// Grad returns the gradient of an activation, zero where nothing was added to it.
func (t *Tape) Grad(a *Act) *Act {
	w := a.whole()
	if w.grad == nil {
		w.grad = &Act{T: w.T, D: w.D, X: t.take(w.T * w.D)}
	}
	if a.T == 0 {
		return &Act{D: a.D}
	}
	return t.have(a)
}

// fresh is Grad for one who writes all of it: whether there was none, and it holds anything.
func (t *Tape) fresh(a *Act) (*Act, bool) {
	if a.of != nil || a.grad != nil || a.T == 0 {
		return t.Grad(a), false
	}
	a.grad = &Act{T: a.T, D: a.D, X: t.room(a.T * a.D)}
	return a.grad, true
}

// take returns n zeros.
func (t *Tape) take(n int) []float32 {
	x := t.memory.room(n)
	clear(x)
	return x
}

// room returns memory of n numbers, which may be anything.
func (t *Tape) room(n int) []float32 { return t.memory.room(n) }

// give takes memory back.
func (t *Tape) give(x []float32) { t.memory.give(x) }

// Bytes returns the memory of the tape's own.
func (t *Tape) Bytes() int64 { return t.memory.bytes() }

// ScratchBytes returns what a thread takes at most, beside weights and activations, to run
// back over samples of that many tokens.
func (m *Model) ScratchBytes(longest int) int64 {
	numbers := 0
	for _, a := range m.net.attention() {
		numbers = max(numbers, longest*(3*max(a.DK, a.DV)+a.DK+4*kernel.BackQueries))
	}
	most := 0
	for _, w := range m.weights {
		if w.Matrix != nil {
			most = max(most, w.Matrix.Rows*kernel.Group*turnedGroups(w.Matrix.Rows, w.Matrix.Cols), w.Matrix.Cols*kernel.RowBlock)
		}
	}
	return 4 * int64(numbers+most)
}

// Lent returns how many numbers of the tape's memory are in use: none behind Back.
func (t *Tape) Lent() int { return t.memory.used }

// itemFunc is an item that a function does.
type itemFunc func(i int, th *kernel.Thread)

// Do does one.
func (f itemFunc) Do(i int, th *kernel.Thread) { f(i, th) }

// run does n items on all threads.
func (t *Tape) run(n int, do func(i int, th *kernel.Thread)) { t.step.Workers.Run(itemFunc(do), n) }

// eachRow does T rows of about D numbers.
func (t *Tape) eachRow(T, D int, row func(t int, th *kernel.Thread)) {
	run := max(1, rowRun/max(D, 1))
	t.run((T+run-1)/run, func(i int, th *kernel.Thread) {
		for r := i * run; r < min((i+1)*run, T); r++ {
			row(r, th)
		}
	})
}

// release is Step.Release on a tape: activations that were made since the mark are let go
// of, but for the last output, which the next layer reads.
func (t *Tape) release(m Mark) {
	s := t.step
	if !t.Recompute || t.at != nil || len(t.taped) == m.taped {
		return
	}
	outs := t.taped[len(t.taped)-1].o.Operands().Out
	x := outs[len(outs)-1].whole()
	kept := t.room(len(x.X))
	copy(kept, x.X)
	x.X, x.kept = kept, true
	t.spans = append(t.spans, span{mark: m, end: len(t.taped), endActs: s.acts.used})
	for _, a := range s.acts.all[m.acts:s.acts.used] {
		a.f32, a.q8 = nil, nil
		if w := a.whole(); !w.kept {
			a.X = nil
		}
	}
	s.arena.used, s.f32s.used, s.q8s.used = m.floats, m.f32s, m.q8s
	s.arena.settle() // so that in a first step, too, layers share their memory
}

// again computes the records of a span once more.
func (t *Tape) again(x *span) {
	s := t.step
	x.computed = true
	for _, a := range s.acts.all[x.mark.acts:x.endActs] {
		switch {
		case a.X != nil || a.T == 0:
		case a.of == nil:
			a.X = s.arena.take(a.T * a.D)
		default:
			a.X = a.of.X[a.offset:][:(a.T-1)*(a.D+a.gap)+a.D]
		}
	}
	for i := x.mark.taped; i < x.end; i++ {
		t.at = &t.taped[i]
		t.at.again(s)
	}
	t.at = nil
}

// again computes one record once more.
func (x *taped) again(s *Step) {
	s.batch = x.batch
	switch o := x.o.(type) {
	case *storeRows:
		return // what it stored is there
	case *attend:
		s.findPages(o.a.Layer)
		s.attend(o)
		return
	case *prepareRows:
		for _, a := range o.acts {
			s.makeForm(a, o.float)
		}
	case *gatherRows:
		for _, a := range o.parts {
			s.makeForm(a, o.float)
		}
	}
	s.compute(x.kind, x.items, x.n)
}

// Back runs back over everything that was recorded since a mark, and forgets it; a zero
// Mark is the beginning. The gradients of the last outputs are what Grad was filled with.
func (t *Tape) Back(m Mark) {
	s := t.step
	for len(t.taped) > m.taped {
		i := len(t.taped) - 1
		var x *span
		if n := len(t.spans); n > 0 && t.spans[n-1].end > i {
			x = &t.spans[n-1]
			if !x.computed {
				t.again(x)
			}
		}
		t.at = &t.taped[i]
		t.differentiate(t.at.o)
		for _, y := range t.at.o.Operands().Out {
			if w := y.whole(); w.maker == i+1 {
				t.letGo(w)
			}
		}
		t.at = nil
		t.taped = t.taped[:i]
		if x != nil && x.mark.taped == i {
			for _, a := range s.acts.all[x.mark.acts:x.endActs] { // nothing holds their memory
				a.X, a.f32, a.q8 = nil, nil, nil
			}
			s.arena.used, s.f32s.used, s.q8s.used = x.mark.floats, x.mark.f32s, x.mark.q8s
			t.spans = t.spans[:len(t.spans)-1]
		}
	}
	s.free(m)
	if m.taped == 0 {
		t.Gradients.fold()
	}
}

// differentiate runs back over one operation. That an output has a gradient that does not go
// on is our own mistake: models with such operations are not trained (CheckTrainable).
func (t *Tape) differentiate(o Operation) {
	if d, ok := o.(differentiable); ok {
		d.backward(t)
		return
	}
	for _, y := range o.Operands().Out {
		if t.have(y) != nil {
			panic(fmt.Sprintf("model: %T has no backward", o))
		}
	}
}

// letGo gives back what belongs to an activation that nothing reads any more.
func (t *Tape) letGo(a *Act) {
	if a.grad != nil {
		t.give(a.grad.X)
		a.grad = nil
	}
	if a.kept {
		t.give(a.X)
		a.X, a.kept = nil, false
	}
}
