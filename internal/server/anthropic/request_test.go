package anthropic

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// base is a request that is taken; fields of a case take the place of its own.
func base(t testing.TB, fields string) *wire.Object {
	t.Helper()
	all := map[string]json.RawMessage{"model": []byte(`"m"`), "max_tokens": []byte("2000"), "messages": []byte(`[{"role": "user", "content": "x"}]`)}
	if err := json.Unmarshal([]byte("{"+fields+"}"), &all); err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	o, err := wire.Parse(body)
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return o
}

// What cannot be honoured is refused by its name.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ fields, param string }{
		{`"model": null`, "model"},
		{`"model": 7`, "model"},
		{`"model": ""`, "model"},
		{`"max_tokens": null`, "max_tokens"},
		{`"max_tokens": 0`, "max_tokens"},
		{`"max_tokens": -3`, "max_tokens"},
		{`"max_tokens": 1.5`, "max_tokens"},
		{`"max_tokens": "x"`, "max_tokens"},
		{`"max_tokens": true`, "max_tokens"},
		{`"max_tokens": 1e300`, "max_tokens"},
		{`"messages": null`, "messages"},
		{`"messages": []`, "messages"},
		{`"messages": "x"`, "messages"},
		{`"messages": [5]`, "messages[0]"},
		{`"messages": [{"content": "x"}]`, "messages[0].role"},
		{`"messages": [{"role": "", "content": "x"}]`, "messages[0].role"},
		{`"messages": [{"role": "wizard", "content": "x"}]`, "messages[0].role"},
		{`"messages": [{"role": "user"}]`, "messages[0].content"},
		{`"messages": [{"role": "user", "content": 5}]`, "messages[0].content"},
		{`"messages": [{"role": "user", "content": [{"text": "x"}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "user", "content": [{"type": "text"}]}]`, "messages[0].content[0].text"},
		{`"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "http://127.0.0.1/"}}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "user", "content": [{"type": "document"}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "assistant", "content": [{"type": "tool_result", "tool_use_id": "a"}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}]`, "messages[0].content[0].type"},
		{`"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "b"}]}]`, "messages[0].content[0].id"},
		{`"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a"}]}]`, "messages[0].content[0].name"},
		{`"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": "x"}]}]`, "messages[0].content[0].input"},
		{`"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]}]`, "messages"},
		{`"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]`, "messages[0].content[0].tool_use_id"},
		{`"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": 5}]}]`, "messages[0].content[0].content"},
		{`"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image"}]}]}]`, "messages[0].content[0].content[0].type"},
		{`"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "is_error": "no"}]}]`, "messages[0].content[0].is_error"},
		{`"system": 5`, "system"},
		{`"system": [{"type": "image"}]`, "system[0].type"},
		{`"system": [5]`, "system[0]"},
		{`"stream": "yes"`, "stream"},
		{`"metadata": 5`, "metadata"},
		{`"metadata": {"user_id": 5}`, "metadata.user_id"},
		{`"service_tier": 5`, "service_tier"},
		{`"temperature": -1`, "temperature"},
		{`"temperature": 1.5`, "temperature"},
		{`"temperature": "hot"`, "temperature"},
		{`"top_p": -1`, "top_p"},
		{`"top_p": 2`, "top_p"},
		{`"top_k": -5`, "top_k"},
		{`"top_k": 1.5`, "top_k"},
		{`"top_k": "x"`, "top_k"},
		{`"stop_sequences": "x"`, "stop_sequences"},
		{`"stop_sequences": 5`, "stop_sequences"},
		{`"stop_sequences": [1]`, "stop_sequences[0]"},
		{`"stop_sequences": ["` + strings.Repeat("x", 5000) + `"]`, "stop_sequences[0]"},
		{`"thinking": "on"`, "thinking"},
		{`"thinking": {"budget_tokens": 2000}`, "thinking.type"},
		{`"thinking": {"type": "perhaps"}`, "thinking.type"},
		{`"thinking": {"type": "enabled"}`, "thinking.budget_tokens"},
		{`"thinking": {"type": "enabled", "budget_tokens": -1}`, "thinking.budget_tokens"},
		{`"thinking": {"type": "enabled", "budget_tokens": 1023}`, "thinking.budget_tokens"},
		{`"thinking": {"type": "enabled", "budget_tokens": 2000}`, "thinking.budget_tokens"},
		{`"thinking": {"type": "adaptive", "display": "loud"}`, "thinking.display"},
		{`"output_config": 5`, "output_config"},
		{`"output_config": {"effort": "much"}`, "output_config.effort"},
		{`"output_config": {"format": 5}`, "output_config.format"},
		{`"output_config": {"format": {"type": "yaml"}}`, "output_config.format.type"},
		{`"output_config": {"format": {"type": "json_schema"}}`, "output_config.format.schema"},
		{`"output_config": {"format": {"type": "json_schema", "schema": []}}`, "output_config.format.schema"},
		{`"output_format": {"type": "yaml"}`, "output_format.type"},
		{`"tools": 5`, "tools"},
		{`"tools": [5]`, "tools[0]"},
		{`"tools": [{"name": "x"}]`, "tools[0].input_schema"},
		{`"tools": [{"input_schema": {}}]`, "tools[0].name"},
		{`"tools": [{"name": "a b", "input_schema": {}}]`, "tools[0].name"},
		{`"tools": [{"name": "` + strings.Repeat("x", 129) + `", "input_schema": {}}]`, "tools[0].name"},
		{`"tools": [{"name": "x", "input_schema": []}]`, "tools[0].input_schema"},
		{`"tools": [{"name": "x", "input_schema": {}, "strict": 1}]`, "tools[0].strict"},
		{`"tools": [{"name": "x", "input_schema": {}, "description": 1}]`, "tools[0].description"},
		{`"tools": [{"name": "x", "input_schema": {}}, {"name": "x", "input_schema": {}}]`, "tools[1].name"},
		{`"tools": [{"type": "web_search_20250305", "name": "web_search"}]`, "tools[0].type"},
		{`"tool_choice": "any"`, "tool_choice"},
		{`"tool_choice": {"name": "x"}`, "tool_choice.type"},
		{`"tool_choice": {"type": "perhaps"}`, "tool_choice.type"},
		{`"tool_choice": {"type": "any"}`, "tool_choice.type"},
		{`"tool_choice": {"type": "tool", "name": "y"}, "tools": [{"name": "x", "input_schema": {}}]`, "tool_choice.name"},
		{`"tool_choice": {"type": "tool"}, "tools": [{"name": "x", "input_schema": {}}]`, "tool_choice.name"},
		{`"tool_choice": {"type": "auto", "disable_parallel_tool_use": "no"}`, "tool_choice.disable_parallel_tool_use"},
		{`"thread": {"type": "create"}`, "thread"},
		{`"mcp_servers": [{}]`, "mcp_servers"},
		{`"container": "x"`, "container"},
	} {
		_, err := decode(base(t, c.fields), false)
		var e *wire.Error
		if !errors.As(err, &e) || e.Kind != wire.Invalid || e.Param != c.param || e.Message == "" || len(e.Message) > 400 {
			t.Errorf("%.80s: %v, want an error about %s", c.fields, err, c.param)
		}
	}
}

