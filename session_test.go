package blitz

import (
	"testing"

	"github.com/blitz-r1/blitz/chat"
)

func TestWholeCalls(t *testing.T) {
	whole, cut := chat.ToolCall{Name: "a", Arguments: `{"x": 1}`}, chat.ToolCall{Name: "b", Arguments: `{"x": `}
	for _, c := range []struct {
		calls []chat.ToolCall
		want  int
	}{
		{nil, 0},
		{[]chat.ToolCall{whole}, 1},
		{[]chat.ToolCall{whole, whole}, 2},
		{[]chat.ToolCall{whole, cut}, 1},
		{[]chat.ToolCall{cut}, 0},
	} {
		if got := wholeCalls(c.calls); len(got) != c.want {
			t.Errorf("%v: %d calls are kept, want %d", c.calls, len(got), c.want)
		}
	}
}
