package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/serve"
)

func TestHandler(t *testing.T) {
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	h, err := serve.New(&serve.Options{Models: []string{path}, Home: home, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := http.Post(s.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model": "puppet", "messages": [{"role": "user", "content": "play hello"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || r.StatusCode != 200 || len(answer.Choices) != 1 || answer.Choices[0].Message.Content != "Hello, world!" {
		t.Errorf("%s, %+v, %v", r.Status, answer, err)
	}
	for path, want := range map[string]string{"/": "<!doctype html>", "/chat/some-chat": "<!doctype html>", "/ui/api/me": `"owner":true`} {
		if text := get(t, s.URL+path); !strings.Contains(text, want) {
			t.Errorf("%s: %.200s, want %s", path, text, want)
		}
	}
	s.Close()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// get asks as a browser does.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, got.Status, err)
	}
	return string(text)
}

// puppetAdapter writes an adapter of the puppet into a folder, all of whose products are not
// those of the model.
func puppetAdapter(t *testing.T, path, folder string) {
	t.Helper()
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a, err := adapter.New(&adapter.Config{Rank: 1, Alpha: 64, Targets: adapter.Targets{Pattern: adapter.AllLinear}}, m.Layers(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Modules {
		for k := range a.Modules[i].B {
			a.Modules[i].B[k] = float32(k%5 - 2)
		}
	}
	if err := a.Write(folder); err != nil {
		t.Fatal(err)
	}
}

// TestAdapters serves a model with an adapter and without, at once.
func TestAdapters(t *testing.T) {
	path, folder := filepath.Join(t.TempDir(), "puppet.gguf"), filepath.Join(t.TempDir(), "bent")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	puppetAdapter(t, path, folder)
	h, err := serve.New(&serve.Options{Models: []string{path}, Adapters: []serve.Adapter{{Model: path, Name: "bent", Folder: folder}}, Home: t.TempDir(), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	answers := map[string]string{}
	for _, name := range []string{"puppet", "puppet:bent"} {
		r, err := http.Post(s.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model": "`+name+`", "max_tokens": 8, "temperature": 0, "messages": [{"role": "user", "content": "play hello"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		var answer struct {
			Choices []struct{ Message struct{ Content string } }
		}
		if err := errors.Join(err, json.Unmarshal(b, &answer)); err != nil || r.StatusCode != 200 || len(answer.Choices) != 1 {
			t.Fatalf("%s: %s: %s, %v", name, r.Status, b, err)
		}
		answers[name] = answer.Choices[0].Message.Content
	}
	if answers["puppet"] == answers["puppet:bent"] || !strings.HasPrefix("Hello, world!", answers["puppet"]) {
		t.Errorf("%q", answers)
	}
	if text := get(t, s.URL+"/api/ps"); !strings.Contains(text, `"puppet:bent"`) {
		t.Errorf("loaded: %s", text)
	}
	s.Close()
	if err := h.Close(context.Background()); err != nil {
		t.Error(err)
	}
	for name, a := range map[string]serve.Adapter{
		"a folder that is not there": {Model: path, Name: "x", Folder: t.TempDir()}, "a name that none can have": {Model: path, Name: "a:b", Folder: folder},
		"a model that is not there": {Model: "nothing", Name: "x", Folder: folder},
	} {
		if _, err := serve.New(&serve.Options{Models: []string{path}, Adapters: []serve.Adapter{a}, Home: t.TempDir(), Threads: 1}); err == nil {
			t.Errorf("%s is served", name)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	home := t.TempDir()
	if _, err := serve.New(&serve.Options{Models: []string{"nothing"}, Home: home}); !errors.Is(err, blitz.ErrNotFound) {
		t.Errorf("a name that is not there: %v, want ErrNotFound", err)
	}
	broken := filepath.Join(home, "broken.gguf")
	if err := os.WriteFile(broken, []byte("GGUF, but no more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serve.New(&serve.Options{Models: []string{broken}, Home: home}); err == nil {
		t.Error("a damaged file is served")
	}
}

// BenchmarkFirstToken is the time to the first token of an answer: of the library, and
// through the server on loopback.
func BenchmarkFirstToken(b *testing.B) {
	path := filepath.Join(b.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		b.Fatal(err)
	}
	b.Run("library", func(b *testing.B) {
		m, err := blitz.Open(path, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer m.Close()
		e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: 1})
		if err != nil {
			b.Fatal(err)
		}
		defer e.Close()
		for b.Loop() {
			ctx, cancel := context.WithCancel(b.Context())
			a, err := e.Generate(ctx, blitz.Request{Messages: []chat.Message{chat.User("play hello")}})
			if err != nil {
				b.Fatal(err)
			}
			for _, err := range a.Tokens() {
				if err != nil {
					b.Fatal(err)
				}
				break
			}
			cancel()
		}
	})
	b.Run("server", func(b *testing.B) {
		h, err := serve.New(&serve.Options{Models: []string{path}, Home: b.TempDir(), Threads: 1})
		if err != nil {
			b.Fatal(err)
		}
		s := httptest.NewServer(h)
		defer s.Close()
		for b.Loop() {
			r, err := http.Post(s.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model": "puppet", "stream": true, "messages": [{"role": "user", "content": "play hello"}]}`))
			if err != nil {
				b.Fatal(err)
			}
			for in := bufio.NewScanner(r.Body); in.Scan() && !strings.Contains(in.Text(), `"content":"H`); {
			}
			r.Body.Close()
		}
	})
}