// What is null, empty or unknown is as if it were not there.
func TestTaken(t *testing.T) {
	for _, fields := range []string{
		``, `"stream": null`, `"system": ""`, `"system": []`, `"system": null`, `"stop_sequences": []`, `"stop_sequences": null`, `"tools": []`, `"tool_choice": null`,
		`"tool_choice": {}`, `"metadata": {}`, `"metadata": null`, `"service_tier": null`, `"output_config": {}`, `"output_config": {"format": null}`, `"output_config": {"format": {}}`,
		`"output_config": {"effort": "low"}`, `"cache_control": {"type": "ephemeral"}`, `"thinking": null`, `"thinking": {}`, `"something_new": {"x": [1]}`,
		`"mcp_servers": []`, `"container": null`, `"thread": null`, `"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}`,
		`"tools": [{"name": "x", "input_schema": {"type": "object"}, "type": "custom", "cache_control": {"type": "ephemeral"}, "description": null, "strict": null}]`,
		`"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "citations": null}], "annotations": []}]`, `"messages": [{"role": "user", "content": []}]`,
	} {
		a, err := decode(base(t, fields), false)
		if err != nil || len(a.Messages) == 0 {
			t.Errorf("%s: %v", fields, err)
		}
	}
}

func TestThinking(t *testing.T) {
	for fields, want := range map[string]blitz.Think{
		``:                                   {},
		`"thinking": {"type": "disabled"}`:   {Mode: blitz.ThinkOff},
		`"thinking": {"type": "adaptive"}`:   {Mode: blitz.ThinkOn},
		`"output_config": {"effort": "low"}`: {Budget: 1024},
		`"output_config": {"effort": "max"}`: {},
		`"thinking": {"type": "enabled", "budget_tokens": 1024}`:                                     {Mode: blitz.ThinkOn, Budget: 1024},
		`"thinking": {"type": "enabled", "budget_tokens": 1500}, "output_config": {"effort": "low"}`: {Mode: blitz.ThinkOn, Budget: 1500},
		`"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}`:                    {Mode: blitz.ThinkOn, Budget: 8192},
		`"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}`:                       {Mode: blitz.ThinkOff},
	} {
		if a, err := decode(base(t, fields), false); err != nil || a.Think != want {
			t.Errorf("%s: %v, %v; want %v", fields, a.Think, err, want)
		}
	}
}

