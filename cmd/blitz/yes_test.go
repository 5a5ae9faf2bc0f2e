package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// A question takes one line and leaves what is behind it; the end of the input is a no.
func TestReadYes(t *testing.T) {
	for text, want := range map[string]bool{
		"y\nrest": true, "Yes\n": true, " y \n": true, "n\n": false, "\n": false, "": false, "yes": true, "yesterday\n": false,
		strings.Repeat("y", 10_000): false,
	} {
		in := strings.NewReader(text)
		got, err := readYes(t.Context(), in)
		if err != nil || got != want {
			t.Errorf("%.20q: %v, %v, want %v", text, got, err, want)
		}
		if rest, _ := io.ReadAll(in); strings.Contains(text, "rest") && string(rest) != "rest" {
			t.Errorf("%q: left is %q", text, rest)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in, out := io.Pipe()
	defer out.Close()
	if _, err := readYes(ctx, in); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
