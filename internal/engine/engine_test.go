package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// tinyModel opens one of model's golden models as Q8_0.
func tinyModel(t *testing.T, name string) *model.Model {
	t.Helper()
	return tinyModelForm(t, name, model.Absorbed)
}

// tinyModelForm is tinyModel with a form of latent attention.
func tinyModelForm(t *testing.T, name string, form model.LatentForm) *model.Model {
	t.Helper()
	g, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if g.Config.VocabSize < 300 { // prompt has ids up to that
		g = g.With(map[string]any{"vocab_size": 384})
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := g.WriteGGUF(path, tensor.Q8_0); err != nil {
		t.Fatal(err)
	}
	return openModel(t, path, model.Options{Latent: form})
}

// openModel opens the model at a path, and closes it with the test.
func openModel(t *testing.T, path string, o model.Options) *model.Model {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func newEngine(t *testing.T, m *model.Model, o Options) *Engine {
	t.Helper()
	e, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// off are settings that change nothing.
var off = sample.Settings{TopP: 1, Penalties: sample.Penalties{Repetition: 1}}

// prompt returns n token ids, different for each kind.
func prompt(n, kind int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((i*i*3 + 31*kind + i) % 300)
	}
	return ids
}

func collect(s *Stream) (ids []int32) {
	for t, ok := s.Next(); ok; t, ok = s.Next() {
		ids = append(ids, t.ID)
	}
	return ids
}

func request(i int) Request {
	r := Request{Tokens: prompt(1+i*17%90, i%3), MaxTokens: 12 + i%9, Sampling: off, Logprobs: -1}
	r.Sampling.Temperature = float32(i%3) * 0.6
	r.Sampling.Seed = uint64(i)
	if i%4 == 1 {
		r.Sampling.Repetition, r.Sampling.TopK = 1.3, 20
	}
	return r
}

// TestTogether answers many requests at once and compares each with the same request
// alone: batches, chunks and shared prefixes must not show.
func TestTogether(t *testing.T) {
	for _, name := range []string{"llama", "gemma3-text", "qwen3-next", "deepseek-v4"} {
		m := tinyModel(t, name)
		const n = 24
		want := make([][]int32, n)
		alone := newEngine(t, m, Options{Context: 200})
		for i := range want {
			s, err := alone.Submit(t.Context(), request(i))
			if err != nil {
				t.Fatal(err)
			}
			want[i] = collect(s)
		}
		for _, o := range []Options{{Context: 200, Sequences: 8, Chunk: 16}, {Context: 120, Sequences: 3, Threads: 3}, {Context: 400, Sequences: 24, Chunk: 300}} {
			e := newEngine(t, m, o)
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() {
					time.Sleep(time.Duration(i*i%7) * time.Millisecond)
					s, err := e.Submit(t.Context(), request(i))
					if err != nil {
						t.Error(err)
						return
					}
					if got := collect(s); !slices.Equal(got, want[i]) {
						t.Errorf("%s %+v: request %d gave %v, want %v", name, o, i, got, want[i])
					}
					if f := s.Finish(); f != (Finish{Reason: FinishLength}) {
						t.Errorf("request %d finished by %v, want length", i, f)
					}
				})
			}
			group.Wait()
		}
	}
}

