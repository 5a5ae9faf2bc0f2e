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

// counted is an operation that reads weights or the cache.
type counted interface{ work() Work }

// count adds what an operation is about to do.
func (m *Meter) count(kind Op, o Operation) {
	w := Work{Calls: 1}
	if c, ok := o.(counted); ok {
		w = c.work()
		w.Calls = 1
	}
	m.ops[kind].add(w)
}

// compute does n items on all threads.
func (s *Step) compute(kind Op, items kernel.Items, n int) {
	if s.Meter == nil {
		s.Workers.Run(items, n)
		return
	}
	began := time.Now()
	s.Workers.Run(items, n)
	s.Meter.ops[kind].Time += time.Since(began)
}
