package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// note is what the log gets to know of a request. No content and no key is part of it.
type note struct {
	id    string
	route string // its pattern; "" for none
	by    string // whose request it is; "" where nobody asked
	err   *wire.Error
}

type noteKey struct{}

func noteOf(r *http.Request) *note {
	n, _ := r.Context().Value(noteKey{}).(*note)
	if n == nil {
		n = &note{} // outside of a frame
	}
	return n
}

// RequestID returns the id of a request, as its answer has it.
func RequestID(r *http.Request) string { return noteOf(r).id }

func noteRoute(r *http.Request, pattern string)  { noteOf(r).route = pattern }
func noteError(r *http.Request, err *wire.Error) { noteOf(r).err = err }

func noteCaller(r *http.Request, c account.Caller) { noteOf(r).by = c.Tenant() }

// frame gives each request an id and a line in the log, and holds what a handler of ours
// does wrong.
type frame struct {
	next http.Handler
	log  *slog.Logger
	done func(r *http.Request, route string, status int, took time.Duration) // for metrics; may be nil
}

func (f *frame) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := &note{id: wire.NewID("req_")}
	r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
	h := w.Header()
	h.Set("X-Request-Id", n.id)
	h.Set("X-Content-Type-Options", "nosniff")
	seen := &statusWriter{ResponseWriter: w}
	began := time.Now()
	if r.Body != nil && r.Body != http.NoBody { // who reads it says otherwise
		_ = http.NewResponseController(w).SetReadDeadline(began.Add(bodyPatience)) // tests have writers without one
	}
	defer func() {
		if fault := recover(); fault != nil {
			if fault != http.ErrAbortHandler {
				f.log.Error("a handler failed", "request", n.id, "route", n.route, "stack", wire.Stack())
			}
			if fault == http.ErrAbortHandler || seen.status != 0 {
				f.tell(r, n, seen, time.Since(began))
				panic(http.ErrAbortHandler) // the client must not take what came for whole
			}
			wire.WriteJSON(seen, http.StatusInternalServerError, map[string]any{"error": map[string]any{
				"message": "the server failed to answer", "type": "server_error", "param": nil, "code": nil,
			}})
		}
		f.tell(r, n, seen, time.Since(began))
	}()
	f.next.ServeHTTP(seen, r)
}

// tell writes the line of the log.
func (f *frame) tell(r *http.Request, n *note, w *statusWriter, took time.Duration) {
	if f.done != nil {
		f.done(r, n.route, w.status, took)
	}
	level, attrs := slog.LevelInfo, []any{
		"request", n.id, "method", shortMethod(r.Method), "route", n.route, "status", w.status, "bytes", w.bytes, "ms", took.Milliseconds(),
	}
	if n.by != "" {
		attrs = append(attrs, "by", n.by)
	}
	if n.err != nil && n.err.Kind == wire.Internal {
		level = slog.LevelError
		if n.err.Err != nil {
			attrs = append(attrs, "error", n.err.Err.Error())
		}
	}
	f.log.Log(r.Context(), level, "request", attrs...)
}

// shortMethod is a method as the log has it: clients may send any word.
func shortMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// statusWriter remembers what was written.
type statusWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController find what the connection can do.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A body has to come at this rate, behind the patience of its beginning. What counts is the
// time in which it is waited for: a server that is busy between two reads makes no client slow.
const (
	bodyPatience = 30 * time.Second
	bodyRate     = 64 << 10 // bytes a second
)

// limitBody bounds the bytes of a body and the time that it takes.
func limitBody(w http.ResponseWriter, r *http.Request, most int64) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	if most == 0 {
		most = wire.MaxBody
	}
	b := &body{ReadCloser: http.MaxBytesReader(w, r.Body, most), conn: http.NewResponseController(w)}
	r.Body = b
}

// body is a body whose client must not be slow.
type body struct {
	io.ReadCloser
	conn   *http.ResponseController
	waited time.Duration
	bytes  int64
}

func (b *body) Read(p []byte) (int, error) {
	begin := time.Now()
	due := begin.Add(bodyPatience + time.Duration(b.bytes/bodyRate)*time.Second - b.waited)
	_ = b.conn.SetReadDeadline(due) // tests have writers without one
	n, err := b.ReadCloser.Read(p)
	b.waited += time.Since(begin)
	b.bytes += int64(n)
	if err == io.EOF {
		// From here on the connection is only watched for its end. Behind any other error
		// the time stays, for the rest of the body is still waited for, and dropped.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
