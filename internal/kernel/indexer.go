package kernel

import "github.com/blitz-r1/blitz/internal/tensor"

// IndexScratch is the memory of one thread's indexing. The zero value is ready.
type IndexScratch struct {
	queries F32
	dots    []float32 // [N][PagePositions]
	score   []float32
}

// IndexScores returns the scores that the lightning indexer gives positions 0 …
// n-1: Σ w_h max(0, q_h·k), heads in ascending order (CANON section 6).
//
//	q [N, D]   w [N]   pages hold index keys as float32 from byte at on
//
// The scores are valid until the next call.
func (t *Thread) IndexScores(n int, q, w []float32, D int, pages [][]byte, at int) []float32 {
	s := &t.IndexScratch
	N := len(w)
	s.queries.Reset(N, D)
	for h := range N {
		s.queries.Set(h, q[h*D:][:D])
	}
	s.dots = tensor.Resize(s.dots, N*PagePositions)
	// In whole pages, so that decoding does not ask for more with every position.
	s.score = tensor.Resize(s.score, (n+PagePositions-1)/PagePositions*PagePositions)[:n]
	for c := 0; c < n; c += PagePositions {
		k := CacheF32.keys(pages[c/PagePositions][at:], D)
		count := min(PagePositions, n-c)
		FloatProduct(s.dots, PagePositions, &s.queries, &k, 0, (count+RowBlock-1)/RowBlock, &t.Scratch)
		score := s.score[c : c+count]
		clear(score)
		for h := range N {
			row := s.dots[h*PagePositions:][:count]
			for i, v := range row {
				row[i] = max(0, v)
			}
			AddScaled(score, row, w[h])
		}
	}
	return s.score
}
