package anthropic

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
)

const weather = `{"name": "get_weather", "description": "The weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}`

// asked returns a request for a script of the puppet with further fields.
func asked(script, more string) string {
	if more != "" {
		more = ", " + more
	}
	return `{"model": "puppet", "max_tokens": 2000, "messages": [{"role": "user", "content": "play ` + script + `"}]` + more + `}`
}

func TestSnapshots(t *testing.T) {
	h := puppetServer(t)
	for _, c := range []struct{ name, body string }{
		{"hello", asked("hello", "")},
		{"empty", asked("empty", "")},
		{"stop", asked("stop", `"stop_sequences": ["zzz", "STOP"]`)},
		{"cut", `{"model": "puppet", "max_tokens": 3, "messages": [{"role": "user", "content": "play count"}]}`},
		{"think", asked("think", `"thinking": {"type": "enabled", "budget_tokens": 1024}`)},
		{"omitted", asked("think", `"thinking": {"type": "adaptive", "display": "omitted"}`)},
		{"tools", asked("tools", `"tools": [`+weather+`, {"name": "get_time", "input_schema": {"type": "object"}}]`)},
		{"texttool", asked("texttool", `"tools": [`+weather+`]`)},
		{"cuttool", `{"model": "puppet", "max_tokens": 5, "tools": [` + weather + `], "messages": [{"role": "user", "content": "play tool"}]}`},
		{"thread", asked("hello", `"thread": {"type": "create"}`)},
		{"toolong", `{"model": "puppet", "max_tokens": 5, "messages": [{"role": "user", "content": "` + strings.Repeat("word ", 2000) + `"}]}`},
	} {
		w := send(t, h, "POST", "/v1/messages", c.body)
		compare(t, c.name, written(w))
		if id := w.Header().Get("Request-Id"); !strings.HasPrefix(id, "req_") || w.Code != http.StatusOK && !strings.Contains(w.Body.String(), id) {
			t.Errorf("%s: request id %q, body %s", c.name, id, w.Body)
		}
		if w.Code == http.StatusOK {
			streamed := strings.TrimSuffix(c.body, "}") + `, "stream": true}`
			compare(t, c.name+"-stream", written(send(t, h, "POST", "/v1/messages", streamed)))
		}
	}
	for name, target := range map[string]string{"models": "/v1/models", "model": "/v1/models/puppet", "models-limit": "/v1/models?limit=0"} {
		got := written(send(t, h, "GET", target, ""))
		compare(t, name, created.ReplaceAllString(got, `"created_at":"TIME"`))
	}
}

// What is counted is what is read, whatever the request has.
func TestCountTokens(t *testing.T) {
	h := puppetServer(t)
	for _, more := range []string{
		"", `"system": "Be brief."`, `"system": [{"type": "text", "text": "Be brief."}], "tools": [` + weather + `]`, `"tools": [` + weather + `], "tool_choice": {"type": "none"}`,
		`"thinking": {"type": "disabled"}`, `"output_config": {"effort": "low"}`,
	} {
		body := asked("hello", more)
		var count struct {
			Input int `json:"input_tokens"`
		}
		var m message
		for target, to := range map[string]any{"/v1/messages/count_tokens": &count, "/v1/messages": &m} {
			if w := send(t, h, "POST", target, body); w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), to) != nil {
				t.Fatalf("%s %s: %d %s", target, body, w.Code, w.Body)
			}
		}
		if read := m.Usage.Input + m.Usage.CacheWrite + m.Usage.CacheRead; read != count.Input || read < 10 {
			t.Errorf("%s: counted %d, read %d", more, count.Input, read)
		}
	}
}

