package main

import (
	"errors"
	"testing"

	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/settings"
)

// What each type of flag takes, and what it becomes; "" is a refusal.
func TestValues(t *testing.T) {
	for name, c := range map[string]struct {
		value func() pflag.Value
		texts map[string]string
	}{
		"number": {func() pflag.Value { return &number{max: 2} }, map[string]string{
			"0": "0", "0.5": "0.5", "2": "2", "2.01": "", "-0.1": "", "NaN": "", "Inf": "", "hot": "", "": "", "1e-3": "0.001",
		}},
		"count": {func() pflag.Value { return &count{min: 1, max: 16} }, map[string]string{
			"1": "1", "16": "16", "0": "", "17": "", "1.5": "", "many": "", "99999999999999999999": "", "": "",
		}},
		"seed": {func() pflag.Value { return &seed{} }, map[string]string{
			"0": "0", "18446744073709551615": "18446744073709551615", "18446744073709551616": "", "-1": "", "x": "",
		}},
		"choice": {func() pflag.Value { return &choice{from: []string{"q8", "f32"}} }, map[string]string{"q8": "q8", "F32": "f32", "q3": "", "": ""}},
	} {
		for text, want := range c.texts {
			v := c.value()
			err := v.Set(text)
			var wanted settings.Want
			switch {
			case want == "" && !errors.As(err, &wanted):
				t.Errorf("%s %q: got %v, want an error that says what is wanted", name, text, err)
			case want != "" && (err != nil || v.String() != want):
				t.Errorf("%s %q: got %q, %v, want %q", name, text, v.String(), err, want)
			}
			if r, ok := v.(interface{ reset() }); ok {
				if r.reset(); v.String() != "" {
					t.Errorf("%s %q: %q behind reset, want nothing", name, text, v.String())
				}
			}
		}
	}
}

// What was given counts; what was not stays as the model's publisher suggests.
func TestSamplingFlags(t *testing.T) {
	f := newRunFlags()
	if err := f.cmd.ParseFlags([]string{"--temp", "0.5", "--top-k", "0", "--min-p=0.1"}); err != nil {
		t.Fatal(err)
	}
	s := blitz.Sampling{Temperature: 1, TopK: 40, TopP: new(float32(0.9)), RepeatPenalty: 1.1}
	f.apply(&s)
	if s.Temperature != 0.5 || s.TopK != 0 || *s.TopP != 0.9 || s.MinP != 0.1 || s.RepeatPenalty != 1.1 {
		t.Errorf("got %+v", s)
	}
	var random seed
	if a, b := random.next(), random.next(); a == b || a >= 1<<53 {
		t.Errorf("random seeds %d and %d, want two that every JSON reader keeps", a, b)
	}
	fixed := seed{v: 7, set: true}
	if fixed.next() != 7 {
		t.Error("a seed that is given is not used")
	}
}
