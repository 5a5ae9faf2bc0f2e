package engine

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// toy is a network that computes next to nothing. What it writes to a position of the
// cache is a mark of the token there and of the marks of two positions before, which it
// reads from the cache as attention does; so a page that is not the sequence's own, or not
// there any more, gives other tokens. Its steps take the time that costs say, on a clock
// of its own.
type toy struct {
	engine  *Engine
	windows []int // of its layers; the last is the draft module's
	clock   time.Time
	costs   costs
	rng     *rand.Rand // of noise

	hidden, logits model.Act
	marks          [][]uint64 // [layer][row]
	steps          []toyStep
}

// costs are what a step takes, in nanoseconds.
type costs struct {
	weights float64 // the least, for reading them
	row     float64 // of a row's products
	depth   float64 // of a row, for each position before it
	bound   bool    // rows hide behind the weights, as where memory is the limit
	fours   bool    // half of the products of four rows is there for any part of them
	noise   float64 // a share
}

// effort is rows, and what looking back takes of them, in nanoseconds.
type effort struct {
	rows  int
	depth float64
}

func (w *effort) add(other effort) {
	w.rows += other.rows
	w.depth += other.depth
}

func (c *costs) of(w effort) float64 {
	rows := float64(w.rows)
	if c.fours {
		rows = (rows + float64((w.rows+3)/4*4)) / 2
	}
	return rows*c.row + w.depth
}

// toyStep is what a step took, and what it would have with nothing but the answers that go
// on in each step: those that somebody waits for, or all where nobody does.
type toyStep struct {
	from         time.Time
	took, decode time.Duration
	read         int           // tokens
	of           map[Owner]int // them
	limited      bool          // somebody waits for an answer that goes on
	drawn        []*sequence   // answers of batches that went on
	left         []*sequence   // answers that did not
}

// beside returns the tokens that the step computed beside the answers that go on.
func (s *toyStep) beside() int {
	if s.limited {
		return s.read + len(s.drawn)
	}
	return s.read
}

const (
	toyVocab = 256
	toyMark  = 8 // bytes of a position in a layer
)

func newToy(windows []int, c costs, rng *rand.Rand) *toy {
	return &toy{windows: windows, clock: time.Unix(1000, 0), costs: c, rng: rng, marks: make([][]uint64, len(windows))}
}

func (n *toy) config() *model.Config {
	return &model.Config{VocabSize: toyVocab, HiddenSize: 4, MaxPositionEmbeddings: 1 << 20}
}

func (n *toy) now() time.Time { return n.clock }

func (n *toy) CacheLayers(kernel.CacheKind) (layers []kvcache.Layer) {
	for _, w := range n.windows {
		layers = append(layers, kvcache.Layer{Bytes: toyMark * kvcache.PagePositions, Window: w})
	}
	return layers
}

func (n *toy) DefaultCache() kernel.CacheKind { return kernel.CacheQ8 }

func (n *toy) CheckTokens([]int32) error { return nil }

// mark returns what the cache has of a position.
func mark(seq *kvcache.Sequence, layer, pos int) uint64 {
	if pos < 0 {
		return 1
	}
	page := seq.Page(layer, pos/kvcache.PagePositions)
	return binary.LittleEndian.Uint64(page[pos%kvcache.PagePositions*toyMark:])
}

// attend writes the mark of a position and returns it.
func (n *toy) attend(seq *kvcache.Sequence, layer, pos int, x uint64) uint64 {
	far := pos / 2
	if w := n.windows[layer]; w > 0 {
		far = max(far, pos-w+1)
	}
	x = mix(x+uint64(layer), mark(seq, layer, pos-1))
	if far < pos {
		x = mix(x, mark(seq, layer, far))
	}
	page := seq.Page(layer, pos/kvcache.PagePositions)
	binary.LittleEndian.PutUint64(page[pos%kvcache.PagePositions*toyMark:], x)
	return x
}

