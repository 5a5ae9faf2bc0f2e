package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fileServer serves one file over HTTP, as well or badly as a test wants.
type fileServer struct {
	*httptest.Server
	mu       sync.Mutex
	content  []byte
	etag     string
	modified string
	deaf     bool                                              // If-Range is not heard
	noRange  bool                                              // ranges are not known
	noLength bool                                              // chunked
	cut      func(request int) int                             // bytes of the body before the connection is cut; -1 for all
	before   func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	requests []string                                          // the Range of each
	sent     int
}

func newFileServer(t *testing.T, content []byte) *fileServer {
	s := &fileServer{content: content, cut: func(int) int { return -1 }}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fileServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Header.Get("Range"))
	if s.before != nil && s.before(w, r) {
		return
	}
	h := w.Header()
	if s.etag != "" {
		h.Set("ETag", s.etag)
	}
	if s.modified != "" {
		h.Set("Last-Modified", s.modified)
	}
	body := s.content
	from := 0
	partial := false
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && !s.noRange && (s.deaf || s.fits(r.Header.Get("If-Range"))) {
		first, last, _ := strings.Cut(text, "-")
		from, _ = strconv.Atoi(first) // the client's own
		to := len(body)
		if n, err := strconv.Atoi(last); err == nil {
			to = min(to, n+1)
		}
		if from >= len(body) {
			h.Set("Content-Range", fmt.Sprintf("bytes */%d", len(body)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(body)))
		body, partial = body[from:to], true
	}
	if !s.noLength {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if partial {
		w.WriteHeader(http.StatusPartialContent)
	}
	n := s.cut(len(s.requests))
	if n < 0 || n >= len(body) {
		s.sent += len(body)
		w.Write(body)
		return
	}
	s.sent += n
	w.Write(body[:n])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler) // cuts the connection
}

func (s *fileServer) fits(ifRange string) bool {
	return ifRange == "" || ifRange == s.etag || ifRange == s.modified
}

func (s *fileServer) download(t *testing.T, digest bool) *download {
	d := newDownload(t, s.URL+"/x")
	if digest {
		d.SHA256 = sha256.Sum256(s.content)
	}
	return d
}

func wantFile(t *testing.T, d *download, content []byte) {
	t.Helper()
	if got := read(t, d.Path); !bytes.Equal(got, content) {
		t.Errorf("%d bytes are there, want %d, or others", len(got), len(content))
	}
	if left := files(t, filepath.Dir(d.Path)); len(left) != 1 {
		t.Errorf("beside it are %v", left)
	}
}

var errFull = errors.New("the disk is full")

// download is a File and the client that fetches it.
type download struct {
	File
	client *Client
}

