package kernel

import (
	"fmt"
	"math"
	"testing"
)

// TestWholeRows holds attention over whole rows, to all positions and to a sparse set, to
// the same rows stored in blocks; what was never stored is set to what hurts most.
func TestWholeRows(t *testing.T) {
	for kind := CacheF32; kind <= CacheQ8; kind++ {
		for _, c := range []struct{ n, latent, rope int }{{1, 64, 32}, {40, 33, 17}, {300, 130, 16}, {700, 256, 64}} {
			wide := WholeGroups(c.latent)
			blocks := Attention{Kind: kind, KeyDim: wide + WholeGroups(c.rope), ValueDim: c.latent, Scale: 0.13, Latent: true}
			rows := blocks
			rows.Rows = true
			newPages := func(size int) Pages {
				p := Pages{Key: 64}
				for range (c.n + PagePositions - 1) / PagePositions {
					page := make([]byte, p.Key+size)
					for i := range page {
						page[i] = 0xff
					}
					p.Splits = append(p.Splits, page)
				}
				return p
			}
			inBlocks, whole := newPages(kind.KeyBytes(blocks.KeyDim)), newPages(kind.RowPageBytes(blocks.KeyDim))
			var chosen []int32
			for pos := range c.n {
				row := make([]float32, blocks.KeyDim)
				for i := range row {
					if i < c.latent || i >= wide && i < wide+c.rope {
						row[i] = float32(rng.NormFloat64())
					}
				}
				kind.StoreKey(inBlocks.Splits[pos/PagePositions][64:], pos%PagePositions, row, wide)
				kind.StoreRow(whole.Splits[pos/PagePositions][64:], pos%PagePositions, row, wide)
				if rng.IntN(2) == 0 || pos == 0 {
					chosen = append(chosen, int32(pos))
				}
			}
			var queries []Query
			for i := range 5 {
				q := Query{Q: random(blocks.KeyDim)[:blocks.KeyDim], Out: make([]float32, c.latent), Pos: max(0, c.n-1-3*i), Sink: NoSink}
				for k := range q.Q {
					q.Q[k] = float32(math.Tanh(float64(q.Q[k])))
				}
				queries = append(queries, q)
			}
			outs := func(attend func(queries []Query)) (all []float32) {
				own := append([]Query(nil), queries...)
				for i := range own {
					own[i].Out = make([]float32, c.latent)
				}
				attend(own)
				for i := range own {
					all = append(all, own[i].Out...)
				}
				return all
			}
			var dense, sparse []float32
			portably(func() {
				dense = outs(func(q []Query) { blocks.Attend(q, inBlocks, new(AttendScratch)) })
				sparse = outs(func(q []Query) { blocks.AttendChosen(q, inBlocks, chosen, new(AttendScratch)) })
			})
			onEach(t, func(t *testing.T) {
				what := fmt.Sprintf("%s n=%d latent %d", kind, c.n, c.latent)
				same(t, what+", blocks", outs(func(q []Query) { blocks.Attend(q, inBlocks, new(AttendScratch)) }), dense)
				same(t, what+", rows", outs(func(q []Query) { rows.Attend(q, whole, new(AttendScratch)) }), dense)
				same(t, what+", chosen blocks", outs(func(q []Query) { blocks.AttendChosen(q, inBlocks, chosen, new(AttendScratch)) }), sparse)
				same(t, what+", chosen rows", outs(func(q []Query) { rows.AttendChosen(q, whole, chosen, new(AttendScratch)) }), sparse)
				same(t, what+", chosen rows, splits apart", outs(func(q []Query) {
					p := whole
					p.Chosen = chosen
					for i := range q {
						q[i].Pos = len(chosen) - 1
					}
					s := new(AttendScratch)
					_, c1 := rows.Splits(q)
					parts := make([]float32, c1*rows.PartSize(len(q)))
					for split := range c1 {
						rows.AttendSplits(q, p, split, split+1, parts[split*rows.PartSize(len(q)):], s)
					}
					rows.CombineSplits(q, 0, parts, s)
				}), sparse)
			})
		}
	}
}
