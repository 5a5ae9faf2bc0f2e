package jinja

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"
)

// The published templates of testdata/templates.json.gz, each rendered by jinja2
// 3.1.6 on 23 November 2026 for several conversations. Where the reference raised an
// error there is no text.
type goldenTemplates struct {
	Contexts  map[string]json.RawMessage `json:"contexts"`
	Templates []struct {
		Name     string             `json:"name"`
		Template string             `json:"template"`
		Want     map[string]*string `json:"want"`
	} `json:"templates"`
}

// readGolden reads a file of testdata that is JSON under gzip.
func readGolden(t testing.TB, path string, to any) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	data, err := io.ReadAll(z)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// variablesOf reads the variables of a template from JSON.
func variablesOf(t testing.TB, text []byte) *Dict {
	t.Helper()
	v, err := ParseJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := v.Dict()
	if !ok {
		t.Fatalf("%.80s: got no object", text)
	}
	return d
}

// TestPublished renders published templates as the reference did.
func TestPublished(t *testing.T) {
	var golden goldenTemplates
	readGolden(t, "testdata/templates.json.gz", &golden)
	if len(golden.Templates) < 70 {
		t.Fatalf("%d templates, want 70 or more", len(golden.Templates))
	}
	for _, g := range golden.Templates {
		tmpl, err := NewTemplate(g.Template)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		tmpl.Now = func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
		for name, want := range g.Want {
			got, err := tmpl.Render(t.Context(), variablesOf(t, golden.Contexts[name]))
			switch {
			case want == nil && err == nil:
				t.Errorf("%s, %s: got %.80q, want an error", g.Name, name, got)
			case want != nil && err != nil:
				t.Errorf("%s, %s: %v", g.Name, name, err)
			case want != nil && got != *want:
				i := 0
				for i < min(len(got), len(*want)) && got[i] == (*want)[i] {
					i++
				}
				t.Errorf("%s, %s: byte %d: got %.80q, want %.80q", g.Name, name, i, got[i:], (*want)[i:])
			}
		}
	}
}
