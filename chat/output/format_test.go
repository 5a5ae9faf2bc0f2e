package output

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDetectFormat(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"R1", "{{'<｜Assistant｜><think>\\n'}}<｜tool▁call▁begin｜>{{type}}<｜tool▁sep｜>{{name}}\n```json", "deepseek-r1"},
		{"R1-0528", "{{'<｜Assistant｜>'}}<｜tool▁sep｜>{{name}}\n```json", "deepseek-r1-0528"},
		{"a distilled model", "{{'<｜Assistant｜><think>\\n'}}", "deepseek-r1"},
		{"V3.1", "{{'<｜Assistant｜></think>'}}{{name}}<｜tool▁sep｜>{{arguments}}", "deepseek-v3.1"},
		{"V3.2", "<｜Assistant｜></think><｜DSML｜invoke name=\"<｜tool▁sep｜>", "deepseek-v3.2"},
		{"V4", "<｜Assistant｜></think><｜DSML｜tool_calls>", "deepseek-v4"},
		{"Kimi", "<|tool_calls_section_begin|>", "kimi-k2"},
		{"GLM-4.5", "<think></think><tool_call>{{name}}\n<arg_key>{{k}}</arg_key>\n<arg_value>", "glm-4.5"},
		{"GLM-4.7", "<think></think><tool_call>{{name}}<arg_key>{{k}}</arg_key><arg_value>", "glm-4.7"},
		{"Llama", "<|start_header_id|>{\"name\": {{name}}, \"parameters\": ", "llama-3.1"},
		{"Llama's own tools", "<|python_tag|>", "llama-3.1"},
		{"Hermes", "<tool_call>\n{\"name\": , \"arguments\": ", "hermes"},
		{"Qwen3", "{% if enable_thinking %}<|im_start|>assistant\\n<think>\n\n</think><tool_call>\n{\"arguments\"", "qwen3"},
		{"QwQ", "<|im_start|>assistant\\n<think>\\n<tool_call>\n{\"arguments\"", "qwq"},
		{"Qwen3-Coder, whose calls have another form", "<tool_call>\n<function={{name}}>{{arguments}}", ""},
		{"Qwen3-Coder", "<tool_call>\n<function={{name}}>\n<parameter={{key}}>\n", "qwen3-coder"},
		{"Qwen3.5", "<think>\n</think><tool_call>\n<function={{name}}>\n<parameter={{key}}>\n", "qwen3.5"},
		{"MiniMax", "<think>\n</think><minimax:tool_call>\n<invoke name=", "minimax-m2"},
		{"Granite 3", "<|start_of_role|>assistant<|end_of_role|><|tool_call|>", "granite-3.3"},
		{"Granite 4", "<|start_of_role|>assistant<|end_of_role|><tool_call>\n{\"name\": , \"arguments\": ", "granite-4"},
		{"Mistral", "{{name}}[ARGS]{{arguments}}[TOOL_CALLS][THINK]", "mistral"},
		{"earlier ones of Mistral", "[TOOL_CALLS] [{{call}}]", "mistral-v3"},
		{"Gemma 4", "<|channel>thought\n<channel|><|tool_call>call:{{name}}{", "gemma4"},
		{"Llama 4, asked for Python", "<|header_start|>[func_name1(params_name1=params_value1)]", "llama-pythonic"},
		{"gpt-oss", "<|start|>assistant<|channel|>analysis<|message|>", "gpt-oss"},
		{"other calls, and reasoning", "<think></think><function={{name}}>", "qwen3"},
		{"neither", "{{messages}}", ""},
	} {
		if got := DetectFormat(c.template); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestOpensReasoning(t *testing.T) {
	for prompt, want := range map[string]bool{"x[THINK]": true, "<|channel>thought\n": true, "<|channel>thought\n<channel|>": false, "<think>": true, "x<think>\n\n": true, "<think></think>": false, "": false, "<think> x": false} {
		if got := OpensReasoning(prompt); got != want {
			t.Errorf("%q: got %v", prompt, got)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func mustFormat(name string) *format {
	f, _, err := formatNamed(name)
	if err != nil {
		panic(err)
	}
	return f
}

// TestFormats holds that all that is asked of a format is there.
func TestFormats(t *testing.T) {
	for _, name := range Formats() {
		f := mustFormat(name)
		if f.start == nil || f.after == nil || f.plain == nil || f.detect == nil || !f.bare && (f.begin == nil || len(f.calls) == 0) {
			t.Errorf("%s lacks a state or a marker", name)
		}
		begin, end := f.thinkTags()
		for _, marker := range slices.Concat(f.sections, f.calls, f.closers, f.params, f.nameEnds, []string{begin, end}[:2*btoi(f.reasons)]) {
			if strings.LastIndex(marker, f.markersBegin()) != 0 {
				t.Errorf("%s: marker %q, want a %s at its start and nowhere else", name, marker, f.markersBegin())
			}
		}
		if f.nameEnds != nil != (f.named != nil) || f.params != nil != (f.param != nil) {
			t.Errorf("%s: half of a way to read names or parameters", name)
		}
	}
	if r := ReasoningOf("deepseek-r1-0528"); r != (Reasoning{"<think>", "</think>", "\n", "\n\n", true}) {
		t.Errorf("deepseek-r1-0528: got %+v", r)
	}
	if r := ReasoningOf("mistral"); r != (Reasoning{"[THINK]", "[/THINK]", "", "", true}) {
		t.Errorf("mistral: got %+v", r)
	}
	if r := ReasoningOf(""); r != (Reasoning{"<think>", "</think>", "\n", "\n\n", false}) {
		t.Errorf("no format: got %+v", r)
	}
	if AsksTools("qwen3") || !AsksTools("kimi-k2") || AsksTools("nowhere") {
		t.Error("AsksTools: want kimi-k2 alone of qwen3, kimi-k2 and nowhere")
	}
}

func TestUnknownFormat(t *testing.T) {
	_, err := Parse("qwen", "", Options{})
	if !errors.Is(err, ErrUnknownFormat) || !strings.Contains(err.Error(), `"qwen", want one of deepseek-r1, `) {
		t.Errorf("got %v", err)
	}
}

func TestClosedParser(t *testing.T) {
	p, err := NewParser("qwen3", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.InCall() || p.InReasoning() {
		t.Error("a new parser is in a call, or in reasoning")
	}
	if d := append(p.Write(" \n"), p.Close()...); len(d) != 1 || d[0].Text != " \n" {
		t.Errorf("got %+v, want whitespace to the byte", d)
	}
	if p.Write("x") != nil || p.Close() != nil {
		t.Error("a closed parser reads on")
	}
}
