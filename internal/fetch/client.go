package fetch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options are what a Client is made of.
type Options struct {
	Base       string  // the first address, whose class bounds the redirects; https, or http of this machine
	PublicOnly bool    // the base has to be public, too: somebody else named it
	Within     *Client // the base and all else may be no nearer than what that client reaches: a server of it named the base. May be nil
	UserAgent  string  // empty: none is sent

	// Challenge is called after a 401 or 403 of the base's origin, one call at
	// a time. If it returns nil, it has called Authorize, and the request is
	// sent again, once. It may itself call Get. nil: there is nothing to try.
	Challenge func(ctx context.Context, refusal *StatusError) error

	// Waiting is told of each pause before another try, and why. May be nil.
	Waiting func(pause time.Duration, why error)

	Roots *x509.CertPool // who vouches for servers; nil: whom the system trusts

	Pause time.Duration                              // before the second try, doubled with each; 0: a second
	Sleep func(context.Context, time.Duration) error // nil: that of the clock
	Now   func() time.Time                           // nil: that of the clock
}

const (
	maxRedirects = 10
	maxTries     = 7                // in a row without a byte more
	maxPause     = 30 * time.Second // between tries where the server names none
	maxWait      = 20 * time.Minute // that a server may ask for
	maxHeader    = 256 << 10        // bytes
)

// Client asks for the files of one pull. Its methods may be used by several
// goroutines at once.
type Client struct {
	Options
	base    *url.URL
	direct  *http.Transport
	proxied *http.Transport
	proxy   func(*http.Request) (*url.URL, error)
	reach   reach
	limits  limits

	mu          sync.Mutex
	credentials map[string]http.Header // by origin
	challenge   sync.Mutex
}

// limits are the patience of a Client. Tests shorten them.
type limits struct {
	silence time.Duration // without a byte
	window  time.Duration // over which a body's speed is looked at
	slow    int64         // bytes in a window: less is cut
	body    time.Duration // that a small body may take
}

var patience = limits{silence: time.Minute, window: time.Minute, slow: 64 << 10, body: 5 * time.Minute}

// New returns the client of one pull. The error says why the base is no address
// to ask; it is ErrFormat where its kind of address is refused.
func New(o Options) (*Client, error) {
	base, err := url.Parse(o.Base)
	if err != nil {
		return nil, fmt.Errorf("address %s: it cannot be read as one", Shown(o.Base))
	}
	class, known, _ := hostClass(base.Hostname()) // checkURL says what it cannot read
	if o.PublicOnly && known && class != Public {
		return nil, fmt.Errorf("address %s: a %s address, want a public one: %w", Shown(o.Base), class, ErrFormat)
	}
	if err := checkURL(base); err != nil {
		return nil, fmt.Errorf("address %s: %w", Shown(o.Base), err)
	}
	c := &Client{Options: o, base: base, proxy: http.ProxyFromEnvironment, credentials: map[string]http.Header{}, limits: patience}
	c.reach = reach{host: strings.ToLower(base.Hostname()), most: class, known: known || o.PublicOnly}
	if o.Within != nil {
		if err := o.Within.mayFollow(o.Within.base, base); err != nil {
			return nil, fmt.Errorf("address %s: %w: %w", Shown(o.Base), err, ErrFormat)
		}
		c.reach.most, c.reach.known = o.Within.reach.limit(), true
	}
	c.direct, c.proxied = newTransport(c.reach.dialer(), o.Roots), newTransport(plainDialer(), o.Roots)
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pause == 0 {
		c.Pause = time.Second
	}
	return c, nil
}

// Close lets the connections go that wait for another request.
func (c *Client) Close() {
	c.direct.CloseIdleConnections()
	c.proxied.CloseIdleConnections()
}

// Authorize has every request to the origin of an address carry these headers,
// such as Authorization; nil takes them away.
func (c *Client) Authorize(address string, headers http.Header) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.credentials[Origin(u)] = headers
}

// headersFor returns the credentials of an address's origin.
func (c *Client) headersFor(u *url.URL) http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.credentials[Origin(u)]
}

// secrets returns the values of all credentials.
func (c *Client) secrets() (values []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, headers := range c.credentials {
		for _, lines := range headers {
			for _, line := range lines {
				for _, word := range strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ';' || r == '=' || r == ',' }) {
					if len(word) >= 8 {
						values = append(values, word)
					}
				}
			}
		}
	}
	return values
}

// redact takes the credentials out of what a server says.
func (c *Client) redact(text string) string {
	for _, secret := range c.secrets() {
		text = strings.ReplaceAll(text, secret, "…")
	}
	return text
}

// send sends a request and follows its redirects. The header goes with every
// request, credentials with those to their origin. first reports whether the
// answer came from the origin of the address itself.
func (c *Client) send(ctx context.Context, method, address string, header http.Header) (r *http.Response, first bool, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, true, fmt.Errorf("address %s: it cannot be read as one: %w", Shown(address), ErrFormat)
	}
	origin := Origin(u)
	for hops := 0; ; hops++ {
		r, err := c.hop(ctx, method, u, header)
		if err != nil {
			return nil, Origin(u) == origin, err
		}
		location := r.Header.Get("Location")
		if !isRedirect(r.StatusCode) || location == "" {
			return r, Origin(u) == origin, nil
		}
		drain(r.Body)
		next, err := u.Parse(location)
		if err != nil {
			return nil, false, fmt.Errorf("%s redirects to %s, which is no address: %w", Shown(u.String()), printable(clip(location)), ErrFormat)
		}
		if err := c.mayFollow(u, next); err != nil {
			return nil, false, fmt.Errorf("%s redirects to %s: %w: %w", Shown(u.String()), Shown(next.String()), err, ErrFormat)
		}
		if hops+1 >= maxRedirects {
			return nil, false, fmt.Errorf("%s: redirected %d times, the last time to %s: %w", Shown(address), maxRedirects, Shown(next.String()), ErrFormat)
		}
		u = next
	}
}

// mayFollow reports why a redirect is not followed.
func (c *Client) mayFollow(from, to *url.URL) error {
	if err := checkURL(to); err != nil {
		return err
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return errors.New("from https to plain http")
	}
	class, known, err := hostClass(to.Hostname())
	if err != nil {
		return err
	}
	if most := c.reach.limit(); known && class > most {
		return fmt.Errorf("a %s address, and the pull began at a %s one", class, most)
	}
	return nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// hop sends one request and follows nothing.
func (c *Client) hop(ctx context.Context, method string, u *url.URL, header http.Header) (*http.Response, error) {
	if err := checkURL(u); err != nil {
		return nil, fmt.Errorf("address %s: %w: %w", Shown(u.String()), err, ErrFormat)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", Shown(u.String()), ErrFormat)
	}
	for _, headers := range []http.Header{header, c.headersFor(u)} {
		for key, values := range headers {
			request.Header[http.CanonicalHeaderKey(key)] = values
		}
	}
	request.Header.Set("Accept-Encoding", "identity") // a range of packed bytes would be none of the file
	request.Header.Set("User-Agent", c.UserAgent)
	transport := c.direct
	through, err := c.proxy(request)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is no address of a proxy") // which one it is not may hold a password
	}
	if through != nil {
		transport = c.proxied
	}
	r, err := transport.RoundTrip(withProxy(request, through))
	if err != nil {
		return nil, c.networkError(ctx, u, err)
	}
	return r, nil
}

// drain reads the little that may be left of a body, so that its connection can
// be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 4<<10) // a body that is longer or breaks closes its connection
	body.Close()
}