func newDownload(t *testing.T, address string) *download {
	client, err := New(Options{Base: address, Pause: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &download{File{URL: address, Path: filepath.Join(t.TempDir(), "x")}, client}
}

func (d *download) Run(ctx context.Context, report func(done, total int64)) ([32]byte, int64, error) {
	return d.client.File(ctx, d.File, report)
}

func randomBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// files returns the names in a folder.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestDownload(t *testing.T) {
	content := randomBytes(1, 3<<20)
	for _, c := range []struct {
		what   string
		change func(s *fileServer, d *download)
	}{
		{"plain", func(*fileServer, *download) {}},
		{"size known", func(_ *fileServer, d *download) { d.Size = int64(len(content)) }},
		{"digest known", func(_ *fileServer, d *download) { d.SHA256 = sha256.Sum256(content) }},
		{"chunked", func(s *fileServer, _ *download) { s.noLength = true }},
		{"chunked, size known", func(s *fileServer, d *download) { s.noLength, d.Size = true, int64(len(content)) }},
	} {
		s := newFileServer(t, content)
		d := s.download(t, false)
		c.change(s, d)
		var last, total int64
		sum, n, err := d.Run(t.Context(), func(done, all int64) { last, total = done, all })
		if err != nil || sum != sha256.Sum256(content) || n != int64(len(content)) {
			t.Errorf("%s: %v, %d, %v", c.what, sum, n, err)
			continue
		}
		if last != n || total != n && !(s.noLength && d.Size == 0 && total == 0) {
			t.Errorf("%s: last report %d of %d", c.what, last, total)
		}
		wantFile(t, d, content)
	}
	s := newFileServer(t, nil)
	d := s.download(t, true)
	if _, n, err := d.Run(t.Context(), nil); err != nil || n != 0 {
		t.Errorf("an empty file: %d, %v", n, err)
	}
	wantFile(t, d, nil)
}

// Cut anywhere, it goes on there: in one Run, and no byte is sent twice.
func TestDownloadCut(t *testing.T) {
	content := randomBytes(1, 100_000)
	for _, digest := range []bool{false, true} {
		for _, etag := range []string{"", `"one"`} {
			if !digest && etag == "" {
				continue // nothing to go on by: see TestDownloadUnidentified
			}
			s := newFileServer(t, content)
			s.etag = etag
			pieces := []int{0, 1, 4096, 0, 30_000, 1, 17, 0, 0, 50_000}
			s.cut = func(request int) int {
				if request <= len(pieces) {
					return pieces[request-1]
				}
				return -1
			}
			d := s.download(t, digest)
			if _, _, err := d.Run(t.Context(), nil); err != nil {
				t.Errorf("digest %v, etag %q: %v", digest, etag, err)
				continue
			}
			wantFile(t, d, content)
			if s.sent != len(content) {
				t.Errorf("digest %v, etag %q: %d bytes were sent, want %d: %v", digest, etag, s.sent, len(content), s.requests)
			}
		}
	}
}

// Without a digest and without anything that identifies the file, a cut begins
// anew: two versions are never one file.
func TestDownloadUnidentified(t *testing.T) {
	old, content := randomBytes(1, 10_000), randomBytes(2, 10_000)
	s := newFileServer(t, old)
	s.cut = func(request int) int {
		s.content = content // from the second request on
		if request == 1 {
			return 6000
		}
		return -1
	}
	d := s.download(t, false)
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
	for i, r := range s.requests {
		if r != "" {
			t.Errorf("request %d asked for %q, want the whole file", i, r)
		}
	}
	s.cut = func(int) int { return 6000 }
	d = s.download(t, false)
	if _, _, err := d.Run(t.Context(), nil); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "ETag") {
		t.Errorf("cut for ever: %v, want ErrUnreachable that says what is missing", err)
	}
}

// Cut at every byte of a small file, the next Run goes on there.
func TestDownloadNextRun(t *testing.T) {
	content := randomBytes(1, 60)
	for at := range content {
		s := newFileServer(t, content)
		s.etag = `"one"`
		s.cut = func(request int) int { return map[bool]int{true: at, false: 0}[request == 1] }
		d := s.download(t, at%2 == 0)
		if _, _, err := d.Run(t.Context(), nil); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), s.URL) {
			t.Fatalf("cut at %d: %v, want ErrUnreachable with the address", at, err)
		}
		s.cut = func(int) int { return -1 }
		if _, _, err := d.Run(t.Context(), nil); err != nil {
			t.Fatalf("cut at %d, again: %v", at, err)
		}
		wantFile(t, d, content)
		if s.sent != len(content) {
			t.Errorf("cut at %d: %d bytes were sent, want %d", at, s.sent, len(content))
		}
	}
}

// What a killed process leaves: more bytes than the journal knows of, or a
// damaged or missing journal, or damaged bytes.
func TestDownloadKilled(t *testing.T) {
	content := randomBytes(1, 10_000)
	for _, c := range []struct {
		what   string
		change func(d *download)
		sent   map[bool]int // with a digest known, and without
	}{
		{"whole", func(*download) {}, map[bool]int{true: 6000, false: 6000}},
		{"more bytes", func(d *download) { write(t, d.Path+".part", content[:7000]) }, map[bool]int{true: 3000, false: 6000}},
		{"all bytes", func(d *download) { write(t, d.Path+".part", content) }, map[bool]int{true: 0, false: 6000}},
		{"fewer bytes", func(d *download) { write(t, d.Path+".part", content[:100]) }, map[bool]int{true: 9900, false: 9900}},
		{"no journal", func(d *download) { os.Remove(d.Path + ".part.json") }, map[bool]int{true: 6000, false: 10_000}},
		{"a damaged journal", func(d *download) { write(t, d.Path+".part.json", []byte(`{"url": 1}`)) }, map[bool]int{true: 6000, false: 10_000}},
		{"a journal of another file", func(d *download) { d.URL += "?other" }, map[bool]int{true: 6000, false: 10_000}},
		{"no bytes", func(d *download) { os.Remove(d.Path + ".part") }, map[bool]int{true: 10_000, false: 10_000}},
		{"damaged bytes", func(d *download) { write(t, d.Path+".part", make([]byte, 5000)) }, map[bool]int{true: 5000 + 10_000}},
		{"too many bytes", func(d *download) { write(t, d.Path+".part", make([]byte, 11_000)) }, map[bool]int{true: 10_000}},
	} {
		for digest, want := range c.sent {
			s := newFileServer(t, content)
			s.etag = `"one"`
			s.cut = func(request int) int { return map[bool]int{true: 4000, false: 0}[request == 1] }
			d := s.download(t, digest)
			if _, _, err := d.Run(t.Context(), nil); err == nil {
				t.Fatal("it was not cut")
			}
			c.change(d)
			s.sent, s.cut = 0, func(int) int { return -1 }
			if _, _, err := d.Run(t.Context(), nil); err != nil {
				t.Errorf("%s, digest %v: %v", c.what, digest, err)
				continue
			}
			wantFile(t, d, content)
			if s.sent != want {
				t.Errorf("%s, digest %v: %d bytes were sent, want %d", c.what, digest, s.sent, want)
			}
		}
	}
}

