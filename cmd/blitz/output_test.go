package main

import (
	"bytes"
	"testing"
	"time"
)

func TestFormatCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1000: "1.00 K", 134_515_008: "135 M", 1_777_088_000: "1.78 B", 14_770_000_000: "14.8 B", 671_026_419_200: "671 B", 1_040_000_000_000: "1.04 T",
	} {
		if got := formatCount(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}

func TestFormatAge(t *testing.T) {
	now := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Hour: "just now", 0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 90 * time.Minute: "1 hour ago",
		25 * time.Hour: "1 day ago", 72 * time.Hour: "3 days ago", 100 * 24 * time.Hour: now.Add(-100 * 24 * time.Hour).Local().Format(time.DateOnly),
	} {
		if got := formatAge(now.Add(-d), now); got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}

// Text of a file cannot move the cursor, ring, or turn a line around.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain ünï 你好": "plain ünï 你好", "a\x1b[31mb": "a␛[31mb", "a\nb\tc\r": "a b c ", "\x7f\a": "␡␇", "a\u202eb\u2066": "a\ufffdb\ufffd", "\u0085": "\ufffd",
		"bad \xff byte": "bad \ufffd byte",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := printableText("a\n\tb\r\x1b"); got != "a\n\tb␍␛" {
		t.Errorf("lines and tabs: got %q", got)
	}
}

func TestWriteTable(t *testing.T) {
	var out bytes.Buffer
	if err := writeTable(&out, []string{"NAME", "SIZE"}, []string{"a long name", "1"}, []string{"b", ""}); err != nil {
		t.Fatal(err)
	}
	if want := "NAME          SIZE\na long name   1\nb\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
