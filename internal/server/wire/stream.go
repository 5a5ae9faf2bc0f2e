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

// renewal is how often a stream that goes on sets that time anew: a client has between
// WritePatience less this and WritePatience.
const renewal = time.Second

// silence is how long an event stream says nothing before a comment is sent.
const silence = 15 * time.Second

// Marshal returns v as JSON as dialects write it: without HTML's escapes, without a
// newline. A value that cannot be written is our own bug.
func Marshal(v any) []byte {
	var b bytes.Buffer
	encode(encoder(&b), v)
	return bytes.TrimRight(b.Bytes(), "\n")
}

// encoder returns what writes values as Marshal does, each with a newline.
func encoder(b *bytes.Buffer) *json.Encoder {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e
}

func encode(e *json.Encoder, v any) {
	if err := e.Encode(v); err != nil {
		panic(err)
	}
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
	out    sender
	begun  bool
	err    error
	quiet  *time.Timer // fires when nothing may have been said for long
	closed bool
	text   bytes.Buffer
	json   *json.Encoder // to text
}

// NewEvents returns a stream of events to a client. It is to be made before anything that
// may take long, as the load of a model does: who waits then hears that the server lives.
// Close is to be called at its end.
func NewEvents(w http.ResponseWriter) *Events {
	e := &Events{out: newSender(w)}
	e.json = encoder(&e.text)
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
func (e *Events) Send(name string, v any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text.Reset()
	if name != "" {
		e.text.WriteString("event: ")
		e.text.WriteString(name)
		e.text.WriteByte('\n')
	}
	e.text.WriteString("data: ")
	encode(e.json, v)
	e.text.WriteByte('\n')
	return e.write()
}

// Done writes the end of a stream as OpenAI's clients want it.
func (e *Events) Done() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.say("data: [DONE]\n\n")
}

// ping writes a comment where nothing was said for long, so that nothing on the way takes
// the stream for dead.
func (e *Events) ping() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	left := silence - time.Since(e.out.last)
	if left <= 0 {
		_ = e.say(": ping\n\n") // the next event says so
		left = silence
	}
	e.quiet.Reset(left)
}

func (e *Events) say(text string) error {
	e.text.Reset()
	e.text.WriteString(text)
	return e.write()
}

func (e *Events) write() error {
	if e.err != nil || e.closed {
		return e.err
	}
	if !e.begun {
		e.begun = true
		h := e.out.w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // proxies must not hold events back
	}
	e.err = e.out.send(e.text.Bytes())
	return e.err
}

// SetHeader sets a header of the answer, unless that has begun. A nil e is no stream: w is
// the answer.
func (e *Events) SetHeader(w http.ResponseWriter, name, value string) {
	if e == nil {
		w.Header().Set(name, value)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.begun {
		w.Header().Set(name, value)
	}
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
	out   sender
	begun bool
	err   error
}

// NewLines returns a stream of lines to a client.
func NewLines(w http.ResponseWriter) *Lines {
	return &Lines{out: newSender(w)}
}

// Send writes v as a line. The error says that the client is gone.
func (l *Lines) Send(v any) error {
	if l.err != nil {
		return l.err
	}
	if !l.begun {
		l.begun = true
		l.out.w.Header().Set("Content-Type", "application/x-ndjson")
		l.out.w.Header().Set("Cache-Control", "no-cache")
	}
	l.err = l.out.send(append(Marshal(v), '\n'))
	return l.err
}

// Begun says whether anything was written.
func (l *Lines) Begun() bool { return l.begun }

// sender sends what is written at once.
type sender struct {
	w       http.ResponseWriter
	out     *http.ResponseController
	patient time.Time // when the client was last given its time
	last    time.Time // when something was sent
}

func newSender(w http.ResponseWriter) sender {
	return sender{w: w, out: http.NewResponseController(w), last: time.Now()}
}

// send writes text and sends it off.
func (s *sender) send(text []byte) error {
	s.last = time.Now()
	if s.last.Sub(s.patient) >= renewal {
		s.patient = s.last
		patience(s.w)
	}
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.out.Flush()
}
