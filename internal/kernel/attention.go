package kernel

import (
	"math"
	"unsafe"

	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Attention is scaled dot-product attention over a paged cache, as CANON section
// 6 has it: splits of 256 positions, each with a softmax of its own, combined in
// ascending order.
type Attention struct {
	Kind             CacheKind
	KeyDim, ValueDim int     // elements of a head's key and value
	Scale            float32 // multiplies scores
	Cap              float32 // soft cap of the scores, 0: none
	Latent           bool    // values are the first ValueDim elements of the keys
	Window           int     // positions that a query sees, its own included; 0: all
	Rows             bool    // pages have whole rows; Latent is set
}

// Query is a row of attention: one head of one token.
type Query struct {
	Q    []float32 // [KeyDim]
	Out  []float32 // [ValueDim]
	Pos  int       // sees positions up to this one
	From int       // sees none before this one, whatever the window says
	Sink float32   // logit of the head's sink; NaN: none
}

// NoSink is the Sink of a head without one.
var NoSink = float32(math.NaN())

// first returns the first position that a query sees.
func (a *Attention) first(q *Query) int { return max(q.From, a.inWindow(q.Pos)) }

// inWindow returns the first position in the window that ends at pos.
func (a *Attention) inWindow(pos int) int {
	if a.Window == 0 {
		return 0
	}
	return max(0, pos-a.Window+1)
}

// Splits returns the range of splits that any of the queries sees.
func (a *Attention) Splits(queries []Query) (c0, c1 int) {
	c0 = math.MaxInt
	for i := range queries {
		c0 = min(c0, a.first(&queries[i])/PagePositions)
		c1 = max(c1, queries[i].Pos/PagePositions+1)
	}
	return c0, c1
}

// AttendScratch is the memory of one thread's attention. The zero value is ready.
type AttendScratch struct {
	Scratch
	q8, p8    Q8
	qf, pf    F32
	scores    []float32 // [MaxQueries][PagePositions]
	weighted  []float32 // [PagePositions]: p * v scale
	part      []float32 // [MaxQueries][ValueDim]: o of a split
	m, l      [MaxQueries]float32
	top, sum  [MaxQueries]float32 // M and L so far
	started   [MaxQueries]bool
	latent    []byte // a page of values made from keys
	gathered  []byte // a page of rows, of those of a sparse set or of whole ones
	rows      rowScratch
	splitArgs splitArgs
	lanes     lanes
	queries   [MaxQueries]Query
}

// MaxQueries is how many queries Attend takes at once.
const MaxQueries = 4 * Tile

// Pages are the cache pages of one sequence and layer, and where in them the keys
// and values of one head begin.
type Pages struct {
	Splits     [][]byte // one page a split; those out of every window may be nil
	Key, Value int      // offsets in bytes
	// Chosen is the sparse set that queries see, ascending: positions of queries and
	// splits are ranks in it. nil: positions are those of the sequence.
	Chosen []int32
	// Each is how many whole rows a page has, where it is not one split. 0: it is.
	Each int
}

// Attend computes attention of up to MaxQueries queries that share a key-value
// head.
func (a *Attention) Attend(queries []Query, pages Pages, s *AttendScratch) {
	a.begin(queries, s)
	a.over(queries, pages, s)
	for r := range queries {
		s.finish(r, &queries[r])
	}
}

// AttendEntries is Attend over positions and then over n entries, which all queries see: the
// first n, or those that entries.Chosen has. They have splits of their own (CANON section 6).
func (a *Attention) AttendEntries(queries []Query, pages, entries Pages, n int, s *AttendScratch) {
	a.begin(queries, s)
	a.over(queries, pages, s)
	if n > 0 {
		all := *a
		all.Window = 0
		for r := range queries {
			queries[r].Pos = n - 1
		}
		all.over(queries, entries, s)
	}
	for r := range queries {
		s.finish(r, &queries[r])
	}
}

// over adds all splits that queries see of these pages.
func (a *Attention) over(queries []Query, pages Pages, s *AttendScratch) {
	c0, c1 := a.Splits(queries)
	for c := c0; c < c1; c++ {
		a.split(queries, c, pages, s)
		for r := range queries {
			if lo, hi := a.seen(&queries[r], c); lo < hi {
				s.combine(r, queries[r].Out, s.m[r], s.l[r], s.part[r*a.ValueDim:][:a.ValueDim])
			}
		}
	}
}

// PartSize returns how many numbers AttendSplits writes for a split.
func (a *Attention) PartSize(queries int) int { return queries * (2 + a.ValueDim) }

// AttendSplits computes the splits c0 … c1-1 apart, so that threads can share out
// a long context; CombineSplits puts them together.
//
//	parts [c1-c0, PartSize]: for each query m, l and o
func (a *Attention) AttendSplits(queries []Query, pages Pages, c0, c1 int, parts []float32, s *AttendScratch) {
	a.begin(queries, s)
	for c := c0; c < c1; c++ {
		a.split(queries, c, pages, s)
		part := parts[(c-c0)*a.PartSize(len(queries)):]
		for r := range queries {
			row := part[r*(2+a.ValueDim):][:2+a.ValueDim]
			row[0], row[1] = s.m[r], s.l[r]
			copy(row[2:], s.part[r*a.ValueDim:][:a.ValueDim])
		}
	}
}

// CombineSplits finishes what AttendSplits computed for all splits from c0 on: it
// writes the queries' Out.
//
//	parts [splits, PartSize]
func (a *Attention) CombineSplits(queries []Query, c0 int, parts []float32, s *AttendScratch) {
	clear(s.started[:])
	s.part = tensor.Resize(s.part, MaxQueries*a.ValueDim)
	size := a.PartSize(len(queries))
	for i := range len(parts) / size {
		for r := range queries {
			if lo, hi := a.seen(&queries[r], c0+i); lo < hi {
				row := parts[i*size+r*(2+a.ValueDim):][:2+a.ValueDim]
				s.combine(r, queries[r].Out, row[0], row[1], row[2:])
			}
		}
	}
	for r := range queries {
		s.finish(r, &queries[r])
	}
}

// begin quantises the queries and forgets earlier ones.
func (a *Attention) begin(queries []Query, s *AttendScratch) {
	s.scores = tensor.Resize(s.scores, MaxQueries*PagePositions)
	s.weighted = tensor.Resize(s.weighted, PagePositions)
	s.part = tensor.Resize(s.part, MaxQueries*a.ValueDim)
	clear(s.started[:])
	if a.Kind == CacheQ8 {
		s.q8.Reset(len(queries), a.KeyDim)
		for r := range queries {
			s.q8.Quantise(r, queries[r].Q)
		}
		return
	}
	s.qf.Reset(len(queries), a.KeyDim)
	for r := range queries {
		s.qf.Set(r, queries[r].Q)
	}
}

// seen returns the positions lo … hi-1 within split c that a query sees; none where
// hi <= lo.
func (a *Attention) seen(q *Query, c int) (lo, hi int) {
	base := c * PagePositions
	return max(0, a.first(q)-base), min(PagePositions, q.Pos+1-base)
}

// split computes m, l and o of split c for each query that sees any of it.
func (a *Attention) split(queries []Query, c int, pages Pages, s *AttendScratch) {
	lo, hi := PagePositions, 0
	for r := range queries {
		l, h := a.seen(&queries[r], c)
		if l < h {
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	if lo >= hi {
		return // between two windows: the page may be gone
	}
	k, value := a.page(&pages, c, lo, hi, s)
	b0, b1 := lo/RowBlock, (hi+RowBlock-1)/RowBlock
	if a.Kind == CacheQ8 {
		Product(s.scores, PagePositions, &s.q8, &k, b0, b1, &s.Scratch)
	} else {
		FloatProduct(s.scores, PagePositions, &s.qf, &k, b0, b1, &s.Scratch)
	}
	for r := range queries {
		l, h := a.seen(&queries[r], c)
		s.m[r], s.l[r] = a.softmax(s.scores[r*PagePositions:][:PagePositions], l, h, s)
	}
	if a.Kind == CacheQ8 {
		a.valuesQ8(queries, c, value, hi, s)
	} else {
		a.valuesFloat(queries, c, value, s)
	}
}

// page returns keys and values of the positions lo … hi-1 of split c as matrices.
func (a *Attention) page(pages *Pages, c, lo, hi int, s *AttendScratch) (k Matrix, value []byte) {
	var key []byte
	switch {
	case a.Rows:
		key = s.rowPage(a, pages, c, lo, hi)
	case pages.Chosen != nil:
		key, value = s.chosenPage(a, pages, c, hi)
	default:
		key, value = pages.Splits[c][pages.Key:], pages.Splits[c][pages.Value:]
	}
	k = a.Kind.keys(key, a.KeyDim)
	if a.Latent {
		value = s.valuePage(a)
		a.latentValues(value, &k, lo, hi, &s.rows)
	}
	return k, value
}

// softmax turns the scores of a split into probabilities, 0 outside lo … hi-1,
// and returns their maximum before and their lane sum after.
func (a *Attention) softmax(p []float32, lo, hi int, s *AttendScratch) (m, l float32) {
	if lo >= hi {
		clear(p)
		return 0, 0
	}
	if impl != Portable {
		args := &s.splitArgs
		*args = splitArgs{scores: ptr(p), lo: int32(lo), hi: int32(hi), scale: a.Scale, cap: a.Cap, lanes: unsafe.Pointer(&s.lanes)}
		splitSoftmaxAsm(args)
		return args.max, s.lanes.fold()
	}
	clear(p[:lo])
	clear(p[hi:])
	seen := p[lo:hi]
	m = float32(math.Inf(-1))
	for i, v := range seen {
		v = float32(v * a.Scale)
		if a.Cap != 0 {
			v = a.Cap * Tanh(v/a.Cap)
		}
		seen[i] = v
		m = max(m, v)
	}
	for i, v := range seen {
		seen[i] = Exp(v - m)
	}
	return m, LaneSum(p)
}

// valuesQ8 computes o from integer values: the probabilities take the scales in
// and are quantised again, in groups of 32 positions.
func (a *Attention) valuesQ8(queries []Query, c int, value []byte, hi int, s *AttendScratch) {
	v := a.Kind.values(value, a.ValueDim)
	scales := value[v.Bytes():]
	groups := (hi + Group - 1) / Group
	v.Cols = groups * Group
	blocks := v.Blocks()
	for d := 0; d < a.ValueDim; d += valueGroup {
		s.p8.Reset(len(queries), v.Cols)
		vs := halves(scales[d/valueGroup*PagePositions*2:])
		for r := range queries {
			lo, hi := a.seen(&queries[r], c)
			mulScales(s.weighted[:v.Cols], s.scores[r*PagePositions:], vs, lo, hi)
			s.p8.Quantise(r, s.weighted[:v.Cols])
		}
		b0 := d / RowBlock
		Product(s.part, a.ValueDim, &s.p8, &v, b0, min(b0+valueGroup/RowBlock, blocks), &s.Scratch)
	}
}

// valuePage returns room for a page of values.
func (s *AttendScratch) valuePage(a *Attention) []byte {
	if n := a.Kind.ValueBytes(a.ValueDim); len(s.latent) < n {
		s.latent = tensor.Aligned(n)
	}
	return s.latent
}

// halves views bytes as float16 numbers.
func halves(b []byte) []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(&b[0])), PagePositions)
}

