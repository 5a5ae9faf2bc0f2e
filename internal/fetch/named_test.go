package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestNamed: an address that was named is asked, and nobody that it names; heads and bodies
// have bounds, also those of servers that do not say how long they are.
func TestNamed(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("a packed answer is asked for: %q", r.Header.Get("Accept-Encoding"))
		}
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/head":
			w.Header().Set("X", strings.Repeat("x", 2*maxNamedHeader))
		case "/long":
			_, _ = w.Write(make([]byte, 11))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		default:
			_, _ = w.Write(make([]byte, 10))
		}
	}))
	defer s.Close()
	c := Named(time.Minute)
	defer c.CloseIdleConnections()
	for _, x := range []struct {
		path   string
		status int
		err    error
	}{{"/", 200, nil}, {"/moved", 307, nil}, {"/long", 200, ErrFormat}, {"/endless", 200, ErrFormat}} {
		answer, err := c.Post(s.URL+x.path, "text/plain", strings.NewReader("secret"))
		if err != nil {
			t.Fatalf("%s: %v", x.path, err)
		}
		text, err := ReadReply(answer, 10)
		answer.Body.Close()
		if answer.StatusCode != x.status || !errors.Is(err, x.err) || len(text) > 11 {
			t.Errorf("%s: got %d, %d bytes, %v, want %d, %v", x.path, answer.StatusCode, len(text), err, x.status, x.err)
		}
	}
	if answer, err := c.Get(s.URL + "/head"); err == nil {
		answer.Body.Close()
		t.Error("a head of any size is taken")
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d questions went where a server sent them", n)
	}
}
