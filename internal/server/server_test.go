package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// speaking returns a dialect with two routes on one path, and one that fails.
func speaking(name string) *wire.Dialect {
	say := func(text string) func(http.ResponseWriter, *http.Request) error {
		return func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	return &wire.Dialect{
		Name: name,
		Routes: []wire.Route{
			{Pattern: "GET /" + name, Scope: wire.Open, Handle: say("plain")},
			{Pattern: "GET /" + name, Scope: wire.Open, Header: "Anthropic-Version", Handle: say("other")},
			{Pattern: "POST /" + name, Scope: wire.Inference, MaxBody: 10, Handle: func(w http.ResponseWriter, r *http.Request) error {
				body, err := wire.ReadBody(r, 10)
				if err != nil {
					return err
				}
				_, err = w.Write(body)
				return err
			}},
			{Pattern: "POST /" + name + "/panic", Scope: wire.Open, Handle: func(http.ResponseWriter, *http.Request) error { panic("secret") }},
			{Pattern: "POST /" + name + "/fail", Scope: wire.Open, Handle: func(http.ResponseWriter, *http.Request) error { return errors.New("secret") }},
		},
		WriteError: func(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
			w.WriteHeader(e.Kind.Status())
			_, _ = io.WriteString(w, name+": "+e.Message)
		},
	}
}

func TestRouter(t *testing.T) {
	s := New(Options{Dialects: []*wire.Dialect{speaking("openai"), speaking("anthropic"), speaking("ollama")}})
	for _, c := range []struct {
		method, target, header, body string
		status                       int
		want                         string
	}{
		{"GET", "/openai", "", "", 200, "plain"},
		{"HEAD", "/openai", "", "", 200, ""},
		{"GET", "/openai", "Anthropic-Version", "", 200, "other"},
		{"POST", "/openai", "", "0123456789", 200, "0123456789"},
		{"POST", "/openai", "", "0123456789x", 413, "openai: the body is too large, want at most 10 bytes"},
		{"PUT", "/ollama", "", "", 405, `ollama: the method "PUT" is not for this path, want GET or POST`},
		{"BREW", "/openai", "", "", 405, `openai: the method "BREW"`},
		{"GET", "/nothing", "", "", 404, `openai: there is nothing at "/nothing"`},
		{"GET", "/nothing", "Anthropic-Version", "", 404, "anthropic: "},
		{"GET", "/api/nothing", "", "", 404, "ollama: "},
		{"GET", "/openai/../openai", "", "", 404, "openai: "},
		{"GET", "//openai", "", "", 404, "openai: "},
		{"GET", "/" + strings.Repeat("x", 5000), "", "", 404, "openai: "},
		{"POST", "/openai/panic", "", "", 500, ""},
		{"POST", "/openai/fail", "", "", 500, "openai: the server failed to answer"},
		{"GET", "/health", "", "", 200, `{"status":"ok"}`},
		{"GET", "/ready", "", "", 200, `{"status":"ready"}`},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.target, strings.NewReader(c.body))
		if c.header != "" {
			r.Header.Set(c.header, "x")
		}
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		got := w.Body.String()
		if w.Code != c.status || !strings.HasPrefix(got, c.want) || strings.Contains(got, "secret") || len(got) > 300 {
			t.Errorf("%s %.40s: %d %s, want %d %s", c.method, c.target, w.Code, got, c.status, c.want)
		}
		if w.Header().Get("X-Request-Id") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %.40s: headers %v", c.method, c.target, w.Header())
		}
		if (w.Code == 405) != (w.Header().Get("Allow") != "") {
			t.Errorf("%s %.40s: Allow is %q", c.method, c.target, w.Header().Get("Allow"))
		}
	}
}

func TestShutdownEndsWhatIsUnderWay(t *testing.T) {
	entered := make(chan struct{})
	d := &wire.Dialect{Name: "openai", Routes: []wire.Route{{Pattern: "GET /wait", Scope: wire.Open, Handle: func(w http.ResponseWriter, r *http.Request) error {
		close(entered)
		<-r.Context().Done()
		if !errors.Is(context.Cause(r.Context()), ErrStopped) {
			t.Errorf("the cause is %v", context.Cause(r.Context()))
		}
		_, err := io.WriteString(w, "ended")
		return err
	}}}}
	s := New(Options{Dialects: []*wire.Dialect{d}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	answer := make(chan string, 1)
	go func() {
		r, err := http.Get("http://" + l.Addr().String() + "/wait")
		if err != nil {
			answer <- err.Error()
			return
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		answer <- string(body)
	}()
	<-entered
	grace, cancel := context.WithCancel(t.Context())
	cancel() // none
	if err := s.Shutdown(grace); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if got := <-answer; got != "ended" {
		t.Errorf("the answer was %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// deadlines is a writer that notes by when the client must have sent more.
type deadlines struct {
	*httptest.ResponseRecorder
	read []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = append(d.read, t)
	return nil
}

// breaking is a body that ends with an error.
type breaking struct{ err error }

func (b breaking) Read([]byte) (int, error) { return 0, b.err }

// A body that is not read to its end leaves a time by which the connection is given up,
// whether its reader failed or nobody read it; one that was read leaves none.
func TestTimeOfBodies(t *testing.T) {
	s := New(Options{Dialects: []*wire.Dialect{speaking("openai")}})
	for _, c := range []struct {
		method string
		body   io.Reader
		last   bool // a time is left
	}{
		{"POST", strings.NewReader("0123"), false},
		{"POST", breaking{os.ErrDeadlineExceeded}, true},
		{"POST", strings.NewReader("0123456789x"), true},
		{"PUT", strings.NewReader("nobody reads it"), true},
		{"GET", nil, false},
	} {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		s.Handler().ServeHTTP(w, httptest.NewRequest(c.method, "http://localhost/openai", c.body))
		left := len(w.read) > 0 && !w.read[len(w.read)-1].IsZero()
		if left != c.last {
			t.Errorf("%s %v: times %v, want one left: %v", c.method, c.body, w.read, c.last)
		}
	}
}

// A client has the time that its bytes so far allow it, less what it was waited for: what
// the server did between two reads is not the client's.
func TestTimeOfBody(t *testing.T) {
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	b := &body{ReadCloser: io.NopCloser(strings.NewReader("more")), conn: http.NewResponseController(w), bytes: 10 * bodyRate, waited: 15 * time.Second}
	begin := time.Now()
	if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	const left = bodyPatience + 10*time.Second - 15*time.Second
	if len(w.read) != 1 || w.read[0].Before(begin.Add(left)) || w.read[0].After(time.Now().Add(left)) {
		t.Errorf("times %v, want one %v behind %v", w.read, left, begin)
	}
	if b.bytes != 10*bodyRate+1 || b.waited < 15*time.Second {
		t.Errorf("behind it: %d bytes, %v", b.bytes, b.waited)
	}
}
