package server

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
)

// puppetSite is a server that answers by the puppet, whose exchanges are held against the
// document as they come.
type puppetSite struct {
	*Site
	d described
	t *testing.T
}

func newPuppetSite(t *testing.T) puppetSite {
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
	s, err := OpenSite(SiteOptions{Host: host.Options{Home: home, Threads: 1}, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	s.gate.peers, s.gate.uid = &fakePeers{user: self}, self
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return puppetSite{s, readDocument(t), t}
}

// exchange asks, and returns the status and the fields of the answer.
func (l puppetSite) exchange(method, target, body string, headers ...string) (int, map[string]any) {
	l.t.Helper()
	w := l.ask(method, target, body, headers...)
	if w.Code < 300 && !strings.HasPrefix(body, "--") {
		l.d.request(l.t, method, target, []byte(body))
	}
	l.d.answer(l.t, method, target, w.Code, w.Header().Get("Content-Type"), w.Body.Bytes())
	var fields map[string]any
	_ = json.Unmarshal(w.Body.Bytes(), &fields) // not all answers are objects
	return w.Code, fields
}

// form is an upload of a line.
const form = "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n" +
	"Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n" +
	`{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"puppet","messages":[{"role":"user","content":"play hello"}]}}` + "\r\n--x--\r\n"

// What no recording has is as the document says, too.
func TestDocumentHoldsLive(t *testing.T) {
	l := newPuppetSite(t)
	_, file := l.exchange("POST", "/v1/files", form, "Content-Type: multipart/form-data; boundary=x")
	_, batch := l.exchange("POST", "/v1/batches", `{"input_file_id":"`+text(file["id"])+`","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{"a":"b"}}`)
	_, kept := l.exchange("POST", "/v1/responses", `{"model":"puppet","input":[{"role":"user","content":"play tools"}],"tools":[{"type":"function","name":"get_weather"}]}`)
	_, key := l.exchange("POST", "/admin/keys", `{"name":"ann","scopes":["inference"],"rpm":5,"models":["m"],"expires":"90d"}`)
	for _, c := range []struct {
		status               int
		method, target, body string
		header               string
	}{
		{200, "GET", "/health", "", ""},
		{200, "GET", "/ready", "", ""},
		{200, "GET", "/metrics", "", ""},
		{200, "GET", "/openapi.yaml", "", ""},
		{200, "HEAD", "/", "", ""},
		{200, "GET", "/", "", ""},
		{200, "GET", "/api/tags", "", ""},
		{200, "GET", "/api/ps", "", ""},
		{200, "GET", "/v1/models", "", ""},
		{200, "GET", "/v1/models?limit=1", "", "Anthropic-Version: 1"},
		{200, "GET", "/v1/models/puppet", "", "Anthropic-Version: 1"},
		{404, "GET", "/v1/models/none", "", "Anthropic-Version: 1"},
		{404, "GET", "/v1/models/none", "", ""},
		{200, "POST", "/v1/embeddings", `{"model":"puppet","input":["a",  "b"]}`, ""},
		{200, "POST", "/v1/embeddings", `{"model":"puppet","input":[97],"encoding_format":"base64"}`, ""},
		{200, "POST", "/v1/messages", `{"model":"puppet","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"play hello"}]}],"system":[{"type":"text","text":"x"}]}`, ""},
		{200, "POST", "/v1/messages/count_tokens", `{"model":"puppet","messages":[{"role":"user","content":"x"}]}`, ""},
		{400, "POST", "/v1/messages", `{}`, ""},
		{400, "POST", "/v1/chat/completions", `{}`, ""},
		{400, "POST", "/v1/completions", `{`, ""},
		{200, "POST", "/v1/detokenize", `{"tokens":[97]}`, ""},
		{200, "GET", "/v1/tokenizer_info?model=puppet", "", ""},
		{200, "POST", "/v1/responses/input_tokens", `{"model":"puppet","input":"x"}`, ""},
		{200, "GET", "/v1/responses/" + text(kept["id"]), "", ""},
		{200, "GET", "/v1/responses/" + text(kept["id"]) + "/input_items?order=asc", "", ""},
		{400, "POST", "/v1/responses/" + text(kept["id"]) + "/cancel", "", ""},
		{200, "POST", "/v1/responses", `{"model":"puppet","input":"play count","stream":true,"previous_response_id":"` + text(kept["id"]) + `"}`, ""},
		{200, "DELETE", "/v1/responses/" + text(kept["id"]), "", ""},
		{404, "GET", "/v1/responses/" + text(kept["id"]), "", ""},
		{200, "GET", "/v1/files", "", ""},
		{200, "GET", "/v1/files?purpose=none", "", ""},
		{200, "GET", "/admin/audit?before=1", "", ""},
		{200, "GET", "/admin/usage?till=2000-01-01", "", ""},
		{200, "GET", "/v1/files/" + text(file["id"]), "", ""},
		{200, "GET", "/v1/files/" + text(file["id"]) + "/content", "", ""},
		{200, "GET", "/v1/batches/" + text(batch["id"]), "", ""},
		{200, "GET", "/v1/batches?limit=1", "", ""},
		{404, "GET", "/v1/batches/none", "", ""},
		{404, "POST", "/v1/batches/none/cancel", "", ""},
		{200, "DELETE", "/v1/files/" + text(file["id"]), "", ""},
		{200, "GET", "/admin/caller", "", ""},
		{200, "GET", "/admin/caller", "", "X-Api-Key: " + text(key["key"])},
		{401, "GET", "/admin/caller", "", "X-Api-Key: none"},
		{403, "GET", "/admin/keys", "", "X-Api-Key: " + text(key["key"])},
		{403, "POST", "/api/create", `{}`, "X-Api-Key: " + text(key["key"])},
		{401, "GET", "/v1/models", "", "X-Api-Key: none"},
		{401, "POST", "/v1/messages", `{}`, "X-Api-Key: none"},
		{200, "GET", "/admin/keys?all=true", "", ""},
		{400, "POST", "/admin/keys", `{"name":"ann"}`, ""},
		{200, "GET", "/admin/usage", "", ""},
		{200, "GET", "/admin/usage?by=month&format=csv", "", ""},
		{400, "GET", "/admin/usage?by=x", "", ""},
		{200, "GET", "/admin/audit?limit=1", "", ""},
		{200, "DELETE", "/admin/keys/ann", "", ""},
		{404, "DELETE", "/admin/keys/none", "", ""},
		{404, "HEAD", "/api/blobs/sha256:" + strings.Repeat("0", 64), "", ""},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header}
		}
		if status, fields := l.exchange(c.method, c.target, c.body, headers...); status != c.status {
			t.Errorf("%s %s %s: status %d %v, want %d", c.method, c.target, c.body, status, fields, c.status)
		}
	}
}

