package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

const encoderFolder = "../../model/testdata/encoders"

// encoderSite starts a server with some of the small models of vectors.
func encoderSite(t *testing.T, names ...string) site {
	t.Helper()
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1, KeepAlive: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join(encoderFolder, name)
		}
		if _, err := h.Serve(name); err != nil {
			t.Fatal(err)
		}
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

// wanted is what transformers computed.
type wanted struct {
	Query   string
	Texts   []string
	Vectors [][]float64
	Scores  []float64
}

func readWanted(t *testing.T, name string) (w wanted) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(encoderFolder, name, "expect.json"))
	if err == nil {
		err = json.Unmarshal(text, &w)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEncoders(t *testing.T) {
	s := encoderSite(t, "minilm", "bge-reranker", "qwen3-reranker")
	want := readWanted(t, "minilm")
	var made struct {
		Data []struct{ Embedding []float64 }
	}
	s.post("/v1/embeddings", jsonOf(t, map[string]any{"model": "minilm", "input": want.Texts}), &made)
	for i, v := range want.Vectors {
		for k, x := range v {
			if math.Abs(made.Data[i].Embedding[k]-x) > 1e-5 {
				t.Fatalf("vector %d is %v, want %v", i, made.Data[i].Embedding, v)
			}
		}
	}
	s.post("/v1/embeddings", `{"model":"minilm","input":"fox","dimensions":8}`, &made)
	if n := len(made.Data[0].Embedding); n != 8 {
		t.Errorf("%d dimensions, want 8", n)
	}
	for _, name := range []string{"bge-reranker", "qwen3-reranker"} {
		want := readWanted(t, name)
		type results struct {
			Usage   struct{ Total int }
			Results []struct {
				Index    int
				Score    float64                `json:"relevance_score"`
				Document *struct{ Text string } `json:"document"`
			}
		}
		var all, best results
		ask := map[string]any{"model": name, "query": want.Query, "documents": want.Texts}
		s.post("/v1/rerank", jsonOf(t, ask), &all)
		last := 2.0
		for _, r := range all.Results {
			if math.Abs(r.Score-want.Scores[r.Index]) > 1e-5 || r.Score > last || r.Document != nil {
				t.Errorf("%s: %+v behind %v, want %v", name, r, last, want.Scores)
			}
			last = r.Score
		}
		if len(all.Results) != len(want.Texts) {
			t.Errorf("%s: %d results, want %d", name, len(all.Results), len(want.Texts))
		}
		ask["top_n"], ask["return_documents"] = 2, true
		ask["documents"] = []any{map[string]any{"text": want.Texts[0]}, want.Texts[1], want.Texts[2]}
		s.post("/rerank", jsonOf(t, ask), &best)
		if len(best.Results) != 2 || best.Results[0].Document == nil || best.Results[0].Document.Text != want.Texts[best.Results[0].Index] {
			t.Errorf("%s: the best two are %+v", name, best)
		}
	}
	for _, c := range []struct {
		path, body string
		says       []string
	}{
		{"/v1/chat/completions", `{"model":"minilm","messages":[{"role":"user","content":"x"}]}`, []string{"bert", "makes vectors"}},
		{"/v1/completions", `{"model":"minilm","prompt":"x"}`, []string{"bert", "makes vectors"}},
		{"/v1/rerank", `{"model":"minilm","query":"x","documents":["y"]}`, []string{"minilm", "not made to rank"}},
		{"/v1/embeddings", `{"model":"bge-reranker","input":"x"}`, []string{"bge-reranker", "makes no vectors"}},
		{"/v1/embeddings", `{"model":"minilm","input":"` + strings.Repeat("fox ", 500) + `"}`, []string{"400 tokens", "502 tokens", `"param":"input"`}},
		{"/v1/embeddings", `{"model":"minilm","input":["x","` + strings.Repeat("fox ", 500) + `"]}`, []string{"502 tokens", `"param":"input[1]"`}},
		{"/v1/embeddings", `{"model":"minilm","input":""}`, []string{"input is empty"}},
		{"/v1/embeddings", `{"model":"minilm","input":["x",""]}`, []string{"input[1] is empty"}},
		{"/v1/rerank", `{"model":"bge-reranker","query":"x","documents":["x","` + strings.Repeat("fox ", 500) + `"]}`, []string{"context_length_exceeded", `"param":"documents[1]"`}},
		{"/v1/embeddings", `{"model":"minilm","input":"x","dimensions":33}`, []string{"33", "32"}},
		{"/v1/rerank", `{"model":"bge-reranker","query":"x","documents":[]}`, []string{"documents"}},
		{"/v1/rerank", `{"model":"bge-reranker","query":"","documents":["x"]}`, []string{"query"}},
		{"/v1/rerank", `{"model":"bge-reranker","query":"x","documents":[{"title":"x"}]}`, []string{"documents[0].text"}},
		{"/v1/rerank", `{"model":"bge-reranker","query":"x","documents":["x"],"top_n":0}`, []string{"top_n"}},
	} {
		status, text := s.send("POST", c.path, c.body)
		for _, says := range c.says {
			if status != 400 || !strings.Contains(string(text), says) {
				t.Errorf("%s %.60s: %d %s, want 400 that says %q", c.path, c.body, status, text, says)
			}
		}
	}
}

// TestPrompts puts a publisher's prompts before texts, and holds vectors to those of
// sentence-transformers.
func TestPrompts(t *testing.T) {
	var want struct {
		Config  json.RawMessage
		Texts   []string
		Vectors map[string][][]float64
	}
	text, err := os.ReadFile(filepath.Join(encoderFolder, "prompts.json"))
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "prompted")
	if err := errors.Join(
		os.CopyFS(folder, os.DirFS(filepath.Join(encoderFolder, "minilm"))), os.Remove(filepath.Join(folder, "model.gguf")),
		os.WriteFile(filepath.Join(folder, "config_sentence_transformers.json"), want.Config, 0o600),
	); err != nil {
		t.Fatal(err)
	}
	s := encoderSite(t, folder, "minilm")
	type made struct {
		Data []struct{ Embedding []float64 }
	}
	for _, x := range []struct {
		more map[string]any
		want string
	}{
		{nil, ""},
		{map[string]any{"input_type": "query"}, "query"},
		{map[string]any{"input_type": "search_query"}, "query"},
		{map[string]any{"input_type": "passage"}, "document"},
		{map[string]any{"prompt_name": "query"}, "query"},
		{map[string]any{"prompt_name": "clustering"}, "clustering"},
		{map[string]any{"input_type": nil, "prompt_name": nil}, ""},
	} {
		ask := map[string]any{"model": "prompted", "input": want.Texts}
		maps.Copy(ask, x.more)
		var got made
		s.post("/v1/embeddings", jsonOf(t, ask), &got)
		for i, v := range want.Vectors[x.want] {
			for k := range v {
				if d := math.Abs(got.Data[i].Embedding[k] - v[k]); !(d <= 1e-5) {
					t.Fatalf("%v: text %d, number %d is off by %v", x.more, i, k, d)
				}
			}
		}
	}
	var plain, query made // of a model without prompts
	s.post("/v1/embeddings", jsonOf(t, map[string]any{"model": "minilm", "input": want.Texts}), &plain)
	s.post("/v1/embeddings", jsonOf(t, map[string]any{"model": "minilm", "input": want.Texts, "input_type": "query"}), &query)
	if jsonOf(t, plain) != jsonOf(t, query) {
		t.Error("a model without prompts put something before a query")
	}
	for _, x := range []struct{ fields, word string }{
		{`"input": "a", "prompt_name": "frog"`, "frog"},
		{`"input": "a", "prompt_name": "query", "input_type": "query"`, "both"},
		{`"input": "a", "input_type": "frog"`, "frog"},
		{`"input": "a", "prompt_name": 7`, "prompt_name"},
		{`"input": [[2, 5, 3]], "prompt_name": "query"`, "tokens"},
	} {
		status, text := s.send("POST", "/v1/embeddings", `{"model": "prompted", `+x.fields+`}`)
		if status != 400 || !strings.Contains(string(text), x.word) {
			t.Errorf("%s: %d %s, want 400 that says %q", x.fields, status, text, x.word)
		}
	}
}
