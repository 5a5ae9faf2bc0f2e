package hub

import (
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"
)

func TestHTTPSName(t *testing.T) {
	for text, want := range map[string]string{
		"https://files.example/a/Big-Q8_0.gguf?x=y": "files.example/a/Big-Q8_0:latest",
		"https://127.0.0.1:4443/x.GGUF":             "127.0.0.1:4443/x:latest",
		"https://h.example/m-00001-of-00003.gguf":   "h.example/m:latest",
		"https://h.example/a%20b/c+d/x.gguf":        "h.example/a_b/c_d/x:latest",
		"https://h.example/1/2/3/4/5/6/7/x.gguf":    "h.example/x:latest",
		"https://h.example/..x/~u/x.gguf":           "h.example/_x/_u/x:latest",
	} {
		src := mustParse(t, text)
		if name, err := httpsName(src); err != nil || name.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, name, err, want)
		}
	}
	for _, text := range []string{"https://h.example/", "https://h.example/page.html", "https://h.example/x.gguf/", "https://h.example/m-00002-of-00003.gguf", "https://h.example/.gguf", "https://h.example/con.gguf"} {
		if name, err := httpsName(mustParse(t, text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %s, %v, want ErrSyntax", text, name, err)
		}
	}
	if _, err := ParseSource("https://user:hush@h.example/x.gguf"); !errors.Is(err, ErrSyntax) || strings.Contains(err.Error(), "hush") {
		t.Errorf("a password: %v", err)
	}
}

// httpsServer serves files over TLS, and a store that trusts its certificate.
func httpsServer(t *testing.T, s *Store, files map[string][]byte, head func(w http.ResponseWriter, r *http.Request) bool) (*httptest.Server, *[]string) {
	requests := new([]string)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests = append(*requests, r.Method+" "+r.URL.Path)
		if head != nil && head(w, r) {
			return
		}
		body, ok := files[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+digestOf(body).Hex()[:16]+`"`)
		http.ServeContent(w, r, "x", time.Time{}, strings.NewReader(string(body)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up at the certificate
	server.StartTLS()
	t.Cleanup(server.Close)
	s.roots = x509.NewCertPool()
	s.roots.AddCert(server.Certificate())
	return server, requests
}

func TestPullHTTPS(t *testing.T) {
	files := map[string][]byte{"m-Q8_0.gguf": tinyGGUF(t, 1, 100), "page.gguf": []byte("<!doctype html>" + strings.Repeat(" ", 5000))}
	s := newStore(t)
	s.Settings.HuggingFaceToken = "hf_secretToken"
	server, requests := httpsServer(t, s, files, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") != "" {
			t.Error("a token was sent")
		}
		return false
	})
	src := mustParse(t, server.URL+"/a/m-Q8_0.gguf?download=true")
	m, err := s.Pull(t.Context(), src, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Files[0].Name != "m-Q8_0.gguf" || m.Files[0].Digest != digestOf(files["m-Q8_0.gguf"]) || m.Origin.Version != m.Digest().String() || m.Origin.Mark == "" {
		t.Errorf("%+v", m)
	}
	*requests = nil
	if again, err := s.Pull(t.Context(), src, nil); err != nil || !again.PulledAt.Equal(m.PulledAt) || len(*requests) != 1 {
		t.Errorf("again: %v, asked %v", err, *requests)
	}
	files["m-Q8_0.gguf"] = tinyGGUF(t, 2, 100)
	if m, err = s.Pull(t.Context(), src, nil); err != nil || m.Files[0].Digest != digestOf(files["m-Q8_0.gguf"]) {
		t.Errorf("a new file at the address: %+v, %v", m, err)
	}
	for text, kind := range map[string]error{"/none.gguf": ErrNotFound, "/page.gguf": ErrFormat, "/m-00001-of-00002.gguf": ErrNotFound} {
		if _, err := s.Pull(t.Context(), mustParse(t, server.URL+text), nil); !errors.Is(err, kind) || strings.Contains(err.Error(), "download=true") {
			t.Errorf("%s: %v, want %v", text, err, kind)
		}
	}
	s.PublicOnly = true
	*requests = nil
	if _, err := s.Pull(t.Context(), src, nil); !errors.Is(err, ErrFormat) || len(*requests) > 0 {
		t.Errorf("named by somebody else: %v, asked %v", err, *requests)
	}
}

// A server that answers no HEAD is asked for the file, and a certificate of
// nobody is not believed.
func TestPullHTTPSWithoutHead(t *testing.T) {
	files := map[string][]byte{"m.gguf": tinyGGUF(t, 1, 100)}
	s := newStore(t)
	server, _ := httpsServer(t, s, files, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusForbidden)
		}
		return r.Method == http.MethodHead
	})
	if m, err := s.Pull(t.Context(), mustParse(t, server.URL+"/m.gguf"), nil); err != nil || m.Files[0].Digest != digestOf(files["m.gguf"]) {
		t.Errorf("%v", err)
	}
	s.roots = nil
	if _, err := s.Pull(t.Context(), mustParse(t, server.URL+"/m.gguf"), nil); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v, want ErrUnreachable", err)
	}
}