// The journal is written while bytes come, not only at the end.
func TestDownloadJournal(t *testing.T) {
	content := randomBytes(1, syncEvery+5<<20)
	s := newFileServer(t, content)
	s.etag = `"one"`
	d := s.download(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var noted journal
	_, _, err := d.Run(ctx, func(done, _ int64) {
		if noted = readJournal(d.Path+".part.json", d.URL); noted.Spans.size() > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || noted.Spans.size() < syncEvery || noted.ETag != s.etag {
		t.Fatalf("%v, journal %+v", err, noted)
	}
	s.sent = 0
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
	if s.sent > 5<<20 {
		t.Errorf("%d bytes were sent again", s.sent)
	}
}

// The file on the server is another one, or the server knows no ranges.
func TestDownloadOther(t *testing.T) {
	old, content := randomBytes(1, 10_000), randomBytes(2, 8000)
	for _, c := range []struct {
		what    string
		change  func(s *fileServer)
		content []byte
	}{
		{"another tag", func(s *fileServer) { s.content, s.etag = content, `"two"` }, content},
		{"another time", func(s *fileServer) {
			s.content, s.etag, s.modified = content, "", "Tue, 24 Nov 2026 00:00:00 GMT"
		}, content},
		{"shorter than what came", func(s *fileServer) { s.content = content[:100] }, content[:100]},
		{"another tag, and the server does not care", func(s *fileServer) {
			s.content, s.etag, s.deaf = content, `"two"`, true
		}, content},
		{"no ranges", func(s *fileServer) { s.noRange = true }, old},
		{"no ranges, another tag", func(s *fileServer) { s.noRange, s.content, s.etag = true, content, `"two"` }, content},
	} {
		s := newFileServer(t, old)
		s.etag = `"one"`
		s.cut = func(request int) int { return map[bool]int{true: 4000, false: 0}[request == 1] }
		d := s.download(t, false)
		if _, _, err := d.Run(t.Context(), nil); err == nil {
			t.Fatal("it was not cut")
		}
		c.change(s)
		s.cut = func(int) int { return -1 }
		if _, _, err := d.Run(t.Context(), nil); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		wantFile(t, d, c.content)
	}
}

// Without ranges a cut in the part that is there already loses nothing.
func TestDownloadNoRangeCut(t *testing.T) {
	content := randomBytes(1, 10_000)
	s := newFileServer(t, content)
	s.etag, s.noRange = `"one"`, true
	pieces := []int{6000, 3000, 100, 0, 8000}
	s.cut = func(request int) int {
		if request <= len(pieces) {
			return pieces[request-1]
		}
		return -1
	}
	d := s.download(t, false)
	most := int64(0)
	if _, _, err := d.Run(t.Context(), func(done, _ int64) {
		if done < most {
			t.Errorf("%d bytes after %d", done, most)
		}
		most = max(most, done)
	}); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
}

func TestDownloadErrors(t *testing.T) {
	content := randomBytes(1, 1000)
	status := func(code int) func(*fileServer, *download) {
		return func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(code); return true }
		}
	}
	for _, c := range []struct {
		what     string
		change   func(s *fileServer, d *download)
		kind     error
		want     string
		requests int
	}{
		{"404", status(404), ErrNotFound, "404", 1},
		{"410", status(410), ErrNotFound, "410", 1},
		{"403", status(403), ErrDenied, "403", 1},
		{"500", status(500), ErrUnreachable, "500", maxTries},
		{"429", status(429), ErrUnreachable, "429", maxTries},
		{"204", status(204), ErrUnreachable, "204", 1},
		{"another digest", func(_ *fileServer, d *download) { d.SHA256 = [32]byte{1} }, ErrDigest, "0100000", 1},
		{"another size", func(_ *fileServer, d *download) { d.Size = 999 }, ErrDigest, "1000 bytes, want 999", 1},
		{"packed", func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Encoding", "gzip")
				return false
			}
		}, ErrFormat, "gzip", 1},
		{"a range that was not asked for", func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Range", "bytes 5-9/10")
				w.WriteHeader(206)
				return true
			}
		}, ErrFormat, "5-9", 1},
		{"a range that is none", func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Range", "bytes 0-99999999999999999999/5")
				w.WriteHeader(206)
				return true
			}
		}, ErrFormat, "content range", 1},
		{"round and round", func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "/x", http.StatusFound)
				return true
			}
		}, ErrFormat, "redirected", 10},
		{"no end", func(s *fileServer, _ *download) {
			s.before = func(w http.ResponseWriter, _ *http.Request) bool {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err == nil {
					io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nabc")
					conn.Close()
				}
				return true
			}
		}, ErrFormat, "how long", 1},
		{"no room", func(_ *fileServer, d *download) {
			d.Room = func(_ string, n int64) error { return fmt.Errorf("%d needed: %w", n, errFull) }
		}, errFull, "1000 needed", 1},
		{"a full disk", func(_ *fileServer, d *download) {
			d.WriteAt = func(*os.File, []byte, int64) (int, error) { return 0, syscall.ENOSPC }
		}, syscall.ENOSPC, "no space", 1},
		{"no address", func(_ *fileServer, d *download) { d.URL = "http://[" }, ErrFormat, "http://[", 0},
		{"no server", func(s *fileServer, _ *download) { s.Close() }, ErrUnreachable, "refused", 0},
	} {
		s := newFileServer(t, content)
		d := s.download(t, false)
		c.change(s, d)
		_, _, err := d.Run(t.Context(), nil)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) || len(s.requests) != c.requests {
			t.Errorf("%s: %v after %d requests, want %v with %q after %d", c.what, err, len(s.requests), c.kind, c.want, c.requests)
		}
		if left := files(t, filepath.Dir(d.Path)); len(left) != 0 {
			t.Errorf("%s: left %v", c.what, left)
		}
	}
}

