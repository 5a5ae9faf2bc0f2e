package model

import (
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// LatentForm is how multi-head latent attention is computed (CANON section 6). The
// two forms have different bits.
type LatentForm uint8

const (
	// Absorbed maps queries into the latent space; the cache holds c^KV and the roped
	// part of the key, one row for all heads.
	Absorbed LatentForm = iota
	// Expanded makes keys and values of every head from c^KV and caches those.
	Expanded
)

func (f LatentForm) String() string { return [...]string{"absorbed", "expanded"}[f] }

// Latent is multi-head latent attention of one layer (DeepSeek-V2 §2.1). Dimensions:
// P = qk_nope_head_dim, R = qk_rope_head_dim, V = v_head_dim, C = kv_lora_rank.
type Latent struct {
	H, P, R, V, C int
	Form          LatentForm
	QA            Linear // W^DQ [q_lora_rank, D]; empty where queries are not compressed
	QANorm        Norm
	Q             Linear   // W^UQ and W^QR [H*(P+R), q_lora_rank]; from D without compression
	KVA           Linear   // W^DKV and W^KR [C+R, D]
	KVANorm       Norm     // [C]
	UK            []Linear // W^UK of each head: absorbed [C, P], expanded [P, C]
	UV            []Linear // W^UV of each head [V, C]
	O             Linear
	Attention     Attention
	Indexer       *Indexer // sparse attention of V3.2, or nil
}

// Latent runs multi-head latent attention on the rows of x.
//
//	x [T, D] → [T, D]
func (s *Step) Latent(x *Act, l *Latent, rope *Rope) *Act {
	var q, cQ, kv *Act
	if l.QA.Rows > 0 {
		q, kv = s.Linear2(x, &l.QA, &l.KVA)
		cQ = s.Norm(q, &l.QANorm)
		q = s.Linear(cQ, &l.Q)
	} else {
		q, kv = s.Linear2(x, &l.Q, &l.KVA)
	}
	q = s.Rope(q, l.H, rope) // the last R of every head
	kv = s.Rope(kv, 1, rope) // the last R
	cKV := s.NormPart(kv, &l.KVANorm)
	if l.Indexer != nil {
		s.choosePositions(x, cQ, l, rope)
	}
	if l.Form == Expanded {
		return s.Linear(s.attendExpanded(q, cKV, kv, l), &l.O)
	}
	return s.Linear(s.attendAbsorbed(q, cKV, kv, l), &l.O)
}

// latentWidth returns the width of a latent cache row: c^KV and the roped part of
// the key, each in whole groups of quantisation.
func latentWidth(C, R int) int { return kernel.WholeGroups(C) + kernel.WholeGroups(R) }

// attendAbsorbed is (q W^UK) c^KV, softmax, and W^UV of what comes out.
//
//	q [T, H*(P+R)]   cKV [T, C]   kv [T, C+R] → [T, H*V]
func (s *Step) attendAbsorbed(q, cKV, kv *Act, l *Latent) *Act {
	width := latentWidth(l.C, l.R)
	query, key := s.act(q.T, l.H*width), s.act(q.T, width)
	s.HeadLinear(query, q, l.P, l.UK)
	s.latentRows(latentItems{l: l, q: q, cKV: cKV, kv: kv, query: query, key: key})
	o := s.Attend(query, key, nil, &l.Attention)
	out := s.act(q.T, l.H*l.V)
	s.HeadLinear(out, o, l.C, l.UV)
	return out
}

// attendExpanded is attention over keys and values of all heads, made from c^KV
// before that is rounded for a cache.
//
//	q [T, H*(P+R)]   cKV [T, C]   kv [T, C+R] → [T, H*V]
func (s *Step) attendExpanded(q, cKV, kv *Act, l *Latent) *Act {
	K := l.P + l.R
	key, value := s.act(q.T, l.H*K), s.act(q.T, l.H*l.V)
	s.product.begin()
	for h := range l.H {
		s.prepare(cKV, &l.UK[h].Matrix)
		s.prepare(cKV, &l.UV[h].Matrix)
		s.product.add(product{y: key.X[h*K:], ldy: key.D, q8: cKV.q8, f32: cKV.f32, m: &l.UK[h].Matrix})
		s.product.add(product{y: value.X[h*l.V:], ldy: value.D, q8: cKV.q8, f32: cKV.f32, m: &l.UV[h].Matrix})
	}
	s.runProducts(OpHeads)
	s.latentRows(latentItems{l: l, kv: kv, key: key})
	return s.Attend(q, key, value, &l.Attention)
}

// latentItems fills in what the products leave of the rows of queries and keys.
type latentItems struct {
	l                      *Latent
	q, cKV, kv, query, key *Act
	run                    int // rows of an item
}

// latentRows fills the rows that t names.
func (s *Step) latentRows(t latentItems) {
	t.run = max(1, rowRun/(t.key.D+t.l.H*t.l.R))
	s.latent = t
	s.run(OpRows, &s.latent, (t.key.T+t.run-1)/t.run)
}

// Do fills one run of rows.
func (t *latentItems) Do(item int, _ *kernel.Thread) {
	for r := item * t.run; r < min((item+1)*t.run, t.key.T); r++ {
		if t.l.Form == Expanded {
			t.expanded(r)
		} else {
			t.absorbed(r)
		}
	}
}

// absorbed fills in the roped part of the queries, and the key.
func (t *latentItems) absorbed(r int) {
	l, width := t.l, t.key.D
	query, q := t.query.Row(r), t.q.Row(r)
	for h := range l.H {
		latentRow(query[h*width:(h+1)*width], nil, q[h*(l.P+l.R)+l.P:][:l.R], l.C)
	}
	latentRow(t.key.Row(r), t.cKV.Row(r), t.kv.Row(r)[l.C:], l.C)
}

// expanded fills in the roped part of the keys, which all heads share.
func (t *latentItems) expanded(r int) {
	l := t.l
	K := l.P + l.R
	key, rope := t.key.Row(r), t.kv.Row(r)[l.C:]
	for h := range l.H {
		copy(key[h*K+l.P:(h+1)*K], rope)
	}
}

// latentRow fills a row of latentWidth: c, which stands there already where nil, and
// the roped part, with zeros behind each.
func latentRow(row, c, rope []float32, C int) {
	at := kernel.WholeGroups(C)
	copy(row, c)
	clear(row[C:at])
	clear(row[at+copy(row[at:], rope):])
}

// HeadLinear multiplies each head with a matrix of its own: the first `in` elements
// of head h of x with w[h], into the first of head h of y.
//
//	x [T, H*…]   y [T, H*…]   w [H] of [out, in]
func (s *Step) HeadLinear(y, x *Act, in int, w []Linear) {
	H := len(w)
	s.heads = tensor.Resize(s.heads, H)
	for h := range s.heads {
		s.heads[h] = s.prepared(x.T, in, &w[h].Matrix)
	}
	s.rows.f, s.rows.x, s.rows.parts = rowHeads, x, s.heads
	s.runRows(x.T, x.D)
	s.product.begin()
	for h, a := range s.heads {
		s.product.add(product{y: y.X[h*(y.D/H):], ldy: y.D, q8: a.q8, f32: a.f32, m: &w[h].Matrix})
	}
	s.runProducts(OpHeads)
}
