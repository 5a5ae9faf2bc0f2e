package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadPage(t *testing.T) {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	for _, c := range []struct{ html, script, style, fault string }{
		{`<p>`, "'none'", "'none'", ""},
		{`<style>a{}</style><script type="module">let x = "<style>b</style>"</script>`, hash(`let x = "<style>b</style>"`), hash("a{}"), ""},
		{`<script>1</script><script>2</script>`, hash("1") + " " + hash("2"), "'none'", ""},
		{`<script src="x"></script>`, "", "", "not part of the file"},
		{`<script>1`, "", "", "without its end"},
		{`<style`, "", "", "without its end"},
	} {
		p, err := readPage(pack(t, c.html))
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %q", c.html, err, c.fault)
			}
			continue
		}
		if err != nil || !strings.Contains(p.policy, "script-src "+c.script+"; style-src "+c.style+";") {
			t.Errorf("%s: %v, %v", c.html, p, err)
		}
	}
	if _, err := readPage([]byte("not packed")); err == nil {
		t.Error("what is not packed is taken for a page")
	}
}

// The page that is embedded is one, and allows nothing from elsewhere.
func TestPage(t *testing.T) {
	u, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	get := func(headers ...string) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest("GET", "/chat/x", nil)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		w := httptest.NewRecorder()
		if err := u.Page(w, r); err != nil {
			t.Fatal(err)
		}
		return w
	}
	plain := get()
	body := plain.Body.String()
	if plain.Code != 200 || plain.Header().Get("Content-Type") != "text/html; charset=utf-8" || plain.Header().Get("Vary") != "Accept, Accept-Encoding" || !strings.HasPrefix(body, "<!doctype html>") {
		t.Errorf("%d, %v, %.40q", plain.Code, plain.Header(), body)
	}
	policy := plain.Header().Get("Content-Security-Policy")
	for _, bad := range []string{"unsafe", "http:", "https:", "*"} {
		if strings.Contains(policy, bad) {
			t.Errorf("the policy has %s: %s", bad, policy)
		}
	}
	packed := get("Accept-Encoding: br, gzip")
	if packed.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("%v", packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != body {
		t.Errorf("the packed page is another: %d bytes, %v, want %d", len(text), err, len(body))
	}
	tags := map[string]string{"plain": plain.Header().Get("ETag"), "packed": packed.Header().Get("ETag")}
	if tags["plain"] == tags["packed"] {
		t.Errorf("both forms have the tag %s", tags["plain"])
	}
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-None-Match: " + tags["plain"]}, http.StatusNotModified},
		{[]string{"If-None-Match: " + tags["packed"]}, http.StatusOK},
		{[]string{"If-None-Match: \"x\", W/" + tags["packed"], "Accept-Encoding: gzip"}, http.StatusNotModified},
		{[]string{"If-None-Match: *"}, http.StatusNotModified},
	} {
		if w := get(c.headers...); w.Code != c.status || w.Code == 304 && w.Body.Len() > 0 {
			t.Errorf("%q: %d, %d bytes; want %d", c.headers, w.Code, w.Body.Len(), c.status)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0, *": false, "*": true, "*;q=0": false, "br": false, "x-gzip": true, "gzip;q=x": true,
	} {
		if got := takesGzip([]string{accept}); got != want {
			t.Errorf("%q: %v, want %v", accept, got, want)
		}
	}
}
