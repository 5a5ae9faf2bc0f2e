package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// serve starts a server of this machine and a client whose pull begins there,
// and whose waits take no time.
func serve(t *testing.T, h http.HandlerFunc) (*httptest.Server, *Client, *[]time.Duration) {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	var mu sync.Mutex
	slept := new([]time.Duration)
	client, err := New(Options{Base: s.URL, UserAgent: "test", Sleep: func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		*slept = append(*slept, d)
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return s, client, slept
}

// A credential goes to its origin, also after a redirect there, and nowhere else.
func TestCredentials(t *testing.T) {
	var mu sync.Mutex
	got := map[string]string{}
	note := func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = r.Header.Get("Authorization")
	}
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
		}
	}))
	defer storage.Close()
	var s *httptest.Server
	s, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		note(r)
		switch r.URL.Path {
		case "/renamed":
			http.Redirect(w, r, "/new", http.StatusTemporaryRedirect)
		case "/file":
			http.Redirect(w, r, storage.URL+"/blob", http.StatusFound)
		case "/round":
			http.Redirect(w, r, storage.URL+"/back?to="+s.URL+"/home", http.StatusFound)
		}
	})
	client.Authorize(s.URL+"/any/path", http.Header{"Authorization": {"Bearer secret-token"}})
	for _, path := range []string{"/renamed", "/file", "/round"} {
		if _, err := client.Get(t.Context(), Request{URL: s.URL + path}); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{"/renamed": "Bearer secret-token", "/new": "Bearer secret-token", "/file": "Bearer secret-token", "/blob": "", "/back": "", "/home": "Bearer secret-token"} {
		if got[path] != want {
			t.Errorf("%s got %q, want %q", path, got[path], want)
		}
	}
}

// What a server says of a refusal is told, and what it was sent is not.
func TestStatusErrors(t *testing.T) {
	for _, c := range []struct {
		code     int
		header   map[string]string
		body     string
		kind     error
		want     string
		requests int
	}{
		{404, nil, `{"error":"Repository not found"}`, ErrNotFound, "Repository not found", 1},
		{410, nil, "", ErrNotFound, "410", 1},
		{401, map[string]string{"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"}, "", ErrDenied, "Access is restricted", 1},
		{403, nil, `{"errors":[{"code":"DENIED","message":"no \u001b[31maccess"}]}`, ErrDenied, "no access", 1},
		{404, nil, `{"Code":10010205001,"Message":"model not found","Success":false}`, ErrNotFound, "model not found", 1},
		{401, nil, "you sent Bearer secret-token\nsecond line", ErrDenied, "you sent Bearer …", 1},
		{503, nil, "<html>busy</html>", ErrUnreachable, "503", maxTries},
		{429, nil, "<html>busy</html>", ErrUnreachable, "429", maxTries},
		{302, nil, "", ErrUnreachable, "302", 1},
		{200, map[string]string{"Content-Encoding": "gzip"}, "x", ErrFormat, "gzip", 1},
		{200, map[string]string{"X-Pad": strings.Repeat("x", 2*maxHeader)}, "", ErrFormat, "bytes of headers", 1},
		{200, nil, strings.Repeat("x", 1001), ErrFormat, "1000 at most", 1},
	} {
		requests := 0
		s, client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(c.code)
			fmt.Fprint(w, c.body)
		})
		client.Authorize(s.URL, http.Header{"Authorization": {"Bearer secret-token"}})
		_, err := client.Get(t.Context(), Request{URL: s.URL + "/x?signature=hush", Limit: 1000})
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || requests != c.requests {
			t.Errorf("%d %s: %v after %d requests, want %v with %q after %d", c.code, c.body, err, requests, c.kind, c.want, c.requests)
		}
		if err != nil && (strings.Contains(err.Error(), "secret-token") || strings.Contains(err.Error(), "hush")) {
			t.Errorf("a secret stands in %v", err)
		}
	}
}

