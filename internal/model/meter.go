package model

import (
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Op is a kind of operation, as a Meter tells them apart.
type Op uint8

const (
	OpRows      Op = iota // norms, rope, sums, what is done to each row alone
	OpLinear              // matrix products
	OpHeads               // products with a matrix for each head
	OpExperts             // products of experts
	OpRoute               // choice of experts, sorting of tokens, sums of outputs
	OpStore               // keys and values go into the cache
	OpAttention           // scores, softmax, weighted values
	OpIndex               // V3.2's choice of positions
	ops
)

// Ops are all kinds, in their order.
func Ops() []Op {
	all := make([]Op, ops)
	for i := range all {
		all[i] = Op(i)
	}
	return all
}

func (o Op) String() string {
	return [...]string{"rows", "linear", "head products", "experts", "routing", "cache writes", "attention", "indexer"}[o]
}

// Work is what operations did.
type Work struct {
	Calls     int
	Time      time.Duration
	ReadBytes int64 // of weights and caches, which come from memory
	IntMACs   int64 // multiply-adds of 8-bit integers
	FloatMACs int64 // of float32
}

func (w *Work) add(o Work) {
	w.Calls += o.Calls
	w.Time += o.Time
	w.ReadBytes += o.ReadBytes
	w.IntMACs += o.IntMACs
	w.FloatMACs += o.FloatMACs
}

// Meter adds up the work of a step's operations.
type Meter struct{ ops [ops]Work }

// Of returns the work of one kind.
func (m *Meter) Of(o Op) Work { return m.ops[o] }

// Total returns the work of all kinds.
func (m *Meter) Total() Work {
	var all Work
	for _, w := range m.ops {
		all.add(w)
	}
	return all
}

// run does n items on all threads.
func (s *Step) run(o Op, items kernel.Items, n int) {
	if s.Meter == nil {
		s.Workers.Run(items, n)
		return
	}
	began := time.Now()
	s.Workers.Run(items, n)
	s.Meter.ops[o].add(Work{Calls: 1, Time: time.Since(began)})
}

// countProducts counts the weights that products read and what is multiplied.
func (s *Step) countProducts(o Op) {
	w := &s.Meter.ops[o]
	for i := range s.product.products {
		x := &s.product.products[i]
		macs := int64(x.m.Rows) * int64(x.m.Cols) * int64(x.rows())
		w.ReadBytes += int64(x.m.Bytes())
		if x.m.IsFloat() {
			w.FloatMACs += macs
		} else {
			w.IntMACs += macs
		}
	}
}

// countAttention counts the cache that the units read, each head of a segment once,
// and what is multiplied.
func (t *attendItems) countAttention() {
	w, a := &t.step.Meter.ops[OpAttention], t.layer
	segment, head := -1, -1
	for i := range t.units {
		u := &t.units[i]
		seen := int64(0)
		for _, q := range t.of(u) {
			n := q.Pos + 1
			if a.Window > 0 {
				n = min(n, a.Window)
			}
			if u.chosen != nil {
				n = len(u.chosen)
			}
			seen += int64(n)
		}
		macs := seen * int64(a.DK+a.DV)
		if t.step.Kind == kernel.CacheQ8 {
			w.IntMACs += macs
		} else {
			w.FloatMACs += macs
		}
		if u.chosen == nil && u.segment == segment && u.head == head {
			continue // its pages are in a processor's cache
		}
		segment, head = u.segment, u.head
		bytes := int64(t.step.Kind.KeyBytes(a.DK))
		if a.Latent == 0 {
			bytes += int64(t.step.Kind.ValueBytes(a.DV))
		}
		w.ReadBytes += bytes * (seen / int64(u.n)) / kernel.PagePositions
	}
}
