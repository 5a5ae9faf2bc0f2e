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

// goldenParse is one file of testdata: a format and what its texts mean.
type goldenParse struct {
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

func readGoldenParse(t testing.TB) []goldenParse {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) != len(Formats()) {
		t.Fatalf("testdata: %d files, want one for each of %d formats (%v)", len(paths), len(Formats()), err)
	}
	all := make([]goldenParse, len(paths))
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

// parseChunks reads a text that comes in chunks.
func parseChunks(t testing.TB, format string, o Options, chunks ...string) Output {
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

// outputText of the parts, for messages and comparison.
func showOutput(o Output) string {
	b, err := json.Marshal(o)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// cuttings are ways to cut s into chunks: every single cut, byte by byte,
// character by character, pieces of random length.
func cuttings(s string) [][]string {
	var all [][]string
	for i := 1; i < len(s); i++ {
		all = append(all, []string{s[:i], s[i:]})
	}
	all = append(all, strings.Split(s, ""))
	bytes := make([]string, len(s))
	for i := range len(s) {
		bytes[i] = s[i : i+1]
	}
	all = append(all, bytes)
	r := rand.New(rand.NewPCG(1, uint64(len(s))))
	for _, mean := range []int{2, 4, 9, 25} {
		var chunks []string
		for rest := s; rest != ""; {
			n := min(len(rest), 1+r.IntN(2*mean))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		all = append(all, chunks)
	}
	return all
}

// withoutSpace takes the whitespace between tokens out of arguments that a format
// does not write as JSON: there it is free.
func withoutSpace(format string, o Output) Output {
	if format != "deepseek-v3.2" && !strings.HasPrefix(format, "glm-") {
		return o
	}
	calls := make([]chat.ToolCall, len(o.ToolCalls))
	for i, c := range o.ToolCalls {
		var b strings.Builder
		var s outputScan
		for _, r := range c.Arguments {
			if quoted := s.quoted; s.step(string(r)) != scanBroken && (quoted || !outputSpaceRune(r)) {
				b.WriteRune(r)
			}
		}
		calls[i] = chat.ToolCall{Name: c.Name, Arguments: b.String()}
	}
	o.ToolCalls = calls
	return o
}

func TestParseGolden(t *testing.T) {
	for _, g := range readGoldenParse(t) {
		t.Run(g.Format, func(t *testing.T) {
			for _, c := range g.Cases {
				o := Options{Open: c.Open}
				if c.Tools {
					o.Tools = g.Tools
				}
				want := showOutput(withoutSpace(g.Format, c.Want))
				got, err := Parse(g.Format, c.Raw, o)
				if err != nil {
					t.Fatal(err)
				}
				if s := showOutput(withoutSpace(g.Format, got)); s != want {
					t.Errorf("%s: %q\n got %s\nwant %s", c.Name, c.Raw, s, want)
					continue
				}
				whole := showOutput(got)
				for _, chunks := range cuttings(c.Raw) {
					if s := showOutput(parseChunks(t, g.Format, o, chunks...)); s != whole {
						t.Errorf("%s: chunks %s\n got %s\nwant %s", c.Name, showChunks(chunks), s, whole)
						break
					}
				}
			}
		})
	}
}

func showChunks(chunks []string) string {
	s := fmt.Sprintf("%q", chunks)
	if len(s) > 500 {
		s = s[:500] + "…"
	}
	return s
}
