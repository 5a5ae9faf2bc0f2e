package ollama_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/ollama"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

var update = flag.Bool("update", false, "write the files of testdata anew")

// nobody counts nothing, and lets everybody do everything.
type nobody struct{}

func (nobody) Begin(context.Context, string) (func(inference.Use), error) {
	return func(inference.Use) {}, nil
}
func (nobody) Tenant(context.Context) string    { return "" }
func (nobody) May(context.Context, string) bool { return true }

// site is a server of the dialect over a store with the puppet.
type site struct {
	t *testing.T
	*httptest.Server
	host *host.Host
	file string // the puppet

	mu      sync.Mutex
	changes []string // that were audited
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOf(t, puppet.New())
}

func newSiteOf(t *testing.T, p *puppet.Puppet) *site {
	t.Helper()
	home := t.TempDir()
	s := &site{t: t, file: filepath.Join(t.TempDir(), "puppet.gguf")}
	if err := p.Write(s.file); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), s.file, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	if s.host, err = host.New(host.Options{Home: home, Threads: 1}); err != nil {
		t.Fatal(err)
	}
	d := ollama.New(ollama.Options{
		Service: inference.New(inference.Options{Host: s.host, Meter: nobody{}}),
		Audit: func(_ context.Context, action, subject string, _ any) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.changes = append(s.changes, action+" "+subject)
			return nil
		},
	})
	s.Server = httptest.NewServer(server.New(server.Options{Dialects: []*wire.Dialect{d}}).Handler())
	t.Cleanup(func() {
		s.Close()
		if err := s.host.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends a request, and returns the answer and its body.
func (s *site) send(method, path, body string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, text
}

// object sends a request whose answer has to be one object.
func (s *site) object(method, path, body string) map[string]any {
	s.t.Helper()
	answer, text := s.send(method, path, body)
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil || answer.StatusCode != http.StatusOK {
		s.t.Fatalf("%s %s: status %d: %s", path, body, answer.StatusCode, text)
	}
	return v
}

// what differs from one run to the next, and what is put in its place
var differing = []struct {
	found *regexp.Regexp
	put   string
}{
	{regexp.MustCompile(`"call_[A-Z2-7]{26}"`), `"call_ID"`},
	{regexp.MustCompile(`"(created_at|modified_at|expires_at)":"20[0-9]{2}-[^"]*Z"`), `"$1":"TIME"`},
	{regexp.MustCompile(`"expires_at":"22[0-9]{2}-[^"]*Z"`), `"expires_at":"NEVER"`},
	{regexp.MustCompile(`_duration":[1-9][0-9]*`), `_duration":1`},
	{regexp.MustCompile(`("size":)[0-9]+(,"digest":"[0-9a-f]+","details":\{[^}]*\},"expires_at")`), `${1}1$2`},
}

// snapshot compares what was written with a file of testdata.
func snapshot(t *testing.T, name string, got []byte) {
	t.Helper()
	for _, d := range differing {
		got = d.found.ReplaceAll(got, []byte(d.put))
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// exchange sends a request, and compares it and its answer with a file of testdata.
func (s *site) exchange(name, method, path, body string) {
	s.t.Helper()
	answer, got := s.send(method, path, body)
	request := method + " " + path + "\n"
	if body != "" {
		request += body + "\n"
	}
	snapshot(s.t, name, fmt.Appendf(nil, "%s\n%d %s\n%s", request, answer.StatusCode, answer.Header.Get("Content-Type"), got))
}
