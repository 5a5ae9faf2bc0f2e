package mcp

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"sync/atomic"
)

// maxRedirects is how often an address may point elsewhere, on the same host.
const maxRedirects = 3

// web is how a server at an address is asked: with the headers of the settings, and bounds
// on what comes back.
type web struct {
	base    *http.Transport
	headers map[string]string
	asking  atomic.Int32 // requests that have no answer yet
}

// newWeb returns a client for a server.
func newWeb(s *Server) (*web, *http.Client) {
	w := &web{base: http.DefaultTransport.(*http.Transport).Clone(), headers: s.Headers}
	w.base.MaxResponseHeaderBytes = 64 << 10
	return w, &http.Client{Transport: w, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		first := via[0].URL
		switch {
		case r.URL.Scheme != first.Scheme || r.URL.Host != first.Host:
			return fmt.Errorf("the server sends to another host, %s, which is not asked", r.URL.Host)
		case len(via) > maxRedirects:
			return fmt.Errorf("the server sends elsewhere more than %d times", maxRedirects)
		}
		return nil
	}}
}

func (w *web) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.asking.Add(1) > 2*maxAsked { // a server that asks without end has its answers refused
		w.asking.Add(-1)
		closeBody(r)
		return nil, errAsks
	}
	defer w.asking.Add(-1)
	most := int64(maxFrame)
	if isListing(r) {
		most = maxListing
	}
	r = r.Clone(r.Context())
	for _, name := range slices.Sorted(maps.Keys(w.headers)) {
		r.Header.Set(name, w.headers[name])
	}
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && t == "text/event-stream" && most == maxFrame {
		most = maxStream // each event is bounded by the transport
	}
	resp.Body = &shortBody{ReadCloser: resp.Body, left: most, most: most}
	return resp, nil
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}

// isListing says whether a request asks for tools.
func isListing(r *http.Request) bool {
	if r.GetBody == nil {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	var call struct {
		Method string `json:"method"`
	}
	text, err := io.ReadAll(io.LimitReader(body, 64<<10)) // ours; the others are longer
	return err == nil && json.Unmarshal(text, &call) == nil && call.Method == methodTools
}

// shortBody is a body that fails where it is too long.
type shortBody struct {
	io.ReadCloser
	left, most int64
}

func (b *shortBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("the server sends more than %d bytes", b.most)
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