// TestBesideBatch answers one request that somebody waits for beside 32 of a batch: each
// step goes on with it, and all come to what they come to alone.
func TestBesideBatch(t *testing.T) {
	m := tinyModel(t, "llama")
	asked := func(i int) Request {
		r := request(i)
		if r.Batch = i > 0; !r.Batch {
			r.MaxTokens = 60
		}
		return r
	}
	const n = 33
	alone := newEngine(t, m, Options{Context: 200})
	var want [][]int32
	for i := range n {
		s, err := alone.Submit(t.Context(), asked(i))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, collect(s))
	}
	e, err := newStopped(m, &m.Config, Options{Context: 200, Sequences: n, Threads: 1, Speculate: SpeculateOff})
	if err != nil {
		t.Fatal(err)
	}
	defer e.threads.leave()
	var all []*sequence
	for i := range n {
		s, err := e.answering(t.Context(), asked(i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	e.enqueue(all...)
	stream := func(i int) *Stream { return all[i].work.(*answer).stream }
	for e.stepOnce() && stream(0).Progress().Tokens == 0 {
	}
	for first := e.counts.Steps; stream(0).Finish().Reason == FinishNone; {
		e.stepOnce()
		if got, want := uint64(stream(0).Progress().Tokens), 1+e.counts.Steps-first; got != want {
			t.Fatalf("the stream has %d tokens after %d steps", got, want)
		}
	}
	for e.stepOnce() {
	}
	for i := range n {
		if got := collect(stream(i)); !slices.Equal(got, want[i]) {
			t.Errorf("request %d gave %v, alone %v", i, got, want[i])
		}
	}
}

func TestPrefixIsReused(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 400})
	first := Request{Tokens: prompt(300, 1), MaxTokens: 5, Sampling: off, Logprobs: -1}
	s, err := e.Submit(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	answer := collect(s)
	if p := s.Progress(); p.Cached != 0 || p.Computed != 300 || p.Tokens != 5 {
		t.Errorf("the first prompt: got %+v, want none cached, 300 computed, 5 tokens", p)
	}
	second := first
	second.Tokens = append(append([]int32{}, first.Tokens...), answer...)
	s, err = e.Submit(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	collect(s)
	if p := s.Progress(); p.Prompt != 305 || p.Cached < 300 {
		t.Errorf("of %d tokens %d were cached, want at least 300 of 305", p.Prompt, p.Cached)
	}
}

func TestStop(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 200})
	r := Request{Tokens: prompt(20, 1), MaxTokens: 30, Sampling: off, Logprobs: -1}
	s, err := e.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	all := collect(s)
	stop := slices.IndexFunc(all, func(id int32) bool { return id != all[0] })
	r.Stop = []int32{all[stop]}
	if s, err = e.Submit(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	n := 0
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		if end := n == stop; tok.ID != all[n] || tok.End != end || tok.Last != end {
			t.Errorf("token %d: got %+v, want %d, the last: %v", n, tok, all[n], end)
		}
		n++
	}
	if f := s.Finish(); f.Reason != FinishStop || n != stop+1 {
		t.Errorf("finished by %v after %d tokens, want stop after %d", f, n, stop+1)
	}
}

func TestLogprobs(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 200})
	s, err := e.Submit(t.Context(), Request{Tokens: prompt(9, 2), MaxTokens: 4, Sampling: off, Logprobs: 3})
	if err != nil {
		t.Fatal(err)
	}
	for tok, ok := s.Next(); ok; tok, ok = s.Next() {
		if len(tok.Top) != 3 || tok.Top[0].ID != tok.ID || tok.Top[0].Logprob != tok.Logprob {
			t.Errorf("greedy token %d has logprob %v and best %v", tok.ID, tok.Logprob, tok.Top)
		}
		if !(tok.Logprob < 0) || !(tok.Top[1].Logprob <= tok.Top[0].Logprob) {
			t.Errorf("logprobs are %v", tok.Top)
		}
	}
}

func TestCancel(t *testing.T) {
	e := newEngine(t, tinyModel(t, "llama"), Options{Context: 500})
	ctx, cancel := context.WithCancel(t.Context())
	s, err := e.Submit(ctx, Request{Tokens: prompt(5, 0), Sampling: off, Logprobs: -1})
	if err != nil {
		t.Fatal(err)
	}
	s.Next()
	cancel()
	n := len(collect(s))
	if f := s.Finish(); f.Reason != FinishCancel && n < 490 || !errors.Is(f.Err, context.Canceled) && f.Reason == FinishCancel {
		t.Errorf("finished by %v after %d tokens, want cancel", f, n)
	}
	// The engine goes on.
	s, err = e.Submit(t.Context(), Request{Tokens: prompt(5, 0), MaxTokens: 2, Sampling: off, Logprobs: -1})
	if err != nil {
		t.Fatal(err)
	}
	if got := collect(s); len(got) != 2 {
		t.Errorf("after a cancelled request came %d tokens, want 2", len(got))
	}
}

