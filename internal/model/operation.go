package model

import "github.com/blitz-r1/blitz/internal/kernel"

// Operation is the record of one operation of a step. A forward function is a
// sequence of them, and whoever wants to know what a step does reads the records: the
// Meter their work, a tape their operands. An operation's type stands beside the
// method of Step that makes it; its backward belongs there too.
type Operation interface {
	// Operands returns what it reads and writes. Only where operations are recorded is
	// an input still there after the operation, and may Operands allocate.
	Operands() Operands
}

// Operands are the inputs, outputs and weights of an operation. Inputs keep their
// numbers until the step is over; each number of an activation is written once, and once
// more where an adapter adds to it, before anything reads it. The cache is no operand: what
// attention reads of this step's positions are its inputs.
type Operands struct {
	In, Out []*Act
	Weights []*Param
}

// rowOperation does the same to each row, and reads and writes no other in doing so.
type rowOperation interface {
	Operation
	row(t int, th *kernel.Thread)
}

// rowsOperation does several rows at once, better than one after the other.
type rowsOperation interface {
	rowOperation
	rows(from, to int, th *kernel.Thread)
}

// itemOperation consists of items of its own.
type itemOperation interface {
	Operation
	kernel.Items
}

// records has one record of each kind, which a step fills again and again, so that it
// allocates nothing; where operations are recorded, each has a record of its own.
type records struct {
	embed      embedRows
	wanted     wantedRows
	norm       normRows
	layerNorm  layerNormRows
	rope       ropeRows
	add        addRows
	scale      scaleRows
	softcap    softcapRows
	gate       gateRows
	gelu       geluRows
	adjoin     adjoinRows
	tanh       tanhRows
	swiglu     swigluRows
	clamped    clampedRows
	queryScale queryScaleRows
	sigmoid    sigmoidRows
	prepare    prepareRows
	products   products
	lowDowns   lowDowns
	lowUps     lowUps
	store      storeRows
	attend     attend
	absorbed   absorbedRows
	expanded   expandedRows
	storeIndex storeIndexRows
	choose     choose
	route      routeRows
	gather     gatherRows
	sum        sumRows
	join       joinRows
	delta      deltaRecords
	hyper      hyperRecords
	entries    entryRecords
}

// record returns a record to fill: the step's own, with what was last in it, or a new
// one where operations are recorded.
func record[O any](s *Step, own *O) *O {
	if s.recorded() {
		return new(O)
	}
	return own
}

// filled is record with its contents.
func filled[O any](s *Step, own *O, contents O) *O {
	o := record(s, own)
	*o = contents
	return o
}

// run computes an operation of n items.
func (s *Step) run(kind Op, o itemOperation, n int) {
	s.announce(kind, o)
	if s.tape != nil {
		s.tape.add(taped{o: o, kind: kind, items: o, n: n})
	}
	s.compute(kind, o, n)
}

// recorded says whether records and activations live until the step is over.
func (s *Step) recorded() bool { return s.Record != nil || s.tape != nil }

// announce hands an operation that is about to be computed to those who read records.
func (s *Step) announce(kind Op, o Operation) {
	if s.Record != nil {
		s.Record(o)
	}
	if s.Watch != nil {
		s.Watch(o)
	}
	if s.Meter != nil {
		s.Meter.count(kind, o)
	}
}

// rowRun is how many numbers a thread should have to work on at least, so that a short
// step does not wake other threads for nothing.
const rowRun = 16 << 10

// eachRow computes an operation on T rows of about D numbers, handed out in runs.
func (s *Step) eachRow(kind Op, o rowOperation, T, D int) {
	s.runRows(kind, o, T, max(1, rowRun/max(D, 1)))
}

// eachTile is eachRow in runs of whole tiles, whose vectors lie among each other.
func (s *Step) eachTile(kind Op, o rowOperation, T, D int) {
	run := max(1, rowRun/max(D, 1))
	s.runRows(kind, o, T, (run+kernel.Tile-1)/kernel.Tile*kernel.Tile)
}

func (s *Step) runRows(kind Op, o rowOperation, T, run int) {
	s.rows = rowItems{o, T, run}
	n := (T + run - 1) / run
	s.announce(kind, o)
	if s.tape != nil {
		s.tape.add(taped{o: o, kind: kind, items: &rowItems{o, T, run}, n: n})
	}
	s.compute(kind, &s.rows, n)
}

// rowItems are the rows of an operation in runs.
type rowItems struct {
	o      rowOperation
	T, run int
}

// Do does one run of rows.
func (r *rowItems) Do(item int, th *kernel.Thread) {
	from, to := item*r.run, min((item+1)*r.run, r.T)
	if o, ok := r.o.(rowsOperation); ok {
		o.rows(from, to, th)
		return
	}
	for t := from; t < to; t++ {
		r.o.row(t, th)
	}
}
