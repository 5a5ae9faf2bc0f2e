package blitz

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// question is a conversation of one message.
var question = []chat.Message{chat.User("Q")}

// answer reads the answer to a request to its end.
func answer(t *testing.T, e *Engine, r Request) (*Answer, []Token, error) {
	t.Helper()
	a, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	var all []Token
	for tok, err := range a.Tokens() {
		if err != nil {
			return a, all, err
		}
		all = append(all, tok)
	}
	return a, all, nil
}

// TestAnswerEnds: how answers end, and that the last token has the rest of the text.
func TestAnswerEnds(t *testing.T) {
	e := tinyEngine(t)
	m := e.Model()
	stop := m.StopTokens()[0]
	const call = "Ok</think>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>"
	for _, c := range []struct {
		name    string
		r       Request
		text    string
		end     bool
		finish  Finish
		word    string
		content string
	}{
		{"an end token", Request{}, "Ok</think>Yes.", true, Finish{Reason: FinishStopToken, StopToken: stop}, "stop", "Yes."},
		{"calls", Request{}, call, true, Finish{Reason: FinishToolCalls, StopToken: stop}, "tool_calls", ""},
		{"calls in reasoning that is never closed", Request{}, strings.Replace(call, "</think>", "", 1), true, Finish{Reason: FinishToolCalls, StopToken: stop}, "tool_calls", ""},
		{"a stop text", Request{Stop: []string{"nowhere", "es"}}, "Ok</think>Yes.", true, Finish{Reason: FinishStopText, StopText: "es"}, "stop", "Y"},
		{"an end token behind the beginning of a stop text", Request{Stop: []string{"s.!"}}, "Ok</think>Yes.", true, Finish{Reason: FinishStopToken, StopToken: stop}, "stop", "Yes."},
		{"the most tokens", Request{MaxTokens: 6, Stop: []string{"es!"}}, "Ok</think>Yes.", false, Finish{Reason: FinishLength}, "length", "Yes"},
		{"the most tokens, inside a character", Request{MaxTokens: 4}, "Ok</think>é", false, Finish{Reason: FinishLength}, "length", "\ufffd"},
	} {
		c.r.Messages, c.r.Guides = question, []Guide{saying(t, m, c.text, c.end)}
		a, all, err := answer(t, e, c.r)
		if err != nil || a.Finish() != c.finish || a.Finish().String() != c.word || a.Err() != nil {
			t.Errorf("%s: got %v, %v, want %v", c.name, a.Finish(), err, c.finish)
			continue
		}
		text, content, ids := "", "", []int32{}
		for i, tok := range all {
			text += tok.Text
			content += tok.Content()
			ids = append(ids, tok.ID)
			if tok.End != (c.end && c.finish.StopToken != 0 && i == len(all)-1) || !tok.Forced {
				t.Errorf("%s: token %d is %+v", c.name, i, tok)
			}
		}
		out := a.Output()
		if content != c.content || (out.Content != nil) != (content != "") || content != "" && *out.Content != content || !slices.Equal(ids, a.IDs()) {
			t.Errorf("%s: content %q, %v, of ids %v, want %q and %v", c.name, content, out.Content, ids, c.content, a.IDs())
		}
		if out.ReasoningContent == nil || *out.ReasoningContent != "Ok" || all[0].Reasoning()+all[1].Reasoning()+all[2].Reasoning() != "Ok" {
			t.Errorf("%s: reasoning %v, want Ok", c.name, out.ReasoningContent)
		}
		u := a.Usage()
		if u.PromptTokens != len(a.PromptIDs()) || u.OutputTokens != len(ids) || u.ForcedTokens != len(ids) || u.ReasoningTokens != 3 || u.AnswerTokens() != len(ids)-3 {
			t.Errorf("%s: usage %+v", c.name, u)
		}
		if u.Queue < 0 || u.FirstToken < u.Prefill || u.Prefill <= 0 || u.Decode < 0 || u.Compute < 0 {
			t.Errorf("%s: times %+v", c.name, u)
		}
		if p := a.Progress(); p.Queued || p.PromptTokens != u.PromptTokens || p.ComputedTokens > p.PromptTokens || p.OutputTokens < len(ids) {
			t.Errorf("%s: progress %+v", c.name, p)
		}
	}
}

