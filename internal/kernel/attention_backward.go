package kernel

import (
	"math"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// AttentionBackward is the backward of one head's attention over a sequence that begins
// at position 0. The first numbers of rows stand ld apart.
type AttentionBackward struct {
	N                int // positions
	KeyDim, ValueDim int
	Scale, Cap       float32
	Window           int
	Q, K, V, Out     Rows // of the head: [N, KeyDim] or [N, ValueDim]
	DOut, DQ         Rows
	DK, DV           Rows // are written over; DV may be a part of DK: see Shared
	Shared           bool // values are the first elements of the keys: DV is added to DK
}

// Rows are rows of numbers, LD apart.
type Rows struct {
	X  []float32
	LD int
}

// Row returns the first n numbers of row i.
func (r Rows) Row(i, n int) []float32 { return r.X[i*r.LD:][:n] }

// attendBack is the memory of one thread's backward of attention.
type attendBack struct {
	keys, turnedKeys, values []byte
	turnedQ, turnedOut       []byte
	q, out, ds, p            F32
	scores, dp, sums, zeros  []float32
}

// BackQueries is how many queries the backward of attention takes at once.
const BackQueries = 64

func floatMatrix(memory *[]byte, rows, cols int) Matrix {
	m := NewFloatMatrix(rows, cols, tensor.F32, nil)
	if len(*memory) < m.Bytes() {
		*memory = tensor.Aligned(m.Bytes())
	}
	m.Data = (*memory)[:m.Bytes()]
	return m
}

// Backward adds the gradient of the queries to DQ and sets DK and DV to the head's share of
// those of keys and values. The probabilities are computed again.
//
// With P = softmax(S), S = Scale q k^T: dV = P^T dO, dP = dO V^T, dS = P (dP - dO·O),
// dQ = Scale dS K, dK = Scale dS^T Q. Dao et al. 2022, appendix B.4.
func (a *AttentionBackward) Backward(th *Thread) {
	s := &th.attend
	keys, turned := floatMatrix(&s.keys, a.N, a.KeyDim), floatMatrix(&s.turnedKeys, a.KeyDim, a.N)
	values := floatMatrix(&s.values, a.N, a.ValueDim)
	keys.SetRows(a.K.X, a.K.LD, &th.BackScratch)
	values.SetRows(a.V.X, a.V.LD, &th.BackScratch)
	turned.SetColumns(0, a.K.X, a.K.LD, a.N)
	for i := range a.N {
		clear(a.DK.Row(i, a.KeyDim))
		if !a.Shared {
			clear(a.DV.Row(i, a.ValueDim))
		}
	}
	for i0 := 0; i0 < a.N; i0 += BackQueries {
		a.queries(i0, min(i0+BackQueries, a.N), &keys, &turned, &values, th)
	}
}

// first returns the first position that position i sees.
func (a *AttentionBackward) first(i int) int {
	if a.Window == 0 {
		return 0
	}
	return max(0, i-a.Window+1)
}

// queries does queries i0 … i1-1.
func (a *AttentionBackward) queries(i0, i1 int, keys, turned, values *Matrix, th *Thread) {
	s, n := &th.attend, i1-i0
	lo := a.first(i0) / RowBlock * RowBlock
	b0, b1 := lo/RowBlock, (i1+RowBlock-1)/RowBlock
	width := (b1 - b0) * RowBlock
	s.q.Reset(n, a.KeyDim)
	s.out.Reset(n, a.ValueDim)
	for i := range s.q.Tiles() {
		s.q.SetTile(i, a.Q.X[i0*a.Q.LD:], a.Q.LD, &th.BackScratch)
		s.out.SetTile(i, a.DOut.X[i0*a.DOut.LD:], a.DOut.LD, &th.BackScratch)
	}
	s.scores, s.dp = tensor.Resize(s.scores, n*width), tensor.Resize(s.dp, n*width)
	s.part(s.scores, &s.q, keys, b0, b1, &th.Scratch)
	s.part(s.dp, &s.out, values, b0, b1, &th.Scratch)
	seen := i1 - lo // keys that any of them sees, from lo on
	for t := range n {
		i := i0 + t
		own := LaneDot(a.DOut.Row(i, a.ValueDim), a.Out.Row(i, a.ValueDim))
		a.softmaxBackward(s.scores[t*width:][:width], s.dp[t*width:][:width], a.first(i)-lo, i+1-lo, own, s)
	}
	s.ds.Reset(n, seen)
	for i := range s.ds.Tiles() {
		s.ds.SetTile(i, s.dp, width, &th.BackScratch)
	}
	k := *turned
	k.Data = k.Data[4*lo*RowBlock:]
	k.Cols = seen
	AddFloatProduct(a.DQ.X[i0*a.DQ.LD:], a.DQ.LD, &s.ds, &k, 0, k.Blocks(), &th.Scratch)
	a.weigh(a.DK, a.Q, a.KeyDim, i0, n, lo, seen, s.dp, width, &s.turnedQ, th)
	dv := a.DV
	if a.Shared {
		dv = a.DK
	}
	a.weigh(dv, a.DOut, a.ValueDim, i0, n, lo, seen, s.scores, width, &s.turnedOut, th)
}

// part multiplies with row blocks b0 … b1-1 of m, whose rows behind the last one are
// never used.
func (s *attendBack) part(y []float32, x *F32, m *Matrix, b0, b1 int, scratch *Scratch) {
	view := *m
	view.Data = m.Data[b0*m.reg.size : b1*m.reg.size]
	view.Rows = min(m.Rows-b0*RowBlock, (b1-b0)*RowBlock)
	FloatProduct(y, (b1-b0)*RowBlock, x, &view, 0, b1-b0, scratch)
}

// softmaxBackward turns the scores of a query into probabilities and dp into the gradient
// of the products of query and keys, both 0 but for lo … hi-1. own is dO·O. What stands
// behind hi is exp(-Inf) = 0 for a while, so that assembly does all of a row.
func (a *AttentionBackward) softmaxBackward(p, dp []float32, lo, hi int, own float32, s *attendBack) {
	clear(p[:lo])
	clear(dp[:lo])
	end := min(lo+roundUp(hi-lo, RowBlock), len(p))
	clear(p[end:])
	n, unseen := hi-lo, dp[hi:]
	p, dp = p[lo:end], dp[lo:end]
	Scale(p, p, a.Scale)
	if a.Cap != 0 {
		Div(p, p, a.Cap)
		TanhAll(p, p)
		s.sums = append(s.sums[:0], p...) // tanh
		Scale(p, p, a.Cap)
	}
	fill(p[n:], float32(math.Inf(-1)))
	Softmax(p, p)
	s.centred(dp, p, own)
	Scale(dp, dp, a.Scale)
	if a.Cap != 0 {
		for j, t := range s.sums {
			dp[j] *= 1 - float32(t*t)
		}
	}
	clear(unseen)
}

// weigh adds w^T x to rows lo … lo+seen-1 of d.
//
//	w [n, width], seen of each row   x [n, dim], from row i0 on
func (a *AttentionBackward) weigh(d, x Rows, dim, i0, n, lo, seen int, w []float32, width int, memory *[]byte, th *Thread) {
	s := &th.attend
	m := floatMatrix(memory, dim, n)
	s.p.Reset(seen, n)
	m.SetColumns(0, x.X[i0*x.LD:], x.LD, n)
	s.p.SetElements(0, w, width, n)
	AddFloatProduct(d.X[lo*d.LD:], d.LD, &s.p, &m, 0, m.Blocks(), &th.Scratch)
}

// softcapSlope returns the slope of cap tanh(x/cap) where that is y.
func softcapSlope(y, cap float32) float32 {
	t := y / cap
	return 1 - float32(t*t)
}

// SoftcapBackward adds dy times the slope of y = cap tanh(x/cap) to dx; all [n].
func SoftcapBackward(dx, dy, y []float32, cap float32) {
	for i, v := range y {
		dx[i] += float32(dy[i] * softcapSlope(v, cap))
	}
}

// centred writes dp = p (dp - own); dp, p [n].
func (s *attendBack) centred(dp, p []float32, own float32) {
	n := vectorPart(len(p))
	if n > 0 {
		s.zeros = tensor.Resize(s.zeros, n) // nobody writes to them
		vectorAsm(opLayernorm, &vectorArgs{n: n, dst: ptr(dp), a: ptr(dp), b: ptr(p), c: ptr(s.zeros), s: 1, t: own})
	}
	for i := n; i < len(p); i++ {
		dp[i] = FMA(dp[i]-own, p[i], 0)
	}
}
