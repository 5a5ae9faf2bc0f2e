package output

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/grammar"
)

// heldTools are the tools of these tests.
var heldTools = []json.RawMessage{
	json.RawMessage(`{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {
		"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}, "days": {"type": "integer", "minimum": 1, "maximum": 14},
		"at": {"$ref": "#/$defs/place"}, "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2}}, "required": ["city", "days"],
		"$defs": {"place": {"type": "object", "properties": {"x": {"type": "integer"}, "y": {"type": ["integer", "null"]}}, "required": ["x"]}}}}}`),
	json.RawMessage(`{"type": "function", "function": {"name": "now"}}`),
	json.RawMessage(`{"name": "say", "parameters": {"properties": {"loud": {"type": "boolean"}}}}`),
}

// holdVocabulary has each byte as a token, some pieces, and the markers of all formats as
// special tokens.
func holdVocabulary(t *testing.T) (*grammar.Vocabulary, [][]byte) {
	t.Helper()
	var tokens [][]byte
	for b := range 256 {
		tokens = append(tokens, []byte{byte(b)})
	}
	for _, piece := range []string{`{"`, `"}`, `": `, `", "`, "é", "\n\n", "</", "ar", "na", "name", ` "`, "}}", "```", "<tool", "_call>", "function", `"name": "`, ">\n", qwenParamClose, "\n" + qwenParamClose} {
		tokens = append(tokens, []byte(piece))
	}
	special := make([]bool, len(tokens))
	for _, f := range formats {
		for _, m := range slices.Concat(f.sections, f.calls, f.closers, f.params, f.nameEnds, []string{dsmlMark, argKeyClose, argValueOpen, argValueClose, gemmaQuote}) {
			if strings.Contains(m, dsmlMark) && m != dsmlMark {
				continue // of several tokens
			}
			tokens, special = append(tokens, []byte(m)), append(special, true)
		}
	}
	tokens = append(tokens, []byte("<end>"))
	v, err := grammar.NewVocabulary(tokens, special, []int32{int32(len(tokens) - 1)})
	if err != nil {
		t.Fatal(err)
	}
	return v, tokens
}

