package catalogue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/hub"
)

// The catalogue in the program states no fact without an address where it was read.
func TestBuiltin(t *testing.T) {
	c := Builtin()
	if len(c.Models) < 20 {
		t.Fatalf("%d models", len(c.Models))
	}
	for _, m := range c.Models {
		stated := map[string]bool{
			"title": m.Title != "", "architecture": m.Architecture != "", "parameters": m.Parameters > 0, "active_parameters": m.Active > 0,
			"context": m.Context > 0, "license": m.License != "", "good_at": m.GoodAt != "",
		}
		for fact, is := range stated {
			if _, confirmed := m.Confirmed[fact]; is != confirmed {
				t.Errorf("%s: %s is stated: %v, confirmed: %v", m.Name, fact, is, confirmed)
			}
		}
		for _, s := range m.Sources {
			if s.Confirmed == "" {
				t.Errorf("%s: source %s is not confirmed", m.Name, s.Source)
			}
		}
	}
	for _, name := range []string{
		"deepseek-r1:1.5b", "deepseek-r1:7b", "deepseek-r1:8b", "deepseek-r1:14b", "deepseek-r1:32b", "deepseek-r1:70b", "deepseek-r1:671b",
		"deepseek-v2-lite", "deepseek-v2", "deepseek-v2.5", "deepseek-v3", "deepseek-v3.1", "deepseek-v3.2",
		"qwen3", "glm-4.7-flash", "gemma3", "llama3.1", "moonlight", "gigachat3",
	} {
		if c.Find(name) == nil {
			t.Errorf("%s is not there", name)
		}
	}
}

