package main

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
)

func TestPrinter(t *testing.T) {
	reason := func(s string) output.Delta { return output.Delta{Kind: output.DeltaReasoning, Text: s} }
	content := func(s string) output.Delta { return output.Delta{Kind: output.DeltaContent, Text: s} }
	call := func(name string) output.Delta { return output.Delta{Kind: output.DeltaCall, Name: name} }
	arguments := func(s string) output.Delta { return output.Delta{Kind: output.DeltaArguments, Text: s} }
	whole := []output.Delta{reason("Let me "), reason("see."), content("It is "), content("four.")}
	for name, c := range map[string]struct {
		screen, style, hide bool
		deltas              []output.Delta
		want                string
	}{
		"plain":                     {deltas: whole, want: "<think>\nLet me see.\n</think>\n\nIt is four.\n"},
		"dimmed":                    {screen: true, style: true, deltas: whole, want: "\x1b[2mLet me see.\x1b[0m\n\nIt is four.\n"},
		"hidden":                    {hide: true, deltas: whole, want: "It is four.\n"},
		"reasoning that is cut":     {deltas: whole[:2], want: "<think>\nLet me see.\n</think>\n\n"},
		"dimmed, cut":               {style: true, deltas: whole[:2], want: "\x1b[2mLet me see.\x1b[0m\n\n"},
		"nothing":                   {want: "\n"},
		"a line end of its own":     {deltas: []output.Delta{content("a\n")}, want: "a\n"},
		"a call":                    {deltas: []output.Delta{call("add"), arguments(`{"a": `), arguments(`1}`)}, want: "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n"},
		"content and two calls":     {deltas: []output.Delta{content("So"), call("a"), arguments("{}"), call(`b"`), arguments("{}")}, want: "So\n<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"name\": \"b\\\"\", \"arguments\": {}}\n</tool_call>\n"},
		"controls on a screen":      {screen: true, deltas: []output.Delta{content("a\x1b[2Jb\tc\u202e")}, want: "a␛[2Jb\tc\ufffd\n"},
		"controls elsewhere":        {deltas: []output.Delta{content("a\x1b[2Jb")}, want: "a\x1b[2Jb\n"},
		"reasoning behind content":  {deltas: []output.Delta{content("A."), reason("Hm."), content("B.")}, want: "A.<think>\nHm.\n</think>\n\nB.\n"},
		"hidden behind the content": {hide: true, deltas: []output.Delta{content("A."), reason("Hm."), content("B.")}, want: "A.B.\n"},
	} {
		var out bytes.Buffer
		p := newPrinter(&out, c.screen, c.style, c.hide)
		for _, d := range c.deltas {
			if err := p.token(blitz.Token{Deltas: []output.Delta{d}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A stream that is closed ends the answer with its error.
func TestPrinterOnAClosedStream(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	w.Close()
	p := newPrinter(w, false, false, false)
	err = p.token(blitz.Token{Deltas: []output.Delta{{Kind: output.DeltaContent, Text: "a"}}})
	if !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
