package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/sample"
)

// TestScore holds scores to the logits of the same tokens.
func TestScore(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 400, Chunk: 50})
	ids := prompt(330, 1)
	var want []Token
	scratch := make([]float32, m.Config.VocabSize)
	if err := e.Evaluate(t.Context(), [][]int32{ids}, Plan{}, func(_, at int, logits []float32) error {
		if at+1 < len(ids) {
			want = append(want, Token{ID: ids[at+1], Logprob: sample.Logprob(scratch, logits, ids[at+1])})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, from := range []int{1, 2, 200, 329, 330, 1, 300} { // behind the first, some of it was computed
		got, err := e.Score(t.Context(), Owner{}, ids, from, 3)
		if err != nil || len(got) != len(ids)-from {
			t.Fatalf("from %d: %d scores, %v, want %d", from, len(got), err, len(ids)-from)
		}
		for i, s := range got {
			w := want[from-1+i]
			if s.ID != w.ID || s.Logprob != w.Logprob || len(s.Top) != 3 || s.Top[0].Logprob < s.Logprob {
				t.Fatalf("from %d: score %d is %+v, want %+v", from, i, s, w)
			}
		}
	}
	for _, c := range []struct {
		from, top int
		ids       []int32
		want      error
	}{{0, 0, ids, ErrOption}, {1, -1, ids, ErrOption}, {1, 1 << 20, ids, ErrOption}, {1, 0, prompt(401, 0), ErrContext}} {
		if _, err := e.Score(t.Context(), Owner{}, c.ids, c.from, c.top); !errors.Is(err, c.want) {
			t.Errorf("from %d, %d best: got %v, want %v", c.from, c.top, err, c.want)
		}
	}
}

// TestScoreKeepsPrefixes: what a score computes is found by an answer, and the other
// way round.
func TestScoreKeepsPrefixes(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 400})
	ids := prompt(300, 1)
	cached := func() int {
		s, err := e.Submit(t.Context(), Request{Tokens: ids, MaxTokens: 1, Sampling: off, Logprobs: -1})
		if err != nil {
			t.Fatal(err)
		}
		collect(s)
		return s.Progress().Cached
	}
	if _, err := e.Score(t.Context(), Owner{}, ids, 1, 0); err != nil {
		t.Fatal(err)
	}
	if n := cached(); n != 299 {
		t.Errorf("behind a score %d of 300 tokens were cached, want 299", n)
	}
	if err := e.Evaluate(t.Context(), [][]int32{ids}, Plan{}, func(int, int, []float32) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Time(t.Context(), Trial{Sequences: 1, Prompt: 8, Tokens: 2, Repeat: 1}); err != nil {
		t.Fatal(err)
	}
	if n := cached(); n != 299 {
		t.Errorf("behind an evaluation and a trial %d of 300 tokens were cached, want 299", n)
	}
}

// TestEmbed holds embeddings to what a plain computation of their definition gives,
// whatever was computed before and however it is cut.
func TestEmbed(t *testing.T) {
	m := tinyModel(t, "llama")
	embed := func(e *Engine, ids []int32, p Pooling) ([]float32, error) {
		v, err := e.Embed(t.Context(), Owner{}, [][]int32{ids}, EmbedOptions{Pooling: p})
		if err != nil {
			return nil, err
		}
		return v[0], nil
	}
	whole, cut := newEngine(t, m, Options{Context: 400}), newEngine(t, m, Options{Context: 400, Chunk: 7})
	ids := prompt(290, 1)
	for _, pooling := range []Pooling{PoolLast, PoolMean, PoolFirst} {
		want, err := embed(whole, ids, pooling)
		if err != nil || len(want) != m.Config.HiddenSize {
			t.Fatalf("pooling %d: %d numbers, %v", pooling, len(want), err)
		}
		var length float64
		for _, v := range want {
			length += float64(v) * float64(v)
		}
		if math.Abs(length-1) > 1e-5 {
			t.Errorf("pooling %d: the length is %v, want 1", pooling, math.Sqrt(length))
		}
		for range 2 {
			got, err := embed(cut, ids, pooling)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("pooling %d: in pieces it is another one, %v", pooling, err)
			}
		}
	}
	first, err := embed(whole, ids[:1], PoolMean)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := embed(whole, ids, PoolFirst); err != nil || !slices.Equal(got, first) {
		t.Errorf("the first token's is not that of the token alone: %v", err)
	}
	if _, err := embed(whole, nil, PoolLast); !errors.Is(err, ErrPrompt) {
		t.Errorf("nothing: got %v, want %v", err, ErrPrompt)
	}
	if _, err := embed(whole, ids, PoolModel+1); !errors.Is(err, ErrOption) {
		t.Errorf("a pooling that there is not: got %v, want %v", err, ErrOption)
	}
	if _, err := direction([]float64{1, math.NaN()}); !errors.Is(err, sample.ErrLogits) {
		t.Errorf("a hidden state of NaN: got %v, want %v", err, sample.ErrLogits)
	}
	if y, err := direction([]float64{0, 0}); err != nil || y[0] != 0 {
		t.Errorf("a hidden state of zeroes: got %v, %v", y, err)
	}
}

