package output

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/golden"
)

// hostileTexts are texts that would take a parser long that looks at anything
// twice: each is a start and a part that is repeated.
var hostileTexts = [][2]string{
	{"", "<"},
	{"", "</"},
	{"", " "},
	{"", "\u3000"},
	{"", "\xe4\xb8"},
	{"a", "\n x"},
	{"", "<think>"},
	{"<think>", "</thin"},
	{"<think>", " <"},
	{"<think>", " \n"},
	{"<think>", "<tool_call>\n"},
	{"<think>", "<tool_call>{\"name\": \"f\"}</thin"},
	{"<think>", "<｜tool▁calls▁begin｜></thin"},
	{"<think><｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜> x "},
	{"<think><|tool_calls_section_begin|>", "<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"a\": \"x\n"},
	{"", "<tool_call>"},
	{"", "<tool_call>\n"},
	{"", "<tool_call>{"},
	{"", "<tool_call>{\"name\""},
	{"", "<tool_call>{\"name\": \"f\"}"},
	{"<tool_call>", "{\"a\": "},
	{"<tool_call>", "{\"a\": \""},
	{"<tool_call>{\"name\": \"f\", \"arguments\": ", "["},
	{"<tool_call>{\"name\": \"f\", \"arguments\": ", "\"\\ud83d"},
	{"<tool_call>{\"name\": \"f\", \"arguments\": \"", "\\"},
	{"<tool_call>{\"arguments\": ", "[1,"},
	{"<tool_call>{\"arguments\": ", "{{"},
	{"<tool_call>{\"arguments\": [1,", " \n"},
	{"<tool_call>{\"arguments\": ", "1"},
	{"<tool_call>{\"name\": \"f\", \"arguments\": {}}", "}"},
	{"<tool_call>", "{\"name\": \"f\", \"arguments\": {}},"},
	{"<tool_call>", "<tool_call>"},
	{"<tool_call>", "["},
	{"<tool_call>{\"name\": \"", "f"},
	{"{\"name\": \"f\", \"parameters\": ", "{\"a\":"},
	{"{\"name\": \"f\", \"parameters\": {}}", ";"},
	{"", "{\"name\": \"f\", \"parameters\": {}};"},
	{"<|python_tag|>", "f.call("},
	{"<|python_tag|>f.call(", "a=1,"},
	{"<|python_tag|>f.call(a=\"", "\\'"},
	{"", "<｜tool▁calls▁begin｜>"},
	{"", "<｜tool▁calls▁begi"},
	{"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"},
	{"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>f\n"},
	{"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>", "f "},
	{"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n", "`"},
	{"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>"},
	{"", "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>"},
	{"<|tool_calls_section_begin|><|tool_call_begin|>", "functions.f:"},
	{"<|tool_calls_section_begin|>", "<|tool_call_begin|>functions0<|tool_call_argument_begin|>"},
	{"<|tool_calls_section_begin|><|tool_call_begin|>functions", "0"},
	{"", "<｜DSML｜ calls><｜DSML｜invoke name=\"f\">"},
	{"<｜DSML｜function_calls><｜DSML｜invoke ", "name"},
	{"<｜DSML｜function_calls><｜DSML｜invoke name=\"f\">", "<｜DSML｜parameter name=\"a\" string=\"false\">[\""},
	{"<｜DSML｜function_calls><｜DSML｜invoke name=\"f\">", "<｜DSML｜parameter name=\"a\" string=\"false\">[\"</｜DSML｜parameter>"},
	{"<｜DSML｜function_calls><｜DSML｜invoke name=\"f\">", "<｜DSML｜parameter name=\"a\" string=\"true\"></｜DSML｜parameter>"},
	{"<tool_call>", "f\n"},
	{"<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>[\"", "</arg_value>"},
	{"<tool_call>f\n", "<arg_key>a</arg_key>\n<arg_value>[\""},
	{"<tool_call>f\n", "<arg_key>a</arg_key><arg_value>[\"</arg_value>"},
	{"<tool_call>f\n", "<arg_key>a</arg_key><arg_value>[\\\"</arg_value>"},
	{"<tool_call>f\n<arg_key>a</arg_key><arg_value>[\"", "</arg_value><arg_key>k</arg_key><arg_value>[\\\""},
	{"<tool_call>f\n<arg_key>a</arg_key><arg_value>[\"", "</arg_value><arg_key>k</arg_key><arg_value>[\",\""},
	{"<tool_call>f\n<arg_key>a</arg_key><arg_value>[\"", "</arg_value>\",\""},
	{"<tool_call>f\n<arg_key>", "</arg_ke"},
	{"<tool_call>f\n<arg_key>", "<arg_key>"},
	{"<tool_call>f\n<arg_key>x", "<arg_key>"},
	{"<tool_call>f\n<arg_key>", " <arg_key>"},
	{"<tool_call>{\"" + strings.Repeat("k", 25_000) + "\":", " "},
	{"<tool_call>{\"name\": \"f\", \"" + strings.Repeat("k", 25_000) + "\" ", " "},
	{"<|python_tag|>", "a"},
	{"<|python_tag|>f.call(", "a"},
	{"<function=", "a"},
	{"<tool_call>f\n<arg_key>a</arg_key>", "</arg_key>"},
	{"<tool_call>f\n", "<arg_key>a</arg_key>x"},
	{"<tool_call>f\n<arg_key>a</arg_key>[\"", "<arg_key>"},
	{"<tool_call>f\n<arg_key>a</arg_key><arg_value>", "</arg_valu"},
	{"", "[TOOL_CALLS]"},
	{"", "[TOOL_CALL"},
	{"[TOOL_CALLS]", "f "},
	{"[TOOL_CALLS]f[CALL_ID]", "a"},
	{"", "[TOOL_CALLS]f[ARGS]{}"},
	{"[TOOL_CALLS] [", "{\"name\": \"f\", \"arguments\": {}},"},
	{"<|tool_call>", "<|tool_call>"},
	{"<|tool_call>call:", "f"},
	{"<|tool_call>call:f{", "a:1,"},
	{"<|tool_call>call:f{a:", "["},
	{"<|tool_call>call:f{a:[", "1,"},
	{"<|tool_call>call:f{a:", "{b:"},
	{"<|tool_call>call:f{a:<|\"|>", "<|\""},
	{"<|tool_call>call:f{a:", "x "},
	{"<|tool_call>call:f{a:\"", "\\u"},
	{"[f(", "a=1,"},
	{"[f(a=", "["},
	{"[f(a=[", "1,"},
	{"[f(a={", "'b':{"},
	{"[f(a='", "\\x"},
	{"[", "f(),"},
	{"[f()]", " "},
	{"[f()]<|python_e", " "},
	{"<|python_start|>", "<|python_start|>"},
}