// A full disk keeps what has come; with room it goes on.
func TestDownloadDiskFull(t *testing.T) {
	content := randomBytes(1, 100_000)
	s := newFileServer(t, content)
	s.etag = `"one"`
	d := s.download(t, false)
	left := 40_000
	d.WriteAt = func(f *os.File, p []byte, at int64) (int, error) {
		if left >= len(p) {
			left -= len(p)
			return f.WriteAt(p, at)
		}
		n, err := f.WriteAt(p[:left], at)
		left = 0
		return n, errors.Join(err, syscall.ENOSPC)
	}
	if _, _, err := d.Run(t.Context(), nil); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v, want ENOSPC", err)
	}
	d.WriteAt, d.SHA256 = nil, sha256.Sum256(content)
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, content)
	if last := s.requests[len(s.requests)-1]; last != "bytes=40000-" {
		t.Errorf("asked for %q, want the rest", last)
	}
}

func TestDownloadRetryAfter(t *testing.T) {
	s := newFileServer(t, []byte("x"))
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if len(s.requests) > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	d := s.download(t, true)
	var slept []time.Duration
	d.client.Sleep = func(_ context.Context, pause time.Duration) error { slept = append(slept, pause); return nil }
	if _, _, err := d.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(slept) != 1 || slept[0] != time.Second {
		t.Errorf("came again after %v, want one second", slept)
	}
}

func TestDownloadCancelled(t *testing.T) {
	s := newFileServer(t, randomBytes(1, 1000))
	s.cut = func(int) int { return 0 }
	d := s.download(t, true)
	d.client.Pause = time.Hour
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("enough"))
	defer cancel()
	if _, _, err := d.Run(ctx, nil); err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("%v, want the cause", err)
	}
}
