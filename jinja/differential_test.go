package jinja

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
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

// TestLimitsEverywhere stops small templates at every step and at small amounts of
// memory: they end with ErrLimit, or with what they give without limits.
func TestLimitsEverywhere(t *testing.T) {
	var golden struct {
		Context json.RawMessage `json:"context"`
		Cases   [][2]*string    `json:"cases"`
	}
	readGolden(t, "testdata/differential.json.gz", &golden)
	variables := variablesOf(t, golden.Context)
	r := rand.New(rand.NewPCG(3, 4))
	for i, c := range golden.Cases {
		if i > 150 && r.IntN(3) > 0 { // the statements stand in front
			continue
		}
		tmpl, err := NewTemplate(*c[0])
		if err != nil {
			continue
		}
		tmpl.Now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 78901000, time.UTC) }
		want, wantErr := tmpl.Render(t.Context(), variables)
		check := func(what string, n int64) bool {
			got, err := tmpl.Render(t.Context(), variables)
			if errors.Is(err, ErrLimit) {
				return true
			}
			if got != want || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Errorf("%s with %d %s: got %q, %v, want ErrLimit or %q, %v", *c[0], n, what, got, err, want, wantErr)
			}
			return false
		}
		for n := int64(0); ; n += 1 + n/8 {
			tmpl.Limits.Steps = n
			if !check("steps", n) {
				break
			}
		}
		tmpl.Limits.Steps = DefaultLimits.Steps
		for n := int64(0); ; n += 24 + n/4 {
			tmpl.Limits.Memory = n
			if !check("bytes", n) {
				break
			}
		}
		tmpl.Limits.Memory = DefaultLimits.Memory
		for n := range int64(4) {
			tmpl.Limits.Output = 5 * n * n
			check("bytes of text", 5*n*n)
			tmpl.Limits.Depth = int(n)
			check("levels", n)
			tmpl.Limits.Depth, tmpl.Limits.Output = DefaultLimits.Depth, DefaultLimits.Output
		}
	}
}
