package output

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A writer writes what a model means to say in the form of a format, with slips now and
// then. The parser has to find the meaning again, however the text is cut.

// meaning is what a model means to say.
type meaning struct {
	reasoning string
	before    string // content before the calls
	behind    string
	calls     []meantCall
}

type meantCall struct {
	name string
	args []meantArg
}

// meantArg is an argument: its key, and its value as JSON.
type meantArg struct{ key, value string }

// object writes the arguments as JSON.
func (c meantCall) object() string {
	var b strings.Builder
	for i, a := range c.args {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %s", quoted(a.key), a.value)
	}
	return "{" + b.String() + "}"
}

// writer writes calls in one form.
type writer struct {
	formats []string
	calls   func(r *rand.Rand, calls []meantCall) string
}

var writers = []writer{
	{[]string{"deepseek-r1", "deepseek-r1-0528", "deepseek-v3.1"}, writeDeepSeek},
	{[]string{"deepseek-v3.2", "deepseek-v4"}, writeDSML},
	{[]string{"kimi-k2"}, writeKimi},
	{[]string{"qwen3", "qwq", "hermes"}, writeHermes},
	{[]string{"glm-4.5", "glm-4.7"}, writeGLM},
	{[]string{"mistral"}, writeMistral},
	{[]string{"gemma4"}, writeGemma},
}

// slips says whether to slip: now and then.
func slips(r *rand.Rand) bool { return r.IntN(5) == 0 }

// pick is one of the choices.
func pick(r *rand.Rand, choices ...string) string { return choices[r.IntN(len(choices))] }

// slipObject writes an object as JSON, with braces too many or doubled.
func slipObject(r *rand.Rand, object string) string {
	switch {
	case !slips(r):
		return object
	case r.IntN(2) == 0:
		return object + "}"
	default:
		return "{" + object + "}"
	}
}

func writeDeepSeek(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for _, c := range calls {
		b.WriteString("<｜tool▁call▁begin｜>")
		object := slipObject(r, c.object())
		if r.IntN(2) == 0 {
			b.WriteString("function<｜tool▁sep｜>" + c.name + "\n" + pick(r, "```json\n"+object+"\n```", object))
		} else {
			b.WriteString(c.name + "<｜tool▁sep｜>" + object)
		}
		b.WriteString("<｜tool▁call▁end｜>" + pick(r, "", "\n"))
	}
	if slips(r) {
		return b.String()
	}
	return "<｜tool▁calls▁begin｜>" + b.String() + "<｜tool▁calls▁end｜>"
}

func writeKimi(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for i, c := range calls {
		id := fmt.Sprintf("functions.%s:%d", c.name, i)
		if slips(r) {
			id = fmt.Sprintf(pick(r, "functions_%s_%d", "functions%s:%d", "functions%s%d", "%s:%d"), c.name, i)
		}
		b.WriteString("<|tool_call_begin|>" + id + pick(r, "", " ") + "<|tool_call_argument_begin|>" + slipObject(r, c.object()) + "<|tool_call_end|>")
	}
	if slips(r) {
		return b.String()
	}
	s := pick(r, "calls", "calls", "call")
	return "<|tool_" + s + "_section_begin|>" + b.String() + "<|tool_" + s + "_section_end|>"
}

func writeHermes(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for i, c := range calls {
		if i == 0 || !slips(r) {
			if i > 0 {
				b.WriteString("\n</tool_call>\n")
			}
			b.WriteString("<tool_call>\n")
		}
		args := c.object()
		if slips(r) {
			args = "{" + args + "}"
		}
		if slips(r) {
			args = quoted(c.object())
		}
		if len(c.args) == 0 && slips(r) {
			args = "null"
		}
		name := fmt.Sprintf(`"name": %s`, quoted(c.name))
		members := []string{name, pick(r, `"arguments": `, `"arguments":`, `"parameters": `) + args}
		if r.IntN(3) == 0 {
			members[0], members[1] = members[1], members[0]
		}
		b.WriteString(slipObject(r, "{"+strings.Join(members, ", ")+"}"))
	}
	return b.String() + "\n</tool_call>"
}

func writeDSML(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&b, "<｜DSML｜invoke name=\"%s\">\n", c.name)
		for _, a := range c.args {
			var text string
			if json.Unmarshal([]byte(a.value), &text) == nil && a.value != "null" {
				fmt.Fprintf(&b, "<｜DSML｜parameter name=\"%s\" string=\"true\">%s</｜DSML｜parameter>\n", a.key, text)
			} else {
				fmt.Fprintf(&b, "<｜DSML｜parameter name=\"%s\" string=\"false\">%s</｜DSML｜parameter>\n", a.key, a.value)
			}
		}
		b.WriteString("</｜DSML｜invoke>\n")
	}
	if slips(r) {
		return b.String()
	}
	s := pick(r, "function_calls", "tool_calls")
	return "<｜DSML｜" + s + ">\n" + b.String() + "</｜DSML｜" + s + ">"
}

func writeGLM(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	gap := pick(r, "", "\n")
	for _, c := range calls {
		b.WriteString("<tool_call>" + c.name + gap)
		for _, a := range c.args {
			value := a.value
			var text string
			if json.Unmarshal([]byte(value), &text) == nil && value != "null" {
				value = text
			}
			open := "<arg_value>"
			if trim(value) == value && value != "" && slips(r) {
				open = ""
			}
			b.WriteString("<arg_key>" + a.key + "</arg_key>" + gap + open + value + "</arg_value>" + gap)
		}
		b.WriteString("</tool_call>" + gap)
	}
	return b.String()
}

