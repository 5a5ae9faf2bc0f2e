package blitz

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// byteTokenizer returns a tokenizer in which every byte is a token, and so is each of
// tokens.
func byteTokenizer(t *testing.T, tokens ...string) *tokenizer.Tokenizer {
	t.Helper()
	folder := t.TempDir()
	writeTokenizer(t, folder, "", append([]string{"<s>", "</s>"}, tokens...)...)
	tok, err := OpenTokenizer(folder)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// write has a model write text under a budget. Where the budget ends the reasoning,
// the rest of the text is left out and the answer follows.
func (b *thinkBudget) write(t *testing.T, text, answer string) []int32 {
	t.Helper()
	ids, err := b.tokens.Encode(text, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []int32
	for _, id := range ids {
		out = append(out, id)
		if err := b.Accept(id); err != nil {
			t.Fatal(err)
		}
		if end := b.Forced(); end != nil {
			rest, err := b.tokens.Encode(answer, 0)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, end...)
			for _, id := range end {
				if err := b.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
			for _, id := range rest {
				out = append(out, id)
				if err := b.Accept(id); err != nil {
					t.Fatal(err)
				}
				if more := b.Forced(); more != nil {
					t.Fatalf("%q: the reasoning is ended twice", text)
				}
			}
			break
		}
	}
	return out
}

// TestThinkBudget: a token is a byte, but for the tags where the vocabulary has them.
func TestThinkBudget(t *testing.T) {
	tagged := byteTokenizer(t, "<think>", "</think>")
	plain := byteTokenizer(t)
	x := func(n int) string { return strings.Repeat("x", n) }
	const call = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"Long. Longer. Longest.\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
	for _, c := range []struct {
		name, format string
		tokens       *tokenizer.Tokenizer
		open         bool
		budget       int
		text         string
		want         string // what stands in the end
		reasoning    string
	}{
		{"at the end in any case", "deepseek-r1", tagged, true, 100, x(200), x(100) + "\n</think>\n\nA", x(100)},
		{"after a sentence", "deepseek-r1", tagged, true, 100, x(50) + "." + x(200), x(50) + ".\n</think>\n\nA", x(50) + "."},
		{"not before the last 64", "deepseek-r1", tagged, true, 100, x(34) + "." + x(20) + "!" + x(200), x(34) + "." + x(20) + "!\n</think>\n\nA", x(34) + "." + x(20) + "!"},
		{"the first of the last 64", "deepseek-r1", tagged, true, 100, x(35) + "." + x(200), x(35) + ".\n</think>\n\nA", x(35) + "."},
		{"after a line", "deepseek-r1", tagged, true, 100, x(50) + "\n" + x(200), x(50) + "\n</think>\n\nA", x(50)},
		{"a number is no sentence", "deepseek-r1", tagged, true, 70, x(20) + " 3.14 " + x(200), x(20) + " 3.14 " + x(44) + "\n</think>\n\nA", x(20) + " 3.14 " + x(44)},
		{"a quoted sentence", "deepseek-r1", tagged, true, 100, x(50) + "?\" " + x(200), x(50) + "?\n</think>\n\nA", x(50) + "?"},
		{"Chinese", "deepseek-r1", tagged, true, 100, x(50) + "。" + x(200), x(50) + "。\n</think>\n\nA", x(50) + "。"},
		{"not inside a character", "deepseek-r1", tagged, true, 100, x(32) + "。é" + x(200), x(32) + "。é" + x(63) + "\n</think>\n\nA", x(32) + "。é" + x(63)},
		{"a small budget", "deepseek-r1", tagged, true, 10, x(200), x(10) + "\n</think>\n\nA", x(10)},
		{"a small budget and a sentence", "deepseek-r1", tagged, true, 10, "Ok. " + x(200), "Ok.\n</think>\n\nA", "Ok."},
		{"a budget of one", "deepseek-r1", tagged, true, 1, x(200), "x\n</think>\n\nA", "x"},
		{"whitespace is no sentence", "deepseek-r1", tagged, true, 10, "\n\nOk. " + x(200), "\n\nOk.\n</think>\n\nA", "Ok."},
		{"shorter than the budget", "deepseek-r1", tagged, true, 100, x(20) + "</think>" + x(200), x(20) + "</think>" + x(200), x(20)},
		{"just the budget", "deepseek-r1", tagged, true, 21, x(20) + "</think>" + x(200), x(20) + "</think>" + x(200), x(20)},

		{"the tag is emitted", "deepseek-r1-0528", tagged, false, 10, "<think>" + x(200), "<think>" + x(10) + "\n</think>\n\nA", x(10)},
		{"the tag and a line", "qwen3", tagged, false, 10, "<think>\n" + x(200), "<think>\n" + x(9) + "\n</think>\n\nA", x(9)},
		{"the tag in pieces", "qwen3", plain, false, 10, "<think>" + x(200), "<think>" + x(10) + "\n</think>\n\nA", x(10)},
		{"whitespace before the tag", "glm-4.5", tagged, false, 10, "\n<think>" + x(200), "\n<think>" + x(10) + "</think>\nA", x(10)},
		{"the tag is repeated", "deepseek-r1", tagged, true, 10, "<think>" + x(200), "<think>" + x(10) + "\n</think>\n\nA", x(10)},
		{"an end tag that was begun", "qwen3", plain, true, 10, "xxxxxxx</think>" + x(20), "xxxxxxx</think>\n\nA", "xxxxxxx"},
		{"no reasoning", "qwen3", tagged, false, 10, x(200), x(200), ""},
		{"a tag in the answer", "qwen3", tagged, false, 10, "I say <think>" + x(200), "I say <think>" + x(200), ""},
		{"a format without reasoning", "llama-3.1", tagged, false, 10, "<think>" + x(200), "<think>" + x(200), ""},
		{"a call is not cut", "deepseek-v3.1", tagged, true, 60, "abc" + call, "abc" + call, "abc"},
		{"a call and more of it", "deepseek-v3.1", tagged, true, 60, "abc" + call + x(200), "abc" + call + "x</think>A", "abc" + call + "x"},

		{"V3.1", "deepseek-v3.1", tagged, true, 10, x(200), x(10) + "</think>A", x(10)},
		{"V3.2", "deepseek-v3.2", tagged, true, 10, x(200), x(10) + "</think>A", x(10)},
		{"QwQ", "qwq", tagged, true, 10, x(200), x(10) + "\n</think>\n\nA", x(10)},
		{"Hermes", "hermes", plain, false, 10, "<think>\n" + x(200), "<think>\n" + x(9) + "\n</think>\n\nA", x(9)},
		{"GLM-4.7", "glm-4.7", tagged, true, 10, x(200), x(10) + "</think>A", x(10)},
		{"Kimi-K2-Thinking", "kimi-k2", tagged, false, 10, "<think>" + x(200), "<think>" + x(10) + "</think>A", x(10)},
	} {
		b, err := newThinkBudget(c.tokens, c.format, c.budget, output.Options{Open: c.open})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		ids := b.write(t, c.text, "A")
		got, err := c.tokens.Decode(ids)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
			continue
		}
		out, err := output.Parse(c.format, got, output.Options{Open: c.open})
		if err != nil {
			t.Fatal(err)
		}
		reasoning := ""
		if out.ReasoningContent != nil {
			reasoning = *out.ReasoningContent
		}
		if reasoning != c.reasoning {
			t.Errorf("%s: reasoning of %q: got %q, want %q", c.name, got, reasoning, c.reasoning)
		}
		if strings.HasSuffix(c.want, "A") && (out.Content == nil || *out.Content != "A") {
			t.Errorf("%s: content of %q: got %v, want A", c.name, got, out.Content)
		}
		if end, ok := c.tokens.ID("</think>"); ok && strings.Contains(got, "</think>") && !slices.Contains(ids, end) {
			t.Errorf("%s: %q has not the token of </think>", c.name, got)
		}
	}
}

func TestThinkBudgetFormat(t *testing.T) {
	if _, err := newThinkBudget(byteTokenizer(t), "nowhere", 10, output.Options{}); err == nil {
		t.Error("a format that does not exist: got no error")
	}
}

func TestEndsSentence(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "a": false, "a.": true, "a. ": true, "a.)": true, "a!": true, "a?\"": true, "a…": true, "a...": true, "好。": true, "好？”": true,
		"1.": false, "3. ": false, ".": true, "a\n": true, "a,": false, "a:": false, "\xe3\x80": false,
	} {
		if got := endsSentence(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestWithoutThinking: how the prompt ends with --think=off, and with --think=on.
func TestWithoutThinking(t *testing.T) {
	for release, want := range map[string]struct{ off, on string }{
		"DeepSeek-R1":      {"<｜Assistant｜><think>\n\n</think>\n\n", "<｜Assistant｜><think>\n"},
		"DeepSeek-R1-0528": {"<｜Assistant｜><think>\n\n</think>\n\n", "<｜Assistant｜>"},
		"DeepSeek-V3":      {"Q<｜Assistant｜>", "Q<｜Assistant｜>"},
		"DeepSeek-V3.1":    {"<｜Assistant｜></think>", "<｜Assistant｜><think>"},
		"DeepSeek-V3.2":    {"<｜Assistant｜></think>", "<｜Assistant｜><think>"},
		"QwQ":              {"assistant\n<think>\n\n</think>\n\n", "assistant\n<think>\n"},
		"Qwen3":            {"assistant\n<think>\n\n</think>\n\n", "<|im_start|>assistant\n"},
		"Qwen2.5":          {"<|im_start|>assistant\n", "<|im_start|>assistant\n"},
		"GLM-4.7-Flash":    {"<|assistant|></think>", "<|assistant|><think>"},
		"Kimi-K2":          {"<|im_assistant|>assistant<|im_middle|>", "<|im_assistant|>assistant<|im_middle|>"},
		"Kimi-K2-Thinking": {"<|im_middle|><think></think>", "<|im_assistant|>assistant<|im_middle|>"},
	} {
		template, err := chat.Builtin(release)
		if err != nil {
			t.Fatal(err)
		}
		m := &Model{config: new(model.Config), template: template, tokens: byteTokenizer(t), format: output.FormatOf(template)}
		for mode, end := range map[ThinkMode]string{ThinkOff: want.off, ThinkOn: want.on} {
			got, err := m.Render(t.Context(), &Request{Messages: []chat.Message{chat.User("Q")}, Think: Think{Mode: mode}})
			if err != nil || !strings.HasSuffix(got, end) {
				t.Errorf("%s, mode %d: got %q, %v, want … %q", release, mode, got, err, end)
			}
		}
	}
}

// thinkTemplate is a template that opens reasoning.
const thinkTemplate = "{{ messages[0]['content'] }}<|im_start|>assistant\n<think>\n"

// TestThinkEngine runs a random model that never ends its reasoning.
func TestThinkEngine(t *testing.T) {
	e := tinyEngine(t)
	m := e.Model()
	if m.Format() != "qwq" {
		t.Fatalf("format: got %q, want qwq", m.Format())
	}
	const budget = 40
	ask := func(r Request) *Answer {
		t.Helper()
		r.Messages = []chat.Message{chat.User("Q")}
		r.Sampling = &Sampling{Temperature: 1, Seed: new(uint64(7))}
		r.Guides = []Guide{letters}
		a, err := e.Generate(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Wait(); err != nil {
			t.Fatal(err)
		}
		return a
	}
	free := ask(Request{MaxTokens: 100})
	a := ask(Request{MaxTokens: 100, Think: Think{Mode: ThinkOn, Budget: budget}})
	end, err := m.Tokenizer().Encode("\n</think>\n\n", 0)
	if err != nil {
		t.Fatal(err)
	}
	ids := a.IDs()
	if !slices.Equal(ids[:budget], free.IDs()[:budget]) || !slices.Equal(ids[budget:budget+len(end)], end) || len(ids) != 100 {
		t.Fatalf("tokens: got %v, want %v, then %v, 100 in all", ids, free.IDs()[:budget], end)
	}
	text, err := m.Tokenizer().Decode(ids)
	if err != nil {
		t.Fatal(err)
	}
	out := a.Output()
	if out.ReasoningContent == nil || *out.ReasoningContent != text[:budget] || out.Content == nil || *out.Content != text[budget+len("\n</think>\n\n"):] {
		t.Fatalf("%q: got %v and %v", text, out.ReasoningContent, out.Content)
	}
	if again := ask(Request{MaxTokens: 100, Think: Think{Mode: ThinkOn, Budget: budget}}); !slices.Equal(again.IDs(), ids) {
		t.Errorf("again: got %v, want %v", again.IDs(), ids)
	}
	checkContinues(t, e, budget, budget+len(end))

	cut := ask(Request{MaxTokens: budget + 2, Think: Think{Mode: ThinkOn, Budget: budget}})
	if !slices.Equal(cut.IDs(), ids[:budget+2]) || cut.Finish() != (Finish{Reason: FinishLength, Budget: true}) {
		t.Errorf("cut in the end tag: got %v, %v, want %v, length", cut.IDs(), cut.Finish(), ids[:budget+2])
	}
	first := string(text[budget+len("\n</think>\n\n")])
	stopped := ask(Request{MaxTokens: 100, Think: Think{Mode: ThinkOn, Budget: budget}, Stop: []string{"</think>\n\n" + first}})
	if out := stopped.Output(); stopped.Finish().Reason != FinishStopText || len(stopped.IDs()) != budget+len(end)+1 || out.Content != nil {
		t.Errorf("a stop text at the end tag: got %v, %v, %v", stopped.IDs(), stopped.Finish(), out.Content)
	}
}

// checkContinues checks that the end tag is part of the context: the answer's tokens
// are those that follow prompt, reasoning and tag given as one prompt. n are the tokens
// of reasoning and tag.
func checkContinues(t *testing.T, e *Engine, budget, n int) {
	t.Helper()
	r := Request{
		Messages: []chat.Message{chat.User("Q")}, Sampling: &Sampling{}, Guides: []Guide{letters},
		MaxTokens: 100, Think: Think{Budget: budget},
	}
	bounded, err := e.Generate(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	bounded.Wait()
	ids := bounded.IDs()
	if len(ids) <= n {
		t.Fatalf("got %d tokens, want more than %d", len(ids), n)
	}
	whole, err := e.Generate(context.Background(), Request{
		Tokens: slices.Concat(bounded.PromptIDs(), ids[:n]), Sampling: &Sampling{}, Guides: []Guide{letters}, MaxTokens: len(ids) - n,
	})
	if err != nil {
		t.Fatal(err)
	}
	whole.Wait()
	if !slices.Equal(whole.IDs(), ids[n:]) {
		t.Errorf("behind the end tag: got %v, want %v", ids[n:], whole.IDs())
	}
}

// TestNewParserTools: the types of GLM's values come from the tools of the request.
func TestNewParserTools(t *testing.T) {
	parameters, err := jinja.ParseJSON([]byte(`{"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	tools := []jinja.Value{chat.Tool{Name: "f", Schema: parameters}.Value()}
	p, err := newParser("glm-4.7", tools, output.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var c output.Collector
	c.Add(p.Write("<tool_call>f<arg_key>a</arg_key><arg_value>1</arg_value><arg_key>b</arg_key><arg_value>2</arg_value></tool_call>"))
	c.Add(p.Close())
	out := c.Output()
	if len(out.ToolCalls) != 1 || out.ToolCalls[0].Arguments != `{"a": "1", "b": 2}` {
		t.Errorf("got %v, want {\"a\": \"1\", \"b\": 2}", out.ToolCalls)
	}
	if _, err := newParser("glm-4.7", []jinja.Value{jinja.Int(1)}, output.Options{}); err == nil {
		t.Error("a tool that is a number: got no error")
	}
	if _, err := newParser("qwen3", []jinja.Value{jinja.Int(1)}, output.Options{}); err != nil {
		t.Errorf("a format that needs no tools: got %v", err)
	}
}
