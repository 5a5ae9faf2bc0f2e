package fetch

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxNamedHeader bounds the head of an answer to a Named client, in bytes.
const maxNamedHeader = 64 << 10

// Named returns a client for addresses that who runs this program named, such as those of
// a witness or of a hook. It follows no redirect: who is asked cannot send what is asked on
// to others, which its callers see as the status that it is. Heads have bounds, bodies come
// as they are, not packed, and an answer takes so long at most; ReadReply bounds its body.
func Named(most time.Duration) *http.Client {
	return &http.Client{
		Timeout:       most,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            plainDialer(),
			TLSHandshakeTimeout:    most,
			ResponseHeaderTimeout:  most,
			MaxIdleConnsPerHost:    connections,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: maxNamedHeader,
			DisableCompression:     true,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		},
	}
}

// ReadReply reads the body of an answer, at most so many bytes: more is an error that
// wraps ErrFormat.
func ReadReply(r *http.Response, most int) ([]byte, error) {
	if r.ContentLength > int64(most) {
		return nil, fmt.Errorf("an answer of %d bytes, want at most %d: %w", r.ContentLength, most, ErrFormat)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("an answer of more than %d bytes: %w", most, ErrFormat)
	}
	return text, err
}
