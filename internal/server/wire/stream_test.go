package wire

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// listener is a client that notes what it is sent and how often it is given time.
type listener struct {
	header    http.Header
	text      strings.Builder
	deadlines []time.Time
}

func (l *listener) Header() http.Header         { return l.header }
func (l *listener) WriteHeader(int)             {}
func (l *listener) Write(b []byte) (int, error) { return l.text.Write(b) }
func (l *listener) Flush()                      {}
func (l *listener) SetWriteDeadline(t time.Time) error {
	l.deadlines = append(l.deadlines, t)
	return nil
}

// A stream says that it lives when it said nothing for long, and not while it goes on. Its
// client has the same time for each event, but for a second.
func TestEventsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{header: http.Header{}}
		e := NewEvents(l)
		pings := func() int { return strings.Count(l.text.String(), ": ping\n\n") }
		wait := func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		wait(2*silence + time.Second)
		if n := pings(); n != 2 || !e.Begun() {
			t.Errorf("%d comments while nothing was said for 31 s, want 2", n)
		}
		began := time.Now()
		for range 3000 {
			wait(20 * time.Millisecond)
			if err := e.Send("", "x"); err != nil {
				t.Fatal(err)
			}
			if left := time.Until(l.deadlines[len(l.deadlines)-1]); left > WritePatience || left <= WritePatience-renewal {
				t.Fatalf("a client has %v for an event", left)
			}
		}
		if n := pings(); n != 2 {
			t.Errorf("%d comments in a stream that goes on, want none", n-2)
		}
		if n, most := len(l.deadlines)-2, int(time.Since(began)/renewal); n > most+1 {
			t.Errorf("the deadline was set %d times in a minute, want at most %d", n, most)
		}
		wait(silence + time.Second)
		if n := pings(); n != 3 {
			t.Errorf("%d comments behind the last event, want one", n-2)
		}
		if err := e.Done(); err != nil || !strings.HasSuffix(l.text.String(), "data: [DONE]\n\n") {
			t.Errorf("the end: %v", err)
		}
		e.Close()
		wait(3 * silence)
		if n := pings(); n != 3 {
			t.Error("a comment behind the end")
		}
	})
}

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