// mulScales writes w = p * vs for positions lo … hi-1 and 0 elsewhere, since a
// scale that was never stored may be anything. w [n], n a multiple of 32.
func mulScales(w, p []float32, vs []uint16, lo, hi int) {
	if lo >= hi {
		clear(w)
		return
	}
	if impl != Portable {
		from, to := lo&^15, (hi+15)&^15
		vectorAsm(opMulF16, &vectorArgs{n: to - from, dst: ptr(w[from:]), a: ptr(p[from:]), b: ptr(vs[from:])})
	} else {
		for i := lo; i < hi; i++ {
			w[i] = p[i] * quant.F16ToF32(vs[i])
		}
	}
	clear(w[:lo])
	clear(w[hi:])
}

// valuesFloat computes o from float values. Positions that a query does not see
// are not added, so queries that see different ones go one by one.
func (a *Attention) valuesFloat(queries []Query, c int, value []byte, s *AttendScratch) {
	lo, hi := a.seen(&queries[0], c)
	same := true
	for r := range queries[1:] {
		l, h := a.seen(&queries[r+1], c)
		same = same && l == lo && h == hi
	}
	if same {
		s.pf.Reset(len(queries), max(0, hi-lo))
		for r := range queries {
			s.pf.Set(r, s.scores[r*PagePositions+lo:])
		}
		a.weigh(s.part, lo, hi, value, s)
		return
	}
	for r := range queries {
		lo, hi := a.seen(&queries[r], c)
		if lo >= hi {
			continue
		}
		s.pf.Reset(1, hi-lo)
		s.pf.Set(0, s.scores[r*PagePositions+lo:])
		a.weigh(s.part[r*a.ValueDim:], lo, hi, value, s)
	}
}

