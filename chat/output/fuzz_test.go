package output

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// fragments of texts, from which random ones are put together.
var fragments = []string{
	" ", "\n", "\n\n", "\t", "\u3000", "\u00a0", "a", "Paris", "é", "中", "😊", "\xff", "\xe4\xb8", "<", "</", "`", "```", "```json\n", ".", ":", ";", ",", "\"", "'", "\\", "{", "}", "{{", "}}", "[", "]", "(", ")", "=", "/", ">",
	"<think>", "</think>", "<think", "</thin", "<tool_call>", "</tool_call>", "<tool_call>\n{", "<tool_ca", "</tool_",
	"{\"name\": \"f\", \"arguments\": {\"a\": 1}}", "{\"arguments\": {\"a\": [1, {}]}, \"name\": \"f\"}", "{\"name\": \"f\"", ", \"parameters\": ", "\"name\"", "\"arguments\": ", "\"type\": \"function\", ", "\"function\": ", "{'name': 'f', 'arguments': {'a': True}}",
	"{\"a\": \"</tool_call>\\n\"}", "{\"x\": \"\\u00e9\\ud83d\\ude0a\\ud83d\\\"\\\\\"}", "\"{\\\"a\\\": 1}\"", "null", "1e5", "-0.5", "true", "\\u", "\\ud83d", "12 apples", "00123", "[1, \"two\", null]", "[1, ]", "[\"</arg_value>\", 2]", "[\"</｜DSML｜parameter>\"]", "[\"x",
	"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "function", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>",
	"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<｜DSML｜ calls>", "<｜DSML｜invoke name=\"f\">", "<｜DSML｜ invoke name=\"g\">", "<｜DSML｜invoke", " name=\"k\"", " string=\"true\"", " string=\"false\"", "<｜DSML｜parameter name=\"k\" string=\"true\">", "<｜DSML｜parameter name=\"j\" string=\"false\">", "<｜DSML｜parameter name=\"n\">", "<parameter name=\"s\">", "</｜DSML｜parameter>", "</parameter>", "</｜DSML｜invoke>", "</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "<｜DSML｜", "</｜DSML｜",
	"<|tool_calls_section_begin|>", "<|tool_call_begin|>", "functions.f:0", "functions.", "functionsf0", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>", "<|tool_call",
	"<tool_call>f\n", "<tool_call>f<arg_key>", "<tool_call>fs</arg_key>", "<tool_call>f s", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<arg_key>s</arg_key><arg_value>", "<arg_key>s</arg_key>x", "<arg_key>n</arg_key>\n<arg_value>12</arg_value>\n", "<arg_",
	"[TOOL_CALLS]", "[TOOL_", "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]", "[/TH", "a1b2c3d4e", "<|tool_call>call:f{", "<|tool_call>", "call:", "<tool_call|>", "<|\"|>", "<|\"", "s:", "k:<|\"|>", "<|channel>thought", "<channel|>",
	"[f(a=1, ", "[f(", "f(", ")]", "s='x\\x41\\101'", "n=-1.5", "k={'a': [1, (", "<|python_start|>", "<|python_end|>",
	"<function=", "<function=f>", "</function>", "<|python_tag|>", "brave_search.call(", "f.call(q=\"x\", n=1)", "q=", "'it\\'s \"\\n\\q'", "\"x\\'\\/\"", "True", ")", "<|python",
}

var fuzzTools = []json.RawMessage{json.RawMessage(`{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
	"s": {"type": "string"}, "n": {"type": "integer"}, "k": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "a": {"type": ["array", "string"]}}}}}`)}

// randomText puts fragments together, mostly those that fit each other.
func randomText(r *rand.Rand, g []goldenFile) string {
	var b strings.Builder
	switch r.IntN(3) {
	case 0:
		for range 1 + r.IntN(14) {
			b.WriteString(fragments[r.IntN(len(fragments))])
		}
	case 1: // a golden text with fragments put in or parts taken out
		c := g[r.IntN(len(g))].Cases
		s := c[r.IntN(len(c))].Raw
		for range 1 + r.IntN(4) {
			i := r.IntN(len(s) + 1)
			j := min(len(s), i+r.IntN(2)*r.IntN(12))
			s = s[:i] + fragments[r.IntN(len(fragments))] + s[j:]
		}
		b.WriteString(s)
	default: // golden texts one after the other, cut
		c := g[r.IntN(len(g))].Cases
		for range 1 + r.IntN(3) {
			s := c[r.IntN(len(c))].Raw
			b.WriteString(s[:len(s)-r.IntN(2)*r.IntN(len(s)+1)])
		}
	}
	return b.String()
}

