package engine

import (
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// guesser proposes tokens for sequences of the step that was computed.
type guesser interface {
	// look returns how sure a guess for a sequence would be: below sureties; -1 where there
	// is nothing to guess.
	look(s *sequence) int
	// guess returns, for each of all, at most most[i] tokens that may come behind what is
	// pending of it. They are valid until the next call.
	guess(all []*sequence, most []int) [][]int32
	// forget lets go what is kept for a sequence that is over or gave its pages back.
	forget(s *sequence)
	// spent returns what reading texts took since it was last asked, which is no part of
	// what guesses cost.
	spent() time.Duration
}

// found is the memory of guesses.
type found struct{ ids [][]int32 }

// clear makes room for the guesses of n sequences.
func (f *found) clear(n int) [][]int32 {
	for len(f.ids) < n {
		f.ids = append(f.ids, nil)
	}
	for i := range n {
		f.ids[i] = f.ids[i][:0]
	}
	return f.ids[:n]
}

// textFrom returns the tokens from a position on that the sequence has or is about to
// compute. They are valid until the next call.
func (s *sequence) textFrom(n int) []int32 {
	e := s.engine
	e.text = e.text[:0]
	if tokens := s.cache.Tokens(); n < len(tokens) {
		e.text = append(e.text, tokens[n:]...)
	}
	if at := max(0, n-s.cache.Len()); at < len(s.pending) {
		e.text = append(e.text, s.pending[at:]...)
	}
	return e.text
}

// ngramGuesser guesses what stood behind the same words before.
type ngramGuesser struct{ found }

func (g *ngramGuesser) look(s *sequence) int {
	if s.grams == nil {
		s.grams = new(ngrams)
	}
	s.grams.read(s.textFrom(len(s.grams.tokens)))
	return min(s.grams.find(), sureties) - 1
}

func (g *ngramGuesser) guess(all []*sequence, most []int) [][]int32 {
	ids := g.clear(len(all))
	for i, s := range all {
		ids[i] = s.grams.guess(ids[i], most[i])
	}
	return ids
}

func (g *ngramGuesser) forget(*sequence) {} // the text stays what it is

func (g *ngramGuesser) spent() time.Duration { return 0 }

// foretold guesses what it is told.
type foretold struct {
	found
	tell func(dst, text []int32, most int) []int32
}

func (g *foretold) look(*sequence) int { return sureties - 1 }

func (g *foretold) guess(all []*sequence, most []int) [][]int32 {
	ids := g.clear(len(all))
	for i, s := range all {
		ids[i] = g.tell(ids[i], s.textFrom(0), most[i])
	}
	return ids
}

func (g *foretold) forget(*sequence) {}

func (g *foretold) spent() time.Duration { return 0 }

// draftGuesser has a smaller model of the same vocabulary go on with the text.
type draftGuesser struct {
	found
	net   network
	cache *kvcache.Cache
	step  model.Step
	chunk int // tokens of a text that it reads in a step, beside what it goes on with
	most  int // positions that it was made for
	limit int // that rotary frequencies are for, where they depend on such
	batch model.Batch
	now   func() time.Time
	read  time.Duration

	going []int // indices of the sequences that are gone on with
}

// draft is what a draft model has of a sequence.
type draft struct {
	cache   *kvcache.Sequence
	guessed []int32 // whose keys and values are written behind what is certain
}

// newDraftGuesser returns a guesser by a model that was made for most positions, and whose
// cache takes at most limit bytes.
func newDraftGuesser(net network, kind kernel.CacheKind, limit, most int, e *Engine) (*draftGuesser, error) {
	cache, err := kvcache.New(net.CacheLayers(kind), limit)
	if err != nil {
		return nil, fmt.Errorf("engine: draft model: %w", err)
	}
	if cache.KeepsStates() {
		return nil, fmt.Errorf("engine: a draft model with recurrent layers, whose guesses cannot be taken back, want one of attention alone: %w", ErrOption)
	}
	cache.Spare(limit / spareShare)
	e.headroom.caches = append(e.headroom.caches, cache)
	return &draftGuesser{
		net: net, cache: cache, chunk: e.options.Chunk, most: most, now: e.now, limit: e.options.RopeContext,
		step: model.Step{Workers: e.threads.workers, Kind: kind},
	}, nil
}

func (g *draftGuesser) forget(s *sequence) {
	if s.draft != nil {
		s.draft.cache.Free()
		s.draft = nil
	}
}

func (g *draftGuesser) spent() time.Duration {
	d := g.read
	g.read = 0
	return d
}

func (g *draftGuesser) look(*sequence) int { return sureties - 1 }

func (g *draftGuesser) guess(all []*sequence, most []int) [][]int32 {
	ids := g.clear(len(all))
	g.batch.Segments, g.going = g.batch.Segments[:0], g.going[:0]
	for i, s := range all {
		if g.catchUp(s, most[i]) {
			g.going = append(g.going, i)
		}
	}
	for round := 0; len(g.going) > 0; round++ {
		hidden := g.net.Forward(&g.step, &g.batch)
		logits := g.net.Logits(&g.step, hidden, 0, len(g.going)) // [going, V]
		if round == 0 {
			for k, i := range g.going {
				all[i].draft.cache.Append(g.batch.Segments[k].Tokens)
			}
		}
		going := g.going[:0]
		segments := g.batch.Segments[:0]
		for k, i := range g.going {
			s := all[i]
			id := s.work.(*answer).sampler.Guess(round, logits.Row(k))
			ids[i] = append(ids[i], id)
			if len(ids[i]) == most[i] {
				continue
			}
			s.draft.guessed = append(s.draft.guessed, id)
			going = append(going, i)
			segments = append(segments, model.Segment{Seq: s.draft.cache, Pos: s.draft.cache.Len() + round, Tokens: ids[i][round:], Logits: 1, Limit: g.limit})
		}
		g.going, g.batch.Segments = going, segments
	}
	return ids
}

// catchUp puts what the model has not read of a sequence's text into the batch, and room
// for guesses behind it. It says no where there is none, where the text is longer than the
// model was made for, and where it is so long that a part of it is all that this step reads.
func (g *draftGuesser) catchUp(s *sequence, most int) bool {
	if s.cache.Len()+len(s.pending)+most > g.most {
		g.forget(s)
		return false
	}
	if s.draft == nil {
		s.draft = &draft{cache: g.cache.Private()}
	}
	d := s.draft
	text := s.textFrom(d.cache.Len())
	right := 0 // of what it guessed, what came
	for right < min(len(d.guessed), len(text)-1) && d.guessed[right] == text[right] {
		right++
	}
	d.cache.Append(d.guessed[:right])
	d.guessed, text = d.guessed[:0], text[right:]
	part := text[:min(len(text), g.chunk)]
	if d.cache.Reserve(len(part)+most) != nil {
		g.forget(s)
		return false
	}
	part = append([]int32(nil), part...)
	if len(part) < len(text) {
		began := g.now()
		g.net.Forward(&g.step, &model.Batch{Segments: []model.Segment{{Seq: d.cache, Tokens: part, Pos: d.cache.Len(), Limit: g.limit}}})
		d.cache.Append(part)
		g.read += g.now().Sub(began)
		return false
	}
	g.batch.Segments = append(g.batch.Segments, model.Segment{Seq: d.cache, Pos: d.cache.Len(), Tokens: part, Logits: 1, Limit: g.limit})
	return true
}

// mtpGuesser has the model's own module of multi-token prediction guess one token more
// than is drawn (DeepSeek-V3, section 2.2). It reads the last hidden states of the step.
type mtpGuesser struct {
	found
	engine *Engine
	rows   []float32  // [T, D] of the step, those whose next token is known
	width  int        // D
	hidden *model.Act // [T, D] the module's
	batch  model.Batch
	last   []int // rows of the batch behind which is guessed; by sequence, -1: none
}

func (g *mtpGuesser) forget(*sequence) {}

func (g *mtpGuesser) spent() time.Duration { return 0 }

// gather keeps the rows of the step whose next token is known.
func (g *mtpGuesser) gather(hidden *model.Act) {
	e := g.engine
	g.batch.Segments, g.last = g.batch.Segments[:0], g.last[:0]
	at, rows := 0, 0 // of hidden, and of what the module reads
	g.rows, g.width = g.rows[:0], hidden.D
	for i, s := range e.batched {
		seg := &e.batch.Segments[i]
		g.last = append(g.last, -1)
		if _, ok := s.work.(*answer); ok && s.cache != nil {
			next := append([]int32(nil), s.fresh[1:s.sure]...)
			if len(s.pending) > 0 {
				next = append(next, s.pending[0])
			}
			if n := len(next); n > 0 {
				g.rows = append(g.rows, hidden.X[at*hidden.D:(at+n)*hidden.D]...)
				g.batch.Segments = append(g.batch.Segments, model.Segment{Seq: seg.Seq, Pos: seg.Pos, Tokens: next, Logits: n, Adapter: s.owner.Adapter, Limit: s.reach()})
				rows += n
				g.last[i] = rows - 1
			}
		}
		at += seg.Logits
	}
}

// follow runs the module on the rows that were gathered.
func (g *mtpGuesser) follow() {
	g.hidden = nil
	if len(g.rows) > 0 {
		g.hidden = g.engine.net.Draft(&g.engine.step, &g.batch, &model.Act{T: len(g.rows) / g.width, D: g.width, X: g.rows})
	}
}

func (g *mtpGuesser) look(*sequence) int { return sureties - 1 }

func (g *mtpGuesser) guess(all []*sequence, most []int) [][]int32 {
	e := g.engine
	ids := g.clear(len(all))
	for k, s := range all {
		i := 0
		for e.batched[i] != s {
			i++
		}
		if row := g.last[i]; row >= 0 && most[k] > 0 {
			mark := e.step.Mark()
			logits := e.net.DraftLogits(&e.step, g.hidden, row, row+1)
			ids[k] = append(ids[k], s.work.(*answer).sampler.Guess(0, logits.Row(0)))
			e.step.Release(mark)
		}
	}
	return ids
}
