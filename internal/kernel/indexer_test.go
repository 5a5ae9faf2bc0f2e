package kernel

import (
	"fmt"
	"math"
	"testing"
)

// TestIndexScores holds scores, of tokens together and alone, in pieces, on every
// implementation, to what the formula gives on the keys as they are stored.
func TestIndexScores(t *testing.T) {
	for kind := CacheF32; kind <= CacheQ8; kind++ {
		for _, c := range []struct{ n, heads, dim int }{{1, 1, 16}, {40, 3, 64}, {256, 5, 33}, {700, 9, 128}} {
			x := Index{Kind: kind, Heads: c.heads, Dim: c.dim}
			const at = 128
			var pages [][]byte
			for range (c.n + PagePositions - 1) / PagePositions {
				page := make([]byte, at+kind.KeyBytes(c.dim))
				for i := range page {
					page[i] = 0xff // NaN in every float
				}
				pages = append(pages, page)
			}
			for pos := range c.n {
				key := make([]float32, c.dim)
				for i := range key {
					key[i] = float32(rng.NormFloat64())
				}
				kind.StoreKey(pages[pos/PagePositions][at:], pos%PagePositions, key, 0)
			}
			var queries []IndexQuery
			for i := range MaxIndexQueries {
				seen := max(1, c.n-i*5)
				q := IndexQuery{Q: make([]float32, c.heads*c.dim), W: make([]float32, c.heads), Score: make([]float32, seen, IndexRoom(seen))}
				for i := range q.Q {
					q.Q[i] = float32(rng.NormFloat64())
				}
				for i := range q.W {
					q.W[i] = float32(rng.NormFloat64())
				}
				queries = append(queries, q)
			}
			want := make([][]float32, len(queries))
			for i, q := range queries {
				want[i] = plainScores(&x, q, pages, at)
			}
			onEach(t, func(t *testing.T) {
				what := fmt.Sprintf("%s n=%d, %d heads of %d", kind, c.n, c.heads, c.dim)
				th := new(Thread)
				for _, together := range []int{1, 3, MaxIndexQueries} {
					for _, chunk := range []int{1, 2, len(pages)} {
						for first := 0; first < len(queries); first += together {
							part := queries[first:min(first+together, len(queries))]
							for c := 0; c < len(pages); c += chunk {
								th.Score(&x, part, pages, at, c, min(c+chunk, len(pages)))
							}
						}
						for i := range queries {
							same(t, what, queries[i].Score, want[i])
							clear(queries[i].Score)
						}
					}
				}
			})
		}
	}
}

// plainScores is CANON's formula, page by page and head by head.
func plainScores(x *Index, q IndexQuery, pages [][]byte, at int) []float32 {
	score := make([]float32, len(q.Score))
	portably(func() {
		for page := range pages {
			k := x.Kind.keys(pages[page][at:], x.Dim)
			dots := make([]float32, PagePositions)
			for h, w := range q.W {
				head := q.Q[h*x.Dim:][:x.Dim]
				if x.Kind == CacheQ8 {
					var a Q8
					a.Reset(1, x.Dim)
					a.Quantise(0, head)
					Product(dots, PagePositions, &a, &k, 0, k.Blocks(), new(Scratch))
				} else {
					var a F32
					a.Reset(1, x.Dim)
					a.Set(0, head)
					FloatProduct(dots, PagePositions, &a, &k, 0, k.Blocks(), new(Scratch))
				}
				for i := range min(PagePositions, max(0, len(score)-page*PagePositions)) {
					pos := page*PagePositions + i
					score[pos] = FMA(w, max(0, dots[i]), score[pos])
				}
			}
		}
	})
	return score
}

// TestHeadSum holds the sum over heads to the formula, infinities and NaN included.
func TestHeadSum(t *testing.T) {
	for _, n := range []int{16, 32, 48, 64, 80, 144} {
		for _, heads := range []int{1, 2, 7, 64} {
			stride := n + 16
			dots, w := make([]float32, heads*stride), make([]float32, heads)
			for i := range dots {
				dots[i] = float32(rng.NormFloat64())
			}
			for i := range w {
				w[i] = float32(rng.NormFloat64())
			}
			dots[3], dots[5] = float32(math.Inf(1)), float32(math.NaN())
			want := make([]float32, n)
			for i := range want {
				for h := range heads {
					want[i] = FMA(w[h], max(0, dots[h*stride+i]), want[i])
				}
			}
			onEach(t, func(t *testing.T) {
				got := make([]float32, n+1)
				got[n] = 77
				headSum(got[:n], dots, stride, w)
				same(t, fmt.Sprintf("%d positions, %d heads", n, heads), got[:n], want)
				if got[n] != 77 {
					t.Fatalf("%d positions, %d heads: wrote behind them", n, heads)
				}
			})
		}
	}
}