func mix(a, b uint64) uint64 {
	x := (a ^ b*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9
	return x ^ x>>29
}

func (n *toy) Forward(_ *model.Step, b *model.Batch) *model.Act {
	n.tick(b)
	n.hidden.T, n.hidden.D, n.hidden.X = 0, 4, n.hidden.X[:0]
	for i := range b.Segments {
		g := &b.Segments[i]
		for k, id := range g.Tokens {
			x := uint64(id) + 2
			for layer := range n.windows[:len(n.windows)-1] {
				x = n.attend(g.Seq, layer, g.Pos+k, x)
			}
			if k >= len(g.Tokens)-g.Logits {
				n.show(x)
			}
		}
	}
	return &n.hidden
}

// show makes a mark a row of hidden states.
func (n *toy) show(x uint64) {
	for k := range 4 {
		n.hidden.X = append(n.hidden.X, float32(x>>(16*k)&0xffff))
	}
	n.hidden.T++
}

func shown(row []float32) (x uint64) {
	for k, v := range row {
		x |= uint64(v) << (16 * k)
	}
	return x
}

func (n *toy) Logits(_ *model.Step, hidden *model.Act, from, to int) *model.Act {
	n.logits.T, n.logits.D, n.logits.X = to-from, toyVocab, n.logits.X[:0]
	for t := from; t < to; t++ {
		x := shown(hidden.Row(t))
		for v := range uint64(toyVocab) {
			x = x*6364136223846793005 + v
			n.logits.X = append(n.logits.X, float32(int16(x>>48))/4096)
		}
	}
	return &n.logits
}

func (n *toy) Project(_ *model.Step, x []float32) []float32 { return x }

func (n *toy) Draft(_ *model.Step, b *model.Batch, hidden *model.Act) *model.Act {
	rows := append([]float32(nil), hidden.X...)
	n.hidden.T, n.hidden.X = 0, n.hidden.X[:0]
	for i := range b.Segments {
		g := &b.Segments[i]
		for k, id := range g.Tokens {
			n.show(n.attend(g.Seq, len(n.windows)-1, g.Pos+k, uint64(id)+shown(rows[:4])))
			rows = rows[4:]
		}
	}
	return &n.hidden
}

func (n *toy) DraftLogits(s *model.Step, hidden *model.Act, from, to int) *model.Act {
	return n.Logits(s, hidden, from, to)
}

// tick lets the time of a step go by.
func (n *toy) tick(b *model.Batch) {
	if n.engine == nil {
		return // a draft model takes no time
	}
	var all effort
	var decode [2]effort // of answers, by kind
	s := toyStep{from: n.clock, of: map[Owner]int{}}
	for i := range b.Segments {
		g := &b.Segments[i]
		cost := effort{len(g.Tokens), float64(len(g.Tokens)) * n.costs.depth * float64(g.Pos)}
		all.add(cost)
		x := n.engine.batched[i]
		if x.drawing && len(g.Tokens)-len(x.guesses)+len(x.pending) <= forcedRun {
			decode[x.owner.kind()].add(cost)
			if x.owner.Batch {
				s.drawn = append(s.drawn, x)
			}
		} else {
			s.read += len(g.Tokens)
			s.of[x.owner] += len(g.Tokens)
		}
	}
	for _, x := range n.engine.running {
		if x.cache != nil && !x.reads() && !slices.Contains(n.engine.batched, x) {
			s.left = append(s.left, x)
		}
	}
	goesOn := decode[0]
	if s.limited = goesOn.rows > 0; !s.limited {
		goesOn = decode[1]
	}
	total := func(w effort) float64 {
		if n.costs.bound {
			return max(n.costs.weights, n.costs.of(w))
		}
		return n.costs.weights + n.costs.of(w)
	}
	noise := 1 + n.costs.noise*(2*n.rng.Float64()-1)
	s.took, s.decode = time.Duration(total(all)*noise), time.Duration(total(goesOn)*noise)
	if goesOn.rows == 0 {
		s.decode = 0
	}
	n.clock = n.clock.Add(s.took)
	n.steps = append(n.steps, s)
}

// toyEngine returns an engine on a toy, on whose clock it runs, and which has the memory of
// the machine to itself.
func toyEngine(n *toy, o Options) (*Engine, error) {
	e, err := newStopped(n, n.config(), o)
	if err != nil {
		return nil, err
	}
	n.engine, e.now = e, n.now
	e.headroom.available = func() (int64, bool) { return math.MaxInt64, true }
	return e, nil
}
