package message

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		" a\tb\r\nc ":                          "a b c",
		"\x1b[31mred\x1b[0m\x07":               "red",
		"\x1b]0;title\x07x":                    "x",
		"a\xffb\u202ec":                        "abc",
		strings.Repeat("é", 20):                strings.Repeat("é", 5) + "…",
		strings.Repeat("\x1b[0m", 1<<16) + "x": "", // behind what is read of it
	} {
		if got := Line(text, 10); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
