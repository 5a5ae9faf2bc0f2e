package output

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// slip is a text that a model wrote in another form than it was taught, and what it
// means.
type slip struct {
	name, format string
	text         string
	want         Output
}

// said is an output; empty texts are none. calls are names and arguments in turn.
func said(reasoning, content string, calls ...string) Output {
	var o Output
	if reasoning != "" {
		o.ReasoningContent = &reasoning
	}
	if content != "" {
		o.Content = &content
	}
	for i := 0; i < len(calls); i += 2 {
		o.ToolCalls = append(o.ToolCalls, chat.ToolCall{Name: calls[i], Arguments: calls[i+1]})
	}
	return o
}

// Calls of f({"a": 1}) in each form.
const (
	callV3     = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
	callV31    = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
	callDSML   = "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>"
	callKimi   = "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|><|tool_calls_section_end|>"
	callHermes = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"
	callQwen   = "<tool_call>\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n</tool_call>"
	callMini   = "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">1</parameter>\n</invoke>\n</minimax:tool_call>"
	callList   = "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": 1}}]"
	callGemma  = "<|tool_call>call:f{a:1}<tool_call|>"
	callTekken = "[TOOL_CALLS]f[ARGS]{\"a\": 1}"
	callGLM    = "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>"
)

// callOfF are those in the form that each release was taught, one release for each form.
var callOfF = map[string]string{
	"deepseek-r1": callV3, "deepseek-v3.1": callV31, "deepseek-v3.2": callDSML, "kimi-k2": callKimi, "qwen3": callHermes, "glm-4.5": callGLM,
	"qwen3.5": callQwen, "minimax-m2": callMini, "granite-3.3": callList,
	"gemma4": callGemma, "mistral": callTekken,
}

// TestCallInReasoning holds that a call begun inside reasoning is reasoning where
// that is closed, and a call where it never is, in every format.
func TestCallInReasoning(t *testing.T) {
	for format, call := range callOfF {
		tags := tagsOf(format)
		half := call[:len(call)*3/4] // its name is complete
		for _, c := range []struct {
			name, text string
			want       Output
		}{
			{"closed", "I could " + call + "\nbut no.\n</think>\n\nDone.", said("I could "+call+"\nbut no.", "Done.")},
			{"closed at once", call + "</think>Done.", said(call, "Done.")},
			{"closed inside the call", "So " + half + "</think>Done.", said(trim("So "+half), "Done.")},
			{"closed, and a call", "Draft: " + call + "\n</think>\n" + call, said("Draft: "+call, "", "f", `{"a": 1}`)},
			{"two drafts", call + " or " + call + "</think>" + "No.", said(call+" or "+call, "No.")},
			{"never closed", "I need f.\n\n" + call, said("I need f.", "", "f", `{"a": 1}`)},
			{"never closed, nothing before", "\n" + call, said("", "", "f", `{"a": 1}`)},
			{"never closed, two calls", "Both.\n" + call + "\n" + call, said("Both.", "", "f", `{"a": 1}`, "f", `{"a": 1}`)},
			{"never closed, text behind", "I need f.\n" + call + "\nDone.", said("I need f.", "Done.", "f", `{"a": 1}`)},
			{"the end tag cut", "I need f.\n" + call + "\n</thi", said("I need f.", "</thi", "f", `{"a": 1}`)},
			{"the end tag inside an argument", "So " + call[:len(call)/2] + "</think>" + "x", said(trim("So "+call[:len(call)/2]), "x")},
		} {
			for _, part := range []*string{c.want.ReasoningContent, c.want.Content} {
				if part != nil {
					*part = tags.Replace(*part)
				}
			}
			check(t, c.name, format, Options{Open: true}, tags.Replace(c.text), c.want)
			check(t, c.name+", opened by the text", format, Options{}, tags.Replace("<think>"+c.text), c.want)
		}
	}
	for _, f := range formats {
		if !slices.ContainsFunc(f.releases, func(r release) bool { return callOfF[r.name] != "" }) && f.reasons {
			t.Errorf("no call in the form of %s", f.releases[0].name)
		}
	}
}

// tagsOf writes the tags of a format in the place of think tags.
func tagsOf(format string) *strings.Replacer {
	r := ReasoningOf(format)
	return strings.NewReplacer("<think>", r.Begin, "</think>", r.End, "</thi", r.End[:5])
}