// text returns a field that is a text, "" where it is none.
func text(v any) string {
	s, _ := v.(string)
	return s
}

// A key sees the models that it may use, and no others.
func TestModelsOfAKey(t *testing.T) {
	l := newPuppetSite(t)
	if err := l.host.Copy(t.Context(), "puppet", "other"); err != nil {
		t.Fatal(err)
	}
	_, key, err := l.accounts.Create(t.Context(), account.NewKey{Name: "k", Scopes: account.Scopes{account.Inference}, Limits: account.Limits{Models: []string{"puppet"}}})
	if err != nil {
		t.Fatal(err)
	}
	bearer := "Authorization: Bearer " + key
	for _, path := range []string{"/v1/models", "/api/tags"} {
		if text := l.ask("GET", path, "").Body.String(); !strings.Contains(text, `"other`) || !strings.Contains(text, `"puppet`) {
			t.Errorf("%s, the owner: %s", path, text)
		}
		if text := l.ask("GET", path, "", bearer).Body.String(); strings.Contains(text, `"other`) || !strings.Contains(text, `"puppet`) {
			t.Errorf("%s, the key: %s", path, text)
		}
	}
	for path, want := range map[string]int{"/v1/models/puppet": http.StatusOK, "/v1/models/other": http.StatusForbidden} {
		if got := l.ask("GET", path, "", bearer).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
}