func TestContextFull(t *testing.T) {
	e := tinyEngine(t)
	a, all, err := answer(t, e, Request{Prompt: "Q", Guides: []Guide{letters}, Sampling: &Sampling{}})
	if err != nil || a.Finish() != (Finish{Reason: FinishContext}) || a.Finish().String() != "length" || len(all) != e.Context()-len(a.PromptIDs()) {
		t.Errorf("got %v, %v after %d tokens, want a full context", a.Finish(), err, len(all))
	}
	if u := a.Usage(); u.Compute <= 0 || u.DecodeRate() <= 0 || u.PrefillRate() <= 0 || (Usage{}).DecodeRate() != 0 {
		t.Errorf("rates %v and %v", u.PrefillRate(), u.DecodeRate())
	}
	if _, err := e.Generate(t.Context(), Request{Prompt: strings.Repeat("Q", e.Context())}); !errors.Is(err, ErrContext) {
		t.Errorf("a prompt as long as the context: got %v, want %v", err, ErrContext)
	}
}

// TestCancelled: an answer that is cut says by what, whoever cut it.
func TestCancelled(t *testing.T) {
	e := tinyEngine(t)
	long := Request{Prompt: "Q", Guides: []Guide{letters}, Sampling: &Sampling{}, Stop: []string{"no such text"}}
	cause := errors.New("the client is gone")
	for name, c := range map[string]struct {
		cut  func(a *Answer, cancel context.CancelCauseFunc)
		want error
	}{
		"its context is cancelled":      {func(_ *Answer, cancel context.CancelCauseFunc) { cancel(nil) }, context.Canceled},
		"its context has a cause":       {func(_ *Answer, cancel context.CancelCauseFunc) { cancel(cause) }, cause},
		"another goroutine closes it":   {func(a *Answer, _ context.CancelCauseFunc) { done(func() { a.Close(); a.Close() }) }, context.Canceled},
		"the context's deadline passes": {func(_ *Answer, cancel context.CancelCauseFunc) { cancel(context.DeadlineExceeded) }, context.DeadlineExceeded},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		a, err := e.Generate(ctx, long)
		if err != nil {
			t.Fatal(err)
		}
		n, errs := 0, []error{}
		for _, err := range a.Tokens() {
			if n++; n == 2 {
				c.cut(a, cancel)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) != 1 || !errors.Is(errs[0], c.want) || a.Err() != errs[0] || a.Finish() != (Finish{Reason: FinishCancelled}) || n != 3 || len(a.IDs()) != 2 {
			t.Errorf("where %s: got %v and %v, %v, after %d tokens; want %v after 2", name, errs, a.Err(), a.Finish(), len(a.IDs()), c.want)
		}
		if text, err := a.Text(); !errors.Is(err, c.want) || len(text) != 2 {
			t.Errorf("where %s: text %q, %v", name, text, err)
		}
		cancel(nil)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-late.Done()
	if _, err := e.Generate(late, long); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a request that comes too late: got %v, want %v", err, context.DeadlineExceeded)
	}
	a, err := e.Generate(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	for range a.Tokens() {
		break
	}
	if a.Err() != nil || a.Finish() != (Finish{Reason: FinishCancelled}) || len(a.IDs()) != 1 || a.ctx.Err() == nil {
		t.Errorf("where its reader leaves: got %v, %v, %d tokens; want cancelled without an error", a.Err(), a.Finish(), len(a.IDs()))
	}
	a, err = e.Generate(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	for range a.Tokens() {
		done(e.Close)
	}
	if a.Finish().Reason != FinishError || !errors.Is(a.Err(), ErrClosed) {
		t.Errorf("where its engine is closed: got %v, %v, want %v", a.Finish(), a.Err(), ErrClosed)
	}
	if _, err := e.Generate(t.Context(), long); !errors.Is(err, ErrClosed) {
		t.Errorf("a request to a closed engine: got %v, want %v", err, ErrClosed)
	}
}

// done runs f on a goroutine of its own.
func done(f func()) {
	c := make(chan struct{})
	go func() { defer close(c); f() }()
	<-c
}

// TestText reads an answer in one call.
func TestText(t *testing.T) {
	e := tinyEngine(t)
	a, err := e.Generate(t.Context(), Request{Messages: question, Guides: []Guide{saying(t, e.Model(), "Hm</think>Yes.", true)}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := a.Text(); err != nil || text != "Yes." {
		t.Errorf("got %q, %v, want Yes.", text, err)
	}
	a, err = e.Generate(t.Context(), Request{Messages: question, Guides: []Guide{saying(t, e.Model(), "", true)}})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := a.Text(); err != nil || text != "" {
		t.Errorf("nothing: got %q, %v", text, err)
	}
}

// TestLogprobs: log-probabilities are those of Score, of forced tokens too, and what is
// observed is what they are made of.
func TestLogprobs(t *testing.T) {
	e := tinyEngine(t)
	observed := 0
	a, all, err := answer(t, e, Request{
		Prompt: "Q", MaxTokens: 9, Sampling: &Sampling{}, TopTokens: 2, Guides: []Guide{saying(t, e.Model(), "abc", false), letters},
		Observe: func(id int32, logits []float32) {
			if len(logits) != e.Model().VocabSize() {
				t.Errorf("token %d came from %d logits", id, len(logits))
			}
			observed++
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := e.Score(t.Context(), slices.Concat(a.PromptIDs(), a.IDs()), &ScoreOptions{From: len(a.PromptIDs()), TopTokens: 2})
	if err != nil || len(scores) != len(all) || observed != len(all) {
		t.Fatalf("%d scores, %v, %d observed, of %d tokens", len(scores), err, observed, len(all))
	}
	for i, s := range scores {
		tok := all[i]
		if s.ID != tok.ID || s.Logprob != tok.Logprob || !slices.Equal(s.Top, tok.Top) || s.Text != tok.Text || tok.Forced != (i < 3) {
			t.Errorf("token %d is %+v, its score %+v", i, tok, s)
		}
	}
	if scores, err := e.Score(t.Context(), a.PromptIDs(), nil); err != nil || len(scores) != len(a.PromptIDs())-1 {
		t.Errorf("of %d tokens %d are scored, %v", len(a.PromptIDs()), len(scores), err)
	}
}

// TestRequestRefused: what does not go together, or is out of range, is refused.
func TestRequestRefused(t *testing.T) {
	e := tinyEngine(t)
	nan := float32(0)
	nan /= nan
	for name, r := range map[string]Request{
		"Prompt and Messages":       {Prompt: "Q", Messages: question},
		"Prompt and Tokens":         {Prompt: "Q", Tokens: []int32{1}},
		"Tools without Messages":    {Prompt: "Q", Tools: []jinja.Value{jinja.Int(1)}},
		"rendered text":             {Prompt: "Q", Rendered: true},
		"negative MaxTokens":        {Prompt: "Q", MaxTokens: -1},
		"negative TopTokens":        {Prompt: "Q", TopTokens: -1},
		"more TopTokens than there": {Prompt: "Q", TopTokens: 1 << 20},
		"a negative budget":         {Prompt: "Q", Think: Think{Budget: -1}},
		"a mode that there is not":  {Prompt: "Q", Think: Think{Mode: 9}},
		"a bias of no token":        {Prompt: "Q", Sampling: &Sampling{LogitBias: map[int32]float32{1 << 20: 1}}},
		"a bias of NaN":             {Prompt: "Q", Sampling: &Sampling{LogitBias: map[int32]float32{1: nan}}},
		"a temperature of NaN":      {Prompt: "Q", Sampling: &Sampling{Temperature: nan}},
		"a negative temperature":    {Prompt: "Q", Sampling: &Sampling{Temperature: -1}},
		"a TopP of 2":               {Prompt: "Q", Sampling: &Sampling{TopP: new(float32(2))}},
		"a negative TopK":           {Prompt: "Q", Sampling: &Sampling{TopK: -1}},
		"an empty stop text":        {Prompt: "Q", Stop: []string{"a", ""}},
		"100,000 stop texts":        {Prompt: "Q", Stop: slices.Repeat([]string{"a"}, 100_000)},
		"an endless stop text":      {Prompt: "Q", Stop: []string{strings.Repeat("a", 1<<20)}},
	} {
		if _, err := e.Generate(t.Context(), r); !errors.Is(err, ErrOption) {
			t.Errorf("%s: got %v, want %v", name, err, ErrOption)
		}
	}
	if _, err := e.Generate(t.Context(), Request{Tokens: []int32{-3}}); !errors.Is(err, ErrTokens) {
		t.Errorf("a negative token: got %v, want %v", err, ErrTokens)
	}
	if _, err := e.Generate(t.Context(), Request{Tokens: []int32{}}); !errors.Is(err, ErrPrompt) {
		t.Errorf("no tokens: got %v, want %v", err, ErrPrompt)
	}
	if _, err := e.Generate(t.Context(), Request{Tokens: []int32{1 << 20}, Rendered: true}); !errors.Is(err, ErrTokens) {
		t.Errorf("a rendered prompt of no token: got %v, want %v", err, ErrTokens)
	}
}

// TestSamplingZero: a TopP of 0 keeps the likeliest token; seeds are random where none
// is given, and told.
func TestSamplingZero(t *testing.T) {
	e := tinyEngine(t)
	draw := func(s Sampling) *Answer {
		t.Helper()
		a, _, err := answer(t, e, Request{Prompt: "Q", MaxTokens: 24, Sampling: &s, Guides: []Guide{letters}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	greedy := draw(Sampling{})
	if got := draw(Sampling{Temperature: 5, TopP: new(float32(0))}); !slices.Equal(got.IDs(), greedy.IDs()) || got.Settings().TopP != 0 {
		t.Errorf("with a TopP of 0 came %v, want the likeliest, %v", got.IDs(), greedy.IDs())
	}
	if s := greedy.Settings(); s.Seed != 0 || s.TopP != 1 || s.RepeatPenalty != 1 {
		t.Errorf("settings of an answer without any: %+v", s)
	}
	hot := Sampling{Temperature: 5}
	one, two := draw(hot), draw(hot)
	if one.Settings().Seed == two.Settings().Seed || slices.Equal(one.IDs(), two.IDs()) {
		t.Errorf("two answers without a seed have %d and %d", one.Settings().Seed, two.Settings().Seed)
	}
	for _, a := range []*Answer{one, draw(Sampling{Temperature: 5, Seed: new(uint64(0))})} {
		hot.Seed = new(a.Settings().Seed)
		if again := draw(hot); !slices.Equal(again.IDs(), a.IDs()) || again.Settings().Seed != a.Settings().Seed {
			t.Errorf("seed %d gave %v, and then %v", a.Settings().Seed, a.IDs(), again.IDs())
		}
	}
}

// TestTokensOnly: a model that takes and gives ids has no text and no end.
func TestTokensOnly(t *testing.T) {
	m, err := Open(tinyFolder(t), &Options{TokensOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := NewEngine(m, &EngineOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	a, all, err := answer(t, e, Request{Tokens: []int32{5, 6}, MaxTokens: 4, Rendered: true, Sampling: &Sampling{}, TopTokens: 1})
	if err != nil || len(all) != 4 || all[3].Text != "" || all[3].Top[0].ID != all[3].ID || a.Finish().Reason != FinishLength || len(m.StopTokens()) != 0 {
		t.Errorf("got %+v, %v, %v", all, err, a.Finish())
	}
	for _, r := range []Request{{Prompt: "Q"}, {Messages: question}, {Tokens: []int32{1}, Stop: []string{"a"}}} {
		if _, err := e.Generate(t.Context(), r); !errors.Is(err, tokenizer.ErrNoTokenizer) {
			t.Errorf("%+v: got %v, want %v", r, err, tokenizer.ErrNoTokenizer)
		}
	}
	if err := m.CheckTokens([]int32{1, 1 << 20}); !errors.Is(err, ErrTokens) {
		t.Errorf("got %v, want %v", err, ErrTokens)
	}
	if s, err := e.Score(t.Context(), []int32{1, 2, 3}, nil); err != nil || len(s) != 2 || s[0].Text != "" {
		t.Errorf("scores %+v, %v", s, err)
	}
}

func TestFinishReason(t *testing.T) {
	for r := FinishNone; r <= FinishError; r++ {
		text, err := r.MarshalText()
		var back FinishReason
		if err != nil || back.UnmarshalText(text) != nil || back != r {
			t.Errorf("%d is written %q and read as %d", r, text, back)
		}
	}
	var r FinishReason
	if err := r.UnmarshalText([]byte("eventually")); err == nil {
		t.Error("a reason that there is not: got no error")
	}
	if got := fmt.Sprint(FinishReason(99)); got != "FinishReason(99)" {
		t.Errorf("got %q", got)
	}
	for m := ThinkDefault; m <= ThinkOff; m++ {
		text, err := m.MarshalText()
		var back ThinkMode
		if err != nil || back.UnmarshalText(text) != nil || back != m {
			t.Errorf("mode %d is written %q and read as %d", m, text, back)
		}
	}
	var m ThinkMode
	if err := m.UnmarshalText([]byte("maybe")); err == nil || fmt.Sprint(ThinkMode(9)) != "ThinkMode(9)" {
		t.Errorf("a mode that there is not: got %v, %v", err, ThinkMode(9))
	}
}
