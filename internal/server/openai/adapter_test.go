package openai_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// TestAdapter: a model with an adapter is listed, and answers by its name.
func TestAdapter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1, KeepAlive: -1})
	if err != nil {
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
	name, err := h.Serve(path)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "a")
	if err := puppet.WriteAdapter(folder); err != nil {
		t.Fatal(err)
	}
	if err := h.Adapter(name, "formal", folder); err != nil {
		t.Fatal(err)
	}
	status, list := s.send("GET", "/v1/models", "")
	if status != 200 || !strings.Contains(string(list), `"puppet:formal"`) || !strings.Contains(string(list), `"puppet"`) {
		t.Errorf("models: %d %s", status, list)
	}
	type embeddings struct {
		Model string
		Data  []struct{ Embedding []float64 }
	}
	var plain, adapted, again embeddings
	s.post("/v1/embeddings", `{"model": "puppet", "input": "hello"}`, &plain)
	s.post("/v1/embeddings", `{"model": "puppet:formal", "input": "hello"}`, &adapted)
	s.post("/v1/embeddings", `{"model": "puppet", "input": "hello"}`, &again)
	if reflect.DeepEqual(plain.Data, adapted.Data) || !reflect.DeepEqual(plain, again) {
		t.Errorf("the adapter changes nothing, or what is without it")
	}
	var answer struct {
		Model string
		Usage struct {
			Completion int `json:"completion_tokens"`
		}
	}
	s.post("/v1/chat/completions", `{"model": "puppet:formal", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 4}`, &answer)
	if answer.Model != "puppet:formal" || answer.Usage.Completion == 0 {
		t.Errorf("answer: %+v", answer)
	}
	if status, text := s.send("POST", "/v1/embeddings", `{"model": "puppet:other", "input": "hello"}`); status != 404 || !strings.Contains(string(text), "puppet:formal") {
		t.Errorf("an adapter that there is not: %d %s", status, text)
	}
}
