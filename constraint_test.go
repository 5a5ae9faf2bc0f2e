package blitz

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// templateEngine runs a tiny model with a template of its own.
func templateEngine(t *testing.T, template string) *Engine {
	t.Helper()
	folder := tinyFolder(t)
	writeTokenizer(t, folder, template, "<s>", "</s>", "<think>", "</think>")
	m, err := Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	e, err := NewEngine(m, &EngineOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// yesOrNo is a grammar of two texts.
func yesOrNo(t *testing.T) *grammar.Grammar {
	t.Helper()
	g, err := grammar.Choice([]string{"yes", "no"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// answered asks and returns the answer at its end.
func answered(t *testing.T, e *Engine, r Request) *Answer {
	t.Helper()
	if r.Sampling == nil {
		r.Sampling = &Sampling{Temperature: 1, Seed: new(uint64(3))}
	}
	a, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	return a
}

// want compares reasoning and content of an answer.
func want(t *testing.T, name string, a *Answer, reasoning string, contents ...string) {
	t.Helper()
	out := a.Output()
	said := ""
	if out.ReasoningContent != nil {
		said = *out.ReasoningContent
	}
	if out.Content == nil || !slices.Contains(contents, *out.Content) || said != reasoning || a.Finish().Reason != FinishStopToken {
		t.Errorf("%s: got %q, %v, %v, want %q and one of %q", name, said, out.Content, a.Finish(), reasoning, contents)
	}
}

// TestGrammar: a random model says what the grammar has, from the first token on where
// nobody reasons, and behind the reasoning where somebody does.
func TestGrammar(t *testing.T) {
	open := tinyEngine(t)
	own := templateEngine(t, "{{ messages[0]['content'] }}<|im_start|>assistant\n{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}")
	if own.Model().Format() != "qwen3" {
		t.Fatalf("format: got %q, want qwen3", own.Model().Format())
	}
	g := yesOrNo(t)
	hi := []chat.Message{chat.User("Q")}
	guide := func(text string) []Guide { return []Guide{saying(t, own.Model(), text, false)} }
	want(t, "a prompt", answered(t, open, Request{Prompt: "Q", Grammar: g}), "", "yes", "no")
	want(t, "reasoning of the prompt", answered(t, open, Request{Messages: hi, Grammar: g, Guides: guide("Well, yes. Hm\n</think>\n\n")}), "Well, yes. Hm", "yes", "no")
	want(t, "without white space", answered(t, open, Request{Messages: hi, Grammar: g, Guides: guide("Hm</think>n")}), "Hm", "no")
	want(t, "reasoning of the model", answered(t, own, Request{Messages: hi, Grammar: g, Guides: guide("<think>\nno\n</think>\n")}), "no", "yes", "no")
	want(t, "a model that does not reason", answered(t, own, Request{Messages: hi, Grammar: g, Guides: guide("y")}), "", "yes")
	want(t, "reasoning that is off", answered(t, own, Request{Messages: hi, Grammar: g, Think: Think{Mode: ThinkOff}}), "", "yes", "no")
	want(t, "a budget", answered(t, open, Request{Messages: hi, Grammar: g, Think: Think{Mode: ThinkOn, Budget: 5}, Guides: []Guide{&untilTag{}}}), "xxxxx", "yes", "no")
	want(t, "log-probabilities", answered(t, own, Request{Messages: hi, Grammar: g, Think: Think{Mode: ThinkOff}, Logprobs: true, TopTokens: 3}), "", "yes", "no")
	if a := answered(t, own, Request{Messages: hi, Grammar: g, Think: Think{Mode: ThinkOff}, Stop: []string{"e", "o"}}); a.Finish().Reason != FinishStopText {
		t.Errorf("a stop text: got %v", a.Finish())
	}
	all, err := own.GenerateAll(t.Context(), Request{Messages: hi, Grammar: g, Think: Think{Mode: ThinkOff}, Sampling: &Sampling{Temperature: 2}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		want(t, "one of several", a, "", "yes", "no")
	}
}

// untilTag is a Guide that lets only x pass before the end of the reasoning.
type untilTag struct{ over bool }

func (*untilTag) Begin([]int32) error { return nil }
func (*untilTag) Forced() []int32     { return nil }
func (g *untilTag) Accept(id int32) error {
	g.over = g.over || id != 'x'
	return nil
}

func (g *untilTag) Mask(mask []uint64) bool {
	if !g.over {
		clear(mask)
		mask['x'/64] |= 1 << ('x' % 64)
	}
	return !g.over
}

// TestGrammarJSON: what a random model says is JSON of the form that is asked for.
func TestGrammarJSON(t *testing.T) {
	e := tinyEngine(t)
	g, err := grammar.GBNF(`root ::= "{\"n\": " [0-9]{1,3} ", \"s\": [" ("\"" [^"\\\x00-\x1F]{0,4} "\"" ", "?){0,2} "]}"`, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := answered(t, e, Request{Prompt: "Q", Grammar: g, MaxTokens: 100})
	if text, _ := a.Text(); !strings.HasPrefix(text, `{"n": `) || !strings.HasSuffix(text, "]}") || a.Finish().Reason != FinishStopToken {
		t.Errorf("got %q, %v", text, a.Finish())
	}
}

// TestGrammarContinues: an answer that was cut goes on in the grammar, in a session and
// behind a message of the model's.
func TestGrammarContinues(t *testing.T) {
	e := templateEngine(t, "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}")
	g, err := grammar.Choice([]string{"a long text", "a short text"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := e.NewSession(&Request{Grammar: g, MaxTokens: 3, Sampling: &Sampling{}})
	a, err := s.Ask(t.Context(), "Q")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil || a.Finish().Reason != FinishLength {
		t.Fatalf("%v, %v", a.Finish(), err)
	}
	s.Request.MaxTokens = 0
	if a, err = s.Continue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); err != nil {
		t.Fatal(err)
	}
	want(t, "a session", a, "", "a long text", "a short text")
	messages := []chat.Message{chat.User("Q"), chat.Assistant("a sh")}
	want(t, "a message", answered(t, e, Request{Messages: messages, Continue: true, Grammar: g}), "", "ort text")
	messages[1].Content = jinja.String("another")
	if _, err := e.Generate(t.Context(), Request{Messages: messages, Continue: true, Grammar: g}); !errors.Is(err, ErrOption) || !errors.Is(err, grammar.ErrToken) {
		t.Errorf("a message that does not match: got %v", err)
	}
}

// TestGrammarErrors: a guide that forces something else, and a model without a
// tokenizer.
func TestGrammarErrors(t *testing.T) {
	e := tinyEngine(t)
	r := Request{Prompt: "Q", Grammar: yesOrNo(t), Guides: []Guide{saying(t, e.Model(), "maybe", false)}}
	a, err := e.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Wait(); !errors.Is(err, ErrGuide) || !errors.Is(err, grammar.ErrToken) {
		t.Errorf("a forced token that does not match: got %v", err)
	}
	m, err := Open(tinyFolder(t), &Options{TokensOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	ids, err := NewEngine(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ids.Close)
	if _, err := ids.Generate(t.Context(), Request{Tokens: []int32{1}, Grammar: yesOrNo(t)}); !errors.Is(err, tokenizer.ErrNoTokenizer) {
		t.Errorf("a model of ids: got %v, want %v", err, tokenizer.ErrNoTokenizer)
	}
}

// TestCalls: a random model calls tools as it has to.
func TestCalls(t *testing.T) {
	e := templateEngine(t, "{{ messages[0]['content'] }}<|im_start|>assistant\n{% if tools %}<tool_call>{% endif %}<think>\n\n</think>\n\n{% if false %}<think>{{ enable_thinking }}{% endif %}")
	tools := chat.Tools(
		chat.Tool{Name: "add", Parameters: []chat.Parameter{{Name: "a", Type: "boolean"}, {Name: "how", Type: "string", Enum: []string{"x", "y"}}}},
		chat.Tool{Name: "now"},
	)
	base := Request{Messages: []chat.Message{chat.User("Q")}, Tools: tools, Think: Think{Mode: ThinkOff}, Sampling: &Sampling{Temperature: 1, Seed: new(uint64(1))}, MaxTokens: 200}
	ask := func(c output.Calls) *Answer {
		t.Helper()
		r := base
		r.Calls = c
		a := answered(t, e, r)
		if f := a.Finish().Reason; f != FinishToolCalls && f != FinishLength || a.Output().Content != nil {
			t.Errorf("%+v: got %v, %v", c, a.Output(), f)
		}
		return a
	}
	a := ask(output.Calls{Required: true, Single: true, Strict: true})
	if calls := a.Output().ToolCalls; len(calls) != 1 || a.Finish().Reason != FinishToolCalls {
		t.Errorf("one call: got %v", calls)
	}
	a = ask(output.Calls{Required: true, Single: true, Strict: true, Only: "add"})
	var arguments struct {
		A   *bool
		How string
	}
	calls := a.Output().ToolCalls
	if len(calls) != 1 || calls[0].Name != "add" || json.Unmarshal([]byte(calls[0].Arguments), &arguments) != nil || arguments.A == nil || arguments.How != "x" && arguments.How != "y" {
		t.Errorf("one call of add: got %q", calls)
	}
	want := ask(output.Calls{Required: true, Strict: true}).IDs()
	if again := ask(output.Calls{Required: true, Strict: true}).IDs(); !slices.Equal(again, want) {
		t.Errorf("again: got %v, want %v", again, want)
	}

	r := base
	r.Grammar, r.Calls = yesOrNo(t), output.Calls{Single: true, Strict: true}
	r.Guides = []Guide{saying(t, e.Model(), "<tool_call>\n{\"name\": \"n", false)}
	if out := answered(t, e, r).Output(); len(out.ToolCalls) != 1 || out.ToolCalls[0].Name != "now" || out.ToolCalls[0].Arguments != "{}" {
		t.Errorf("a call beside a grammar: got %v", out)
	}
	r.Guides, r.Calls = []Guide{saying(t, e.Model(), "y", false)}, output.Calls{}
	if text, err := answered(t, e, r).Text(); text != "yes" {
		t.Errorf("content beside calls: got %q, %v", text, err)
	}
	r = base
	r.Calls, r.Guides = output.Calls{Strict: true}, []Guide{saying(t, e.Model(), "Let me see.\n<tool_call>\n{\"name\": \"now\", ", false)}
	r.Calls.Single = true
	if out := answered(t, e, r).Output(); out.Content == nil || *out.Content != "Let me see." || len(out.ToolCalls) != 1 || out.ToolCalls[0].Arguments != "{}" {
		t.Errorf("text and a strict call: got %v", out)
	}
}

// TestCallsUnread: a model whose calls nobody reads makes none, so that one at most is
// no more to ask.
func TestCallsUnread(t *testing.T) {
	e := templateEngine(t, "{{ messages[0]['content'] }}")
	r := Request{Messages: []chat.Message{chat.User("Q")}, Tools: chat.Tools(chat.Tool{Name: "now"}), Calls: output.Calls{Single: true}, Grammar: yesOrNo(t)}
	want(t, "one call at most", answered(t, e, r), "", "yes", "no")
}

// TestCallsErrors: what cannot be called is refused.
func TestCallsErrors(t *testing.T) {
	plain := templateEngine(t, "{{ messages[0]['content'] }}")
	tools := chat.Tools(chat.Tool{Name: "now"})
	hi := []chat.Message{chat.User("Q")}
	for name, c := range map[string]struct {
		r    Request
		want error
	}{
		"no tools":         {Request{Messages: hi, Calls: output.Calls{Required: true}}, ErrOption},
		"no form of calls": {Request{Messages: hi, Tools: tools, Calls: output.Calls{Required: true}}, output.ErrCalls},
		"no such tool":     {Request{Messages: hi, Tools: tools, Calls: output.Calls{Only: "then"}}, output.ErrCalls},
	} {
		e := plain
		if name == "no such tool" {
			e = tinyEngine(t)
		}
		if _, err := e.Generate(t.Context(), c.r); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}
