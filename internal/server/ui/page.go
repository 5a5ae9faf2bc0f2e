package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// packedPage is the page as `npm run build` in web makes it: one file of HTML with its
// style and its script, packed by gzip.
//
//go:embed page.html.gz
var packedPage []byte

// maxPage bounds the page unpacked, in bytes.
const maxPage = 16 << 20

// page is the file as it is served.
type page struct {
	packed, plain []byte
	tag           string // of the plain form, without quotes
	policy        string // Content-Security-Policy
}

// readPage unpacks the page, and computes what it allows itself: its own style and script,
// by their hashes.
func readPage(packed []byte) (*page, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("ui: page.html.gz: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxPage+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("ui: page.html.gz: %w", err)
	case len(plain) > maxPage:
		return nil, fmt.Errorf("ui: page.html.gz: more than %d bytes unpacked", maxPage)
	}
	hashes, err := inlined(plain)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(plain)
	return &page{packed: packed, plain: plain, tag: hex.EncodeToString(sum[:16]), policy: policyOf(hashes)}, nil
}

// inlined returns the sources that the page's own scripts and styles are for its policy, by
// the names of their elements. What a script has in it is no element.
func inlined(html []byte) (map[string][]string, error) {
	found := map[string][]string{}
	for rest := html; ; {
		name, at := "", len(rest)
		for _, n := range []string{"script", "style"} {
			if i := bytes.Index(rest, []byte("<"+n)); i >= 0 && i < at {
				name, at = n, i
			}
		}
		if name == "" {
			return found, nil
		}
		tag, behind, ok := bytes.Cut(rest[at:], []byte(">"))
		text, after, closed := bytes.Cut(behind, []byte("</"+name))
		if !ok || !closed {
			return nil, fmt.Errorf("ui: page.html.gz: an element %s without its end", name)
		}
		if bytes.Contains(tag, []byte("src=")) {
			return nil, errors.New("ui: page.html.gz: a script that is not part of the file")
		}
		sum := sha256.Sum256(text)
		found[name] = append(found[name], "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
		rest = after
	}
}

// policyOf returns what a browser may load and run of the page: nothing but the page
// itself, and what its own server answers.
func policyOf(hashes map[string][]string) string {
	sources := func(name string) string {
		if len(hashes[name]) == 0 {
			return "'none'"
		}
		return strings.Join(hashes[name], " ")
	}
	return "default-src 'none'; script-src " + sources("script") + "; style-src " + sources("style") +
		"; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// pageRoutes returns the addresses at which the page is, beside the root: it shows by
// itself what they name.
func (u *UI) pageRoutes() []wire.Route {
	var list []wire.Route
	for _, path := range []string{"/chat/{id}", "/view/models", "/view/admin"} {
		list = append(list, wire.Route{Pattern: "GET " + path, Scope: wire.Open, Handle: u.Page})
	}
	return list
}

// Page sends the page: packed where the client takes it.
func (u *UI) Page(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("Vary", "Accept, Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // it is asked for again, and costs a 304
	h.Set("Content-Security-Policy", u.page.policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	tag, body := `"`+u.page.tag+`"`, u.page.plain
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		tag, body = `"`+u.page.tag+`-gzip"`, u.page.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", tag)
	if hasTag(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	_, _ = w.Write(body)                                                                   // a client that is gone is nobody's fault
	return nil
}

// takesGzip says whether a client unpacks gzip, by its Accept-Encoding.
func takesGzip(values []string) bool {
	takes := false
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, weight, _ := strings.Cut(one, ";")
		switch coding = strings.ToLower(strings.TrimSpace(coding)); {
		case coding == "gzip" || coding == "x-gzip":
			return !isZero(weight) // by its name, which counts before any *
		case coding == "*":
			takes = !isZero(weight)
		}
	}
	return takes
}

// isZero says whether the weight of a coding, as q=0.0, has the client refuse it.
func isZero(weight string) bool {
	name, value, _ := strings.Cut(weight, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return strings.EqualFold(strings.TrimSpace(name), "q") && err == nil && q <= 0
}

// hasTag says whether a client has what a tag is of already.
func hasTag(values []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
