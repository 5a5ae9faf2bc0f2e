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

// digestRows attends over whole rows of latent attention, all of them and a sparse set.
func digestRows(d *digester) {
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		for _, c := range []struct{ n, heads, latent, rope int }{{40, 3, 64, 32}, {300, 20, 80, 16}, {600, 2, 512, 64}} {
			wide := kernel.WholeGroups(c.latent)
			a := kernel.Attention{Kind: kind, KeyDim: wide + kernel.WholeGroups(c.rope), ValueDim: c.latent, Scale: 0.1, Latent: true, Rows: true}
			cache := newCache(a, c.n)
			var chosen []int32
			for p := range c.n {
				row := d.gen.floats(a.KeyDim)
				clear(row[c.latent:wide])
				clear(row[wide+c.rope:])
				cache.store(p, row, nil, wide)
				if d.gen.next()%3 == 0 {
					chosen = append(chosen, int32(p))
				}
			}
			for h := range c.heads {
				out := make([]float32, c.latent)
				query := []kernel.Query{{Q: d.gen.floats(a.KeyDim), Out: out, Pos: c.n - 1 - h%3, Sink: kernel.NoSink}}
				cache.attend(query)
				d.add(out...)
				a.AttendChosen(query, cache.pages, chosen, new(kernel.AttendScratch))
				d.add(out...)
			}
		}
	}
}

// digestIndexer scores positions in every kind of cache and chooses among them.
func digestIndexer(d *digester) {
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		for _, c := range []struct{ n, heads, dim, k int }{{1, 1, 16, 1}, {45, 3, 33, 9}, {700, 20, 128, 300}} {
			index := newCache(kernel.Attention{Kind: kind, KeyDim: c.dim, Latent: true}, c.n)
			for p := range c.n {
				index.store(p, d.gen.floats(c.dim), nil, 0)
			}
			score := indexScores(index, c.n, d.gen.floats(c.heads*c.dim), d.gen.floats(c.heads))
			d.add(score...)
			d.addInts(new(kernel.IndexScratch).Choose(nil, score, c.k)...)
		}
	}
}

// cache is one head's pages.
type cache struct {
	kernel.Attention
	pages kernel.Pages
}

func newCache(a kernel.Attention, positions int) *cache {
	c := &cache{Attention: a, pages: kernel.Pages{Value: a.Kind.KeyBytes(a.KeyDim)}}
	size := c.pages.Value
	if a.Rows {
		size = a.Kind.RowPageBytes(a.KeyDim)
	}
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
	if c.Rows {
		c.Kind.StoreRow(page, slot, key, latent)
		return
	}
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
	latent := kernel.WholeGroups(C)
	width := latent + kernel.WholeGroups(R)
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

// digestLatent attends over latent rows, whose values are their first elements, and
// over a sparse set of them.
func digestLatent(d *digester) {
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		for _, c := range []struct{ n, heads, latent, rope int }{{40, 3, 64, 32}, {300, 20, 80, 16}, {600, 2, 512, 64}} {
			wide := kernel.WholeGroups(c.latent)
			a := kernel.Attention{Kind: kind, KeyDim: wide + c.rope, ValueDim: c.latent, Scale: 0.1, Latent: true}
			cache := newCache(a, c.n)
			for p := range c.n {
				row := d.gen.floats(a.KeyDim)
				clear(row[c.latent:wide])
				cache.store(p, row, nil, wide)
			}
			var queries []kernel.Query
			var outs [][]float32
			for h := range c.heads {
				outs = append(outs, make([]float32, c.latent))
				queries = append(queries, kernel.Query{Q: d.gen.floats(a.KeyDim), Out: outs[h], Pos: c.n - 1 - h%3, Sink: kernel.NoSink})
			}
			cache.attend(queries)
			for _, out := range outs {
				d.add(out...)
			}
			var chosen []int32
			for p := range c.n {
				if d.gen.next()%3 == 0 {
					chosen = append(chosen, int32(p))
				}
			}
			a.AttendChosen(queries[:1], cache.pages, chosen, new(kernel.AttendScratch))
			d.add(outs[0]...)
		}
	}
}

// digestSparse attends over a sparse set of ordinary keys and values.
func digestSparse(d *digester) {
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		a := kernel.Attention{Kind: kind, KeyDim: 48, ValueDim: 144, Scale: 0.15}
		cache := newCache(a, 700)
		for p := range 700 {
			cache.store(p, d.gen.floats(48), d.gen.floats(144), 0)
		}
		var chosen []int32
		for p := range 700 {
			if d.gen.next()%2 == 0 {
				chosen = append(chosen, int32(p))
			}
		}
		out := make([]float32, 144)
		a.AttendChosen([]kernel.Query{{Q: d.gen.floats(48), Out: out, Sink: kernel.NoSink}}, cache.pages, chosen, new(kernel.AttendScratch))
		d.add(out...)
	}
}

// digestAttention attends over every kind of cache: several heads and positions at
// once, with and without window, cap and sink.
func digestAttention(d *digester) {
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		for i, c := range []struct{ n, heads, dk, dv, window int }{
			{1, 1, 32, 32, 0}, {33, 3, 64, 48, 0}, {300, 4, 40, 32, 0}, {600, 2, 96, 144, 290}, {257, 16, 32, 32, 20},
		} {
			a := kernel.Attention{Kind: kind, KeyDim: c.dk, ValueDim: c.dv, Scale: 0.2, Window: c.window}
			if i%2 == 1 {
				a.Cap = 5
			}
			cache := newCache(a, c.n)
			for p := range c.n {
				cache.store(p, d.gen.floats(c.dk), d.gen.floats(c.dv), 0)
			}
			var queries []kernel.Query
			var outs [][]float32
			for _, pos := range []int{c.n - 1, max(0, c.n-2), c.n / 2} {
				for h := range c.heads {
					sink := kernel.NoSink
					if i == 3 {
						sink = float32(h)
					}
					out := make([]float32, c.dv)
					outs = append(outs, out)
					queries = append(queries, kernel.Query{Q: d.gen.floats(c.dk), Out: out, Pos: pos, Sink: sink})
				}
			}
			cache.attend(queries)
			for _, out := range outs {
				d.add(out...)
			}
		}
	}
}
