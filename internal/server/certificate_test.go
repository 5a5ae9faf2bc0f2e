package server

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

func leaf(c *Certificate) *x509.Certificate { return c.current.Load().Leaf }

// A certificate of our own stays the same over starts, is made anew where its names do not
// suit or its time comes, and keeps its key.
func TestSelfCertificate(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "tls")
	open := func(must ...string) *Certificate {
		t.Helper()
		c, err := SelfCertificate(folder, must, []string{"192.0.2.9", "fd00::1"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := open("localhost", "127.0.0.1", "*.example.org")
	for name, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "a.example.org": true, "192.0.2.9": true, "fd00::1": true, "evil.com": false} {
		if err := leaf(first).VerifyHostname(name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := first.Names(); len(got) != 5 || got[0] != "localhost" {
		t.Errorf("names %q", got)
	}
	if f := first.Fingerprint(); len(f) != 32*3-1 || strings.Count(f, ":") != 31 {
		t.Errorf("fingerprint %s", f)
	}
	if st, err := os.Stat(first.self); err != nil || runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if again := open("localhost", "127.0.0.1"); again.Fingerprint() != first.Fingerprint() {
		t.Error("the second start made another one")
	}
	more := open("localhost", "box")
	if more.Fingerprint() == first.Fingerprint() || leaf(more).VerifyHostname("box") != nil {
		t.Error("a further name did not make another one")
	}
	key := func(c *Certificate) string { return string(leaf(c).RawSubjectPublicKeyInfo) }
	if key(more) != key(first) {
		t.Error("another certificate has another key")
	}
	end := leaf(more).NotAfter
	more.now = func() time.Time { return end.Add(-renewBefore - time.Hour) }
	if got := more.get(); !got.Leaf.Equal(leaf(more)) || got.Leaf.NotAfter != end {
		t.Error("it was renewed too soon")
	}
	more.now = func() time.Time { return end.Add(-renewBefore + time.Hour) }
	if got := more.get().Leaf; !got.NotAfter.After(end) || key(more) != key(first) {
		t.Errorf("it was not renewed: it ends %v", got.NotAfter)
	}
	for _, text := range []string{"", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if err := os.WriteFile(first.self, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := SelfCertificate(folder, nil, nil); err == nil || !strings.Contains(err.Error(), first.self) {
			t.Errorf("%.10q: %v, want an error with the file", text, err)
		}
		before := more.Fingerprint()
		if err := more.Reload(); err == nil || more.Fingerprint() != before {
			t.Errorf("%.10q: %v, and the one before is gone", text, err)
		}
	}
}

// A certificate of files is read anew, and one that has ended is refused.
func TestFileCertificate(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "x.pem")
	made := func(name string, now time.Time) {
		t.Helper()
		c := &Certificate{self: file, must: []string{name}, now: func() time.Time { return now }}
		if _, err := c.makeSelf(nil); err != nil {
			t.Fatal(err)
		}
	}
	made("one", time.Now())
	c, err := OpenCertificate(file, file)
	if err != nil || c.Names()[0] != "one" {
		t.Fatal(err)
	}
	made("two", time.Now())
	if err := c.Reload(); err != nil || c.Names()[0] != "two" {
		t.Errorf("%v, %q", err, c.Names())
	}
	made("three", time.Now().Add(-selfLife-time.Hour))
	if err := c.Reload(); err == nil || c.Names()[0] != "two" || !strings.Contains(err.Error(), "it ended on") {
		t.Errorf("%v, %q", err, c.Names())
	}
	if _, err := OpenCertificate(file, filepath.Join(folder, "none")); err == nil {
		t.Error("a key that is not there")
	}
}

// The server speaks TLS, by both forms of HTTP, and the gate knows the certificate's names
// and the connection below.
func TestServesTLS(t *testing.T) {
	c, err := SelfCertificate(t.TempDir(), []string{"box.example.org"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := newTestGate(t, &fakePeers{user: self}, GateSettings{})
	g.names = c.Names
	d := &wire.Dialect{Name: "openai", WriteError: writeOwnError, Routes: []wire.Route{{Pattern: "GET /who", Scope: wire.AnyKey, Handle: func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, r.Proto)
		return err
	}}}}
	s := New(Options{Dialects: []*wire.Dialect{d}, Guard: g, ConnContext: g.ConnContext})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(tls.NewListener(l, c.Config())) }()
	roots := x509.NewCertPool()
	roots.AddCert(leaf(c))
	for _, two := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "box.example.org"}, ForceAttemptHTTP2: two}
		ask := func(host string) (string, int) {
			r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+l.Addr().String()+"/who", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			a, err := tr.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer a.Body.Close()
			b, err := io.ReadAll(a.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(b), a.StatusCode
		}
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[two]
		if body, code := ask("localhost"); code != 200 || body != want {
			t.Errorf("%d %s, want %s", code, body, want)
		}
		if _, code := ask("box.example.org"); code != 401 {
			t.Errorf("by the certificate's name %d, want 401: a key is needed", code)
		}
		if _, code := ask("evil.com"); code != 403 {
			t.Errorf("by a stranger's name %d, want 403", code)
		}
		tr.CloseIdleConnections()
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
