package engine

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// Plan says how Evaluate computes. It changes no bit of any result.
type Plan struct {
	// Drafts receives the logits of the multi-token-prediction module too, row t from
	// the hidden state of position t and token t+1, of a model that was opened with
	// it; nil: they are not computed. It is called as each of Evaluate is. From is 0
	// with it.
	Drafts func(i, t int, logits []float32) error

	Chunk    int  // tokens of a piece; 0: the engine's
	Decode   int  // the last so many tokens go one at a time
	Together bool // a piece of every sequence in each step, else one sequence after the other
	From     int  // rows before this one are not wanted, and not computed where nothing needs them
}

// Evaluate computes the logits behind the tokens of the sequences, from p.From on,
// and hands them to each, row by row: row t of sequence i is what comes after its
// token t. Rows of a sequence come in order. A row is valid during the call only.
// An error of each ends the evaluation.
func (e *Engine) Evaluate(ctx context.Context, sequences [][]int32, p Plan, each func(i, t int, logits []float32) error) error {
	for i, ids := range sequences {
		if len(ids) > e.options.Context {
			return fmt.Errorf("engine: sequence %d has %d tokens, the context %d: %w", i, len(ids), e.options.Context, ErrContext)
		}
		if err := e.model.CheckTokens(ids); err != nil {
			return fmt.Errorf("sequence %d: %w", i, err)
		}
	}
	if p.Chunk == 0 || p.Chunk > e.options.Chunk { // the cache was sized for the engine's
		p.Chunk = e.options.Chunk
	}
	if p.Drafts != nil {
		p.From = 0 // the module goes on from every position
	}
	var result error
	if err := e.do(ctx, func() { result = e.evaluate(ctx, sequences, p, each) }); err != nil {
		return err
	}
	return result
}

// evaluation is one sequence that is evaluated.
type evaluation struct {
	index int
	ids   []int32
	cache *kvcache.Sequence
}

func (e *Engine) evaluate(ctx context.Context, sequences [][]int32, p Plan, each func(i, t int, logits []float32) error) error {
	e.cache.Drop() // what is computed here is not found from before
	var all []*evaluation
	for i, ids := range sequences {
		all = append(all, &evaluation{index: i, ids: ids})
	}
	if p.Together {
		return e.evaluateTogether(ctx, all, p, each)
	}
	for _, v := range all {
		if err := e.evaluateTogether(ctx, []*evaluation{v}, p, each); err != nil {
			return err
		}
		e.cache.Drop()
	}
	return nil
}

// evaluateTogether computes the next piece of every sequence until all are done.
func (e *Engine) evaluateTogether(ctx context.Context, all []*evaluation, p Plan, each func(i, t int, logits []float32) error) error {
	defer func() {
		for _, v := range all {
			if v.cache != nil {
				v.cache.Free()
			}
		}
	}()
	for _, v := range all {
		v.cache = e.cache.Sequence()
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var batch model.Batch
		var parts []*evaluation
		for _, v := range all {
			at := v.cache.Len()
			n := min(p.Chunk, max(len(v.ids)-p.Decode, 0)-at)
			if n <= 0 {
				n = 1
			}
			if at == len(v.ids) {
				continue
			}
			if err := v.cache.Reserve(n); err != nil {
				return fmt.Errorf("engine: %w: %w", err, ErrNoRoom)
			}
			batch.Segments = append(batch.Segments, model.Segment{
				Seq: v.cache, Pos: at, Tokens: v.ids[at : at+n], Logits: min(n, max(0, at+n-p.From)),
			})
			parts = append(parts, v)
		}
		if len(parts) == 0 {
			return nil
		}
		if err := e.evaluateStep(&batch, parts, p.Drafts, each); err != nil {
			return err
		}
	}
}

// logitRows is how many rows of logits are computed at a time.
const logitRows = 64

// evaluateStep runs one step and hands out its logits, and those of the drafts.
func (e *Engine) evaluateStep(batch *model.Batch, parts []*evaluation, drafts, each func(i, t int, logits []float32) error) error {
	hidden := e.model.Forward(&e.step, batch)
	if err := e.handOut(batch, parts, hidden, e.model.Logits, each); err != nil {
		return err
	}
	if drafts != nil {
		if err := e.draft(batch, parts, hidden, drafts); err != nil {
			return err
		}
	}
	for i := range batch.Segments {
		batch.Segments[i].Seq.Append(batch.Segments[i].Tokens)
	}
	return nil
}

// handOut computes the logits of hidden states, some rows at a time.
func (e *Engine) handOut(batch *model.Batch, parts []*evaluation, hidden *model.Act, compute func(*model.Step, *model.Act, int, int) *model.Act, each func(i, t int, logits []float32) error) error {
	mark := e.step.Mark()
	segment, done := 0, 0 // rows of the segment that were handed out
	for from := 0; from < hidden.T; from += logitRows {
		logits := compute(&e.step, hidden, from, min(from+logitRows, hidden.T))
		for r := range logits.T {
			for done == batch.Segments[segment].Logits {
				segment, done = segment+1, 0
			}
			g := &batch.Segments[segment]
			if err := each(parts[segment].index, g.Pos+len(g.Tokens)-g.Logits+done, logits.Row(r)); err != nil {
				return err
			}
			done++
		}
		e.step.Release(mark)
	}
	return nil
}

// draft runs the module of multi-token prediction on the rows of a step whose next
// token is known, and hands out its logits.
func (e *Engine) draft(batch *model.Batch, parts []*evaluation, hidden *model.Act, drafts func(i, t int, logits []float32) error) error {
	var next model.Batch
	var of []*evaluation
	rows, at := 0, 0 // kept of hidden, seen of it
	for i := range batch.Segments {
		g := &batch.Segments[i]
		n := min(len(g.Tokens), len(parts[i].ids)-1-g.Pos)
		if n > 0 {
			copy(hidden.X[rows*hidden.D:(rows+n)*hidden.D], hidden.X[at*hidden.D:])
			next.Segments = append(next.Segments, model.Segment{
				Seq: g.Seq, Pos: g.Pos, Tokens: parts[i].ids[g.Pos+1:][:n], Logits: n,
			})
			of = append(of, parts[i])
		}
		rows, at = rows+n, at+len(g.Tokens)
	}
	if rows == 0 {
		return nil
	}
	guesses := e.model.Draft(&e.step, &next, &model.Act{T: rows, D: hidden.D, X: hidden.X[:rows*hidden.D]})
	return e.handOut(&next, of, guesses, e.model.DraftLogits, drafts)
}