// Waits are as long as the server asks, however long that is within reason.
func TestWaits(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		header map[string]string
		want   time.Duration // -1: it gives up
	}{
		{nil, time.Second},
		{map[string]string{"Retry-After": "45"}, 45 * time.Second},
		{map[string]string{"Retry-After": now.Add(90 * time.Second).Format(http.TimeFormat)}, 90 * time.Second},
		{map[string]string{"Retry-After": now.Add(-time.Hour).Format(http.TimeFormat)}, time.Second},
		{map[string]string{"RateLimit": `"resolvers";r=0;t=171`}, 172 * time.Second},
		{map[string]string{"RateLimit": `"resolvers";r=12;t=171`}, time.Second},
		{map[string]string{"RateLimit": `"api";r=3;t=9, "resolvers";r=0;t=20`, "Retry-After": "5"}, 21 * time.Second},
		{map[string]string{"Retry-After": "soon"}, time.Second},
		{map[string]string{"Retry-After": "-1"}, time.Second},
		{map[string]string{"Retry-After": "99999999999999999999"}, time.Second},
		{map[string]string{"Retry-After": "86400"}, -1},
		{map[string]string{"RateLimit": `"x";r=0;t=999999999`}, -1},
	} {
		requests := 0
		s, client, slept := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			if requests++; requests > 1 {
				return
			}
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		})
		client.Now = func() time.Time { return now }
		_, err := client.Get(t.Context(), Request{URL: s.URL})
		switch {
		case c.want < 0 && (!errors.Is(err, ErrUnreachable) || len(*slept) > 0):
			t.Errorf("%v: %v after waits %v, want ErrUnreachable", c.header, err, *slept)
		case c.want >= 0 && (err != nil || len(*slept) != 1 || (*slept)[0] != c.want):
			t.Errorf("%v: %v after waits %v, want %v", c.header, err, *slept, c.want)
		}
	}
}

// A 401 is answered once with what Challenge makes of it.
func TestChallenge(t *testing.T) {
	for _, good := range []bool{true, false} {
		requests := 0
		s, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if requests++; r.Header.Get("Authorization") != "Bearer fresh" {
				w.Header().Set("WWW-Authenticate", "Bearer")
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, "content")
		})
		client.Challenge = func(_ context.Context, refusal *StatusError) error {
			if refusal.Header.Get("WWW-Authenticate") == "" {
				t.Error("the challenge is not told")
			}
			token := map[bool]string{true: "fresh", false: "wrong"}[good]
			client.Authorize(s.URL, http.Header{"Authorization": {"Bearer " + token}})
			return nil
		}
		answer, err := client.Get(t.Context(), Request{URL: s.URL})
		if good && (err != nil || string(answer.Body) != "content") || !good && !errors.Is(err, ErrDenied) || requests != 2 {
			t.Errorf("good %v: %v after %d requests", good, err, requests)
		}
		client.Authorize(s.URL, nil)
		requests = 0
		_, _, err = client.File(t.Context(), File{URL: s.URL + "/f", Path: filepath.Join(t.TempDir(), "f")}, nil)
		if good && err != nil || !good && !errors.Is(err, ErrDenied) || requests != 2 {
			t.Errorf("a file, good %v: %v after %d requests", good, err, requests)
		}
	}
}

// A body that falls silent or trickles is cut, and gone on with.
func TestSlow(t *testing.T) {
	content := randomBytes(1, 5000)
	for _, trickle := range []bool{false, true} {
		requests := 0
		s, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			from := 0
			if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
				from, _ = strconv.Atoi(strings.TrimSuffix(text, "-"))
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
				w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
				w.WriteHeader(http.StatusPartialContent)
			} else {
				w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			}
			if requests > 1 {
				w.Write(content[from:])
				return
			}
			for i := 0; r.Context().Err() == nil; i++ {
				if trickle || i == 0 {
					w.Write(content[i : i+1])
					w.(http.Flusher).Flush()
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
		client.limits = limits{silence: 100 * time.Millisecond, window: 200 * time.Millisecond, slow: 1000, body: time.Minute}
		path := filepath.Join(t.TempDir(), "x")
		f := File{URL: s.URL, Path: path}
		f.SHA256 = sha256.Sum256(content)
		if _, _, err := client.File(t.Context(), f, nil); err != nil || requests != 2 || !bytes.Equal(read(t, path), content) {
			t.Errorf("trickle %v: %v after %d requests", trickle, err, requests)
		}
	}
}

// Large files come in several ranges; each byte once, whatever is cut.
func TestRanges(t *testing.T) {
	content := randomBytes(3, parallelFrom+3<<20)
	for _, c := range []struct {
		what   string
		change func(s *fileServer, d *download)
		twice  int // bytes that may come twice
	}{
		{"plain", func(*fileServer, *download) {}, 0},
		{"cuts", func(s *fileServer, _ *download) {
			s.cut = func(request int) int { return map[bool]int{true: 10<<20 + request, false: -1}[request <= 4] }
		}, 0},
		{"ranges are ignored", func(s *fileServer, _ *download) { s.noRange = true }, 0},
		{"only what comes next is answered", func(s *fileServer, d *download) {
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.Header.Get("Range"), fmt.Sprintf("bytes=%d-", s.sent)) {
					return false
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			}
		}, 0},
		{"of a plain address", func(s *fileServer, d *download) {
			d.Hint, d.Size, d.SHA256, s.etag = int64(len(content)), 0, [32]byte{}, `"one"`
		}, 0},
	} {
		s := newFileServer(t, content)
		d := s.download(t, true)
		d.Size = int64(len(content))
		c.change(s, d)
		sum, n, err := d.Run(t.Context(), nil)
		if err != nil || sum != sha256.Sum256(content) || n != int64(len(content)) {
			t.Errorf("%s: %x, %d, %v", c.what, sum, n, err)
			continue
		}
		wantFile(t, d, content)
		if s.sent > len(content)+c.twice {
			t.Errorf("%s: %d bytes were sent, want %d: %v", c.what, s.sent, len(content), s.requests)
		}
		if !s.noRange && len(s.requests) < 3 {
			t.Errorf("%s: %v are not several ranges", c.what, s.requests)
		}
	}
}