// TestGivenCancelled ends what is computed for a caller who gave up.
func TestGivenCancelled(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 400, Chunk: 1})
	ctx, cancel := context.WithCancel(t.Context())
	rows := 0
	err := e.Evaluate(ctx, [][]int32{prompt(300, 0), prompt(300, 1)}, Plan{Together: true}, func(int, int, []float32) error {
		if rows++; rows == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || rows > 100 {
		t.Errorf("cancelled: got %v after %d rows", err, rows)
	}
	if _, err := e.Score(ctx, Owner{}, prompt(300, 0), 1, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a score without a caller: got %v", err)
	}
	late, done := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer done()
	if _, err := e.Embed(late, Owner{}, [][]int32{prompt(30, 0)}, EmbedOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an embedding that comes too late: got %v", err)
	}
	if _, err := e.Score(t.Context(), Owner{}, prompt(300, 0), 1, 0); err != nil {
		t.Errorf("the engine does not go on: %v", err)
	}
}

// TestSlowReader: an answer that nobody reads holds up no other.
func TestSlowReader(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 400, Sequences: 1})
	unread, err := e.Submit(t.Context(), Request{Tokens: prompt(5, 0), MaxTokens: 300, Sampling: off, Logprobs: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got, f := answered(t, e, Request{Tokens: prompt(5, 1), MaxTokens: 3, Sampling: off, Logprobs: -1}); len(got) != 3 || f.Reason != FinishLength {
		t.Errorf("behind an answer that is not read came %d tokens, %v", len(got), f)
	}
	if p := unread.Progress(); p.Tokens != 300 || p.Admitted.Before(p.Submitted) || p.First.Before(p.Admitted) || p.Last.Before(p.First) {
		t.Errorf("the answer that is not read came to %+v, want 300 tokens, in the order of time", p)
	}
	if got := collect(unread); len(got) != 300 {
		t.Errorf("of it %d tokens are kept, want 300", len(got))
	}
}

// TestCacheLimit: the cache is as large as the memory that is given, but never larger
// than all sequences take, and no smaller than one does.
func TestCacheLimit(t *testing.T) {
	m := tinyModel(t, "llama")
	one := newEngine(t, m, Options{Context: 300, Sequences: 1}).limit
	for _, c := range []struct{ sequences, limit, want, room int }{
		{0, 3*one + 1, DefaultSequences, 3*one + 1},
		{0, 100 * one, DefaultSequences, DefaultSequences * one},
		{2, one, 2, one},
		{2, 0, 2, 2 * one},
		{2, 5 * one, 2, 2 * one},
	} {
		e := newEngine(t, m, Options{Context: 300, Sequences: c.sequences, MemoryLimit: int64(c.limit)})
		if got := e.Options().Sequences; got != c.want || e.limit != c.room {
			t.Errorf("%d sequences in %d bytes: got %d in %d, want %d in %d", c.sequences, c.limit, got, e.limit, c.want, c.room)
		}
	}
	if _, err := New(m, Options{Context: 300, MemoryLimit: int64(one - 1)}); !errors.Is(err, ErrNoRoom) || !strings.Contains(err.Error(), "256 would fit") {
		t.Errorf("a context that does not fit: got %v, want %v and that 256 would", err, ErrNoRoom)
	}
}

// TestAccount: the time of a step is shared out by the tokens that it computed.
func TestAccount(t *testing.T) {
	m := tinyModel(t, "llama")
	e, err := newStopped(m, &m.Config, Options{Context: 200, Sequences: 2, Chunk: 100, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.threads.leave()
	var streams []*Stream
	for i, n := range []int{30, 10} {
		s, err := e.answering(t.Context(), Request{Tokens: prompt(n, i), MaxTokens: 1, Sampling: off, Logprobs: -1})
		if err != nil {
			t.Fatal(err)
		}
		e.enqueue(s)
		streams = append(streams, s.work.(*answer).stream)
	}
	e.admit()
	e.shareOut()
	e.reserve()
	e.fillBatch()
	e.reckon()
	e.account(40 * time.Millisecond)
	for i, want := range []time.Duration{30 * time.Millisecond, 10 * time.Millisecond} {
		if p := streams[i].Progress(); p.Compute != want || p.Computed != p.Prompt {
			t.Errorf("answer %d has computed %d of %d tokens in %v, want all in %v", i, p.Computed, p.Prompt, p.Compute, want)
		}
	}
	for _, s := range e.running {
		s.finish(Finish{Reason: FinishDone})
	}
}
