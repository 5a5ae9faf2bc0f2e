package wire

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// listener is a client that notes what it is sent and how often it is given time. What a
// timer writes is in no order with what a test reads before it, so both hold the lock.
type listener struct {
	header    http.Header
	mu        sync.Mutex
	text      strings.Builder
	deadlines []time.Time
}

func (l *listener) Header() http.Header { return l.header }
func (l *listener) WriteHeader(int)     {}
func (l *listener) Flush()              {}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *listener) SetWriteDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deadlines = append(l.deadlines, t)
	return nil
}

// told returns what the client was sent, and the times it was given.
func (l *listener) told() (string, []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String(), l.deadlines
}

// A stream says that it lives when it said nothing for long, and not while it goes on. Its
// client has the same time for each event, but for a second.
func TestEventsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &listener{header: http.Header{}}
		e := NewEvents(l)
		pings := func() int {
			text, _ := l.told()
			return strings.Count(text, ": ping\n\n")
		}
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
			_, deadlines := l.told()
			if left := time.Until(deadlines[len(deadlines)-1]); left > WritePatience || left <= WritePatience-renewal {
				t.Fatalf("a client has %v for an event", left)
			}
		}
		if n := pings(); n != 2 {
			t.Errorf("%d comments in a stream that goes on, want none", n-2)
		}
		_, deadlines := l.told()
		if n, most := len(deadlines)-2, int(time.Since(began)/renewal); n > most+1 {
			t.Errorf("the deadline was set %d times in a minute, want at most %d", n, most)
		}
		wait(silence + time.Second)
		if n := pings(); n != 3 {
			t.Errorf("%d comments behind the last event, want one", n-2)
		}
		err := e.Done()
		if text, _ := l.told(); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
			t.Errorf("the end: %v", err)
		}
		e.Close()
		wait(3 * silence)
		if n := pings(); n != 3 {
			t.Error("a comment behind the end")
		}
	})
}