// What several ranges brought before the process died is gone on with, gaps and all.
func TestRangesNextRun(t *testing.T) {
	content := randomBytes(3, parallelFrom+3<<20)
	s := newFileServer(t, content)
	d := s.download(t, true)
	d.Size = int64(len(content))
	part := make([]byte, len(content))
	there := spans{{0, 5 << 20}, {33 << 20, 40 << 20}}
	for _, p := range there {
		copy(part[p[0]:p[1]], content[p[0]:p[1]])
	}
	write(t, d.Path+".part", part)
	if err := (journal{Key: d.key(), Spans: there, Sparse: true}).write(d.Path+".part.json", false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
	if want := len(content) - int(there.size()); s.sent != want {
		t.Errorf("%d bytes were sent, want %d: %v", s.sent, want, s.requests)
	}
}

// An address that expires is asked for anew before each try.
func TestAddress(t *testing.T) {
	content := randomBytes(1, 100_000)
	used := map[string]bool{}
	s := newFileServer(t, content)
	s.cut = func(request int) int { return map[bool]int{true: 30_000, false: -1}[request < 3] }
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if key := r.URL.RawQuery; used[key] {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		used[r.URL.RawQuery] = true
		return false
	}
	d := s.download(t, true)
	asked := 0
	d.Address = func(context.Context) (string, error) { asked++; return fmt.Sprintf("%s/x?%d", s.URL, asked), nil }
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
}

// A page in the place of the rest of a file costs nothing of what came.
func TestPageKeepsPart(t *testing.T) {
	content := randomBytes(1, 100_000)
	s := newFileServer(t, content)
	s.cut = func(int) int { return 60_000 }
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if len(s.requests) > 1 {
			fmt.Fprint(w, "<!doctype html><title>Log in</title>")
		}
		return len(s.requests) > 1
	}
	d := s.download(t, true)
	d.Size = int64(len(content))
	if _, _, err := d.Run(t.Context(), nil); !errors.Is(err, ErrDigest) {
		t.Errorf("%v, want ErrDigest", err)
	}
	s.before, s.cut, s.sent = nil, func(int) int { return -1 }, 0
	if _, _, err := d.Run(t.Context(), nil); err != nil || s.sent != 40_000 {
		t.Errorf("again: %v, %d bytes were sent, want 40000", err, s.sent)
	}
	wantFile(t, d, content)
}

// Bytes beyond what was promised, and bytes of something else, are refused.
func TestRefusedBodies(t *testing.T) {
	content := append([]byte("GGUF"), randomBytes(1, 5000)...)
	page := []byte("<!doctype html>" + strings.Repeat(" ", 5000))
	for _, c := range []struct {
		what   string
		change func(s *fileServer, d *download)
		kind   error
	}{
		{"longer, chunked", func(s *fileServer, d *download) { s.noLength, s.content = true, append(bytes.Clone(content), 'x') }, ErrDigest},
		{"a page", func(s *fileServer, d *download) { s.content, d.Size, d.SHA256 = page, 0, [32]byte{} }, ErrFormat},
		{"a wrong git digest", func(_ *fileServer, d *download) { d.SHA256, d.GitSHA1 = [32]byte{}, [20]byte{1} }, ErrDigest},
	} {
		s := newFileServer(t, content)
		d := s.download(t, true)
		d.Size, d.Begins = int64(len(content)), "GGUF"
		c.change(s, d)
		if _, _, err := d.Run(t.Context(), nil); !errors.Is(err, c.kind) {
			t.Errorf("%s: %v, want %v", c.what, err, c.kind)
		}
		if left := files(t, filepath.Dir(d.Path)); len(left) != 0 {
			t.Errorf("%s: left %v", c.what, left)
		}
	}
}

