package main

import (
	"slices"
	"strings"
	"testing"
)

// A value that stands alone behind --think belongs to it, a prompt does not.
func TestValueAlone(t *testing.T) {
	for in, want := range map[string]string{
		"run m --think off Hi":                 "run m --think=off Hi",
		"run --think off m Hi":                 "run --think=off m Hi",
		"run m Hi --think 200":                 "run m Hi --think=200",
		"run m --think OFF Hi":                 "run m --think=OFF Hi",
		"run m --think high Hi":                "run m --think=high Hi",
		"run m --think 1.5 Hi":                 "run m --think=1.5 Hi",
		"run m --think Hi":                     "run m --think Hi",
		"run m --think offer":                  "run m --think offer",
		"run m --think=on off":                 "run m --think=on off",
		"run m --think -- off":                 "run m --think -- off",
		"run m -- --think off":                 "run m -- --think off",
		"run m --think":                        "run m --think",
		"run m --system --think off":           "run m --system --think off",
		"run m -n 5 --think off Hi":            "run m -n 5 --think=off Hi",
		"run m --verbose --think off Hi":       "run m --verbose --think=off Hi",
		"tokenize m --think off":               "tokenize m --think off",
		"run m --think --temp 0 off":           "run m --think --temp 0 off",
		"run m --think off --think on --think": "run m --think=off --think=on --think",
	} {
		if got := joinAlone(newRoot(), strings.Fields(in)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
