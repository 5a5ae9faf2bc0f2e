package model

import "github.com/blitz-r1/blitz/internal/kernel"

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
	// SharesChoice is set where attention sees what the last layer with an indexer chose.
	SharesChoice bool
	QueryScale   QueryScale
}

// Latent runs multi-head latent attention on the rows of x.
//
//	x [T, D] → [T, D]   DeepSeek-V2, eq. 9-19
func (s *Step) Latent(x *Act, l *Latent, rope *Rope) *Act {
	var q, cQ, kv *Act
	if l.QA.Rows > 0 {
		q, kv = s.Linear2(x, &l.QA, &l.KVA)
		cQ = s.Norm(q, &l.QANorm)
		q = s.Linear(cQ, &l.Q)
	} else {
		q, kv = s.Linear2(x, &l.Q, &l.KVA)
	}
	q = s.ScaleQueries(s.Rope(q, l.H, rope), &l.QueryScale) // the last R of every head turn
	cKV := s.Norm(kv.columns(s, 0, l.C), &l.KVANorm)
	kR := s.Rope(kv.columns(s, l.C, l.R), 1, rope)
	var chosen *choice
	switch {
	case l.Indexer != nil:
		chosen = s.choosePositions(x, cQ, l)
		s.chosen = chosen
	case l.SharesChoice:
		chosen = s.chosen
	}
	if l.Form == Expanded {
		return s.Linear(s.attendExpanded(q, cKV, kR, l, chosen), &l.O)
	}
	return s.Linear(s.attendAbsorbed(q, cKV, kR, l, chosen), &l.O)
}

// latentWidth returns the width of a latent cache row: c^KV and the roped part of
// the key, each in whole groups of quantisation.
func latentWidth(C, R int) int { return kernel.WholeGroups(C) + kernel.WholeGroups(R) }

// attendAbsorbed is (q W^UK) c^KV, softmax, and W^UV of what comes out.
//
//	q [T, H*(P+R)]   cKV [T, C]   kR [T, R] → [T, H*V]
func (s *Step) attendAbsorbed(q, cKV, kR *Act, l *Latent, chosen *choice) *Act {
	width := latentWidth(l.C, l.R)
	query, key := s.act(q.T, l.H*width), s.act(q.T, width)
	s.HeadLinear(query, q, l.P, l.UK)
	s.eachRow(OpRows, filled(s, &s.records.absorbed, absorbedRows{l, q, cKV, kR, query, key}), q.T, width+l.H*l.R)
	o := s.attendTo(query, key, nil, &l.Attention, chosen)
	out := s.act(q.T, l.H*l.V)
	s.HeadLinear(out, o, l.C, l.UV)
	return out
}

// absorbedRows fills in what the products with W^UK leave of the queries, their roped
// parts, and makes the key that all heads share.
//
//	q [T, H*(P+R)]   cKV [T, C]   kR [T, R] → query [T, H*width]   key [T, width]
type absorbedRows struct {
	l                      *Latent
	q, cKV, kR, query, key *Act
}

func (o *absorbedRows) Operands() Operands {
	return Operands{In: []*Act{o.q, o.cKV, o.kR}, Out: []*Act{o.query, o.key}}
}

func (o *absorbedRows) row(t int, _ *kernel.Thread) {
	l, width := o.l, o.key.D
	query, q := o.query.Row(t), o.q.Row(t)
	for h := range l.H {
		latentRow(query[h*width:(h+1)*width], nil, q[h*(l.P+l.R)+l.P:][:l.R], l.C)
	}
	latentRow(o.key.Row(t), o.cKV.Row(t), o.kR.Row(t), l.C)
}

// latentRow fills a row of latentWidth: c, which stands there already where nil, and
// the roped part, with zeros behind each.
func latentRow(row, c, rope []float32, C int) {
	at := kernel.WholeGroups(C)
	copy(row, c)
	clear(row[C:at])
	clear(row[at+copy(row[at:], rope):])
}

// attendExpanded is attention over keys and values of all heads, made from c^KV
// before that is rounded for a cache.
//
//	q [T, H*(P+R)]   cKV [T, C]   kR [T, R] → [T, H*V]
func (s *Step) attendExpanded(q, cKV, kR *Act, l *Latent, chosen *choice) *Act {
	K := l.P + l.R
	key, value := s.act(q.T, l.H*K), s.act(q.T, l.H*l.V)
	p := s.products()
	for h := range l.H {
		s.multiply(p, key.columns(s, h*K, l.P), cKV, &l.UK[h])
		s.multiply(p, value.columns(s, h*l.V, l.V), cKV, &l.UV[h])
	}
	s.runProducts(OpHeads, p)
	s.eachRow(OpRows, filled(s, &s.records.expanded, expandedRows{l, kR, key}), q.T, key.D)
	return s.attendTo(q, key, value, &l.Attention, chosen)
}

// expandedRows fills in the roped part of the keys, which all heads share.
//
//	kR [T, R] → key [T, H*(P+R)]
type expandedRows struct {
	l       *Latent
	kR, key *Act
}

func (o *expandedRows) Operands() Operands {
	return Operands{In: []*Act{o.kR}, Out: []*Act{o.key}}
}

func (o *expandedRows) row(t int, _ *kernel.Thread) {
	K := o.l.P + o.l.R
	for key := o.key.Row(t); len(key) > 0; key = key[K:] {
		copy(key[o.l.P:K], o.kR.Row(t))
	}
}

func (o *absorbedRows) backward(t *Tape) {
	l, at := o.l, kernel.WholeGroups(o.l.C)
	if dquery := t.have(o.query); dquery != nil {
		dq, width := t.Grad(o.q), o.key.D
		t.eachRow(dq.T, dq.D, func(r int, _ *kernel.Thread) {
			for h := range l.H {
				row := dq.Row(r)[h*(l.P+l.R)+l.P:][:l.R]
				kernel.Add(row, row, dquery.Row(r)[h*width+at:][:l.R])
			}
		})
	}
	if dkey := t.have(o.key); dkey != nil {
		dcKV, dkR := t.Grad(o.cKV), t.Grad(o.kR)
		t.eachRow(dkey.T, dkey.D, func(r int, _ *kernel.Thread) {
			kernel.Add(dcKV.Row(r), dcKV.Row(r), dkey.Row(r)[:l.C])
			kernel.Add(dkR.Row(r), dkR.Row(r), dkey.Row(r)[at:][:l.R])
		})
	}
}

func (o *expandedRows) backward(t *Tape) {
	dkey := t.have(o.key)
	if dkey == nil {
		return
	}
	dkR, K := t.Grad(o.kR), o.l.P+o.l.R
	t.eachRow(dkey.T, dkey.D, func(r int, _ *kernel.Thread) {
		for at := o.l.P; at < dkey.D; at += K {
			kernel.Add(dkR.Row(r), dkR.Row(r), dkey.Row(r)[at:][:o.l.R])
		}
	})
}
