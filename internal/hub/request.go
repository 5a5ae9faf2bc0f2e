package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// againError is a failure that another try may not meet.
type againError struct {
	err   error
	after time.Duration // what the server asked to wait
}

func (e *againError) Error() string { return e.err.Error() }
func (e *againError) Unwrap() error { return e.err }

// defaultClient follows redirects, but never from an encrypted address to one
// that is not.
var defaultClient = &http.Client{CheckRedirect: checkRedirect, Transport: transport()}

func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = maxStall
	return t
}

func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) >= 10 || via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https" {
		return errRedirect
	}
	return nil
}

// request asks once for what is missing and writes it.
func (p *partial) request(ctx context.Context) error {
	if p.whole() {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(2*maxStall, func() { cancel(errStall) })
	defer stall.Stop()
	response, err := p.ask(ctx)
	if err != nil {
		return p.failure(ctx, err)
	}
	defer response.Body.Close()
	skip, err := p.admit(response)
	if err != nil || p.whole() {
		return err
	}
	body := &liveBody{Reader: response.Body, stall: stall}
	if _, err := io.CopyN(io.Discard, body, skip); err != nil {
		return p.failure(ctx, err)
	}
	out := &writeErrors{w: p}
	limit := p.total - p.done
	if p.total < 0 {
		limit = 1 << 62
	}
	n, err := copyContext(ctx, out, io.LimitReader(body, limit), nil)
	switch {
	case out.err != nil:
		return out.err
	case err != nil:
		return p.failure(ctx, err)
	case p.total < 0:
		p.total = p.done // the end of a body of unknown length
	case n < limit:
		return p.failure(ctx, io.ErrUnexpectedEOF)
	}
	return nil
}

func (p *partial) whole() bool {
	if p.total < 0 && p.Size > 0 {
		p.total = p.Size
	}
	return p.total >= 0 && p.done == p.total
}

var (
	errStall    = fmt.Errorf("no byte for %v", maxStall)
	errRedirect = errors.New("redirected too often, or from https to less")
)

// failure tells a network that failed, and may work at the next try, from what
// another try cannot mend.
func (p *partial) failure(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && cause != errStall {
		return cause
	} else if cause != nil {
		err = cause
	}
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	if errors.Is(err, errRedirect) || errors.As(err, &certificate) || errors.As(err, &name) && name.IsNotFound {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return &againError{err: err}
}

// liveBody puts the end of patience off with each read.
type liveBody struct {
	io.Reader
	stall *time.Timer
}

func (b *liveBody) Read(p []byte) (int, error) {
	b.stall.Reset(maxStall)
	return b.Reader.Read(p)
}

// ask sends the request for the bytes from p.done on.
func (p *partial) ask(ctx context.Context) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return nil, err
	}
	for key, values := range p.Header {
		request.Header[http.CanonicalHeaderKey(key)] = values
	}
	request.Header.Set("Accept-Encoding", "identity") // a range of packed bytes would be none of the file
	if p.done > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.done))
		if p.journal.canAsk() {
			request.Header.Set("If-Range", p.journal.validator())
		}
	}
	client := p.Client
	if client == nil {
		client = defaultClient
	}
	return client.Do(request)
}

var rangeForm = regexp.MustCompile(`^bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)$`)

// admit checks the head of a response against what is there already. skip is
// how many bytes of the body are there. It restarts the file if the response
// is of another one.
func (p *partial) admit(r *http.Response) (skip int64, err error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return 0, fmt.Errorf("content encoding %q, want none: %w", clip(encoding), ErrFormat)
	}
	switch r.StatusCode {
	case http.StatusOK:
		return p.admitWhole(r)
	case http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return 0, p.admitRange(r)
	case http.StatusNotFound, http.StatusGone:
		return 0, fmt.Errorf("%s: %w", r.Status, ErrNotFound)
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return 0, &againError{fmt.Errorf("%s", printable(r.Status)), retryAfter(r.Header)}
	}
	if r.StatusCode >= 500 {
		return 0, &againError{fmt.Errorf("%s", printable(r.Status)), retryAfter(r.Header)}
	}
	return 0, fmt.Errorf("%w: %s", ErrUnreachable, printable(r.Status))
}

// admitWhole takes a response that begins at the first byte: bytes that are
// there are passed over if they are of the same file, so that a cut on the way
// loses none.
func (p *partial) admitWhole(r *http.Response) (skip int64, err error) {
	if p.done > 0 && (p.Digest != (Digest{}) || p.journal.same(r.Header)) && (r.ContentLength < 0 || r.ContentLength >= p.done) {
		skip = p.done
	} else if p.done > 0 {
		if err := p.restart(); err != nil {
			return 0, err
		}
	}
	endless := r.ContentLength < 0 && r.ProtoMajor == 1 && len(r.TransferEncoding) == 0
	if endless && p.Size == 0 && p.Digest == (Digest{}) {
		return 0, fmt.Errorf("the server does not say how long the file is, so that its end could not be told from a cut: %w", ErrFormat)
	}
	return skip, p.expect(r.ContentLength, r.Header)
}

// admitRange takes a response with the bytes from p.done on, or the news that
// there are none.
func (p *partial) admitRange(r *http.Response) error {
	m := rangeForm.FindStringSubmatch(r.Header.Get("Content-Range"))
	total := int64(-1)
	if m != nil && m[3] != "*" {
		total, _ = strconv.ParseInt(m[3], 10, 64) // at most 18 digits
	}
	if r.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		if total == p.done && p.done > 0 {
			return p.expect(total, r.Header)
		}
		if err := p.restart(); err != nil {
			return err
		}
		return &againError{err: fmt.Errorf("%s: the file there is shorter than what came of it", printable(r.Status))}
	}
	from := int64(-1)
	if m != nil && m[1] != "" {
		from, _ = strconv.ParseInt(m[1], 10, 64)
	}
	if from != p.done {
		return fmt.Errorf("content range %q, want bytes from %d on: %w", clip(r.Header.Get("Content-Range")), p.done, ErrFormat)
	}
	if total < 0 && r.ContentLength >= 0 {
		total = p.done + r.ContentLength
	}
	if p.Digest == (Digest{}) && p.journal.ETag != "" && r.Header.Get("ETag") != "" && !p.journal.same(r.Header) {
		if err := p.restart(); err != nil {
			return err
		}
		return &againError{err: errors.New("the server went on with another file")}
	}
	return p.expect(total, r.Header)
}

// expect notes how long the whole file is and whose bytes these are, and looks
// whether they fit on the disk.
func (p *partial) expect(total int64, h http.Header) error {
	if p.Size > 0 && total >= 0 && total != p.Size {
		return fmt.Errorf("the server has %d bytes, want %d: %w", total, p.Size, ErrDigest)
	}
	if total < 0 && p.Size > 0 {
		total = p.Size
	}
	p.total = total
	p.journal.note(h)
	if total < 0 {
		return nil
	}
	return p.disk.need(filepath.Dir(p.Path), total-p.done)
}

// retryAfter reads the wait that a server asks for, in seconds or as a time.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 && seconds < 1<<20 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}
