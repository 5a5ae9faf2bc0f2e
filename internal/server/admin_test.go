package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/inference"
)

// newSite returns a server without models, whose other ends are this user's.
func newSite(t *testing.T) *Site {
	t.Helper()
	s, err := OpenSite(SiteOptions{Host: host.Options{Home: t.TempDir()}, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	s.gate.peers, s.gate.uid = &fakePeers{user: self}, self
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

// ask sends a request by loopback and returns its answer.
func (s *Site) ask(method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := asks(between("127.0.0.1:1", "127.0.0.1:2"), method, target, headers...)
	r.Body = io.NopCloser(strings.NewReader(body))
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// TestPrefixesUnusable: a server whose folder of prefixes cannot be used works without.
func TestPrefixesUnusable(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "prefixes")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSite(SiteOptions{Host: host.Options{Home: home}, Prefixes: file, PrefixesLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	if s.o.Host.Prefixes != nil {
		t.Error("a file is used as a folder")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// The owner makes a key, uses it, looks at what it used, and revokes it.
func TestAdmin(t *testing.T) {
	s := newSite(t)
	w := s.ask("POST", "/admin/keys", `{"name": "ann", "scopes": ["inference", "admin"], "rpm": 5, "models": ["m"], "expires": "90d", "other": null}`)
	var made struct {
		listedKey
		Other any
	}
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || w.Code != 201 || made.Name != "ann" || made.State != "live" || made.Limits.RequestsPerMinute != 5 || made.Expires.IsZero() || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	text, key := made.Text, "X-Api-Key: "+made.Text

	var caller struct {
		ID, Name string
		Owner    bool
		Scopes   []string
	}
	if w := s.ask("GET", "/admin/caller", "", key); json.Unmarshal(w.Body.Bytes(), &caller) != nil || caller.ID != made.ID || caller.Owner || len(caller.Scopes) != 2 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/admin/caller", ""); json.Unmarshal(w.Body.Bytes(), &caller) != nil || !caller.Owner || len(caller.Scopes) != 3 {
		t.Errorf("%d %s", w.Code, w.Body)
	}

	c, err := s.accounts.Find(text)
	if err != nil {
		t.Fatal(err)
	}
	m := &meter{accounts: s.accounts, counted: s.metrics.counted}
	end, err := m.Begin(account.With(t.Context(), c), "m")
	if err != nil {
		t.Fatal(err)
	}
	end(inference.Use{Model: "m:latest", Prompt: 4, AnswerTokens: 2, Reasoning: 1, Time: time.Second})
	if w := s.ask("GET", "/admin/usage", "", key); w.Code != 200 || !strings.Contains(w.Body.String(), `"key":"ann","key_id":"`+made.ID+`","model":"m:latest","requests":1,"failed":0,"prompt_tokens":4,"cached_tokens":0,"answer_tokens":3,"reasoning_tokens":1,"seconds":1`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/admin/usage?by=key,day&format=csv", ""); w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(w.Body.String(), "key,day,requests,") || !strings.Contains(w.Body.String(), "\nann,20") {
		t.Errorf("%d %s", w.Code, w.Body)
	}

	if w := s.ask("DELETE", "/admin/keys/ann", "", key); w.Code != 200 || !strings.Contains(w.Body.String(), `"state":"revoked"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.ask("GET", "/admin/keys", "", key); w.Code != 401 {
		t.Errorf("a revoked key: %d %s", w.Code, w.Body)
	}
	for target, want := range map[string]string{"/admin/keys": `{"keys":[]}`, "/admin/keys?all=true": `"name":"ann"`, "/admin/audit": `"actor":"key ann (` + made.ID + `)","action":"key.revoke"`, "/admin/audit?limit=1": `"id":2`} {
		if w := s.ask("GET", target, ""); w.Code != 200 || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), text) {
			t.Errorf("%s: %d %s, want %s", target, w.Code, w.Body, want)
		}
	}
}

// What cannot be is refused by its field, and changes nothing.
func TestAdminRefuses(t *testing.T) {
	s := newSite(t)
	if w := s.ask("POST", "/admin/keys", `{"name": "there"}`); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, c := range []struct {
		method, target, body string
		status               int
		param                string
	}{
		{"POST", "/admin/keys", `{"name": "x", "rpm": -5}`, 400, "rpm"},
		{"POST", "/admin/keys", `{"name": "x", "rpm": "5"}`, 400, "rpm"},
		{"POST", "/admin/keys", `{"name": "x", "tpm": 1e30}`, 400, "tpm"},
		{"POST", "/admin/keys", `{"name": "x", "scopes": ["root"]}`, 400, "scopes"},
		{"POST", "/admin/keys", `{"name": "x", "scopes": "admin"}`, 400, "scopes"},
		{"POST", "/admin/keys", `{"name": "x", "models": [""]}`, 400, "models"},
		{"POST", "/admin/keys", `{"name": "x", "expires": "yesterday"}`, 400, "expires"},
		{"POST", "/admin/keys", `{"name": ""}`, 400, "name"},
		{"POST", "/admin/keys", `{}`, 400, "name"},
		{"POST", "/admin/keys", `{"name": "there"}`, 400, "name"},
		{"POST", "/admin/keys", `[`, 400, ""},
		{"POST", "/admin/keys", `{"name": "` + strings.Repeat("x", 1<<17) + `"}`, 413, ""},
		{"DELETE", "/admin/keys/nobody", "", 404, "name"},
		{"PUT", "/admin/keys/there", "", 405, ""},
		{"GET", "/admin/usage?by=colour", "", 400, "by"},
		{"GET", "/admin/usage?since=x", "", 400, "since, till"},
		{"GET", "/admin/usage?format=xml", "", 400, "format"},
		{"GET", "/admin/audit?limit=1001", "", 400, "limit"},
		{"GET", "/admin/audit?before=x", "", 400, "before"},
	} {
		w := s.ask(c.method, c.target, c.body)
		var e struct{ Error, Param string }
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != c.status || e.Param != c.param || e.Error == "" || len(w.Body.String()) > 1000 {
			t.Errorf("%s %s %.60s: %d %.200s, want %d and %q", c.method, c.target, c.body, w.Code, w.Body, c.status, c.param)
		}
	}
	if w := s.ask("GET", "/admin/keys?all=true", ""); strings.Count(w.Body.String(), `"id"`) != 1 {
		t.Errorf("%s", w.Body)
	}
}

// TestMetricsOfExperts: of a model that has not all experts in memory all that was read is told.
func TestMetricsOfExperts(t *testing.T) {
	s := newSite(t)
	stats := blitz.ExpertStats{Needed: 100, Hits: 60, Late: 15, Guessed: 20, Confirmed: 17, Reads: 25, ReadBytes: 1 << 20, Waited: 1500 * time.Millisecond}
	m := newMetrics("test", &live{func() []host.Running {
		return []host.Running{
			{Name: "large:latest", Digest: "1", Weights: 50, Experts: &host.Experts{ExpertStats: stats, Memory: 30}},
			{Name: "small:latest", Digest: "2"},
		}
	}, s.service})
	w := httptest.NewRecorder()
	if err := m.serve(w, httptest.NewRequest("GET", "/metrics", nil)); err != nil {
		t.Fatal(err)
	}
	text := w.Body.String()
	for _, want := range []string{
		`blitz_experts_total{kind="needed",model_name="large:latest"} 100`, `blitz_experts_total{kind="found",model_name="large:latest"} 60`,
		`blitz_experts_total{kind="late",model_name="large:latest"} 15`, `blitz_experts_total{kind="read",model_name="large:latest"} 25`,
		`blitz_experts_total{kind="guessed",model_name="large:latest"} 20`, `blitz_experts_total{kind="right",model_name="large:latest"} 17`,
		`blitz_expert_read_bytes_total{model_name="large:latest"} 1.048576e+06`, `blitz_expert_wait_seconds_total{model_name="large:latest"} 1.5`,
		`blitz_model_bytes{kind="experts",model_name="large:latest"} 30`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(text, `blitz_experts_total{kind="needed",model_name="small:latest"}`) {
		t.Errorf("a model that has all experts in memory has counts of them")
	}
}

// Figures are there, their labels are bounded, and nothing that a client wrote is in them.
func TestMetrics(t *testing.T) {
	s := newSite(t)
	for range 3 {
		s.ask("GET", "/v1/secret-path", "")
		s.ask("SECRETMETHOD", "/health", "")
		s.ask("GET", "/health?q=secret", "")
		s.ask("POST", "/v1/chat/completions", `{"model": "secret-model", "messages": [{"role": "user", "content": "secret prompt"}]}`)
	}
	for i := range 3 * maxModels {
		s.metrics.counted(inference.Use{Model: "m" + strings.Repeat("x", i) + ":latest", Prompt: 1})
	}
	s.metrics.counted(inference.Use{Model: "mx:latest", Prompt: 10, Cached: 4, Reasoning: 2, AnswerTokens: 3, Err: http.ErrAbortHandler})
	s.metrics.counted(inference.Use{Model: "mx:latest", Err: fmt.Errorf("answer: %w", context.Canceled)})
	s.metrics.counted(inference.Use{Prompt: 1000}) // no model was used
	w := s.ask("GET", "/metrics", "")
	text := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || strings.Contains(strings.ToLower(text), "secret") {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	for _, want := range []string{
		`blitz_http_requests_total{method="GET",route="/health",status="2xx"} 3`,
		`blitz_http_requests_total{method="GET",route="none",status="4xx"} 3`,
		`blitz_http_requests_total{method="other",route="none",status="4xx"} 3`,
		`blitz_http_requests_total{method="POST",route="/v1/chat/completions",status="4xx"} 3`,
		`blitz_http_request_duration_seconds_count{route="/health"} 3`,
		`blitz_answers_total{model="mx:latest",outcome="failed"} 1`, `blitz_answers_total{model="mx:latest",outcome="cancelled"} 1`, `blitz_answers_total{model="mx:latest",outcome="done"} 1`,
		`blitz_tokens_total{kind="prompt",model="mx:latest"} 11`, `blitz_tokens_total{kind="reasoning",model="mx:latest"} 2`,
		`blitz_answers_total{model="other",outcome="done"} 400`,
		`blitz_answers_under_way 0`, `blitz_build_info{version="test"} 1`, "# TYPE go_goroutines gauge",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if n := strings.Count(text, "blitz_answers_total{"); n != maxModels+3 {
		t.Errorf("%d series of answers, want %d", n, maxModels+2)
	}
	key := newKey(t, s.accounts, account.NewKey{Name: "scraper", Scopes: account.Scopes{account.Models}})
	if w := s.ask("GET", "/metrics", "", "Authorization: Bearer "+key); w.Code != 200 {
		t.Errorf("with any key: %d", w.Code)
	}
	if w := s.ask("GET", "/metrics", "", "Authorization: Bearer x"); w.Code != 401 {
		t.Errorf("with a wrong key: %d", w.Code)
	}
}
