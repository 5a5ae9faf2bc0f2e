package ui

import (
	"testing"
	"time"
)

// TestUsual: what the server was started with is offered before what was used last.
func TestUsual(t *testing.T) {
	old, late := time.Unix(1, 0), time.Unix(2, 0)
	list := []Model{{Name: "a", Used: &old}, {Name: "b", Used: &late}, {Name: "c", State: stateReady}}
	for _, c := range []struct {
		served []string
		want   string
	}{
		{nil, "c"}, {[]string{"gone", "B:latest", "a"}, "b"}, {[]string{"/models/x.gguf"}, "c"},
	} {
		if got := usual(list, c.served); got != c.want {
			t.Errorf("%v: %s, want %s", c.served, got, c.want)
		}
	}
	if got := usual(list[:2], nil); got != "b" {
		t.Errorf("none in memory: %s, want b", got)
	}
	if got := usual(nil, []string{"a"}); got != "" {
		t.Errorf("none at all: %s", got)
	}
}