// What a client sends back of an answer, in all its forms, is taken.
func TestRoundTrip(t *testing.T) {
	h := puppetServer(t)
	call := `{"role": "user", "content": "play tool"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}]}`
	for messages, want := range map[string]string{
		call + `, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "18"}]}`:                                                                                                                                                             "after",
		call + `, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "18"}]}]}`:                                                                                                                                 "after",
		call + `, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "no such city", "is_error": true}]}`:                                                                                                                                 "after",
		call + `, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}`:                                                                                                                                                                              "after",
		call + `, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}, {"type": "text", "text": "play count"}]}`:                                                                                                                                      "count",
		`{"role": "user", "content": "play think"}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}, {"type": "text", "text": "It is nine."}]}, {"role": "user", "content": "play count"}`: "count",
		`{"role": "user", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "play count", "cache_control": {"type": "ephemeral"}}]}`:                                                                                                                        "count",
		`{"role": "user", "content": "play hello"}, {"role": "system", "content": "x"}, {"role": "user", "content": "play count"}`:                                                                                                                                               "count",
		`{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "play count"}`:                                                                                                                                                                                   "count",
		`{"role": "user", "content": ""}, {"role": "user", "content": "play count"}`:                                                                                                                                                                                             "count",
	} {
		w := send(t, h, "POST", "/v1/messages", `{"model": "puppet", "max_tokens": 100, "tools": [`+weather+`], "messages": [`+messages+`]}`)
		var m struct{ Content []textBlock }
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || w.Code != http.StatusOK || len(m.Content) != 1 || strings.TrimSpace(m.Content[0].Text) != strings.TrimSpace(puppet.Text(want)) {
			t.Errorf("%s: %d %s, want %s", messages, w.Code, w.Body, want)
		}
	}
}

// An answer that the client began is gone on with.
func TestPrefill(t *testing.T) {
	h := puppetServer(t)
	w := send(t, h, "POST", "/v1/messages", `{"model": "puppet", "max_tokens": 100, "messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "Count:"}]}`)
	if want := strconv.Quote(puppet.Text("count")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"text":`+want) {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
}

// cutting ends a request behind a number of writes.
type cutting struct {
	*httptest.ResponseRecorder
	left int
	cut  func()
}

func (c *cutting) Write(p []byte) (int, error) {
	if c.left--; c.left == 0 {
		c.cut()
	}
	return c.ResponseRecorder.Write(p)
}

// An answer that fails in the middle ends with an event that says so.
func TestStreamFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := &cutting{httptest.NewRecorder(), 9, cancel}
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/messages", strings.NewReader(asked("loop", `"stream": true`)))
	puppetServer(t).ServeHTTP(w, r)
	text := w.Body.String()
	if w.Code != http.StatusOK || !strings.Contains(text, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"") || strings.Contains(text, "message_stop") {
		t.Errorf("%d %s, want an error event at the end", w.Code, text)
	}
}

// A call that is forced comes, alone and of the tool that was named, whatever the model
// would say.
func TestForced(t *testing.T) {
	h := puppetServer(t)
	clock := `{"name": "get_time", "input_schema": {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"], "additionalProperties": false}}`
	for _, choice := range []string{`{"type": "any"}`, `{"type": "tool", "name": "get_time"}`} {
		for range 4 {
			w := send(t, h, "POST", "/v1/messages", asked("hello", `"thinking": {"type": "disabled"}, "tools": [`+clock+`], "tool_choice": `+choice))
			var m struct {
				Content []toolUseBlock
				Stop    string `json:"stop_reason"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || len(m.Content) != 1 || m.Content[0].Name != "get_time" || m.Stop != "tool_use" {
				t.Fatalf("%s: %d %s", choice, w.Code, w.Body)
			}
			if input := string(m.Content[0].Input); !strings.Contains(input, "UTC") && !strings.Contains(input, "CET") {
				t.Errorf("%s: %s", choice, input)
			}
		}
	}
}

func TestModelPage(t *testing.T) {
	var all []host.Entry
	for _, name := range []string{"a:latest", "b:q4", "c:latest", "d:latest"} {
		all = append(all, host.Entry{Name: name})
	}
	for _, c := range []struct {
		limit         int
		after, before string
		want          string
		more          bool
	}{
		{20, "", "", "a b:q4 c d", false},
		{2, "", "", "a b:q4", true},
		{2, "b:q4", "", "c d", false},
		{1, "a", "", "b:q4", true},
		{2, "", "d", "b:q4 c", true},
		{20, "", "c", "a b:q4", false},
		{20, "d", "", "", false},
		{20, "a:latest", "", "b:q4 c d", false},
	} {
		page := newModelPage(all, c.limit, c.after, c.before)
		var names []string
		for _, m := range page.Data {
			names = append(names, m.ID)
		}
		if got := strings.Join(names, " "); got != c.want || page.HasMore != c.more || len(names) > 0 && (*page.FirstID != names[0] || *page.LastID != names[len(names)-1]) {
			t.Errorf("%+v: %s, %+v", c, got, page)
		}
	}
}
