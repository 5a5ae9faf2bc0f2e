package selftest

import (
	"github.com/blitz-r1/blitz/internal/kernel"
)

// attention runs one position of a cache: positions 0 … n-1, of which the last is
// the query's own; a window hides the first ones.
func attention(c *caseReader) []output {
	q, k, v := c.dims("q", 2), c.dims("k", 2), c.dims("v", 2)
	seen := c.i8("seen")
	keys, values := c.f32("k"), c.f32("v")
	rows := make([]int, 0, len(seen))
	if c.has("chosen") { // a sparse set: positions are ranks in it
		for _, p := range c.i32("chosen") {
			rows = append(rows, int(p))
		}
	} else {
		for p := range seen {
			rows = append(rows, p)
		}
	}
	first := 0
	for first < len(rows) && seen[rows[first]] == 0 {
		first++
	}
	a := kernel.Attention{
		Kind: kernel.CacheKind(c.num("kind")), KeyDim: q[1], ValueDim: v[1], Scale: c.scalar("scale"), Cap: c.scalar("cap"),
		Window: len(rows) - first,
	}
	cache := newCache(a, len(rows))
	for i, p := range rows {
		cache.store(i, keys[p*k[1]:][:k[1]], values[p*v[1]:][:v[1]], 0)
	}
	y := make([]float32, q[0]*v[1])
	var queries []kernel.Query
	for h := range q[0] {
		sink := kernel.NoSink
		if c.has("sink") {
			sink = c.f32("sink")[h]
		}
		queries = append(queries, kernel.Query{Q: c.f32("q")[h*q[1]:][:q[1]], Out: y[h*v[1]:][:v[1]], Pos: len(rows) - 1, Sink: sink})
	}
	cache.attend(queries)
	return []output{{"y", y}}
}

// cache is one head's pages.
type cache struct {
	kernel.Attention
	pages kernel.Pages
}

func newCache(a kernel.Attention, positions int) *cache {
	c := &cache{Attention: a, pages: kernel.Pages{Value: a.Kind.KeyBytes(a.KeyDim)}}
	size := c.pages.Value
	if !a.Latent {
		size += a.Kind.ValueBytes(a.ValueDim)
	}
	for range (positions + kernel.PagePositions - 1) / kernel.PagePositions {
		c.pages.Splits = append(c.pages.Splits, make([]byte, size))
	}
	return c
}

func (c *cache) store(pos int, key, value []float32, latent int) {
	page, slot := c.pages.Splits[pos/kernel.PagePositions], pos%kernel.PagePositions
	c.Kind.StoreKey(page, slot, key, latent)
	if !c.Latent {
		c.Kind.StoreValue(page[c.pages.Value:], slot, value)
	}
}

func (c *cache) attend(queries []kernel.Query) {
	for len(queries) > 0 {
		n := min(len(queries), kernel.MaxQueries)
		c.Attend(queries[:n], c.pages, new(kernel.AttendScratch))
		queries = queries[n:]
	}
}

// mla is the absorbed form: queries mapped into the latent space, one row of
// c^KV and roped key shared by all heads, values its first part.
func mla(c *caseReader) []output {
	qn, qr, ckv := c.dims("q_nope", 2), c.dims("q_rope", 2), c.dims("ckv", 2)
	uk, uv := c.dims("uk_w", 3), c.dims("uv_w", 3)
	H, P, R, n, C, V := qn[0], qn[1], qr[1], ckv[0], ckv[1], uv[1]
	pad := func(d int) int { return (d + kernel.Group - 1) / kernel.Group * kernel.Group }
	latent, width := pad(C), pad(C)+pad(R)
	a := kernel.Attention{Kind: kernel.CacheKind(c.num("kind")), KeyDim: width, ValueDim: C, Scale: c.scalar("scale"), Latent: true}
	cache := newCache(a, n)
	row := make([]float32, width)
	ckvs, ropes := c.f32("ckv"), c.f32("k_rope")
	for p := range n {
		copy(row, ckvs[p*C:][:C])
		copy(row[latent:], ropes[p*R:][:R])
		cache.store(p, row, nil, latent)
	}
	part := func(name string, h, size int) []float32 {
		if !c.has(name) {
			return nil
		}
		return c.f32(name)[h*size:][:size]
	}
	y := make([]float32, 0, H*V)
	for h := range H {
		q := make([]float32, width)
		copy(q, quantised(c.i8("uk_w")[h*C*P:][:C*P], part("uk_s", h, C*P/32), part("uk_m", h, C*P/32), uk[1], P, c.f32("q_nope")[h*P:][:P]))
		copy(q[latent:], c.f32("q_rope")[h*R:][:R])
		o := make([]float32, C)
		cache.attend([]kernel.Query{{Q: q, Out: o, Pos: n - 1, Sink: kernel.NoSink}})
		y = append(y, quantised(c.i8("uv_w")[h*V*C:][:V*C], part("uv_s", h, V*C/32), part("uv_m", h, V*C/32), V, C, o)...)
	}
	return []output{{"y", y}}
}