// hostileFormats are the formats for which a hostile text is hard.
func hostileFormats(text string) []string {
	for _, m := range []struct {
		marker  string
		formats []string
	}{
		{"｜DSML｜", []string{"deepseek-v3.2"}},
		{"<｜tool", []string{"deepseek-r1", "deepseek-v3.1"}},
		{"[TOOL", []string{"mistral", "mistral-v3"}},
		{"[f", []string{"llama-pythonic"}},
		{"<|python_start", []string{"llama-pythonic"}},
		{"<|tool_call>", []string{"gemma4"}},
		{"<|tool", []string{"kimi-k2"}},
		{"<tool_call>f", []string{"glm-4.5"}},
		{"<tool_call>", []string{"hermes", "glm-4.5"}},
		{"{\"name", []string{"llama-3.1"}},
		{"<|python", []string{"llama-3.1"}},
		{"<function=", []string{"llama-3.1"}},
	} {
		if strings.Contains(text, m.marker) {
			return m.formats
		}
	}
	return []string{"deepseek-r1", "deepseek-v3.2", "kimi-k2", "hermes", "llama-3.1", "mistral", "gemma4", "llama-pythonic"}
}

// TestLinear reads hostile texts in chunks and at once, and counts the memory that they
// take in all and the bytes that come out. What copies anything again and again takes
// hundreds of megabytes; what looks at anything again and again, minutes.
func TestLinear(t *testing.T) {
	const size, limit = 50_000, 20 * time.Second
	begin := golden.CPUTime()
	for _, h := range hostileTexts {
		text := h[0] + strings.Repeat(h[1], size/len(h[1]))
		for _, format := range hostileFormats(h[0] + h[1]) {
			for _, chunk := range []int{7, len(text)} {
				allocated, given := parseCounting(t, format, text, chunk)
				if most := uint64(200*len(text) + 1<<20); allocated > most {
					t.Errorf("%s: %.99q and %d times %q in chunks of %d: allocated %d bytes, want at most %d", format, h[0], size/len(h[1]), h[1], chunk, allocated, most)
				}
				if given > 8*len(text) {
					t.Errorf("%s: %.99q and %d times %q: %d bytes out of %d", format, h[0], size/len(h[1]), h[1], given, len(text))
				}
				if took := golden.CPUTime() - begin; took > limit {
					t.Fatalf("%s: %.99q and %d times %q in chunks of %d: %v of processor time so far, want under %v", format, h[0], size/len(h[1]), h[1], chunk, took, limit)
				}
			}
		}
	}
}

// parseCounting parses a text in chunks and returns how much memory was allocated, and
// how many bytes came out.
func parseCounting(t *testing.T, format, text string, chunk int) (allocated uint64, given int) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := NewParser(format, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(text); i += chunk {
		given += deltaBytes(p.Write(text[i:min(i+chunk, len(text))]))
	}
	given += deltaBytes(p.Close())
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, given
}

func deltaBytes(deltas []Delta) int {
	n := 0
	for _, d := range deltas {
		n += len(d.Text) + len(d.Name)
	}
	return n
}
