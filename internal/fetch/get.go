package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Request asks for something small.
type Request struct {
	URL    string
	Accept string
	Header http.Header // goes with redirects too: no credentials; see Client.Authorize
	Limit  int64       // bytes of the body at most; 0: 4 MiB
}

// Answer is what came.
type Answer struct {
	URL    string // the last one, with its query
	Header http.Header
	Body   []byte
}

const defaultLimit = 4 << 20 // bytes

// Get fetches something small, and tries again what may work at another try.
//
// Errors: a *StatusError for a status that is no success, ErrUnreachable, and
// ErrFormat for a body that is packed or longer than Limit, or an address that
// is not asked.
func (c *Client) Get(ctx context.Context, q Request) (*Answer, error) {
	tries, challenged := tries{client: c}, false
	for {
		answer, first, err := c.getOnce(ctx, q)
		if err == nil {
			return answer, nil
		}
		if c.answerChallenge(ctx, err, first, &challenged) {
			continue
		}
		if err := tries.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// answerChallenge reports whether a refusal was met with new credentials.
func (c *Client) answerChallenge(ctx context.Context, err error, first bool, challenged *bool) bool {
	var refusal *StatusError
	if c.Challenge == nil || !first || *challenged || !errors.As(err, &refusal) || refusal.Code != http.StatusUnauthorized && refusal.Code != http.StatusForbidden {
		return false
	}
	*challenged = true
	c.challenge.Lock()
	defer c.challenge.Unlock()
	return c.Challenge(ctx, refusal) == nil
}

func (c *Client) getOnce(ctx context.Context, q Request) (answer *Answer, first bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := time.AfterFunc(c.limits.body, func() { cancel(errSlow) })
	defer end.Stop()
	header := q.Header.Clone()
	if q.Accept != "" {
		if header == nil {
			header = http.Header{}
		}
		header.Set("Accept", q.Accept)
	}
	r, first, err := c.send(ctx, http.MethodGet, q.URL, header)
	if err != nil {
		return nil, first, mendable(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, first, c.statusError(r)
	}
	if err := checkEncoding(r); err != nil {
		return nil, first, fmt.Errorf("%s: %w", Shown(q.URL), err)
	}
	limit := q.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	if r.ContentLength > limit {
		return nil, first, fmt.Errorf("%s: %d bytes, %d at most: %w", Shown(q.URL), r.ContentLength, limit, ErrFormat)
	}
	body, err := io.ReadAll(io.LimitReader(c.live(r.Body, cancel), limit+1))
	if err != nil {
		return nil, first, mendable(c.networkError(ctx, r.Request.URL, err))
	}
	if int64(len(body)) > limit {
		return nil, first, fmt.Errorf("%s: more than %d bytes: %w", Shown(q.URL), limit, ErrFormat)
	}
	return &Answer{URL: r.Request.URL.String(), Header: r.Header, Body: body}, first, nil
}

// mendable makes the end of our own patience an error that another try may not
// meet.
func mendable(err error) error {
	if errors.Is(err, errSlow) || errors.Is(err, errSilence) {
		return &againError{err: err}
	}
	return err
}

func checkEncoding(r *http.Response) error {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fmt.Errorf("content encoding %q, want none: %w", clip(printable(encoding)), ErrFormat)
	}
	return nil
}

// statusError reads why a request was refused. What may pass is an error that
// is tried again.
func (c *Client) statusError(r *http.Response) error {
	e := &StatusError{URL: Shown(r.Request.URL.String()), Code: r.StatusCode, Header: r.Header}
	silence := time.AfterFunc(c.limits.silence, func() { r.Body.Close() })
	text, _ := io.ReadAll(io.LimitReader(r.Body, 16<<10)) // what there is of it
	silence.Stop()
	e.Reason, e.Message = c.reason(r.Header, text)
	if r.StatusCode != http.StatusTooManyRequests && r.StatusCode != http.StatusRequestTimeout && r.StatusCode != http.StatusTooEarly && r.StatusCode < 500 {
		return e
	}
	e.After = askedWait(r.Header, c.Now())
	return &againError{e, e.After}
}

// reason finds what a server says of a refusal: in the headers of Hugging Face,
// in the JSON of OCI registries, Hugging Face and ModelScope, else the first
// line of text that is no page.
func (c *Client) reason(h http.Header, body []byte) (code, message string) {
	clean := func(s string) string { return c.redact(printable(s)) }
	code, message = clip(clean(h.Get("X-Error-Code"))), clean(h.Get("X-Error-Message"))
	var said struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Errors  []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(body, &said) == nil {
		var text string
		if json.Unmarshal(said.Error, &text) != nil {
			text = said.Message
		}
		if len(said.Errors) > 0 {
			text = said.Errors[0].Message
			if code == "" {
				code = clip(clean(said.Errors[0].Code))
			}
		}
		if message == "" {
			message = clean(text)
		}
		return code, message
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if message == "" && !strings.HasPrefix(line, "<") && !strings.HasPrefix(line, "{") {
		message = clean(line)
	}
	return code, message
}

var (
	errSilence = errors.New("the server fell silent")
	errSlow    = errors.New("the server is too slow")
)

// live returns a reader that ends a request whose body falls silent.
func (c *Client) live(body io.Reader, cancel context.CancelCauseFunc) io.Reader {
	return &liveBody{body, time.AfterFunc(c.limits.silence, func() { cancel(errSilence) }), c.limits.silence}
}

// liveBody puts the end of patience off with each read.
type liveBody struct {
	io.Reader
	timer   *time.Timer
	silence time.Duration
}

func (b *liveBody) Read(p []byte) (int, error) {
	b.timer.Reset(b.silence)
	n, err := b.Reader.Read(p)
	if err != nil {
		b.timer.Stop()
	}
	return n, err
}

// Head asks for the headers of an address alone. Not every server answers that
// as it answers a Get: what comes back is worth a look, and no promise.
func (c *Client) Head(ctx context.Context, address string) (http.Header, int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.limits.silence, errSilence)
	defer cancel()
	r, _, err := c.send(ctx, http.MethodHead, address, nil)
	if err != nil {
		return nil, 0, err
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, 0, c.statusError(r)
	}
	return r.Header, r.ContentLength, nil
}