// weigh multiplies the probabilities in pf with the values of positions lo … hi-1.
func (a *Attention) weigh(o []float32, lo, hi int, value []byte, s *AttendScratch) {
	if lo >= hi {
		return
	}
	v := a.Kind.values(value, a.ValueDim)
	v.Data = v.Data[lo*RowBlock*v.Float.BlockBytes():]
	v.Cols = hi - lo
	FloatProduct(o, a.ValueDim, &s.pf, &v, 0, v.Blocks(), &s.Scratch)
}

// combine adds a split to what came before it, and keeps the sum in out.
func (s *AttendScratch) combine(r int, out []float32, m, l float32, o []float32) {
	if !s.started[r] {
		s.started[r] = true
		s.top[r], s.sum[r] = m, l
		copy(out, o)
		return
	}
	top := max(s.top[r], m)
	x, y := Exp(s.top[r]-top), Exp(m-top)
	s.top[r], s.sum[r] = top, FMA(s.sum[r], x, float32(l*y))
	combineRows(out, o, x, y)
}

// combineRows writes O = fma(O, x, o*y).
func combineRows(O, o []float32, x, y float32) {
	n := vectorPart(len(O))
	if n > 0 {
		vectorAsm(opCombine, &vectorArgs{n: n, dst: ptr(O), a: ptr(o), s: x, t: y})
	}
	for i := n; i < len(O); i++ {
		O[i] = FMA(O[i], x, float32(o[i]*y))
	}
}

// finish adds the sink and divides by the sum.
func (s *AttendScratch) finish(r int, q *Query) {
	if sink := q.Sink; sink == sink {
		zero := s.part[:len(q.Out)]
		clear(zero)
		s.combine(r, q.Out, sink, 1, zero)
	}
	Scale(q.Out, q.Out, 1/s.sum[r])
}

// splitArgs is what the routine for the softmax of a split reads and writes.
type splitArgs struct {
	scores     unsafe.Pointer
	lo, hi     int32
	scale, cap float32
	max        float32
	lanes      unsafe.Pointer
}

// Queries returns room for n queries of this thread.
func (s *AttendScratch) Queries(n int) []Query { return s.queries[:n] }
