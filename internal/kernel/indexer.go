package kernel

import "github.com/blitz-r1/blitz/internal/tensor"

// Index is how a lightning indexer scores positions: Σ w_h max(0, q_h·k), heads in
// ascending order (CANON section 6). Its keys, one a position, are cached as keys of one
// head are.
type Index struct {
	Kind       CacheKind
	Heads, Dim int
	Each       int // keys of a page, a multiple of 64; 0: PagePositions
}

// page returns how many keys a page has.
func (x *Index) page() int {
	if x.Each > 0 {
		return x.Each
	}
	return PagePositions
}

// IndexQuery is one token that positions are scored for.
type IndexQuery struct {
	Q     []float32 // [Heads, Dim]
	W     []float32 // [Heads]
	Score []float32 // [positions it sees, with room for whole pages]
}

// MaxIndexQueries is how many tokens Score takes at once.
const MaxIndexQueries = 4

// indexBlocks is how many row blocks of keys are multiplied before their scores are
// summed: products of four tokens with 32 heads then stay in the first cache of most
// processors.
const indexBlocks = 4

// IndexScratch is the memory of one thread's indexing. The zero value is ready.
type IndexScratch struct {
	q8     Q8
	f32    F32
	dots   []float32 // [tokens*heads][indexBlocks*RowBlock]
	chosen chooseScratch
}

// Score scores the positions of splits c0 … c1-1 for up to MaxIndexQueries tokens of a
// sequence, as far as each sees them.
//
//	pages hold index keys from byte at on
func (t *Thread) Score(x *Index, queries []IndexQuery, pages [][]byte, at, c0, c1 int) {
	s := &t.IndexScratch
	T := len(queries) * x.Heads
	s.setQueries(x, queries, T)
	const wide = indexBlocks * RowBlock
	s.dots = tensor.Resize(s.dots, T*wide)
	seen := 0
	for i := range queries {
		seen = max(seen, len(queries[i].Score))
	}
	for c := c0; c < c1; c++ {
		k := x.Kind.keys(pages[c][at:], x.Dim)
		for b := 0; b < x.page()/RowBlock; b += indexBlocks {
			first := c*x.page() + b*RowBlock
			if first >= seen {
				return
			}
			m := k // from row block b on
			m.Rows, m.Data = wide, k.Data[b*k.BlockBytes():]
			blocks := min(indexBlocks, (seen-first+RowBlock-1)/RowBlock)
			if x.Kind == CacheQ8 {
				Product(s.dots, wide, &s.q8, &m, 0, blocks, &t.Scratch)
			} else {
				FloatProduct(s.dots, wide, &s.f32, &m, 0, blocks, &t.Scratch)
			}
			for i := range queries {
				q := &queries[i]
				if n := min(wide, len(q.Score)-first); n > 0 {
					headSum(q.Score[first:first+roundUp(n, RowBlock)], s.dots[i*x.Heads*wide:], wide, q.W)
				}
			}
		}
	}
}

// setQueries sets the vectors of all heads of the queries.
func (s *IndexScratch) setQueries(x *Index, queries []IndexQuery, T int) {
	if x.Kind == CacheQ8 {
		s.q8.Reset(T, x.Dim)
	} else {
		s.f32.Reset(T, x.Dim)
	}
	for i := range queries {
		for h := range x.Heads {
			head := queries[i].Q[h*x.Dim:][:x.Dim]
			if x.Kind == CacheQ8 {
				s.q8.Quantise(i*x.Heads+h, head)
			} else {
				s.f32.Set(i*x.Heads+h, head)
			}
		}
	}
}

// headSum writes score = Σ fma(w_h, max(0, dot_h), ·).
//
//	score [n], n a multiple of 16   dots [heads, stride]   w [heads]
func headSum(score, dots []float32, stride int, w []float32) {
	if impl != Portable {
		headSumAsm(score, dots, stride, w, len(score))
		return
	}
	clear(score)
	for h, w := range w {
		for i, v := range dots[h*stride:][:len(score)] {
			if v < 0 {
				v = 0
			}
			score[i] = FMA(w, v, score[i])
		}
	}
}

// IndexRoom returns how many scores there is room for where n positions are seen.
func IndexRoom(n int) int { return roundUp(n, PagePositions) }
