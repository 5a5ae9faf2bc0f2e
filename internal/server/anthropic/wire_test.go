package anthropic

import (
	"bytes"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

var update = flag.Bool("update", false, "write the snapshots of the wire anew")

// free counts nobody.
type free struct{}

func (free) Begin(context.Context, string) (func(inference.Use), error) {
	return func(inference.Use) {}, nil
}
func (free) Tenant(context.Context) string    { return "" }
func (free) May(context.Context, string) bool { return true }

// puppetServer answers by the puppet.
func puppetServer(t *testing.T) http.Handler {
	t.Helper()
	home, path := t.TempDir(), filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Options{Home: home, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(context.Background()) })
	return handler(New(inference.New(inference.Options{Host: h, Meter: free{}})))
}

// handler serves a dialect alone.
func handler(d *wire.Dialect) http.Handler {
	mux := http.NewServeMux()
	for _, route := range d.Routes {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := route.Handle(w, r); err != nil {
				d.WriteError(w, r, wire.AsError(err))
			}
		})
	}
	return mux
}

func send(t *testing.T, h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body)))
	return w
}

// created is when a model came into the store.
var created = regexp.MustCompile(`"created_at":"[^"]*"`)

// ids are what is new in each answer.
var ids = regexp.MustCompile(`(msg|toolu|req)_[0-9A-Z]{26}`)

// read are the counts of what was read: how much of it came from the cache is no matter
// of the wire.
var read = regexp.MustCompile(`"input_tokens":(\d+),"cache_creation_input_tokens":0,"cache_read_input_tokens":(\d+)`)

// written returns an answer as a snapshot has it: its ids are numbered, and the counts of
// what was read added up.
func written(w *httptest.ResponseRecorder) string {
	var b bytes.Buffer
	b.WriteString(strconv.Itoa(w.Code) + " " + w.Header().Get("Content-Type") + "\n\n" + w.Body.String())
	text := read.ReplaceAllStringFunc(b.String(), func(counts string) string {
		m := read.FindStringSubmatch(counts)
		fresh, _ := strconv.Atoi(m[1])
		cached, _ := strconv.Atoi(m[2])
		return `"read":` + strconv.Itoa(fresh+cached)
	})
	seen := map[string]string{}
	return ids.ReplaceAllStringFunc(text, func(id string) string {
		if seen[id] == "" {
			kind, _, _ := strings.Cut(id, "_")
			seen[id] = kind + "_" + strconv.Itoa(len(seen)+1)
		}
		return seen[id]
	})
}

// compare holds an answer against its snapshot.
func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}
