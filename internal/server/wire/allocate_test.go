//go:build !race

// Under the race detector pools forget at random, and what takes from them allocates.

package wire

import (
	"net/http"
	"testing"
)

// An event of plain values is written in the memory of the one before.
func TestEventsAllocate(t *testing.T) {
	l := &listener{header: http.Header{}}
	e := NewEvents(l)
	defer e.Close()
	v := &struct{ Text string }{"<a & b>"}
	if err := e.Send("told", v); err != nil || l.text.String() != "event: told\ndata: {\"Text\":\"<a & b>\"}\n\n" {
		t.Errorf("got %q, %v", l.text.String(), err)
	}
	l.text.Grow(1 << 20)
	if n := testing.AllocsPerRun(100, func() { _ = e.Send("", v) }); n > 0 {
		t.Errorf("an event allocates %v times", n)
	}
}