// A name is found whatever its case, without its tag where that is clear, and under its
// further names.
func TestFind(t *testing.T) {
	c, err := Parse([]byte(`{"version": 1, "models": [
		{"name": "a:1b", "also": ["a"], "sources": [{"source": "hf.co/u/a:Q4_K_M", "size": 10}, {"source": "hf.co/u/a:Q8_0", "size": 20}, {"source": "ollama:a"}]},
		{"name": "a:2b", "sources": [{"source": "ollama:a:2b"}]},
		{"name": "b:3b", "sources": [{"source": "pip:b"}]},
		{"name": "c:1", "sources": [{"source": "ollama:c:1"}]},
		{"name": "c:2", "sources": [{"source": "ollama:c:2"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[string]string{
		"a": "a:1b", "A:2B": "a:2b", "a:latest": "a:1b", "b": "b:3b", "b:3b": "b:3b",
		"c": "", "b:latest": "", "d": "", "a:3b": "", "": "", "../a": "", "a b": "",
	} {
		got := ""
		if m := c.Find(asked); m != nil {
			got = m.Name.String()
		}
		if got != want {
			t.Errorf("Find(%q) = %q, want %q", asked, got, want)
		}
	}
	a := c.Find("a")
	src, err := hub.ParseSource("hf.co/U/A:q8_0")
	if err != nil {
		t.Fatal(err)
	}
	if c.From(src) != a {
		t.Errorf("%s is of no model", src)
	}
	for room, want := range map[int64]string{9: "<nil>", 10: "Q4_K_M", 19: "Q4_K_M", 20: "Q8_0", 1000: "Q8_0"} {
		got := "<nil>"
		if s := a.Choose(func(size int64) bool { return size <= room }); s != nil {
			got = s.Quantization()
		}
		if got != want {
			t.Errorf("room for %d: %s, want %s", room, got, want)
		}
	}
	if got := a.Smallest(); got != 10 {
		t.Errorf("smallest %d, want 10", got)
	}
}

// What is no catalogue is refused with a message that names the model.
func TestRefuse(t *testing.T) {
	one := func(members string) string {
		return `{"version": 1, "models": [{"name": "fine", "sources": [{"source": "pip:x"}]}, {` + members + `}]}`
	}
	for text, want := range map[string]string{
		``:                                       "ends early",
		`null`:                                   "version 0",
		`[]`:                                     "array",
		`{"ve`:                                   "ends early",
		`{} {}`:                                  "behind",
		`{"version": 2}`:                         "version 2",
		`{"version": 1, "modells": []}`:          "modells",
		`{"version": 1, "models": [7]}`:          "model 1",
		one(`"sources": [{"source": "pip:x"}]`):  "model 2",
		one(`"name": "a"`):                       "0 sources",
		one(`"name": "a", "sources": [{}]`):      "not named",
		one(`"name": "a b", "sources": []`):      `"a b"`,
		one(`"name": "x.gguf", "sources": []`):   "x.gguf",
		one(`"name": "a", "colour": 1`):          "colour",
		one(`"name": "a", "sources": ["pip:x"]`): "model 2",
		one(`"name": "a", "sources": [{"source": "/etc/passwd"}]`):                                              "fetched from nowhere",
		one(`"name": "a", "sources": [{"source": "file:///etc/passwd"}]`):                                       "fetched from nowhere",
		one(`"name": "a", "sources": [{"source": "other"}]`):                                                    "fetched from nowhere",
		one(`"name": "a", "sources": [{"source": "http://example.org/x.gguf"}]`):                                "http",
		one(`"name": "a", "sources": [{"source": "https://u:p@example.org/x.gguf"}]`):                           "password",
		one(`"name": "a", "sources": [{"source": "pip:x", "size": -1}]`):                                        "size -1",
		one(`"name": "a", "sources": [{"source": "pip:x", "size": 1e30}]`):                                      "model 2",
		one(`"name": "a", "sources": [{"source": "pip:x"}], "context": -1`):                                     "context",
		one(`"name": "a", "sources": [{"source": "pip:x"}], "license": "a\u001b[31m"`):                          "printable",
		one(`"name": "a", "sources": [{"source": "pip:x"}], "good_at": "a\nb"`):                                 "printable",
		one(`"name": "a", "sources": [{"source": "pip:x"}], "confirmed": {"x": "https://x"}`):                   "no fact",
		one(`"name": "a", "sources": [{"source": "pip:x"}], "confirmed": {"title": "ftp://x"}`):                 "https address",
		one(`"name": "FINE", "sources": [{"source": "pip:x"}]`):                                                 "name FINE",
		one(`"name": "a", "also": ["fine"], "sources": [{"source": "pip:x"}]`):                                  "name fine",
		one(`"name": "a", "title": "` + strings.Repeat("x", maxText+1) + `", "sources": [{"source": "pip:x"}]`): "501 bytes",
		strings.Repeat("[", 1<<20):     "max depth",
		strings.Repeat(" ", maxFile+1): "more than",
	} {
		_, err := Parse([]byte(text))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120q: error %v, want ErrFormat with %q", text, err, want)
		}
	}
	many := strings.Repeat(`{"name": "x"},`, maxModels) + `{"name": "x"}`
	if _, err := Parse([]byte(`{"version": 1, "models": [` + many + `]}`)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "4097 models") {
		t.Errorf("error %v", err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrFormat) {
		t.Errorf("a folder: %v", err)
	}
	path := filepath.Join(dir, "c.json")
	if err := os.WriteFile(path, []byte(`{"version": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path)
	if err != nil || len(c.Models) != 0 || c.Find("qwen3") != nil {
		t.Errorf("an empty catalogue: %v, %v", c, err)
	}
	if err := os.WriteFile(path, []byte(`{`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), path) {
		t.Errorf("a damaged one: %v", err)
	}
	if c, err := Open(""); err != nil || c != Builtin() {
		t.Errorf("none: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(builtin)
	f.Add([]byte(`{"version": 1, "models": [{"name": "a", "sources": [{"source": "hf.co/u/r:Q4_0", "size": 3}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error %v is not ErrFormat", err)
			}
			return
		}
		for _, m := range c.Models {
			if c.Find(m.Name.String()) != m {
				t.Fatalf("%s is not found", m.Name)
			}
		}
	})
}
