package checkpoint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// manyPrompts has a thousand prompts, and a default that is none of them.
func manyPrompts() string {
	var list []string
	for i := range 1000 {
		list = append(list, fmt.Sprintf(`"name %d": "x"`, 1000+i))
	}
	return `{"prompts": {` + strings.Join(list, ", ") + `}, "default_prompt_name": "frog"}`
}

// TestPrompts reads what a publisher puts before texts of which vectors are made.
func TestPrompts(t *testing.T) {
	encoder := filepath.Join("..", "model", "testdata", "encoders", "minilm")
	for _, x := range []struct {
		config string
		names  []string
		want   string // what the error says; "": there is none
	}{
		{"", nil, ""},
		{`{"prompts": {"query": "q: ", "document": null}, "default_prompt_name": null}`, []string{"document", "query"}, ""},
		{`{"prompts": {"query": "q: "}, "default_prompt_name": "query"}`, []string{"query"}, ""},
		{`{"prompts": {"query": "q: "}, "default_prompt_name": "frog"}`, nil, "frog"},
		{manyPrompts(), nil, `"name 1000", "name 1001", "name 1002", "name 1003", "name 1004", "name 1005", "name 1006", "name 1007", … 1000 in all`},
		{`{"prompts": 7}`, nil, promptsName},
		{`{"prompts": {"query": "` + strings.Repeat("q", maxPrompt+1) + `"}}`, nil, "bytes"},
	} {
		folder := t.TempDir()
		if err := os.CopyFS(folder, os.DirFS(encoder)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(folder, "model.gguf")); err != nil {
			t.Fatal(err)
		}
		if x.config != "" {
			if err := os.WriteFile(filepath.Join(folder, promptsName), []byte(x.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Prompts()
		switch {
		case x.want != "" && (!errors.Is(err, ErrFormat) || !strings.Contains(fmt.Sprint(err), x.want)):
			t.Errorf("%.60s: got %v, want ErrFormat with %q", x.config, err, x.want)
		case x.want == "" && (err != nil || !slices.Equal(p.Names(), x.names) || p.Apart):
			t.Errorf("%.60s: got %+v %v, want %q", x.config, p, err, x.names)
		}
		c.Close()
	}
}
