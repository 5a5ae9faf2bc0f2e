package server

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what is kept of failures.
const (
	maxFailures   = 100
	failureLife   = 24 * time.Hour
	maxFailure    = 300             // bytes of a message
	failureRepeat = 2 * time.Second // within which the same is one
)

// failures are the last requests that the server did not answer as it should have: it is
// at fault, full, or going down. What clients do wrong is not among them.
type failures struct {
	mu   sync.Mutex
	list []ui.Failure // the oldest first
}

// done notes a request that was answered.
func (f *failures) done(r *http.Request, route string, status int) {
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return
	}
	message := http.StatusText(status)
	if e := noteOf(r).err; e != nil {
		message = failureText(e)
	}
	f.add(ui.Failure{Time: time.Now(), Route: r.Method + " " + route, Status: status, Message: message})
}

// counted notes an answer that ended with an error, whose stream had begun or whose page was
// gone: no request tells of it.
func (f *failures) counted(u inference.Use) {
	if u.Err == nil || errors.Is(u.Err, context.Canceled) {
		return
	}
	if e := wire.AsError(u.Err); e.Kind.Status() >= http.StatusInternalServerError {
		f.add(ui.Failure{Time: time.Now(), Route: "answer", Status: e.Kind.Status(), Message: failureText(e)})
	}
}

// quotation is what a message repeats of a request.
var quotation = regexp.MustCompile(`"(?:[^"\\]|\\.)*"…?`)

// failureText returns what an error says, without what it repeats of a request.
func failureText(e *wire.Error) string {
	text := e.Message
	if e.Kind == wire.Internal && e.Err != nil && e.Err.Error() != text {
		text += ": " + e.Err.Error()
	}
	text = quotation.ReplaceAllString(strings.Join(strings.Fields(text), " "), `"…"`)
	if len(text) > maxFailure {
		text = text[:maxFailure] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// add keeps a failure. The same again at once is the same: an answer fails and its request
// does.
func (f *failures) add(one ui.Failure) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.list); n > 0 {
		last := &f.list[n-1]
		if last.Message == one.Message && one.Time.Sub(last.Time) < failureRepeat {
			last.Route, last.Time = one.Route, one.Time
			return
		}
		if n >= maxFailures {
			f.list = slices.Delete(f.list, 0, 1)
		}
	}
	f.list = append(f.list, one)
}

// recent returns the failures of the last day, the newest first.
func (f *failures) recent() []ui.Failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []ui.Failure
	for _, one := range slices.Backward(f.list) {
		if time.Since(one.Time) < failureLife {
			one.Time = one.Time.UTC().Truncate(time.Millisecond)
			list = append(list, one)
		}
	}
	return list
}