// Each kind of error has its status and its word.
func TestErrors(t *testing.T) {
	for kind, want := range map[wire.Kind]string{
		wire.Invalid: "400 invalid_request_error", wire.Key: "401 authentication_error", wire.Forbidden: "403 permission_error", wire.NoModel: "404 not_found_error",
		wire.NotFound: "404 not_found_error", wire.NoMethod: "405 invalid_request_error", wire.Conflict: "400 invalid_request_error", wire.TooLarge: "413 request_too_large",
		wire.MediaType: "415 invalid_request_error", wire.RateLimit: "429 rate_limit_error", wire.Overloaded: "529 overloaded_error", wire.Internal: "500 api_error",
		wire.Unavailable: "503 api_error",
	} {
		w := httptest.NewRecorder()
		w.Header().Set("X-Request-Id", "req_ABC")
		writeError(w, nil, &wire.Error{Kind: kind, Message: "said"})
		var b errorBody
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		if got := w.Result().Status[:3] + " " + b.Error.Type; got != want || b.Type != "error" || b.Error.Message != "said" || b.RequestID != "req_ABC" || w.Header().Get("Request-Id") != "req_ABC" {
			t.Errorf("%d: %s, %s; want %s", kind, got, w.Body, want)
		}
	}
}

// A request is read or refused, whatever it is.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		asked("hello", ""), asked("hello", `"tools": [`+weather+`], "tool_choice": {"type": "tool", "name": "get_weather"}`),
		asked("hello", `"thinking": {"type": "enabled", "budget_tokens": 1024}, "output_config": {"format": {"type": "json_schema", "schema": {}}}`),
		`{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":""}]}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := wire.Parse(body)
		if err != nil {
			return
		}
		a, err := decode(o, false)
		var e *wire.Error
		if err != nil && (!errors.As(err, &e) || len(e.Message) > 1000) {
			t.Fatalf("%q: %v", body, err)
		}
		if err == nil && (a.Model == "" || len(a.Messages) == 0 || a.MaxTokens < 1) {
			t.Fatalf("%q was taken as %+v", body, a)
		}
	})
}