// TestSubmitCopies answers a request whose tokens, stops and bias its caller goes on
// to use.
func TestSubmitCopies(t *testing.T) {
	m := tinyModel(t, "llama")
	r := Request{Tokens: prompt(150, 1), MaxTokens: 8, Sampling: off, Logprobs: -1}
	r.Sampling.Bias = map[int32]float32{3: 1}
	r.Stop = []int32{299}
	submit := func() *Stream {
		s, err := newEngine(t, m, Options{Context: 200, Chunk: 1}).Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := collect(submit())
	s := submit()
	for i := range r.Tokens {
		r.Tokens[i] = 1 << 30
	}
	r.Sampling.Bias[want[0]] = -100
	r.Stop[0] = want[0]
	if got := collect(s); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestEnginesShareModel has engines of one model go on to new positions at the same
// time.
func TestEnginesShareModel(t *testing.T) {
	m := tinyModel(t, "gemma3-text")
	answers := make([][]int32, 3)
	var group sync.WaitGroup
	for i := range answers {
		e := newEngine(t, m, Options{Context: 700, Threads: 1})
		group.Go(func() {
			s, err := e.Submit(t.Context(), Request{Tokens: prompt(600, 1), MaxTokens: 4, Sampling: off, Logprobs: -1})
			if err != nil {
				t.Error(err)
				return
			}
			answers[i] = collect(s)
		})
	}
	group.Wait()
	for i, got := range answers {
		if len(got) != 4 || !slices.Equal(got, answers[0]) {
			t.Errorf("engine %d gave %v, engine 0 %v, want the same 4 tokens", i, got, answers[0])
		}
	}
}

func TestErrors(t *testing.T) {
	m := tinyModel(t, "llama")
	e := newEngine(t, m, Options{Context: 16})
	for _, c := range []struct {
		r    Request
		want error
	}{
		{Request{Sampling: off}, ErrPrompt},
		{Request{Tokens: prompt(16, 0), Sampling: off}, ErrContext},
		{Request{Tokens: []int32{1, -1}, Sampling: off}, model.ErrTokens},
		{Request{Tokens: []int32{int32(m.Config.VocabSize)}, Sampling: off}, model.ErrTokens},
	} {
		if _, err := e.Submit(t.Context(), c.r); !errors.Is(err, c.want) {
			t.Errorf("request of %d tokens: got %v, want %v", len(c.r.Tokens), err, c.want)
		}
	}
	bad := off
	bad.TopP = 1.5
	if _, err := e.Submit(t.Context(), Request{Tokens: prompt(3, 0), Sampling: bad}); err == nil {
		t.Error("top-p 1.5 was taken")
	}
	if _, err := New(m, Options{Context: 1 << 20, MemoryLimit: 1 << 20}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a context that does not fit: got %v, want %v", err, ErrNoRoom)
	}
	e.Close()
	if _, err := e.Submit(t.Context(), Request{Tokens: prompt(3, 0), Sampling: off}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got %v, want %v", err, ErrClosed)
	}
}

// TestEvaluate holds logits to the same bits however they are computed.
func TestEvaluate(t *testing.T) {
	m := tinyModel(t, "llama")
	V := m.Config.VocabSize
	e := newEngine(t, m, Options{Context: 300, Sequences: 4})
	sequences := [][]int32{prompt(290, 0), prompt(40, 1), {}, prompt(1, 2)}
	rows := func(p Plan) map[string][]float32 {
		got := map[string][]float32{}
		err := e.Evaluate(t.Context(), sequences, p, func(i, at int, logits []float32) error {
			if len(logits) != V {
				t.Fatalf("a row of %d logits, want %d", len(logits), V)
			}
			got[fmt.Sprint(i, ":", at)] = slices.Clone(logits)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	want := rows(Plan{})
	if len(want) != 331 {
		t.Fatalf("%d rows, want 331", len(want))
	}
	for _, p := range []Plan{{Chunk: 7}, {Decode: 30}, {Decode: 1000}, {Together: true, Chunk: 32}, {Together: true, Chunk: 1}} {
		got := rows(p)
		for key, w := range want {
			for k := range w {
				if math.Float32bits(got[key][k]) != math.Float32bits(w[k]) {
					t.Fatalf("%+v: row %s logit %d is %v, want %v", p, key, k, got[key][k], w[k])
				}
			}
		}
	}
	stop := errors.New("enough")
	calls := 0
	if err := e.Evaluate(t.Context(), sequences, Plan{}, func(int, int, []float32) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("an error of the caller: got %v after %d rows, want it back after one", err, calls)
	}
	if err := e.Evaluate(t.Context(), [][]int32{prompt(301, 0)}, Plan{}, nil); !errors.Is(err, ErrContext) {
		t.Errorf("a sequence longer than the context: got %v, want %v", err, ErrContext)
	}
}

// TestCacheKinds answers with every kind of cache.
func TestCacheKinds(t *testing.T) {
	m := tinyModel(t, "qwen3-moe")
	for kind := kernel.CacheF32; kind <= kernel.CacheQ8; kind++ {
		e := newEngine(t, m, Options{Context: 100, Cache: &kind})
		s, err := e.Submit(t.Context(), Request{Tokens: prompt(30, 0), MaxTokens: 10, Sampling: off, Logprobs: -1})
		if err != nil {
			t.Fatal(err)
		}
		if got := collect(s); len(got) != 10 {
			t.Errorf("cache %s: %d tokens, want 10", kind, len(got))
		}
	}
}
