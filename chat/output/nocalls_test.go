package output_test

import (
	"testing"

	"github.com/blitz-r1/blitz/chat/output"
)

// TestNoCalls: where there is nothing to call, what looks like a call is content to the
// byte in every format, however it comes, and reasoning is split off as ever.
func TestNoCalls(t *testing.T) {
	for _, format := range output.Formats() {
		for _, text := range []string{
			"<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>", `{"name": "f", "parameters": {}}`, "<tool_call>f\n<arg_key>a</arg_key><arg_value>1</arg_value></tool_call>",
			"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
			"<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
			"<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
			"[TOOL_CALLS]f[ARGS]{}", `[TOOL_CALLS][{"name": "f", "arguments": {}}]`, "<|tool_call>call:f{}<tool_call|>", "[f(a=1)]",
			"a <tool_call>", "x </tool_call> y", "<",
		} {
			for _, size := range []int{1, 3, len(text)} {
				p, err := output.NewParser(format, output.Options{NoCalls: true})
				if err != nil {
					t.Fatal(err)
				}
				var c output.Collector
				for rest := text; rest != ""; {
					n := min(size, len(rest))
					c.Add(p.Write(rest[:n]))
					rest = rest[n:]
				}
				c.Add(p.Close())
				if got := c.Output(); got.Content == nil || *got.Content != text || got.ReasoningContent != nil || len(got.ToolCalls) > 0 {
					t.Errorf("%s, %d bytes at a time: %q: %+v", format, size, text, got)
				}
			}
		}
		got, err := output.Parse(format, "\n\nb", output.Options{NoCalls: true})
		if err != nil || got.Content == nil {
			t.Errorf("%s: %+v, %v", format, got, err)
		}
	}
	got, err := output.Parse("hermes", "<think>\na <tool_call>\n</think>\n\nb<tool_call>", output.Options{NoCalls: true})
	if err != nil || got.ReasoningContent == nil || *got.ReasoningContent != "a <tool_call>" || got.Content == nil || *got.Content != "b<tool_call>" {
		t.Errorf("reasoning: %+v, %v", got, err)
	}
}
