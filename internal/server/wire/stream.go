package wire

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// WritePatience is how long a client may take for what is written at once; one that
// does not read for so long is cut off.
const WritePatience = 30 * time.Second

// silence is how long an event stream says nothing before a comment is sent.
const silence = 15 * time.Second

// Marshal returns v as JSON as dialects write it: without HTML's escapes, without a
// newline. A value that cannot be written is our own bug.
func Marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// WriteJSON writes an answer that is one value.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	body := append(Marshal(v), '\n')
	w.Header().Set("Content-Type", "application/json")
	patience(w)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is nobody's fault
}

// patience sets the time by which the client must have taken what is written next.
func patience(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(WritePatience)) // tests have writers without one
}

// Events is an answer of server-sent events. It begins with the first of them, or with a
// comment where nothing is to be said for long. Several goroutines may use it. A nil one is
// an answer that is no stream: it never begins.
type Events struct {
	mu     sync.Mutex
	w      http.ResponseWriter
	out    *http.ResponseController
	begun  bool
	err    error
	quiet  *time.Timer
	closed bool
	buf    []byte
}

// NewEvents returns a stream of events to a client. It is to be made before anything that
// may take long, as the load of a model does: who waits then hears that the server lives.
// Close is to be called at its end.
func NewEvents(w http.ResponseWriter) *Events {
	e := &Events{w: w, out: http.NewResponseController(w)}
	e.mu.Lock() // the timer's function looks at the timer
	defer e.mu.Unlock()
	e.quiet = time.AfterFunc(silence, e.ping)
	return e
}

// EventsIf returns a stream of events to a client that asked for one, else nil.
func EventsIf(asked bool, w http.ResponseWriter) *Events {
	if !asked {
		return nil
	}
	return NewEvents(w)
}

// Send writes an event with its name, "" for none, and v as JSON. The error says that
// the client is gone.
func (e *Events) Send(name string, v any) error { return e.send(name, Marshal(v)) }

// Done writes the end of a stream as OpenAI's clients want it.
func (e *Events) Done() error { return e.send("", []byte("[DONE]")) }

func (e *Events) send(name string, text []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buf = e.buf[:0]
	if name != "" {
		e.buf = append(append(append(e.buf, "event: "...), name...), '\n')
	}
	e.buf = append(append(append(e.buf, "data: "...), text...), "\n\n"...)
	return e.write()
}

// ping writes a comment, so that nothing on the way takes the stream for dead.
func (e *Events) ping() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.buf = append(e.buf[:0], ": ping\n\n"...)
		_ = e.write() // the next event says so
	}
}

func (e *Events) write() error {
	if e.err != nil || e.closed {
		return e.err
	}
	if !e.begun {
		e.begun = true
		h := e.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	}
	e.err = flush(e.w, e.out, e.buf)
	e.quiet.Reset(silence)
	return e.err
}

// Begun says whether anything was written, so that an error can be no status any more.
func (e *Events) Begun() bool {
	if e == nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.begun
}

// Close ends the stream.
func (e *Events) Close() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.quiet.Stop()
}

// Lines is an answer of lines of JSON. One goroutine uses it.
type Lines struct {
	w     http.ResponseWriter
	out   *http.ResponseController
	begun bool
	err   error
}

// NewLines returns a stream of lines to a client.
func NewLines(w http.ResponseWriter) *Lines {
	return &Lines{w: w, out: http.NewResponseController(w)}
}

// Send writes v as a line. The error says that the client is gone.
func (l *Lines) Send(v any) error {
	if l.err != nil {
		return l.err
	}
	if !l.begun {
		l.begun = true
		l.w.Header().Set("Content-Type", "application/x-ndjson")
		l.w.Header().Set("Cache-Control", "no-cache")
	}
	l.err = flush(l.w, l.out, append(Marshal(v), '\n'))
	return l.err
}

// Begun says whether anything was written.
func (l *Lines) Begun() bool { return l.begun }

// flush writes text and sends it off.
func flush(w http.ResponseWriter, out *http.ResponseController, text []byte) error {
	patience(w)
	if _, err := w.Write(text); err != nil {
		return err
	}
	return out.Flush()
}
