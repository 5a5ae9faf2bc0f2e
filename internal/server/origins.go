package server

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// checkOrigin refuses requests that a browser makes for pages of other sites, unless the
// settings let theirs in.
func (v *visit) checkOrigin() error {
	h := v.request.Header
	switch origins := h.Values("Origin"); {
	case len(origins) > 1:
		return originError(strings.Join(origins, ", "))
	case len(origins) == 1 && v.isOwn(origins[0]):
		return nil
	case len(origins) == 1 && originIn(v.settings.Origins, origins[0]):
		v.foreign = true
		return nil
	case len(origins) == 1:
		return originError(origins[0])
	}
	// Browsers leave Origin out where a page shows an image or follows a link. Only to
	// follow a link is harmless.
	if site := h.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && h.Get("Sec-Fetch-Mode") != "navigate" {
		return originError(site)
	}
	return nil
}

func originError(origin string) error {
	return &wire.Error{Kind: wire.Forbidden, Message: "pages of " + wire.Quote(origin) + " may not use this server; --cors ORIGIN lets them"}
}

// originIn says whether an origin is one of some. "*" among them is all that are sites.
func originIn(list []string, origin string) bool {
	return slices.ContainsFunc(list, func(o string) bool {
		return strings.EqualFold(strings.TrimRight(o, "/"), origin) || o == "*" && isSite(origin)
	})
}

// isSite says whether an origin is that of a web site, and not "null" or a file.
func isSite(origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// IsOrigin says whether text is an origin that may be let in: a site without a path, or
// "*".
func IsOrigin(text string) bool {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	return text == "*" || err == nil && isSite(text) && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}

// isOwn says whether an origin is that of the server's own page: the host and port that
// the request is for.
func (v *visit) isOwn(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	asked := v.request.Host
	if v.forwarded != nil && v.forwarded.host != "" {
		asked = v.forwarded.host
	}
	if v.conn.unix || !v.knowsHost(u.Host) {
		return false
	}
	from, fromPort, ok := splitHost(u.Host)
	to, toPort, ok2 := splitHost(asked)
	return ok && ok2 && from == to && portOf(u.Scheme, fromPort) == portOf(u.Scheme, toPort)
}

// portOf returns the port of an origin that may have left it out.
func portOf(scheme string, port uint16) uint16 {
	switch {
	case port != 0:
		return port
	case scheme == "https":
		return 443
	}
	return 80
}

// exposed are the headers of an answer that pages of other origins may read.
const exposed = "X-Request-Id, Request-Id, Retry-After, X-Ratelimit-Limit-Requests, X-Ratelimit-Remaining-Requests, X-Ratelimit-Reset-Requests, X-Ratelimit-Limit-Tokens, X-Ratelimit-Remaining-Tokens, X-Ratelimit-Reset-Tokens, " + receipts.Header

// allowOrigin tells the browser that the page may read the answer.
func allowOrigin(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Set("Access-Control-Expose-Headers", exposed)
	h.Add("Vary", "Origin")
}

// maxAsked bounds the names of headers that a page asks for, in bytes.
const maxAsked = 2048

// allowPreflight tells the browser what the page may ask.
func allowPreflight(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	if asked := r.Header.Get("Access-Control-Request-Headers"); asked != "" && len(asked) <= maxAsked {
		h.Set("Access-Control-Allow-Headers", asked)
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	h.Set("Access-Control-Max-Age", "600")
}
