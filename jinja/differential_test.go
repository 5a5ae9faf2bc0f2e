package jinja

import (
	"encoding/json"
	"testing"
	"time"
)

// TestDifferential renders small templates as jinja2 3.1.6 did: every filter, method,
// test, global, operator, format and statement, with many values, errors included. See
// testdata/differential.py.
func TestDifferential(t *testing.T) {
	var golden struct {
		Context json.RawMessage `json:"context"`
		Cases   [][2]*string    `json:"cases"`
	}
	readGolden(t, "testdata/differential.json.gz", &golden)
	if len(golden.Cases) < 5000 {
		t.Fatalf("%d cases, want 5000 or more", len(golden.Cases))
	}
	variables := variablesOf(t, golden.Context)
	wrong := 0
	for _, c := range golden.Cases {
		source, want := *c[0], c[1]
		tmpl, err := NewTemplate(source)
		got := ""
		if err == nil {
			tmpl.Now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 78901000, time.UTC) }
			got, err = tmpl.Render(t.Context(), variables)
		}
		switch {
		case want == nil && err != nil, want != nil && err == nil && got == *want:
			continue
		case want == nil:
			t.Errorf("%s: got %q, want an error", source, got)
		default:
			t.Errorf("%s: got %q, %v, want %q", source, got, err, *want)
		}
		if wrong++; wrong > 100 {
			t.Fatal("and so on")
		}
	}
}
