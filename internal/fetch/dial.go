package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// reach is how near the addresses may be that a pull dials.
type reach struct {
	host string // of the base

	mu    sync.Mutex
	most  Class
	known bool // false: the class of the base is that of the first IP that it is dialled at
}

func (r *reach) limit() Class {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.most
}

// errReach is why an address was not dialled.
var errReach = errors.New("not an address that this pull may reach")

type dialledHost struct{}

// dialer returns a dialer that asks admit about each IP.
func (r *reach) dialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	d := newDialer()
	d.ControlContext = func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		host, _ := ctx.Value(dialledHost{}).(string)
		return r.admit(host, address)
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return d.DialContext(context.WithValue(ctx, dialledHost{}, strings.ToLower(host)), network, address)
	}
}

// admit reports why an IP that a host stood for is not dialled.
func (r *reach) admit(host, address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q", errReach, clip(address))
	}
	class := ClassOf(at.Addr())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known && host == r.host && class != LinkLocal {
		r.most, r.known = class, true
	}
	if class == LinkLocal || class > r.most {
		return fmt.Errorf("%s stands for %s, a %s address, and the pull began at a %s one: %w", clip(host), at.Addr(), class, r.most, errReach)
	}
	return nil
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
}

func plainDialer() func(ctx context.Context, network, address string) (net.Conn, error) {
	return newDialer().DialContext
}

type throughProxy struct{}

// withProxy notes which proxy a request goes through, nil for none.
func withProxy(request *http.Request, proxy *url.URL) *http.Request {
	if proxy == nil {
		return request
	}
	return request.WithContext(context.WithValue(request.Context(), throughProxy{}, proxy))
}

func notedProxy(request *http.Request) (*url.URL, error) {
	proxy, _ := request.Context().Value(throughProxy{}).(*url.URL)
	return proxy, nil
}

// newTransport returns a transport of HTTP/1.1, in which each of several ranges
// has a connection of its own.
func newTransport(dial func(ctx context.Context, network, address string) (net.Conn, error), roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  notedProxy,
		DialContext:            dial,
		TLSHandshakeTimeout:    30 * time.Second,
		ResponseHeaderTimeout:  patience.silence,
		ExpectContinueTimeout:  time.Second,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

// networkError tells a network that failed, and may work at the next try, from
// what another try cannot mend.
func (c *Client) networkError(ctx context.Context, u *url.URL, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	where := Shown(u.String())
	var certificate *tls.CertificateVerificationError
	var name *net.DNSError
	switch {
	case errors.Is(err, errReach):
		return fmt.Errorf("%s: %w: %w", where, err, ErrFormat)
	case strings.Contains(err.Error(), "response headers exceeded"): // net/http has no value for it
		return fmt.Errorf("%s: more than %d bytes of headers: %w", where, maxHeader, ErrFormat)
	case errors.As(err, &certificate), errors.As(err, &name) && name.IsNotFound:
		return fmt.Errorf("%s: %w: %w", where, ErrUnreachable, c.shownError(err))
	}
	return &againError{err: fmt.Errorf("%s: %w", where, c.shownError(err))}
}

// shownError is an error of the network whose text is printable.
type shownError struct {
	text string
	err  error
}

func (e *shownError) Error() string { return e.text }
func (e *shownError) Unwrap() error { return e.err }

func (c *Client) shownError(err error) error {
	return &shownError{c.redact(printable(err.Error())), err}
}