func trim(s string) string { return strings.TrimFunc(s, isSpace) }

// TestNoCallInReasoning holds that reasoning about calls is reasoning, and comes out
// before it ends.
func TestNoCallInReasoning(t *testing.T) {
	for _, c := range []struct{ format, text string }{
		{"qwen3", "The tag <tool_call> stands before an object, <tool_call>\n{} too, </tool_call> behind."},
		{"glm-4.5", "The tag <tool_call> stands before a name, <tool_call>f(x) is none."},
		{"deepseek-r1", "A tag such as <｜tool or <tool_call> or <|tool_call_begin|>."},
		{"kimi-k2", "A tag such as <|tool_call or <tool_call> or <｜tool▁calls▁begin｜>."},
		{"deepseek-v3.2", "A tag such as <｜DSML｜ or <tool_call> or <invoke name=\"f\">."},
	} {
		check(t, "never closed", c.format, Options{Open: true}, c.text, said(c.text, ""))
		check(t, "closed", c.format, Options{Open: true}, c.text+"\n</think>\nYes.", said(c.text, "Yes."))
		p, err := NewParser(c.format, Options{Open: true})
		if err != nil {
			t.Fatal(err)
		}
		var got Collector
		got.Add(p.Write(c.text + " So"))
		if out := got.Output(); out.ReasoningContent == nil || *out.ReasoningContent != c.text+" So" {
			t.Errorf("%s: %q: before its end got %s, want all of it", c.format, c.text, show(out))
		}
	}
}