// holdWalk writes a random text that a grammar lets through, and comes to its end before long.
func holdWalk(t *testing.T, rng *rand.Rand, g *grammar.Grammar, v *grammar.Vocabulary, tokens [][]byte) string {
	t.Helper()
	u := g.Guide(v)
	if err := u.Begin(nil); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for n := 0; ; n++ {
		mask := make([]uint64, (len(tokens)+63)/64)
		for i := range mask {
			mask[i] = ^uint64(0)
		}
		u.Mask(mask)
		var ids []int32
		for id := range int32(len(tokens)) {
			if mask[id/64]>>(id%64)&1 == 1 {
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			t.Fatalf("nothing may come behind %q", text.String())
		}
		id := ids[rng.IntN(len(ids))]
		if n > 60+rng.IntN(100) { // what ends something, the outermost first
			var ends []int32
			for _, text := range []string{gemmaCallClose, gemmaQuote, dsmlMark, argValueClose, argKeyClose, deepseekCallsEnd, kimiCallsEnd, toolCallClose, "\n" + qwenParamClose, qwenParamClose, `"`, "}", ")", "]", "</"} {
				if end := int32(slices.IndexFunc(tokens, func(b []byte) bool { return string(b) == text })); slices.Contains(ids, end) {
					ends = append(ends, end)
				}
			}
			if len(ends) > 0 {
				id = ends[rng.IntN(len(ends))]
			}
			if end := int32(len(tokens) - 1); slices.Contains(ids, end) {
				id = end
			}
		}
		if n > 3000 {
			t.Fatalf("no end: %q", text.String())
		}
		if err := u.Accept(id); err != nil {
			t.Fatal(err)
		}
		if int(id) == len(tokens)-1 {
			return text.String()
		}
		text.Write(tokens[id])
	}
}

// TestGrammarCalls: every text that the grammar of a required call lets through is read as
// calls of the tools, with arguments of their schemas.
func TestGrammarCalls(t *testing.T) {
	v, tokens := holdVocabulary(t)
	n := 20
	if testing.Short() {
		n = 10
	}
	for _, format := range Formats() {
		for _, single := range []bool{true, false} {
			g, err := Grammar(format, heldTools, Calls{Required: true, Strict: true, Single: single}, nil)
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			most := 0
			for seed := range n {
				rng := rand.New(rand.NewPCG(1, uint64(seed)))
				text := holdWalk(t, rng, g, v, tokens)
				out, err := Parse(format, text, Options{Tools: heldTools})
				if err != nil {
					t.Fatal(err)
				}
				most = max(most, len(out.ToolCalls))
				if out.Content != nil || out.ReasoningContent != nil || len(out.ToolCalls) == 0 || single && len(out.ToolCalls) != 1 {
					t.Fatalf("%s: %q is read as %v", format, text, out)
				}
				for _, c := range out.ToolCalls {
					checkCall(t, format, text, c.Name, c.Arguments)
				}
			}
			if !single && most < 2 {
				t.Errorf("%s: never more than one call", format)
			}
		}
	}
}

// checkCall wants the arguments of a call to be as its tool's schema has them.
func checkCall(t *testing.T, format, text, name, arguments string) {
	t.Helper()
	var a map[string]any
	if err := json.Unmarshal([]byte(arguments), &a); err != nil {
		t.Fatalf("%s: %q: arguments %s: %v", format, text, arguments, err)
	}
	ok := true
	switch name {
	case "now":
		ok = len(a) == 0
	case "say":
		_, loud := a["loud"].(bool)
		ok = len(a) == 0 || loud && len(a) == 1
	case "get_weather":
		_, city := a["city"].(string)
		days, isDays := a["days"].(float64)
		ok = city && isDays && days >= 1 && days <= 14 && days == float64(int(days))
		if unit, has := a["unit"]; has {
			ok = ok && (unit == "c" || unit == "f")
		}
		if at, has := a["at"]; has {
			place, is := at.(map[string]any)
			_, x := place["x"].(float64)
			ok = ok && is && x
		}
		if tags, has := a["tags"]; has {
			list, is := tags.([]any)
			ok = ok && is && len(list) <= 2
		}
	default:
		ok = false
	}
	if !ok {
		t.Fatalf("%s: %q: call of %s with %s", format, text, name, arguments)
	}
}

// TestGrammarMark: a marker of several tokens, one of them special, begins a call.
func TestGrammarMark(t *testing.T) {
	for format, section := range map[string]string{"deepseek-v3.2": "function_calls>", "deepseek-v4": "tool_calls>"} {
		holdMark(t, format, section)
	}
}

func holdMark(t *testing.T, format, section string) {
	t.Helper()
	v, tokens := holdVocabulary(t)
	g, err := Grammar(format, heldTools, Calls{Strict: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mark := int32(slices.IndexFunc(tokens, func(b []byte) bool { return string(b) == dsmlMark }))
	u := g.Guide(v)
	if err := u.Write("Text.\n\n<"); err != nil {
		t.Fatal(err)
	}
	if err := u.Accept(mark); err != nil {
		t.Fatal(err)
	}
	for _, c := range section {
		if err := u.Accept(c); err != nil {
			t.Fatal(err)
		}
	}
	if u.MayEnd() || u.Accept('x') == nil {
		t.Error("a call is not held")
	}
}

// TestGrammarHarmony: messages of other channels are free, and a header of several tokens
// begins a call, which is held.
func TestGrammarHarmony(t *testing.T) {
	v, _ := holdVocabulary(t)
	g, err := Grammar("gpt-oss", heldTools, Calls{Strict: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const before = "<|channel|>analysis<|message|>{Hm.<|end|><|start|>assistant<|channel|>"
	const call = "commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\": \"x\", \"days\": 3"
	for text, ok := range map[string]bool{
		before + "final<|message|>{no JSON": true, before + call + "}": true, before + call + "0}": false, before + "commentary to=functions.other ": false,
	} {
		u := g.Guide(v)
		if err := u.Write(text); (err == nil) != ok || ok && !u.MayEnd() {
			t.Errorf("%q: error %v, may end: %v", text, err, u.MayEnd())
		}
	}
}

// TestGrammarStrictTools: the schemas of the tools that are named hold, those of others do
// not have to.
func TestGrammarStrictTools(t *testing.T) {
	v, tokens := holdVocabulary(t)
	loose := json.RawMessage(`{"type": "function", "function": {"name": "note", "parameters": {"type": "object", "properties": {"never": {"type": "array", "uniqueItems": true}}, "required": ["never"]}}}`)
	tools := append(slices.Clone(heldTools), loose) // whose schema could not be held
	for _, format := range Formats() {
		g, err := Grammar(format, tools, Calls{Required: true, StrictTools: []string{"get_weather"}}, nil)
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		calls := map[string]int{}
		for seed := range 40 {
			text := holdWalk(t, rand.New(rand.NewPCG(3, uint64(seed))), g, v, tokens)
			out, err := Parse(format, text, Options{Tools: tools})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range out.ToolCalls {
				calls[c.Name]++
				if c.Name == "get_weather" {
					checkCall(t, format, text, c.Name, c.Arguments)
				}
			}
		}
		if calls["get_weather"] == 0 || calls["note"] == 0 {
			t.Errorf("%s: calls %v, want some of both", format, calls)
		}
		if _, err := Grammar(format, tools, Calls{Required: true, StrictTools: []string{"note"}}, nil); !errors.Is(err, ErrCalls) {
			t.Errorf("%s: a schema that cannot be held: %v", format, err)
		}
	}
}

// TestGrammarText: where no call is required, any text may come, alone or before calls,
// and calls hold their form.
func TestGrammarText(t *testing.T) {
	v, tokens := holdVocabulary(t)
	for _, format := range Formats() {
		for _, strict := range []bool{true, false} {
			g, err := Grammar(format, heldTools, Calls{Strict: strict, Single: !strict, Only: "get_weather"}, nil)
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			u := g.Guide(v)
			if err := u.Write("Well, I say é"); err != nil || !u.MayEnd() {
				t.Errorf("%s: text: %v", format, err)
			}
			calls := 0
			for seed := range 30 {
				text := holdWalk(t, rand.New(rand.NewPCG(2, uint64(seed))), g, v, tokens)
				out, err := Parse(format, text, Options{Tools: heldTools})
				if err != nil {
					t.Fatal(err)
				}
				calls += len(out.ToolCalls)
				for _, c := range out.ToolCalls {
					if c.Name != "get_weather" || !json.Valid([]byte(c.Arguments)) {
						t.Fatalf("%s: %q: call of %s with %s", format, text, c.Name, c.Arguments)
					}
					if strict {
						checkCall(t, format, text, c.Name, c.Arguments)
					}
				}
			}
			if calls == 0 && format != "llama-3.1" && format != "llama-pythonic" && !isDSML(format) && format != "gpt-oss" {
				t.Errorf("%s: no walk came to a call", format)
			}
		}
	}
}

// TestGrammarCallsErrors: what cannot be held is refused by name.
func TestGrammarCallsErrors(t *testing.T) {
	tool := func(name, schema string) []json.RawMessage {
		b, err := json.Marshal(map[string]any{"function": map[string]any{"name": name, "parameters": json.RawMessage(schema)}})
		if err != nil {
			t.Fatal(err)
		}
		return []json.RawMessage{b}
	}
	for _, c := range []struct {
		name, format string
		tools        []json.RawMessage
		only         string
		want         error
		says         string
	}{
		{"no tools", "qwen3", nil, "", ErrCalls, "no tools"},
		{"no such tool", "qwen3", heldTools, "then", ErrCalls, `"then"`},
		{"no such format", "none", heldTools, "", ErrUnknownFormat, "none"},
		{"a tool that is none", "qwen3", []json.RawMessage{json.RawMessage(`1`)}, "", ErrTools, "tools[0]"},
		{"a tool without a name", "qwen3", []json.RawMessage{json.RawMessage(`{}`)}, "", ErrTools, "no name"},
		{"a tool twice", "qwen3", []json.RawMessage{heldTools[1], heldTools[1]}, "", ErrTools, "second"},
		{"a schema that cannot be held", "qwen3", tool("f", `{"type": "object", "properties": {"a": {"$ref": "http://x/y"}}}`), "", nil, `"f"`},
		{"a schema that is none", "qwen3", tool("f", `[1]`), "", ErrTools, `"f"`},
		{"a name with a space", "kimi-k2", tool("a b", `{}`), "", ErrCalls, `' '`},
		{"a keyword that tags cannot hold", "glm-4.5", tool("f", `{"anyOf": []}`), "", ErrCalls, "anyOf"},
		{"a pattern in a tag", "glm-4.7", tool("f", `{"properties": {"a": {"type": "string", "pattern": "x"}}}`), "", ErrCalls, "pattern"},
		{"text or a number in a tag", "deepseek-v3.2", tool("f", `{"properties": {"a": {"type": ["string", "integer"]}}}`), "", ErrCalls, `"a"`},
		{"a key that breaks a tag", "deepseek-v3.2", tool("f", `{"properties": {"a\"b": {"type": "string"}}}`), "", ErrCalls, "tag"},
		{"a required key without a schema", "glm-4.5", tool("f", `{"required": ["a"]}`), "", ErrCalls, `"a"`},
	} {
		_, err := Grammar(c.format, c.tools, Calls{Required: true, Strict: true, Only: c.only}, nil)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want %v with %s", c.name, err, c.want, c.says)
		}
	}
}
