package output

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

// goldenFile is a file of testdata: a format and what texts in it mean.
type goldenFile struct {
	Format string            `json:"format"`
	Tools  []json.RawMessage `json:"tools"`
	Cases  []struct {
		Name  string `json:"name"`
		Raw   string `json:"raw"`
		Open  bool   `json:"open"`
		Tools bool   `json:"tools"`
		Want  Output `json:"want"`
	} `json:"cases"`
}

func readGolden(t testing.TB) []goldenFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) != len(Formats()) {
		t.Fatalf("testdata: %d files, want one for each of %d formats (%v)", len(paths), len(Formats()), err)
	}
	all := make([]goldenFile, len(paths))
	for i, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &all[i]); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(all[i].Cases) == 0 {
			t.Fatalf("%s: no cases", path)
		}
	}
	return all
}

func TestGolden(t *testing.T) {
	for _, g := range readGolden(t) {
		t.Run(g.Format, func(t *testing.T) {
			for _, c := range g.Cases {
				o := Options{Open: c.Open}
				if c.Tools {
					o.Tools = g.Tools
				}
				check(t, c.Name, g.Format, o, c.Raw, c.Want)
			}
		})
	}
}

// check parses a text whole and cut in many ways, and wants the same output.
func check(t *testing.T, name, format string, o Options, text string, want Output) {
	t.Helper()
	got, err := Parse(format, text, o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(compact(format, got)), show(compact(format, want)); got != want {
		t.Errorf("%s: %s, open %v: %q\n got %s\nwant %s", name, format, o.Open, text, got, want)
		return
	}
	whole := show(got)
	for _, chunks := range cuttings(text) {
		if s := show(parseChunks(t, format, o, chunks)); s != whole {
			t.Errorf("%s: %s, open %v, chunks %s\n got %s\nwant %s", name, format, o.Open, showChunks(chunks), s, whole)
			return
		}
	}
}

// cuttings are ways to cut s into chunks: every single cut, byte by byte,
// character by character, pieces of random length.
func cuttings(s string) [][]string {
	var all [][]string
	for i := 1; i < len(s); i++ {
		all = append(all, []string{s[:i], s[i:]})
	}
	bytes := make([]string, len(s))
	for i := range len(s) {
		bytes[i] = s[i : i+1]
	}
	all = append(all, strings.Split(s, ""), bytes)
	r := rand.New(rand.NewPCG(1, uint64(len(s))))
	for _, mean := range []int{2, 4, 9, 25} {
		all = append(all, cut(r, s, mean))
	}
	return all
}

// cut cuts s into pieces of random length.
func cut(r *rand.Rand, s string, mean int) []string {
	var chunks []string
	for s != "" {
		n := min(len(s), 1+r.IntN(2*mean))
		chunks, s = append(chunks, s[:n]), s[n:]
	}
	return chunks
}

// parseChunks reads a text that comes in chunks.
func parseChunks(t testing.TB, format string, o Options, chunks []string) Output {
	t.Helper()
	p, err := NewParser(format, o)
	if err != nil {
		t.Fatal(err)
	}
	var c Collector
	for _, chunk := range chunks {
		c.Add(p.Write(chunk))
	}
	c.Add(p.Close())
	return c.Output()
}

// isDSML says whether a format is that of V3.2 or V4.
func isDSML(format string) bool { return format == "deepseek-v3.2" || format == deepseekV4 }

// compact takes the whitespace between tokens out of arguments that a format does not
// write as JSON: there it is free.
func compact(format string, o Output) Output {
	if !isDSML(format) && !strings.HasPrefix(format, "glm-") {
		return o
	}
	calls := make([]chat.ToolCall, len(o.ToolCalls))
	for i, c := range o.ToolCalls {
		var b strings.Builder
		quoted, escaped := false, false
		for _, r := range c.Arguments {
			if quoted || !isSpace(r) {
				b.WriteRune(r)
			}
			quoted = quoted != (r == '"' && !escaped)
			escaped = r == '\\' && !escaped
		}
		calls[i] = chat.ToolCall{Name: c.Name, Arguments: b.String(), ID: c.ID}
	}
	o.ToolCalls = calls
	return o
}

// show writes the parts of a text, for messages and comparison.
func show(o Output) string {
	b, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b))
}

func showChunks(chunks []string) string {
	s := fmt.Sprintf("%q", chunks)
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return s
}
