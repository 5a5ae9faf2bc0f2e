package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// quick says that tests should do with fewer cases: they were asked to, or there is
// portable code alone, which takes ten times as long.
func quick() bool { return testing.Short() || len(kernel.Implementations()) == 1 }

// runner runs a model on sequences of its own.
type runner struct {
	m     *Model
	step  Step
	cache *kvcache.Cache
	// adapters are those of the sequences; none: nothing adapts them.
	adapters []*Adapter
	after    func() // is called after each step; nil: nothing is
}

// adapter returns what adapts a sequence.
func (r *runner) adapter(i int) *Adapter {
	if i < len(r.adapters) {
		return r.adapters[i]
	}
	return nil
}

func newRunner(t *testing.T, m *Model, kind kernel.CacheKind, threads int) *runner {
	t.Helper()
	cache, err := kvcache.New(m.CacheLayers(kind), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	w := kernel.NewWorkers(threads)
	t.Cleanup(w.Close)
	return &runner{m: m, step: Step{Workers: w, Kind: kind}, cache: cache}
}

// plan says how many of the tokens that are left of sequence i a step takes, none
// included, and of how many of those logits are wanted.
type plan func(step, i, left int) (n, logits int)

// whole takes all of every sequence.
func whole(_, _, left int) (int, int) { return left, left }

// pieces takes n tokens of every sequence.
func pieces(n int) plan {
	return func(_, _, left int) (int, int) { return min(n, left), min(n, left) }
}

// tail takes all but the last n tokens of every sequence, then one at a time.
func tail(n int) plan {
	return func(_, _, left int) (int, int) { return max(1, left-n), max(1, left-n) }
}

// mixed lets sequences begin, pause and decode while others are prefilled, in pieces
// of any length; all says whether the logits of all rows are wanted.
func mixed(seed uint64, all bool) plan {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(_, _, left int) (int, int) {
		n := 1
		switch r.IntN(4) {
		case 0:
			return 0, 0
		case 1:
			n = min(left, 1+r.IntN(70))
		}
		if all {
			return n, n
		}
		return n, r.IntN(n + 1)
	}
}

// drafts says whether a module of multi-token prediction is open.
func (m *Model) drafts() bool { return m.HasMTP() }

// result has the logits of each sequence by row, nil where they were not wanted, and
// the guesses of a module of multi-token prediction, where it is open.
type result struct{ logits, drafts [][][]float32 }

// run computes the logits of the sequences as planned, with nothing of earlier runs in
// the cache. A module of multi-token prediction wants plans that want all logits.
func (r *runner) run(t *testing.T, sequences [][]int32, p plan) result {
	t.Helper()
	defer r.cache.Drop()
	drafting := r.m.HasMTP()
	out := result{make([][][]float32, len(sequences)), make([][][]float32, len(sequences))}
	seqs := make([]*kvcache.Sequence, len(sequences))
	for i, ids := range sequences {
		out.logits[i], out.drafts[i] = make([][]float32, len(ids)), make([][]float32, len(ids))
		seqs[i] = r.cache.Sequence()
		defer seqs[i].Free()
	}
	for step := 0; ; step++ {
		var b Batch
		var which []int
		left := 0
		for i, ids := range sequences {
			at := seqs[i].Len()
			if at == len(ids) {
				continue
			}
			left++
			n, logits := p(step, i, len(ids)-at)
			if n == 0 {
				continue
			}
			if err := seqs[i].Reserve(n); err != nil {
				t.Fatal(err)
			}
			b.Segments = append(b.Segments, Segment{Seq: seqs[i], Pos: at, Tokens: ids[at : at+n], Logits: logits, Adapter: r.adapter(i), Limit: len(ids)})
			which = append(which, i)
		}
		if left == 0 {
			return out
		}
		if len(which) == 0 {
			continue
		}
		h := r.m.Forward(&r.step, &b)
		take(out.logits, which, &b, r.m.Logits(&r.step, h, 0, h.T))
		if drafting {
			r.draft(sequences, which, &b, h, out.drafts)
		}
		if r.after != nil {
			r.after()
		}
		for i := range b.Segments {
			b.Segments[i].Seq.Append(b.Segments[i].Tokens)
		}
	}
}

// take copies logits to the rows that they belong to.
func take(out [][][]float32, which []int, b *Batch, l *Act) {
	row := 0
	for k, i := range which {
		g := &b.Segments[k]
		for n := range g.Logits {
			out[i][g.Pos+len(g.Tokens)-g.Logits+n] = append([]float32{}, l.Row(row)...)
			row++
		}
	}
}

// draft runs the module on the rows whose next token is known.
func (r *runner) draft(sequences [][]int32, which []int, b *Batch, hidden *Act, out [][][]float32) {
	var next Batch
	var of []int
	rows, at := &Act{D: hidden.D}, 0
	for k, i := range which {
		g := &b.Segments[k]
		if n := min(len(g.Tokens), len(sequences[i])-1-g.Pos); n > 0 {
			rows.X = append(rows.X, hidden.X[at*hidden.D:(at+n)*hidden.D]...)
			rows.T += n
			next.Segments = append(next.Segments, Segment{Seq: g.Seq, Pos: g.Pos, Tokens: sequences[i][g.Pos+1:][:n], Logits: n, Adapter: r.adapter(i)})
			of = append(of, i)
		}
		at += len(g.Tokens)
	}
	if rows.T > 0 {
		h := r.m.Draft(&r.step, &next, rows)
		take(out, of, &next, r.m.DraftLogits(&r.step, h, 0, h.T))
	}
}

// sameBits returns the first difference between the rows of got and want; rows that
// got lacks are left out.
func sameBits(got, want [][][]float32) error {
	rows := 0
	for i := range want {
		for t, w := range want[i] {
			g := got[i][t]
			if g == nil || w == nil {
				continue
			}
			rows++
			for v := range w {
				if math.Float32bits(g[v]) != math.Float32bits(w[v]) {
					return fmt.Errorf("sequence %d row %d: logit %d is %v, want %v", i, t, v, g[v], w[v])
				}
			}
		}
	}
	if rows == 0 {
		return fmt.Errorf("no row to compare")
	}
	return nil
}

// finite returns an error where logits are no numbers, or all the same.
func finite(rows [][][]float32) error {
	for i := range rows {
		for t, row := range rows[i] {
			low, high := float32(math.Inf(1)), float32(math.Inf(-1))
			for _, v := range row {
				if v-v != 0 {
					return fmt.Errorf("sequence %d row %d holds %v", i, t, v)
				}
				low, high = min(low, v), max(high, v)
			}
			if row != nil && low == high {
				return fmt.Errorf("sequence %d row %d holds nothing but %v", i, t, low)
			}
		}
	}
	return nil
}
