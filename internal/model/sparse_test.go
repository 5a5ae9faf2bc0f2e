package model

import (
	"math"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// firstLayers cuts a model of the DeepSeek family down to its first n layers.
func firstLayers(m *Model, n int) *deepseek {
	d := m.net.(*deepseek)
	d.layers = d.layers[:n]
	return d
}

// TestChosen holds the positions that each layer chooses to those of the reference.
func TestChosen(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v32")
	for _, form := range forms(model) {
		for layers := model.Config.Layers; layers > 0; layers-- {
			c, err := model.Checkpoint(tensor.F32)
			m := openCheckpoint(t, c, err, Options{Latent: form})
			firstLayers(m, layers)
			r, K := newRunner(t, m, kernel.CacheF32, 2), m.Config.IndexTopK
			for i, ids := range e.ids {
				r.run(t, [][]int32{ids}, whole) // the last layer's choice is there afterwards
				for row := range ids {
					want := e.chosen[i][((layers-1)*len(ids)+row)*K:][:min(K, row+1)]
					got := r.step.choice.positions[row]
					if row < K {
						if got != nil {
							t.Fatalf("%s layer %d sequence %d row %d chose %v, want all", form, layers-1, i, row, got)
						}
						continue
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%s layer %d sequence %d row %d chose %v, want %v", form, layers-1, i, row, got, want)
					}
				}
			}
		}
	}
}

// TestSparseSkips holds sparse attention to reading the chosen positions alone: what
// the cache has at others may be anything. The units of work say the same.
func TestSparseSkips(t *testing.T) {
	model, e := loadExpectation(t, "deepseek-v32")
	ids := e.ids[0]
	for _, form := range forms(model) {
		c, err := model.Checkpoint(tensor.F32)
		m := openCheckpoint(t, c, err, Options{Latent: form})
		firstLayers(m, 1)
		for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
			r := newRunner(t, m, kind, 1)
			want := lastLogits(t, r, ids, nil)
			chosen := slices.Clone(r.step.choice.positions[0])
			if len(chosen) != m.Config.IndexTopK {
				t.Fatalf("%s: %d positions chosen of %d, want %d", form, len(chosen), len(ids), m.Config.IndexTopK)
			}
			for _, u := range r.step.units.list {
				if !slices.Equal(u.chosen, chosen) {
					t.Fatalf("%s: work on positions %v, want %v", form, u.chosen, chosen)
				}
			}
			spoilt := func(pos int) bool { return pos < len(ids)-1 && !slices.Contains(chosen, int32(pos)) }
			for v, got := range lastLogits(t, r, ids, spoilt) {
				if math.Float32bits(got) != math.Float32bits(want[v]) {
					t.Fatalf("%s cache %s: logit %d is %v, %v before positions that are not chosen were spoilt", form, kind, v, got, want[v])
				}
			}
			one := func(pos int) bool { return pos == int(chosen[0]) }
			if slices.Equal(lastLogits(t, r, ids, one), want) {
				t.Errorf("%s cache %s: the same logits with a chosen position spoilt", form, kind)
			}
		}
	}
}

// lastLogits computes all but the last token, spoils what the cache of layer 0 has at
// some positions, and returns the logits of the last token.
func lastLogits(t *testing.T, r *runner, ids []int32, spoilt func(pos int) bool) []float32 {
	t.Helper()
	n := len(ids) - 1
	seq := r.cache.Sequence()
	defer seq.Free()
	if err := seq.Reserve(len(ids)); err != nil {
		t.Fatal(err)
	}
	r.m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Tokens: ids[:n]}}})
	seq.Append(ids[:n])
	for pos := range n {
		if spoilt != nil && spoilt(pos) {
			spoil(r, seq, pos)
		}
	}
	h := r.m.Forward(&r.step, &Batch{Segments: []Segment{{Seq: seq, Pos: n, Tokens: ids[n:], Logits: 1}}})
	return slices.Clone(r.m.Logits(&r.step, h, 0, 1).X)
}

// spoil overwrites keys and values of one position with large numbers. Keys of the
// indexer stay.
func spoil(r *runner, seq *kvcache.Sequence, pos int) {
	a := r.m.net.attention()[0]
	page, slot := seq.Page(a.Layer, pos/kernel.PagePositions), pos%kernel.PagePositions
	row := slices.Repeat([]float32{1e4}, a.HKV*max(a.DK, a.DV))
	a.store(r.step.Kind, page, slot, row, row)
}

// TestSparseEqualsDense gives sparse attention no more positions than it may choose:
// the bits are those of the same model without an indexer.
func TestSparseEqualsDense(t *testing.T) {
	sparse, e := loadExpectation(t, "deepseek-v32")
	dense := sparse.With(map[string]any{"model_type": "deepseek_v3", "index_n_heads": nil, "index_head_dim": nil, "index_topk": nil})
	for _, form := range forms(sparse) {
		o := Options{Latent: form}
		c, err := dense.Checkpoint(tensor.F32)
		without := openCheckpoint(t, c, err, o)
		c, err = sparse.With(map[string]any{"index_topk": len(e.ids[0])}).Checkpoint(tensor.F32)
		all := openCheckpoint(t, c, err, o)
		c, err = sparse.Checkpoint(tensor.F32)
		few := openCheckpoint(t, c, err, o)
		for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
			if quick() && kind != kernel.CacheQ8 {
				continue
			}
			want := newRunner(t, without, kind, 1).run(t, e.ids, whole).logits
			for _, p := range []plan{whole, pieces(7), pieces(1)} {
				if err := sameBits(newRunner(t, all, kind, 2).run(t, e.ids, p).logits, want); err != nil {
					t.Errorf("%s cache %s: %v, dense", form, kind, err)
				}
			}
			got := newRunner(t, few, kind, 1).run(t, e.ids, whole).logits
			K := few.Config.IndexTopK
			if err := sameBits([][][]float32{got[0][:K]}, [][][]float32{want[0][:K]}); err != nil {
				t.Errorf("%s cache %s: the first %d rows: %v, dense", form, kind, K, err)
			}
			if sameBits([][][]float32{got[0][K:]}, [][][]float32{want[0][K:]}) == nil {
				t.Errorf("%s cache %s: rows from %d on have the bits of dense attention", form, kind, K)
			}
		}
	}
}