func writeMistral(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for _, c := range calls {
		b.WriteString("[TOOL_CALLS]" + c.name + pick(r, "[ARGS]", "[CALL_ID]a1b2c3d4e[ARGS]") + c.object())
	}
	return b.String()
}

func writeGemma(r *rand.Rand, calls []meantCall) string {
	var b strings.Builder
	for _, c := range calls {
		var args []string
		for _, a := range c.args {
			var v any
			if err := json.Unmarshal([]byte(a.value), &v); err != nil {
				panic(err)
			}
			args = append(args, a.key+":"+gemmaForm(v))
		}
		b.WriteString("<|tool_call>call:" + c.name + "{" + strings.Join(args, pick(r, ",", ", ")) + "}<tool_call|>")
	}
	return b.String()
}

// gemmaForm writes a value as Gemma does.
func gemmaForm(v any) string {
	switch v := v.(type) {
	case string:
		return "<|\"|>" + v + "<|\"|>"
	case float64:
		if v == -2500 {
			return "-2.5e3" // as it was meant
		}
		return fmt.Sprint(v)
	case []any:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = gemmaForm(x)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+":"+gemmaForm(v[key]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// prose is text that is no call, with what may look like one.
func prose(r *rand.Rand) string {
	words := []string{"Let me see", "a < b", "\n\n", " ", "</b>", "<tool", "{\"name\": \"x\"}", "```\ncode\n```", "é中😊", "<|x|>", "｜", "}", "</thin", "<", "x\ty"}
	text := ""
	for trim(text) == "" {
		for range 1 + r.IntN(6) {
			text += words[r.IntN(len(words))]
		}
	}
	return trim(text)
}

// mean makes up what to say.
func mean(r *rand.Rand) meaning {
	m := meaning{reasoning: prose(r), before: prose(r)}
	values := []string{`"x"`, `"two\nlines \"q\" \\ end"`, `""`, `" padded "`, `"it's </b> <tool"`, `"中😊"`, "1", "-2.5e3", "true", "null", `[1, "two", null, []]`, `{"k": {"l": "m"}, "n": {}}`}
	for range r.IntN(4) {
		c := meantCall{name: pick(r, "f", "get_weather", "mcp__fs.read-it", "名")}
		for _, key := range []string{"a", "key b", "c"}[:r.IntN(4)] {
			c.args = append(c.args, meantArg{key, values[r.IntN(len(values))]})
		}
		m.calls = append(m.calls, c)
	}
	if r.IntN(3) == 0 {
		m.behind = prose(r) + "." // what begins a closing tag at the end is none of it
	}
	return m
}

// TestMeaning writes what a model means and reads it.
func TestMeaning(t *testing.T) {
	n := 2000
	if testing.Short() {
		n = 300
	}
	tools := []json.RawMessage{
		json.RawMessage(`{"name": "f", "parameters": {"properties": {"a": {}}}}`), json.RawMessage(`{"name": "get_weather"}`),
		json.RawMessage(`{"name": "mcp__fs.read-it"}`), json.RawMessage(`{"name": "名"}`),
	}
	for i := range n {
		r := rand.New(rand.NewPCG(3, uint64(i)))
		w := writers[r.IntN(len(writers))]
		format := pick(r, w.formats...)
		how := ReasoningOf(format)
		m := mean(r)
		calls := ""
		if len(m.calls) > 0 {
			calls = w.calls(r, m.calls)
		}
		text, want, open := m.reasoning, said(m.reasoning, ""), r.IntN(2) == 0
		switch {
		case len(m.calls) > 0 && r.IntN(3) == 0: // the end tag is forgotten: the call ends the reasoning
			text += pick(r, "", "\n", "\n\n") + calls
			want = said(m.reasoning, m.behind, wanted(m.calls)...)
		case len(m.calls) > 0 && r.IntN(3) == 0: // the calls are a draft
			text += " " + calls + " " + m.behind + " no."
			want = said(trim(text), m.before)
			text += pick(r, "", "\n") + how.End + pick(r, "", "\n\n") + m.before
			m.behind = ""
		default:
			text += pick(r, "", "\n") + how.End + pick(r, "", "\n\n") + m.before + pick(r, "", "\n") + calls
			want = said(m.reasoning, m.before, wanted(m.calls)...)
			if len(m.calls) == 0 {
				text, m.behind = strings.TrimRightFunc(text, isSpace), ""
			} else if m.behind != "" {
				*want.Content = m.before + "\n" + m.behind
			}
		}
		if m.behind != "" {
			text += pick(r, "", "\n") + m.behind
		}
		if !open {
			text = pick(r, "", "\n") + how.Begin + pick(r, "", "\n") + text
		}
		o := Options{Open: open, Tools: tools}
		got, err := Parse(format, text, o)
		if err != nil {
			t.Fatal(err)
		}
		for j := range got.ToolCalls {
			got.ToolCalls[j].ID = ""
		}
		if got, want := show(got), show(want); got != want {
			t.Fatalf("case %d: %s, open %v: %q\n got %s\nwant %s", i, format, open, text, got, want)
		}
		for range 3 {
			if cut := show(parseChunks(t, format, o, cut(r, text, 1+r.IntN(9)))); cut != show(got) {
				t.Fatalf("case %d: %s, open %v: %q, cut\n got %s\nwant %s", i, format, open, text, cut, show(got))
			}
		}
	}
}

// wanted are the names and arguments of calls.
func wanted(calls []meantCall) []string {
	var s []string
	for _, c := range calls {
		s = append(s, c.name, c.object())
	}
	return s
}
