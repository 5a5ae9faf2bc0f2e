package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
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

// site is a server of the dialect with a model whose answers are known.
type site struct {
	t *testing.T
	*httptest.Server
}

// newSite starts one; the model fills in the middle as Qwen's coders do, if coder says so.
func newSite(t *testing.T, coder bool) site {
	t.Helper()
	p := puppet.New()
	if coder {
		for name, says := range map[string]string{"prefix": "stop", "suffix": "stop", "middle": "code"} {
			p.AddControl("<|fim_"+name+"|>", says)
		}
		p.Keys = append(p.Keys, gguf.KeyValue{Key: "tokenizer.ggml.fim_pad_token_id", Value: gguf.ValueOf(uint32(p.AddControl("<|fim_pad|>", "stop")))})
	}
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1, KeepAlive: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Serve(path); err != nil {
		t.Fatal(err)
	}
	d := openai.New(inference.New(inference.Options{Host: h, Meter: nobody{}}))
	s := site{t, httptest.NewServer(server.New(server.Options{Dialects: []*wire.Dialect{d}}).Handler())}
	t.Cleanup(func() {
		s.Close()
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends a request, and returns the status and the body of its answer.
func (s site) send(method, path, body string) (int, []byte) {
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
	return answer.StatusCode, text
}

// post sends a body whose answer has to be a whole one, and reads it.
func (s site) post(path, body string, into any) {
	s.t.Helper()
	status, text := s.send("POST", path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s: status %d: %s", path, body, status, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		s.t.Fatalf("%s %s: %v: %s", path, body, err, text)
	}
}

// what differs from one run to the next, and what is put in its place
var differing = []struct {
	found *regexp.Regexp
	put   string
}{
	{regexp.MustCompile(`"(chatcmpl-|cmpl-|call_)[A-Z2-7]{26}"`), `"${1}ID"`},
	{regexp.MustCompile(`"created":[0-9]+`), `"created":0`},
	{regexp.MustCompile(`_(ms|second)":[0-9.e+-]+`), `_$1":0`},
	{regexp.MustCompile(`cached?_(n|tokens)":[0-9]+`), `cached_$1":0`},
	{regexp.MustCompile(`"(cache_n|tokens_cached|prompt_n)":[0-9]+`), `"$1":0`},
}

// snapshot compares what was written with a file of testdata.
func snapshot(t *testing.T, name string, got []byte) {
	t.Helper()
	for _, d := range differing {
		got = d.found.ReplaceAll(got, []byte(d.put))
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
