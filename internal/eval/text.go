package eval

import (
	"context"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/tokenizer"
)

// A Window is how well a part of a text was predicted.
type Window struct {
	Window int     `json:"window"`
	Tokens int     `json:"tokens"` // that were predicted
	Bytes  int     `json:"bytes"`  // that they stand for
	Bits   float64 `json:"bits"`   // -log2 of their probability
}

func (w Window) number() int { return w.Window }

func (w Window) check(*Header) error {
	if w.Tokens < 1 || w.Bytes < 0 || !(w.Bits >= 0) || math.IsInf(w.Bits, 0) {
		return fmt.Errorf("%d tokens of %d bytes have %g bits", w.Tokens, w.Bytes, w.Bits)
	}
	return nil
}

// A Text is one that is predicted, every token once: window by window, each with half a window
// before it that is read alone, the first with nothing.
type Text struct {
	Adapter *blitz.Adapter // nil: none

	windows [][]int32
	from    []int // the first token of each that is scored
	bytes   []int // that the scored ones of each stand for
}

// NewText cuts a text into windows of ctx tokens. Where the model adds BOS the text begins
// with it, else its first token is not predicted. Special tokens that stand in the text are
// ordinary text.
func NewText(t *tokenizer.Tokenizer, text string, ctx int) (*Text, error) {
	var ids []int32
	if t.AddsBOS() {
		ids = append(ids, t.BOS())
	}
	first := len(ids)
	ids, err := t.AppendEncode(ids, text, tokenizer.Plain)
	if err != nil {
		return nil, err
	}
	if len(ids) < 2 {
		return nil, fmt.Errorf("the text has %d tokens, want 2 at least", len(ids))
	}
	// What tokens stand for may be a blank more than the text, or what a normalizer made of
	// it; the first window makes up for that, so that all are the text's bytes together.
	size, all := make([]int, len(ids)), 0
	var b []byte
	for i := first; i < len(ids); i++ {
		if b, err = t.AppendBytes(b[:0], ids[i]); err != nil {
			return nil, err
		}
		size[i] = len(b)
		all += len(b)
	}
	x := &Text{}
	for at, scored := 0, 1; scored < len(ids); at += ctx / 2 {
		end := min(at+ctx, len(ids))
		n := 0
		for i := scored; i < end; i++ {
			n += size[i]
		}
		if at == 0 {
			n = max(0, n+len(text)-all)
		}
		x.windows, x.from, x.bytes = append(x.windows, ids[at:end:end]), append(x.from, scored-at), append(x.bytes, n)
		scored = end
	}
	return x, nil
}

// Windows returns how many there are.
func (x *Text) Windows() int { return len(x.windows) }

// scoredAtOnce is how many windows are computed in one batch.
const scoredAtOnce = 4

// Run scores the windows from the first that the log has not. said is called for each.
func (x *Text) Run(ctx context.Context, e *blitz.Engine, l *Log[Window], said func()) error {
	type result struct {
		w   Window
		err error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var queue []chan result
	for next := len(l.Parts); next < len(x.windows) || len(queue) > 0; {
		for next < len(x.windows) && len(queue) < scoredAtOnce {
			i, c := next, make(chan result, 1)
			go func() {
				w, err := x.score(ctx, e, i)
				c <- result{w, err}
			}()
			queue = append(queue, c)
			next++
		}
		r := <-queue[0]
		queue = queue[1:]
		if r.err != nil {
			return fmt.Errorf("window %d: %w", r.w.Window, r.err)
		}
		if err := l.Add(r.w); err != nil {
			return err
		}
		said()
	}
	return nil
}

// bitsPerNat is 1/ln 2.
const bitsPerNat = 1 / math.Ln2

// score scores a window.
func (x *Text) score(ctx context.Context, e *blitz.Engine, i int) (Window, error) {
	w := Window{Window: i, Bytes: x.bytes[i]}
	scores, err := e.Score(ctx, x.windows[i], &blitz.ScoreOptions{From: x.from[i], Adapter: x.Adapter, Batch: true})
	if err != nil {
		return w, err
	}
	nats := 0.0
	for _, t := range scores {
		nats -= float64(t.Logprob)
	}
	w.Tokens, w.Bits = len(scores), nats*bitsPerNat
	if math.IsNaN(w.Bits) || math.IsInf(w.Bits, 0) {
		return w, fmt.Errorf("its probability is no number: the model is damaged: %w", blitz.ErrLogits)
	}
	return w, nil
}
