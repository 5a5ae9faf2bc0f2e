package blitz

import (
	"errors"
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

func TestContinued(t *testing.T) {
	for _, c := range []struct {
		text, said, want string
		ok               bool
	}{
		{"<user>Hi<end><assistant>Well, I<end>\n", "Well, I", "<user>Hi<end><assistant>Well, I", true},
		{"<user>one<end><assistant>one<end>", " one\n", "<user>one<end><assistant>one", true},
		{"<user>Hi<end><assistant><end>", "", "", false},
		{"<user>Hi<end>", "not shown", "", false},
	} {
		got, err := continued(c.text, []chat.Message{chat.User("Hi"), chat.Assistant(c.said)})
		if got != c.want || (err == nil) != c.ok || err != nil && !errors.Is(err, ErrOption) {
			t.Errorf("%q after %q: %q, %v; want %q", c.said, c.text, got, err, c.want)
		}
	}
}

func TestContinueNeedsAnAnswer(t *testing.T) {
	e := tinyEngine(t)
	for _, messages := range [][]chat.Message{nil, {chat.User("Hi")}} {
		if _, err := e.Generate(t.Context(), Request{Messages: messages, Prompt: map[bool]string{true: "x"}[messages == nil], Continue: true}); !errors.Is(err, ErrOption) {
			t.Errorf("%v: %v, want ErrOption", messages, err)
		}
	}
}
