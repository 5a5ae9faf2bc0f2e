package output

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// fragments of texts, from which random ones are put together.
var outputFragments = []string{
	" ", "\n", "\n\n", "\t", "\u3000", "\u00a0", "a", "Paris", "é", "中", "😊", "\xff", "\xe4\xb8", "<", "</", "`", "```", "```json\n", ".", ":", ";", ",", "\"", "'", "\\", "{", "}", "[", "]", "(", ")", "=", "/", ">",
	"<think>", "</think>", "<think", "</thin", "<tool_call>", "</tool_call>", "<tool_call>\n{", "<tool_ca", "</tool_",
	"{\"name\": \"f\", \"arguments\": {\"a\": 1}}", "{\"arguments\": {\"a\": [1, {}]}, \"name\": \"f\"}", "{\"name\": \"f\"", ", \"parameters\": ", "\"name\"", "\"arguments\": ", "\"type\": \"function\", ",
	"{\"a\": \"</tool_call>\\n\"}", "{\"x\": \"\\u00e9\\ud83d\\ude0a\\ud83d\\\"\\\\\"}", "\"{\\\"a\\\": 1}\"", "null", "1e5", "-0.5", "true", "\\u", "\\ud83d", "12 apples", "00123", "[1, \"two\", null]", "[\"</arg_value>\", 2]", "[\"</｜DSML｜parameter>\"]", "[\"x",
	"<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "function", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool", "<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>",
	"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<｜DSML｜ calls>", "<｜DSML｜invoke name=\"f\">", "<｜DSML｜ invoke name=\"g\">", "<｜DSML｜invoke", " name=\"k\"", " string=\"true\"", " string=\"false\"", "<｜DSML｜parameter name=\"k\" string=\"true\">", "<｜DSML｜parameter name=\"j\" string=\"false\">", "<｜DSML｜parameter name=\"n\">", "</｜DSML｜parameter>", "</｜DSML｜invoke>", "</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "<｜DSML｜", "</｜DSML｜",
	"<|tool_calls_section_begin|>", "<|tool_call_begin|>", "functions.f:0", "functions.", "<|tool_call_argument_begin|>", "<|tool_call_end|>", "<|tool_calls_section_end|>", "<|tool_call",
	"<tool_call>f\n", "<tool_call>f<arg_key>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>", "<arg_key>s</arg_key><arg_value>", "<arg_key>n</arg_key>\n<arg_value>12</arg_value>\n", "<arg_",
	"<|python_tag|>", "brave_search.call(", "f.call(q=\"x\", n=1)", "q=", "'it\\'s \"\\n\\q'", "\"x\\'\\/\"", "True", ")", "<|python",
}

var outputTestTools = []json.RawMessage{json.RawMessage(`{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {
	"s": {"type": "string"}, "n": {"type": "integer"}, "k": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "a": {"type": ["array", "string"]}}}}}`)}

// randomOutput puts fragments together, mostly those that fit each other.
func randomOutput(r *rand.Rand, g []goldenParse) string {
	var b strings.Builder
	switch r.IntN(3) {
	case 0:
		for range 1 + r.IntN(14) {
			b.WriteString(outputFragments[r.IntN(len(outputFragments))])
		}
	case 1: // a golden text with fragments put in or parts taken out
		c := g[r.IntN(len(g))].Cases
		s := c[r.IntN(len(c))].Raw
		for range 1 + r.IntN(4) {
			i := r.IntN(len(s) + 1)
			j := min(len(s), i+r.IntN(2)*r.IntN(12))
			s = s[:i] + outputFragments[r.IntN(len(outputFragments))] + s[j:]
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

// checkOutput compares the parser with the oracle, and streams with the whole.
func checkOutput(t testing.TB, format, s string, o Options, r *rand.Rand) bool {
	t.Helper()
	whole, err := Parse(format, s, o)
	if err != nil {
		t.Fatal(err)
	}
	got := showOutput(whole)
	if want := showOutput(oracleParse(format, s, o)); got != want {
		t.Errorf("%s open=%v tools=%v: %q\n got %s\nwant %s", format, o.Open, o.Tools != nil, s, got, want)
		return false
	}
	for range 3 {
		var chunks []string
		mean := 1 + r.IntN(12)
		for rest := s; rest != ""; {
			n := min(len(rest), 1+r.IntN(2*mean))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if cut := showOutput(parseChunks(t, format, o, chunks...)); cut != got {
			t.Errorf("%s open=%v tools=%v: chunks %s\n got %s\nwant %s", format, o.Open, o.Tools != nil, showChunks(chunks), cut, got)
			return false
		}
	}
	return true
}

func TestParseOracle(t *testing.T) {
	golden := readGoldenParse(t)
	n := 60000
	if testing.Short() {
		n = 5000
	}
	for i := range n {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		format := Formats()[r.IntN(len(Formats()))]
		o := Options{Open: r.IntN(4) == 0}
		if r.IntN(2) == 0 {
			o.Tools = outputTestTools
		}
		own := golden
		if r.IntN(4) > 0 {
			for _, g := range golden {
				if g.Format == format {
					own = []goldenParse{g}
				}
			}
		}
		if !checkOutput(t, format, randomOutput(r, own), o, r) && t.Failed() {
			t.Fatalf("case %d", i)
		}
	}
}

// FuzzParse holds that any text gives the same however it is cut, that the
// oracle agrees, and that whole characters come out of whole characters.
func FuzzParse(f *testing.F) {
	for k, g := range readGoldenParse(f) {
		for i, c := range g.Cases {
			f.Add(uint8(k), c.Open, c.Tools, uint64(i), c.Raw)
		}
	}
	for i, s := range outputFragments {
		f.Add(uint8(i), i%2 == 0, i%3 == 0, uint64(i), s+outputFragments[(i*7)%len(outputFragments)])
	}
	f.Fuzz(func(t *testing.T, k uint8, open, tools bool, seed uint64, s string) {
		if len(s) > 4000 {
			return
		}
		format := Formats()[int(k)%len(Formats())]
		o := Options{Open: open}
		if tools {
			o.Tools = outputTestTools
		}
		checkOutput(t, format, s, o, rand.New(rand.NewPCG(seed, 1)))
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