// checkAny holds what is true of any text: streams give what the whole does, a text
// without reasoning and calls is content to the byte, what has no end tag of its
// reasoning gives the same with one as reasoning alone, and arguments that are no JSON
// in the text are JSON, or begin it where the text broke off.
func checkAny(t testing.TB, format, s string, o Options, r *rand.Rand) {
	t.Helper()
	out, err := Parse(format, s, o)
	if err != nil {
		t.Fatal(err)
	}
	whole := show(out)
	for range 3 {
		chunks := cut(r, s, 1+r.IntN(12))
		if got := show(parseChunks(t, format, o, chunks)); got != whole {
			t.Fatalf("%s, open %v, tools %v: chunks %s\n got %s\nwant %s", format, o.Open, o.Tools != nil, showChunks(chunks), got, whole)
		}
	}
	if format == "gpt-oss" { // whose content may have headers around it, and no think tags
		return
	}
	how := ReasoningOf(format)
	if out.ReasoningContent == nil && out.ToolCalls == nil && !o.Open && !(Reasons(format) && strings.HasPrefix(strings.TrimLeftFunc(s, isSpace), how.Begin)) {
		if (out.Content == nil) != (s == "") || out.Content != nil && *out.Content != s {
			t.Fatalf("%s: %q: got %s, want content to the byte", format, s, whole)
		}
	}
	if !Reasons(format) {
		return
	}
	if !strings.Contains(s, how.End) {
		closed, _ := Parse(format, s+how.End+"x", Options{Open: true})
		text := strings.TrimLeftFunc(s, isSpace)
		for strings.HasPrefix(text, how.Begin) {
			text = strings.TrimLeftFunc(text[len(how.Begin):], isSpace)
		}
		if want := said(strings.TrimRightFunc(text, isSpace), "x"); show(closed) != show(want) {
			t.Fatalf("%s: %q and an end tag: got %s, want %s", format, s, show(closed), show(want))
		}
	}
	if isDSML(format) || strings.HasPrefix(format, "glm-") || format == "gemma4" || format == "llama-pythonic" {
		for _, c := range out.ToolCalls {
			a := c.Arguments
			if !json.Valid([]byte(a)) && !json.Valid([]byte(a+"}")) && a != "" && !strings.Contains(s, "{") {
				t.Fatalf("%s: %q: arguments %q, want an object or the begin of one", format, s, a)
			}
		}
	}
}

func TestRandomTexts(t *testing.T) {
	golden := readGolden(t)
	n := 8000
	if testing.Short() {
		n = 1000
	}
	for i := range n {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		format := Formats()[r.IntN(len(Formats()))]
		o := Options{Open: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			o.Tools = fuzzTools
		}
		own := golden
		if r.IntN(4) > 0 {
			for _, g := range golden {
				if g.Format == format {
					own = []goldenFile{g}
				}
			}
		}
		checkAny(t, format, randomText(r, own), o, r)
	}
}

// FuzzParse holds the same of any text, and that whole characters come out of whole
// characters.
func FuzzParse(f *testing.F) {
	for k, g := range readGolden(f) {
		for i, c := range g.Cases {
			f.Add(uint8(k), c.Open, c.Tools, uint64(i), c.Raw)
		}
	}
	for i, s := range fragments {
		f.Add(uint8(i), i%2 == 0, i%3 == 0, uint64(i), s+fragments[(i*7)%len(fragments)])
	}
	f.Fuzz(func(t *testing.T, k uint8, open, tools bool, seed uint64, s string) {
		if len(s) > 4000 {
			return
		}
		format := Formats()[int(k)%len(Formats())]
		o := Options{Open: open}
		if tools {
			o.Tools = fuzzTools
		}
		checkAny(t, format, s, o, rand.New(rand.NewPCG(seed, 1)))
		if !utf8.ValidString(s) {
			return
		}
		p, err := NewParser(format, o)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(s) {
			for _, d := range p.Write(s[i : i+1]) {
				if !utf8.ValidString(d.Text) || !utf8.ValidString(d.Name) {
					t.Fatalf("%s: %q: after byte %d got %+v, want whole characters", format, s, i, d)
				}
			}
		}
	})
}