func TestSpans(t *testing.T) {
	var s spans
	for _, p := range []span{{10, 20}, {30, 40}, {0, 5}, {20, 25}, {4, 11}, {50, 50}, {26, 27}} {
		s = s.add(p[0], p[1])
	}
	if got := fmt.Sprint(s); got != "[[0 25] [26 27] [30 40]]" || !s.valid(40) || s.valid(39) || s.size() != 36 || s.front() != 25 || s.end() != 40 {
		t.Errorf("%s", got)
	}
	if from, to := s.gap(26); from != 27 || to != 30 {
		t.Errorf("gap %d, %d", from, to)
	}
	if got := fmt.Sprint(s.remove(10, 35)); got != "[[0 10] [35 40]]" {
		t.Errorf("%s", got)
	}
	for _, bad := range []spans{{{5, 5}}, {{-1, 3}}, {{0, 3}, {3, 4}}, {{4, 6}, {0, 2}}} {
		if bad.valid(100) {
			t.Errorf("%v is valid", bad)
		}
	}
}

func TestNextPage(t *testing.T) {
	const at = "https://hub/api/tree/x?a=b"
	for text, want := range map[string]string{
		`<https://hub/api?cursor=3>; rel="next"`:                                  "https://hub/api?cursor=3",
		`</api?cursor=a,b>; rel=next`:                                             "https://hub/api?cursor=a,b",
		`<https://a>; rel="prev", <https://b>; title="a, b"; rel="last next"`:     "https://b",
		`<https://a>; rel="xet-auth", <https://c>; rel="xet-reconstruction-info"`: "",
		"":                         "",
		"<":                        "",
		`<https://a`:               "",
		`<https://a>; rel="nextt"`: "",
	} {
		if got := NextPage(http.Header{"Link": {text}}, at); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add(`<https://a>; rel="next"`, "bytes 0-9/10", `"x";r=0;t=5`)
	f.Add(`<a>,<b>;rel=next`, "bytes */7", "30")
	f.Fuzz(func(t *testing.T, link, contents, limit string) {
		_ = NextPage(http.Header{"Link": {link}}, "https://hub/x")
		if from, to, total, ok := contentRange(contents); ok && from >= 0 && (from >= to || total >= 0 && to > total) {
			t.Errorf("%q is bytes %d to %d of %d", contents, from, to, total)
		}
		if wait := askedWait(http.Header{"Ratelimit": {limit}, "Retry-After": {limit}}, time.Unix(0, 0)); wait < 0 {
			t.Errorf("%q is a wait of %v", limit, wait)
		}
	})
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"key":"k","etag":"\"x\"","spans":[[0,5],[7,9]],"sparse":true}`))
	f.Add([]byte(`{"key":"k","spans":[[9,5]]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if j := parseJournal(text, "k"); !j.Spans.valid(1 << 62) {
			t.Errorf("%s: spans %v", text, j.Spans)
		}
	})
}

// A part file is whatever somebody left there; it never makes a wrong file.
func FuzzPart(f *testing.F) {
	f.Add([]byte("GGUF"), []byte(`{}`))
	f.Add([]byte("GGUFabc"), []byte(`{"key":"sha256:x","spans":[[0,3]]}`))
	content := append([]byte("GGUF"), "0123456789"...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x", time.Unix(1, 0), bytes.NewReader(content))
	}))
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, part, notes []byte) {
		client, err := New(Options{Base: s.URL, Pause: time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		path := filepath.Join(t.TempDir(), "x")
		write(t, path+".part", part)
		write(t, path+".part.json", notes)
		if _, _, err := client.File(t.Context(), File{URL: s.URL, Path: path, Size: int64(len(content)), SHA256: sha256.Sum256(content)}, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%q, %v", got, err)
		}
	})
}

// A refusal whose body falls silent is a refusal all the same.
func TestRefusalFallsSilent(t *testing.T) {
	for _, code := range []int{http.StatusForbidden, http.StatusNotFound} {
		s, client, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte("no, and"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		})
		client.limits.silence = 50 * time.Millisecond
		file := File{URL: s.URL + "/f", Path: filepath.Join(t.TempDir(), "f")}
		_, _, fileErr := client.File(t.Context(), file, nil)
		_, getErr := client.Get(t.Context(), Request{URL: s.URL + "/g"})
		for _, err := range []error{fileErr, getErr} {
			var refused *StatusError
			if !errors.As(err, &refused) || refused.Code != code {
				t.Errorf("%d with a silent body: %v", code, err)
			}
		}
	}
}

// What was written behind the end of a file, as ranges of a longer one did that it took the
// place of, is no part of it.
func TestNothingBehindTheEnd(t *testing.T) {
	content := randomBytes(5, 100_000)
	s, client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(content) })
	path := filepath.Join(t.TempDir(), "f")
	stray := func(f *os.File, p []byte, at int64) (int, error) {
		if _, err := f.WriteAt([]byte("stray"), 1<<20); err != nil {
			return 0, err
		}
		return f.WriteAt(p, at)
	}
	sum, n, err := client.File(t.Context(), File{URL: s.URL, Path: path, Size: int64(len(content)), WriteAt: stray}, nil)
	if err != nil || n != int64(len(content)) || sum != sha256.Sum256(content) || !bytes.Equal(read(t, path), content) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
