package main

import (
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
)

// A line stands there from half a second on, and is gone at the end.
func TestStatus(t *testing.T) {
	p, out, at := testProgress(true)
	p.dim = true
	w := work{what: "reading the prompt", total: 1000}
	s := newStatus(p, func() work { return w })
	for range 20 {
		s.step()
		if w.done == 400 && out.Len() > 0 {
			t.Errorf("it was drawn before half a second: %q", out.String())
		}
		*at = at.Add(statusStep)
		w.done += 100
		if w.done == 1000 {
			break
		}
	}
	s.end()
	s.step()
	s.end()
	text := out.String()
	if want := "\x1b[2mreading the prompt  50 %  1000 tokens/s  1 s left\x1b[0m"; !strings.Contains(text, want) {
		t.Errorf("%q was not drawn: %q", want, text)
	}
	if !strings.HasSuffix(text, " \r") || strings.Contains(text, "\n") {
		t.Errorf("it is not gone at the end: %q", text)
	}
}

// Where nobody watches, a line is said every ten seconds.
func TestStatusInLines(t *testing.T) {
	p, out, at := testProgress(false)
	w := work{what: "loading x", total: 40e6, bytes: true}
	s := newStatus(p, func() work { return w })
	for range 250 {
		*at = at.Add(statusStep)
		w.done += 1e5
		s.step()
	}
	s.end()
	want := "loading x  25 %  10.0 MB of 40.0 MB  1.0 MB/s  30 s left\nloading x  50 %  20.0 MB of 40.0 MB  1.0 MB/s  20 s left\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestAnswerWork(t *testing.T) {
	for want, p := range map[string]blitz.Progress{
		"waiting for other answers":                  {Queued: true},
		"reading the prompt  25 %  1 of 4 tokens":    {PromptTokens: 4, ComputedTokens: 1},
		"thinking  7 tokens":                         {PromptTokens: 4, ComputedTokens: 4, OutputTokens: 7},
		"reading the prompt  100 %  4 of 4 tokens":   {PromptTokens: 4, ComputedTokens: 4},
		"reading the prompt  0 %  0 of 10000 tokens": {PromptTokens: 10000},
	} {
		if got := answerWork(p).line(0, 80); got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
	}
	if got := (work{what: "reading", done: 4, total: 8}).line(2, 10); got != "50 %  2.0 tokens/s  2 s left" {
		t.Errorf("got %q, want the name left out", got)
	}
	if got := (work{what: "loading x", bytes: true}).line(0, 80); got != "loading x" {
		t.Errorf("got %q", got)
	}
}