// TestUndecided holds what a parser says and gives out while a call in reasoning is
// undecided.
func TestUndecided(t *testing.T) {
	p, err := NewParser("deepseek-v3.1", Options{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		write, reasoning, calls string
		where                   string // in reasoning, undecided, in a call
	}{
		{"Let me ", "Let me", "", "r"},
		{"see. <｜tool▁calls▁beg", " see.", "", "ru"},
		{"in｜>", "", "", "ruc"},
		{"<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\"", "", "", "ruc"},
		{": 1}<｜tool▁call▁end｜>\n", "", "", "ruc"},
		{"<｜tool▁calls▁end｜>", "", "", "ruc"},
		{" No.", "", "", "ru"},
		{"</think>", " <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>\n<｜tool▁calls▁end｜> No.", "", ""},
		{"<｜tool▁call▁begin｜>g<｜tool▁sep｜>", "", "g", "c"},
	} {
		reasoning, calls, where := "", "", ""
		for _, d := range p.Write(c.write) {
			switch d.Kind {
			case DeltaReasoning:
				reasoning += d.Text
			case DeltaCall:
				calls += d.Name
			default:
				t.Errorf("%q: got %+v", c.write, d)
			}
		}
		for letter, is := range map[string]bool{"r": p.InReasoning(), "u": p.Undecided(), "c": p.InCall()} {
			if is != strings.Contains(c.where, letter) {
				where += letter
			}
		}
		if reasoning != c.reasoning || calls != c.calls || where != "" {
			t.Errorf("%q: got reasoning %q, calls %q, want %q, %q; wrong of %q: %q", c.write, reasoning, calls, c.reasoning, c.calls, c.where, where)
		}
	}
}

// TestSlips reads the slips that models are known for as they are meant. The names say
// where they were reported.
func TestSlips(t *testing.T) {
	tools := []json.RawMessage{
		json.RawMessage(`{"type": "function", "function": {"name": "exec"}}`), json.RawMessage(`{"name": "get_v2"}`),
		json.RawMessage(`{"name": "mcp:fs.read"}`), json.RawMessage(`{"type": "code_interpreter"}`),
		json.RawMessage(`{"name": "find", "parameters": {"properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}}`),
	}
	kimi := func(id string) string {
		return "<|tool_calls_section_begin|><|tool_call_begin|>" + id + "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"
	}
	fenced := "f\n```json\n{\"a\": 1}\n```"
	for _, c := range []slip{
		// DeepSeek
		{"the form of V3 (raullenchai/Rapid-MLX#795)", "deepseek-v3.1", callV3, said("", "", "f", `{"a": 1}`)},
		{"the form of V3.1 (sgl-project/sglang#9446)", "deepseek-r1", callV31, said("", "", "f", `{"a": 1}`)},
		{"both forms", "deepseek-r1-0528", callV3 + callV31, said("", "", "f", `{"a": 1}`, "f", `{"a": 1}`)},
		{"the form of V3 without a fence", "deepseek-v3.1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"the form of V3.1 in a fence", "deepseek-r1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>```json\n{\"a\": 1}\n```<｜tool▁call▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"no type", "deepseek-r1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>" + fenced + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"a tool named as the type", "deepseek-v3.1", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>", said("", "", "function", `{"a": 1}`)},
		{"no section", "deepseek-v3.1", "So:<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>", said("", "So:", "f", `{"a": 1}`)},
		{"a section for each call (verl-project/verl#7635)", "deepseek-r1", callV3 + "\n" + callV3, said("", "", "f", `{"a": 1}`, "f", `{"a": 1}`)},
		{"a section spelled in letters (ggml-org/llama.cpp#11607)", "deepseek-r1", "<｜tool_calls_begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>" + fenced + "<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"a doubled brace that is closed once (vllm-project/vllm#26897)", "deepseek-v3.1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{{\"a\": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"a brace too many", "deepseek-v3.1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"a brace too many in a fence", "deepseek-r1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"a brace too few in a fence", "deepseek-r1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": [1]\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", "{\"a\": [1]\n}")},
		{"a bracket too few, and the end tag cut", "deepseek-v3.1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": [1<｜tool▁call", said("", "", "f", `{"a": [1]}`)},
		{"arguments broken off by another tag", "deepseek-v3.1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": [1<b>", said("", "<b>", "f", `{"a": [1`)},
		{"no arguments, and the end tag cut", "deepseek-v3.1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜><｜tool▁call▁e", said("", "", "f", `{}`)},
		{"a name ended by the end of the call", "deepseek-r1", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f<｜tool▁call▁end｜>", said("", "", "f", `{}`)},
		{"no name", "deepseek-v3.1", "<｜tool▁call▁begin｜><｜tool▁sep｜>{}<｜tool▁call▁end｜>", said("", "<｜tool▁call▁begin｜><｜tool▁sep｜>{}<｜tool▁call▁end｜>")},
		{"arguments in a string", "deepseek-v3.1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>\"{\\\"a\\\": 1}\"<｜tool▁call▁end｜>", said("", "", "f", `{"a": 1}`)},
		{"an empty fence", "deepseek-r1", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n```<｜tool▁call▁end｜>", said("", "", "f", `{}`)},
		{"null", "deepseek-v3.1", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>null<｜tool▁call▁end｜><｜tool▁calls▁end｜>", said("", "", "f", `{}`)},

		// DSML
		{"no section (sgl-project/sglang#40236)", "deepseek-v3.2", "So:\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>", said("", "So:", "f", `{"a": 1}`)},
		{"a tag that closes itself", "deepseek-v3.2", "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\" />\n<｜DSML｜invoke name=\"g\"/>\n</｜DSML｜function_calls>", said("", "", "f", `{}`, "g", `{}`)},
		{"a section misspelled (vllm-project/vllm#51914)", "deepseek-v3.2", "<｜DSML｜toolcalls>\n<｜DSML｜invoke name=\"f\">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>", said("", "", "f", `{}`)},
		{"a parameter without mark and type (sgl-project/sglang#39435)", "deepseek-v3.2", "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<parameter name=\"a\">true</｜DSML｜parameter>\n<parameter name=\"b\" string=\"true\">1</parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>", said("", "", "f", `{"a": true, "b": "1"}`)},
		{"an object in place of parameters", "deepseek-v3.2", "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n{\"a\": 1}}\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>", said("", "", "f", `{"a": 1}`)},

		// Kimi
		{"a section in the singular (ggml-org/llama.cpp#17376)", "kimi-k2", "<|tool_call_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|><|tool_call_section_end|>Done.", said("", "Done.", "f", `{"a": 1}`)},
		{"no section (vllm-project/vllm#32216)", "kimi-k2", "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": 1}<|tool_call_end|>", said("", "", "f", `{"a": 1}`)},
		{"no begin of arguments", "kimi-k2", "<|tool_call_begin|>functions.f:0 {\"a\": 1}<|tool_call_end|>", said("", "", "f", `{"a": 1}`)},
		{"a brace too many", "kimi-k2", "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": {}}}<|tool_call_end|>", said("", "", "f", `{"a": {}}`)},
		{"an id written back by a program (exo-explore/exo#2281)", "kimi-k2", kimi("functions_get_weather_12"), said("", "", "get_weather", `{}`)},
		{"an id without a prefix", "kimi-k2", kimi("get_weather:3"), said("", "", "get_weather", `{}`)},
		{"an id without an index", "kimi-k2", kimi("functions.get_weather"), said("", "", "get_weather", `{}`)},
		{"neither dot nor colon (sgl-project/sglang#21377)", "kimi-k2", kimi("functionsexec5"), said("", "", "exec", `{}`)},
		{"no colon (sgl-project/sglang#21377)", "kimi-k2", kimi("functions.exec5"), said("", "", "exec", `{}`)},
		{"no dot", "kimi-k2", kimi("functionsexec:5"), said("", "", "exec", `{}`)},
		{"no index, and a digit at the end of a name", "kimi-k2", kimi("functions.get_v2"), said("", "", "get_v2", `{}`)},
		{"no colon, and a digit at the end of a name", "kimi-k2", kimi("functions.get_v20"), said("", "", "get_v2", `{}`)},
		{"a colon in the name, and no index", "kimi-k2", kimi("functions.mcp:fs.read"), said("", "", "mcp:fs.read", `{}`)},

		// Hermes and Qwen
		{"doubled braces (leehack/llamadart#43)", "qwen3", "<tool_call>\n{{\"name\": \"f\", \"arguments\": {\"a\": 1}}}\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"all braces doubled", "qwen3", "<tool_call>\n{{\"name\": \"f\", \"arguments\": {{\"a\": {{\"b\": 1}}, \"c\": 2}}}}\n</tool_call>", said("", "", "f", `{"a": {"b": 1}, "c": 2}`)},
		{"braces doubled around arguments that come first", "qwq", "<tool_call>\n{\"arguments\": {{\"a\": 1}}, \"name\": \"f\"}\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"a brace too many (yigit353/langchain-qwq#30)", "qwq", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}}\n</tool_call>\nDone.", said("", "Done.", "f", `{"a": 1}`)},
		{"a brace too many before the name", "qwen3", "<tool_call>\n{\"arguments\": {\"a\": 1}}, \"name\": \"f\"}\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"no name", "qwen3", "<tool_call>\n{\"arguments\": {\"a\": 1}}\n</tool_call>", said("", "<tool_call>\n{\"arguments\": {\"a\": 1}}\n</tool_call>")},
		{"braces too few", "qwen3", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": {\"b\": [1, \n</tool_call>Done.", said("", "Done.", "f", "{\"a\": {\"b\": [1]}}")},
		{"two objects in a tag", "qwen3", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"a list in a tag", "hermes", "<tool_call>\n[{\"name\": \"f\", \"arguments\": {\"a\": 1}}, {\"name\": \"g\", \"arguments\": {}}]\n</tool_call>", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"a fence in a tag", "hermes", "<tool_call>\n```json\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n```\n</tool_call>\n```\nx\n```", said("", "```\nx\n```", "f", `{"a": 1}`)},
		{"a fence around two objects", "hermes", "<tool_call>\n```json\n[{\"name\": \"f\", \"arguments\": {\"a\": 1}},\n{\"name\": \"g\"}]\n```\n</tool_call>", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"a tag twice", "qwen3", "<tool_call>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"null", "qwen3", "<tool_call>\n{\"name\": \"f\", \"arguments\": null}\n</tool_call>", said("", "", "f", `{}`)},
		{"null before the name", "qwen3", "<tool_call>\n{\"arguments\": null, \"name\": \"f\"}\n</tool_call>", said("", "", "f", `{}`)},
		{"the object of the OpenAI API", "qwen3", "<tool_call>\n{\"type\": \"function\", \"function\": {\"name\": \"f\", \"arguments\": {\"a\": 1}}}\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"the name under function (ml-explore/mlx-lm#792)", "qwen3", "<tool_call>\n{\"function\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>", said("", "", "f", `{"a": 1}`)},
		{"a dict of Python (NousResearch/Hermes-Function-Calling#3)", "hermes", "<tool_call>\n{'arguments': {'a': True, 'b': None, 'c': \"it's\", 'd': 'it\\'s \"x\"'}, 'name': 'f'}\n</tool_call>", said("", "", "f", `{"a": true, "b": null, "c": "it's", "d": "it's \"x\""}`)},
		{"a line's end in a string (minpeter/ai-sdk-tool-call-middleware#298)", "hermes", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"x\ny\tz\"}}\n</tool_call>", said("", "", "f", `{"a": "x\ny\tz"}`)},
		{"a backslash that escapes nothing", "qwen3", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"\\d+\\.\\'\"}}\n</tool_call>", said("", "", "f", `{"a": "\\d+\\.'"}`)},
		{"a comma at the end (vllm-project/vllm#27701)", "qwen3", "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, 2, ],\n}}\n</tool_call>", said("", "", "f", "{\"a\": [1, 2 ]\n}")},
		{"a tag that speaks of itself", "qwen3", "<tool_call> and ```<tool_call>``` and <tool_call>[x] are tags.", said("", "<tool_call> and ```<tool_call>``` and <tool_call>[x] are tags.")},

		// GLM
		{"no tag before a value (vllm-project/vllm#49248)", "glm-4.7", "<tool_call>f<arg_key>a</arg_key>how many days</arg_value><arg_key>b</arg_key><arg_value>1</arg_value></tool_call>", said("", "", "f", `{"a": "how many days", "b": 1}`)},
		{"no tag before a value, on lines", "glm-4.5", "<tool_call>f\n<arg_key>a</arg_key>\n<b>12</b></arg_value>\n</tool_call>", said("", "", "f", `{"a": "<b>12</b>"}`)},
		{"no tag on either side of a value", "glm-4.7", "<tool_call>f<arg_key>a</arg_key>x<arg_key>b</arg_key>2</tool_call>Done.", said("", "Done.", "f", `{"a": "x", "b": 2}`)},
		{"no tag before a value of a known type", "glm-4.7", "<tool_call>find<arg_key>s</arg_key>007</arg_value><arg_key>n</arg_key>7</arg_value></tool_call>", said("", "", "find", `{"s": "007", "n": 7}`)},
		{"a tag behind a key twice (vllm-project/vllm#54971)", "glm-4.7", "<tool_call>f<arg_key>a</arg_key></arg_key><arg_value>x</arg_value></tool_call>", said("", "", "f", `{"a": "x"}`)},
		{"a tag before a key twice (vllm-project/vllm#54971)", "glm-4.7", "<tool_call>f<arg_key><arg_key>a</arg_key><arg_value>x</arg_value></tool_call>", said("", "", "f", `{"a": "x"}`)},
		{"no tag behind a key", "glm-4.7", "<tool_call>f<arg_key>a<arg_value>x</arg_value></tool_call>", said("", "", "f", `{"a": "x"}`)},
		{"no tag before the first key (vllm-project/vllm#47190)", "glm-4.7", "<tool_call>finds</arg_key><arg_value>x</arg_value><arg_key>n</arg_key><arg_value>1</arg_value></tool_call>", said("", "", "find", `{"s": "x", "n": 1}`)},
		{"a space in its place (vllm-project/vllm#47190)", "glm-4.7", "<tool_call>find s</arg_key><arg_value>x</arg_value></tool_call>", said("", "", "find", `{"s": "x"}`)},
		{"no tag before a key of a tool that nobody knows", "glm-4.7", "<tool_call>lookup</arg_key><arg_value>x</arg_value></tool_call>", said("", "<tool_call>lookup</arg_key><arg_value>x</arg_value></tool_call>")},
		{"a tool that is spoken of", "glm-4.5", "Write <tool_call>find it</tool_call> or <tool_call>find\nit.", said("", "Write <tool_call>find it</tool_call> or <tool_call>find\nit.")},
		{"an object in the tag (ml-explore/mlx-lm#792)", "glm-4.7", "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>", said("", "", "f", `{"a": 1}`)},

		// Llama
		{"a line's end between calls (vllm-project/vllm#49923)", "llama-3.1", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}\n{\"name\": \"g\", \"parameters\": {}}", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"a list", "llama-3.1", "[{\"name\": \"f\", \"parameters\": {\"a\": 1}}, {\"name\": \"g\", \"parameters\": {}}]", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"a list that is none of calls", "llama-3.1", "[{\"name\": \"Ada\"}, 2]", said("", "[{\"name\": \"Ada\"}, 2]")},
		{"a call of Python", "llama-3.1", "<|python_tag|>f.call( a = 1, b='it\\'s', c=[True, {'d': None}], e=x y)", said("", "y)", "f", `{"a": 1, "b": "it's", "c": [true, {"d": null}], "e": "x"`)},
		{"a call of Python without arguments", "llama-3.1", "<|python_tag|>f.call()", said("", "", "f", `{}`)},
		{"a call of Python, cut", "llama-3.1", "<|python_tag|>f.call(a=\"x\\", said("", "", "f", `{"a": "x\`)},
		{"Python that is no call", "llama-3.1", "<|python_tag|>f.call(x + 1)", said("", "<|python_tag|>f.call(x + 1)")},
		{"code behind the tag", "llama-3.1", "<|python_tag|>print(1)", said("", "<|python_tag|>print(1)")},
		{"a list behind the tag", "llama-3.1", "<|python_tag|>[{\"name\": \"f\", \"parameters\": {}}]", said("", "", "f", `{}`)},
		{"the tag of other prompts (raullenchai/Rapid-MLX#703)", "llama-3.1", "<function=f>{\"a\": 1}</function>", said("", "", "f", `{"a": 1}`)},
		{"two such tags and text", "llama-3.1", "<function=f>\n{\"a\": 1}}\n</function>\n<function=g>{}</function> Done. <function=h>{}", said("", "Done. <function=h>{}", "f", `{"a": 1}`, "g", `{}`)},
		{"such a tag, cut", "llama-3.1", "<function=f>{\"a\": [1", said("", "", "f", `{"a": [1`)},
		{"such a tag, spoken of", "llama-3.1", "<function=f> is a tag.", said("", "<function=f> is a tag.")},
		{"such a tag, cut in the name", "llama-3.1", "<function=f>", said("", "<function=f>")},
		{"an object, and such a tag", "llama-3.1", "{\"name\": \"f\", \"parameters\": {}}\n<function=g>{}</function></fun", said("", "", "f", `{}`, "g", `{}`)},
		{"a brace too many", "llama-3.1", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}}", said("", "", "f", `{"a": 1}`)},
		{"doubled braces", "llama-3.1", "{{\"name\": \"f\", \"parameters\": {{\"a\": 1}}}}", said("", "", "f", `{"a": 1}`)},
		{"null", "llama-3.1", "{\"name\": \"f\", \"parameters\": null}", said("", "", "f", `{}`)},
		{"the object of the OpenAI API", "llama-3.1", "{\"type\": \"function\", \"function\": {\"name\": \"f\", \"parameters\": {\"a\": 1}}}", said("", "", "f", `{"a": 1}`)},

		// Mistral
		{"two calls", "mistral", "A.[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}", said("", "A.", "f", `{"a": 1}`, "g", `{}`)},
		{"no token before arguments", "mistral", "[TOOL_CALLS]f{\"a\": [1]}\n", said("", "", "f", `{"a": [1]}`)},
		{"an id and no arguments, cut", "mistral", "[TOOL_CALLS]f[CALL_ID]a1b2", said("", "", "f", ``)},
		{"brackets that are none of tokens", "mistral", "[a] [TOOL [THINK] [/THINK]", said("", "[a] [TOOL [THINK] [/THINK]")},
		{"two objects behind a space", "mistral-v3", "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"abcdefgh0\"}, {\"name\": \"g\", \"arguments\": {}}]", said("", "", "f", `{"a": 1}`, "g", `{}`)},
		{"no list", "mistral-v3", "[TOOL_CALLS]f[1]", said("", "[TOOL_CALLS]f[1]")},

		// Gemma
		{"objects and lists", "gemma4", "<|tool_call>call:f{a:{b:[1,{c:<|\"|>}<|\"|>}],d:{}},e:[]}<tool_call|>Done.", said("", "Done.", "f", `{"a": {"b": [1, {"c": "}"}], "d": {}}, "e": []}`)},
		{"keys in quotes, JSON's strings, a comma at the end", "gemma4", "<|tool_call> call:f{ <|\"|>a<|\"|> : \"x\\n\", \"b\":2 ,}<tool_call|>", said("", "", "f", `{"a": "x\n", "b": 2}`)},
		{"text without quotes", "gemma4", "<|tool_call>call:f{a:New York,b:True}<tool_call|>", said("", "", "f", `{"a": "New York", "b": true}`)},
		{"the begin of a token in a text", "gemma4", "<|tool_call>call:f{a:<|\"|>x<|\"y<<|\"|>}", said("", "", "f", `{"a": "x<|\"y<"}`)},
		{"two calls", "gemma4", "<|tool_call>call:f{}<tool_call|><|tool_call>call:g{a:1}<tool_call|>", said("", "", "f", `{}`, "g", `{"a": 1}`)},
		{"a brace too few", "gemma4", "<|tool_call>call:f{a:1<tool_call|>x", said("", "x", "f", `{`)},
		{"the wrong bracket", "gemma4", "<|tool_call>call:f{a:[1},b:2}<tool_call|>", said("", "},b:2}<tool_call|>", "f", `{`)},
		{"another channel", "gemma4", "<|channel>final\nx", said("", "<|channel>final\nx")},
		{"a call that is spoken of", "gemma4", "Write <|tool_call>f or <|tool_call>call: f.", said("", "Write <|tool_call>f or <|tool_call>call: f.")},

		// Calls of Python
		{"in tags, with spaces", "llama-pythonic", "<|python_start|>[ f( a = .5 , b = {'k': [True, None,], 2: \"\"} ), a.b( ) ]<|python_end|>", said("", "", "f", `{"a": 0.5, "b": {"k": [true, null], "2": ""}}`, "a.b", `{}`)},
		{"escapes", "llama-pythonic", `[f(a='\x41\101\0 \u00e9\U0001F60A\ud83d\ude0a\'\n\q\a\/')]`, said("", "", "f", `{"a": "AA\u0000 é😊😊'\n\\q\u0007/"}`)},
		{"cut in a value", "llama-pythonic", "[f(a=1), g(b=2, c=\"x", said("", "", "f", `{"a": 1}`, "g", `{"b": 2`)},
		{"cut in the name", "llama-pythonic", "[f", said("", "[f")},
		{"text behind", "llama-pythonic", "[f(a=1)] is a call.", said("", "[f(a=1)] is a call.")},
		{"an expression", "llama-pythonic", "[f(a=1+1)]", said("", "[f(a=1+1)]")},
		{"no keyword", "llama-pythonic", "[f(1)]", said("", "[f(1)]")},
		{"a link", "llama-pythonic", "[text](address)", said("", "[text](address)")},
	} {
		check(t, c.name, c.format, Options{Tools: tools}, c.text, c.want)
	}
}

// TestKimiIDs reads ids where no tool is known.
func TestKimiIDs(t *testing.T) {
	for id, want := range map[string]string{
		"functions.f:0": "f", "functions.fs.read:v2:0": "fs.read:v2", "functions.f": "f", "functions.f_0": "f_0", "functions_f_0": "f",
		"functions_get_it_10": "get_it", "functions-f-1": "f", "functions_f": "f", "f:0": "f", "f": "f", "f_0": "f_0", "functions:0": "functions",
		"functions": "functions", "functions.:0": "", "functions.": "",
	} {
		if got := kimiName(id, nil); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
	known := tools{"f": {}, "fs.read.1": {}} // a point in place of the colon
	for id, want := range map[string]string{"functions.f.0": "f", "f.12": "f", "functions.fs.read.1": "fs.read.1", "functions.fs.read.1.0": "fs.read.1", "functions.g.0": "g.0"} {
		if got := kimiName(id, known); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
}

// TestSingleQuotes reads tags whose attributes stand in single quotes.
func TestSingleQuotes(t *testing.T) {
	for format, text := range map[string]string{
		"minimax-m2":    "<minimax:tool_call>\n<invoke name='f\"'>\n<parameter name='a'>1</parameter>\n<parameter name=\"it's\">x</parameter>\n</invoke>\n</minimax:tool_call>",
		"deepseek-v3.2": "<｜DSML｜function_calls>\n<｜DSML｜invoke name='f\"'>\n<｜DSML｜parameter name='a' string='false'>1</｜DSML｜parameter>\n<｜DSML｜parameter name=\"it's\" string='true'>x</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
	} {
		out, err := Parse(format, text, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if want := said("", "", `f"`, `{"a": 1, "it's": "x"}`); show(out) != show(want) {
			t.Errorf("%s: got %s, want %s", format, show(out), show(want))
		}
	}
}
