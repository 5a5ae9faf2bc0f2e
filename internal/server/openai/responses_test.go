package openai_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/openai"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// tenants are named by a header of the tests.
type tenants struct{ nobody }

type tenantKey struct{}

func (tenants) Tenant(ctx context.Context) string {
	name, _ := ctx.Value(tenantKey{}).(string)
	return name
}

// keeping is a server that keeps responses; its folder outlives it.
type keeping struct {
	site
	folder string
	db     *database.DB
}

func newKeeping(t *testing.T, folder string) keeping {
	t.Helper()
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	h, err := host.New(host.Options{Home: t.TempDir(), Threads: 1, KeepAlive: -1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Serve(path); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(t.Context(), filepath.Join(folder, database.FileName), openai.Tables)
	if err != nil {
		t.Fatal(err)
	}
	service := inference.New(inference.Options{Host: h, Meter: tenants{}})
	d := openai.New(service, openai.Responses(service, openai.NewStored(db))...)
	inner := server.New(server.Options{Dialects: []*wire.Dialect{d}}).Handler()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), tenantKey{}, r.Header.Get("X-Tenant"))))
	}))
	t.Cleanup(func() {
		s.Close()
		h.Close(context.Background())
		db.Close()
	})
	return keeping{site{t, s}, folder, db}
}

// answered is what tests look at of a response.
type answered struct {
	ID, Status, Model string
	Previous          string `json:"previous_response_id"`
	Output            []struct {
		ID, Type, Role, Status, Name, Arguments string
		CallID                                  string `json:"call_id"`
		Content                                 []struct{ Type, Text string }
	}
	Usage struct {
		Input  int `json:"input_tokens"`
		Output int `json:"output_tokens"`
		Total  int `json:"total_tokens"`
	}
}

func (a *answered) text() string {
	var b strings.Builder
	for _, item := range a.Output {
		for _, p := range item.Content {
			if p.Type == "output_text" {
				b.WriteString(p.Text)
			}
		}
	}
	return b.String()
}

func (s site) respond(body string) (a answered) {
	s.t.Helper()
	s.post("/v1/responses", body, &a)
	return a
}

const forecast = `{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}},"strict":false}`

// what differs in responses, beside what differs elsewhere
var differingResponses = []struct {
	found *regexp.Regexp
	put   string
}{
	{regexp.MustCompile(`"(resp_|msg_|rs_|fc_|fco_)[A-Z2-7]{26}"`), `"${1}ID"`},
	{regexp.MustCompile(`"(created|completed)_at":[0-9]+`), `"${1}_at":0`},
}

func snapshotResponse(t *testing.T, name string, got []byte) {
	t.Helper()
	for _, d := range differingResponses {
		got = d.found.ReplaceAll(got, []byte(d.put))
	}
	snapshot(t, name, got)
}

func TestResponsesWire(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	ask := func(script, more string) string {
		return fmt.Sprintf(`{"model":"puppet","input":"play %s"%s}`, script, more)
	}
	for _, c := range []struct{ name, body string }{
		{"response", ask("hello", `,"instructions":"Be brief.","metadata":{"a":"b"},"temperature":0.5,"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"]`)},
		{"response-think", ask("think", "")},
		{"response-tools", ask("tools", `,"tool_choice":"auto","tools":[`+forecast+`,{"type":"function","name":"get_time"}]`)},
		{"response-texttool", ask("texttool", `,"tools":[`+forecast+`]`)},
		{"response-empty", ask("empty", "")},
		{"response-cut", ask("count", `,"max_output_tokens":3`)},
		{"response-cuttool", ask("tool", `,"max_output_tokens":5,"tools":[`+forecast+`]`)},
		{"response-logprobs", ask("utf8", `,"top_logprobs":1,"include":["message.output_text.logprobs"],"temperature":0`)},
		{"response-none", `{"model":"puppet"}`},
		{"response-previous", ask("hello", `,"previous_response_id":"resp_none"`)},
	} {
		status, got := s.send("POST", "/v1/responses", c.body)
		snapshotResponse(t, c.name, fmt.Appendf(nil, "%d\n%s", status, got))
		if status == http.StatusOK {
			status, got := s.send("POST", "/v1/responses", strings.TrimSuffix(c.body, "}")+`,"stream":true}`)
			snapshotResponse(t, c.name+"-stream", fmt.Appendf(nil, "%d\n%s", status, got))
		}
	}
}

// Events are numbered from 0, and the last one has the response that is stored.
func TestResponsesStream(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	_, got := s.send("POST", "/v1/responses", `{"model":"puppet","input":"play think","stream":true}`)
	var last struct{ Response json.RawMessage }
	for i, event := range strings.Split(strings.TrimSuffix(string(got), "\n\n"), "\n\n") {
		name, data, _ := strings.Cut(event, "\ndata: ")
		var e struct {
			Type   string
			Number *int `json:"sequence_number"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil || e.Number == nil || *e.Number != i || name != "event: "+e.Type {
			t.Fatalf("event %d is %s, %v", i, event, err)
		}
		if err := json.Unmarshal([]byte(data), &last); err != nil {
			t.Fatal(err)
		}
	}
	var a answered
	if err := json.Unmarshal(last.Response, &a); err != nil || a.text() != "It is nine." {
		t.Fatalf("%s, %v", last.Response, err)
	}
	if status, stored := s.send("GET", "/v1/responses/"+a.ID, ""); status != http.StatusOK || strings.TrimSpace(string(stored)) != string(last.Response) {
		t.Errorf("stored is %d %s, want %s", status, stored, last.Response)
	}
}

// A conversation is gone on with, without the instructions of its beginning.
func TestResponsesPrevious(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	first := s.respond(`{"model":"puppet","input":"play hello","instructions":"` + strings.Repeat("x ", 200) + `"}`)
	alone := s.respond(`{"model":"puppet","input":"play count"}`)
	second := s.respond(`{"model":"puppet","input":"play count","previous_response_id":"` + first.ID + `"}`)
	third := s.respond(`{"model":"puppet","input":"play count","previous_response_id":"` + second.ID + `"}`)
	if second.text() != puppet.Text("count") || second.Previous != first.ID {
		t.Errorf("%+v", second)
	}
	// <|im_start|>, the role and the ends of lines, for a question and an answer
	if more, want := second.Usage.Input-alone.Usage.Input, len("user\nplay hello\nassistant\n"+puppet.Text("hello")+"\n")+4; more != want {
		t.Errorf("the first turn has %d tokens, want %d", more, want)
	}
	if third.Usage.Input <= second.Usage.Input {
		t.Errorf("the third turn reads %d tokens, the second %d", third.Usage.Input, second.Usage.Input)
	}
	call := s.respond(`{"model":"puppet","input":"play tool","tools":[` + forecast + `]}`)
	called := call.Output[0]
	after := s.respond(`{"model":"puppet","previous_response_id":"` + call.ID + `","tools":[` + forecast + `],"input":[{"type":"function_call_output","call_id":"` + called.CallID + `","output":[{"type":"input_text","text":"18"}]}]}`)
	if after.text() != puppet.Text("after") {
		t.Errorf("%+v", after)
	}
	referred := s.respond(`{"model":"puppet","input":[{"role":"user","content":"play tool"},{"type":"item_reference","id":"` + called.ID + `"},{"type":"function_call_output","call_id":"` + called.CallID + `","output":"18"}]}`)
	if referred.text() != puppet.Text("after") {
		t.Errorf("%+v", referred)
	}
	s.send("DELETE", "/v1/responses/"+first.ID, "")
	if status, e := s.refused("/v1/responses", `{"model":"puppet","input":"x","previous_response_id":"`+third.ID+`"}`); status != http.StatusNotFound || e.Error.Code == nil || *e.Error.Code != "previous_response_not_found" {
		t.Errorf("a conversation without its beginning: %d %+v", status, e)
	}
}

// What is stored can be asked for, deleted, and is its tenant's alone.
func TestResponsesStored(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	a := s.respond(`{"model":"puppet","input":[{"role":"developer","content":"Be brief."},{"role":"user","content":[{"type":"input_text","text":"play hello"}]},{"role":"assistant","content":"x"},{"role":"user","content":"play hello"}]}`)
	var page struct {
		Data    []struct{ ID, Type, Role string }
		FirstID string `json:"first_id"`
		LastID  string `json:"last_id"`
		HasMore bool   `json:"has_more"`
	}
	list := func(query string) {
		t.Helper()
		status, text := s.send("GET", "/v1/responses/"+a.ID+"/input_items"+query, "")
		page.Data = nil
		if err := json.Unmarshal(text, &page); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, text)
		}
	}
	list("")
	if len(page.Data) != 4 || page.Data[0].Role != "user" || page.Data[3].Role != "developer" || page.HasMore || page.FirstID != page.Data[0].ID || page.LastID != page.Data[3].ID {
		t.Errorf("%+v", page)
	}
	list("?order=asc&limit=3")
	if len(page.Data) != 3 || page.Data[0].Role != "developer" || !page.HasMore {
		t.Errorf("%+v", page)
	}
	list("?order=asc&after=" + page.LastID)
	if len(page.Data) != 1 || page.Data[0].Role != "user" || page.HasMore {
		t.Errorf("%+v", page)
	}
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", a.ID + "/input_items?limit=0", 400},
		{"GET", a.ID + "/input_items?order=up", 400},
		{"GET", a.ID + "?stream=true", 400},
		{"GET", "resp_none", 404},
		{"GET", "resp_none/input_items", 404},
		{"DELETE", "resp_none", 404},
		{"POST", "resp_none/cancel", 404},
		{"POST", a.ID + "/cancel", 400},
		{"GET", "%00", 404},
	} {
		if status, text := s.send(c.method, "/v1/responses/"+c.path, ""); status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, text, c.status)
		}
	}
	s.foreign(a.ID)
	if status, text := s.send("DELETE", "/v1/responses/"+a.ID, ""); status != http.StatusOK || !strings.Contains(string(text), `"deleted":true`) {
		t.Errorf("%d %s", status, text)
	}
	if status, _ := s.send("GET", "/v1/responses/"+a.ID, ""); status != http.StatusNotFound {
		t.Errorf("deleted, and there with status %d", status)
	}
	left := -1
	if err := s.db.QueryRow(`SELECT (SELECT count(*) FROM responses) + (SELECT count(*) FROM response_items)`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
	b := s.respond(`{"model":"puppet","input":"play hello","store":false}`)
	if status, _ := s.send("GET", "/v1/responses/"+b.ID, ""); status != http.StatusNotFound {
		t.Errorf("not to be stored, and there with status %d", status)
	}
}

// foreign asks for a response as another tenant.
func (s keeping) foreign(id string) {
	s.t.Helper()
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/v1/responses/" + id, ""},
		{"GET", "/v1/responses/" + id + "/input_items", ""},
		{"DELETE", "/v1/responses/" + id, ""},
		{"POST", "/v1/responses/" + id + "/cancel", ""},
		{"POST", "/v1/responses", `{"model":"puppet","input":"x","previous_response_id":"` + id + `"}`},
	} {
		r, err := http.NewRequestWithContext(s.t.Context(), c.method, s.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("X-Tenant", "another")
		got, err := s.Client().Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != http.StatusNotFound {
			s.t.Errorf("%s %s of another tenant: %d, want 404", c.method, c.path, got.StatusCode)
		}
	}
}

// What was answered is there after the program ended, however it did: another process
// that opens the file at once sees it.
func TestResponsesSurvive(t *testing.T) {
	folder := t.TempDir()
	a := newKeeping(t, folder).respond(`{"model":"puppet","input":"play hello"}`)
	again := newKeeping(t, folder)
	if got := again.respond(`{"model":"puppet","input":"play count","previous_response_id":"` + a.ID + `"}`); got.text() != puppet.Text("count") {
		t.Errorf("%+v", got)
	}
}

func TestResponsesCount(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	body := `{"model":"puppet","input":"play hello","instructions":"Be brief.","tools":[` + forecast + `]}`
	var count struct {
		Input int `json:"input_tokens"`
	}
	s.post("/v1/responses/input_tokens", body, &count)
	if a := s.respond(body); a.Usage.Input != count.Input || count.Input < 20 || a.Usage.Input+a.Usage.Output != a.Usage.Total {
		t.Errorf("counted %d, read %+v", count.Input, a.Usage)
	}
}

// TestResponsesRefuse: each field that is wrong, or that cannot be honoured, is refused by
// its path.
func TestResponsesRefuse(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct{ fields, param string }{
		{`"model":7`, "model"},
		{`"model":null`, "model"},
		{`"input":null`, "input"},
		{`"input":[]`, "input"},
		{`"input":7`, "input"},
		{`"input":[7]`, "input[0]"},
		{`"input":[{"content":"x"}]`, "input[0].role"},
		{`"input":[{"role":"wizard","content":"x"}]`, "input[0].role"},
		{`"input":[{"role":"` + long + `","content":"x"}]`, "input[0].role"},
		{`"input":[{"role":"user"}]`, "input[0].content"},
		{`"input":[{"role":"user","content":7}]`, "input[0].content"},
		{`"input":[{"role":"user","content":[{"type":"input_image","image_url":"http://127.0.0.1/"}]}]`, "input[0].content[0].type"},
		{`"input":[{"role":"user","content":[{"type":"input_file","file_url":"file:///etc/passwd"}]}]`, "input[0].content[0].type"},
		{`"input":[{"role":"user","content":[{"type":"input_text"}]}]`, "input[0].content[0].text"},
		{`"input":[{"role":"user","content":[{"text":"x"}]}]`, "input[0].content[0].type"},
		{`"input":[{"type":"web_search_call"}]`, "input[0].type"},
		{`"input":[{"type":"function_call","name":"x"}]`, "input[0].call_id"},
		{`"input":[{"type":"function_call","call_id":"x"}]`, "input[0].name"},
		{`"input":[{"type":"function_call","call_id":"x","name":"x","arguments":{}}]`, "input[0].arguments"},
		{`"input":[{"type":"function_call_output","output":"x"}]`, "input[0].call_id"},
		{`"input":[{"type":"function_call_output","call_id":"x"}]`, "input[0].output"},
		{`"input":[{"type":"reasoning","content":7}]`, "input[0].content"},
		{`"input":[{"type":"item_reference"}]`, "input[0].id"},
		{`"input":[{"type":"message","id":"` + long + `","role":"user","content":"x"}]`, "input[0].id"},
		{`"tools":7`, "tools"},
		{`"tools":[7]`, "tools[0]"},
		{`"tools":[{"type":"web_search"}]`, "tools[0].type"},
		{`"tools":[{"type":"mcp","server_url":"http://127.0.0.1/"}]`, "tools[0].type"},
		{`"tools":[{"type":"function"}]`, "tools[0].name"},
		{`"tools":[{"type":"function","name":"a b"}]`, "tools[0].name"},
		{`"tools":[{"type":"function","name":"x","parameters":7}]`, "tools[0].parameters"},
		{`"tools":[{"type":"function","name":"x","strict":7}]`, "tools[0].strict"},
		{`"tools":[{"type":"function","name":"x"},{"type":"function","name":"x"}]`, "tools[1].name"},
		{`"tool_choice":"sometimes"`, "tool_choice"},
		{`"tool_choice":"required"`, "tool_choice"},
		{`"tool_choice":7`, "tool_choice"},
		{`"tool_choice":{"type":"file_search"}`, "tool_choice.type"},
		{`"tool_choice":{"type":"function"},"tools":[` + forecast + `]`, "tool_choice.name"},
		{`"tool_choice":{"type":"function","name":"y"},"tools":[` + forecast + `]`, "tool_choice.name"},
		{`"tool_choice":{"type":"allowed_tools","tools":[]},"tools":[` + forecast + `]`, "tool_choice.mode"},
		{`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"y"}]},"tools":[` + forecast + `]`, "tool_choice.tools[0]"},
		{`"parallel_tool_calls":7`, "parallel_tool_calls"},
		{`"max_output_tokens":0`, "max_output_tokens"},
		{`"max_output_tokens":-1`, "max_output_tokens"},
		{`"max_output_tokens":"x"`, "max_output_tokens"},
		{`"max_tool_calls":0`, "max_tool_calls"},
		{`"temperature":2.1`, "temperature"},
		{`"temperature":"hot"`, "temperature"},
		{`"top_p":-1`, "top_p"},
		{`"top_logprobs":21`, "top_logprobs"},
		{`"stream":"yes"`, "stream"},
		{`"store":7`, "store"},
		{`"background":true`, "background"},
		{`"conversation":"conv_1"`, "conversation"},
		{`"conversation":{"id":"conv_1"}`, "conversation"},
		{`"prompt":{"id":"x"}`, "prompt"},
		{`"instructions":7`, "instructions"},
		{`"previous_response_id":7`, "previous_response_id"},
		{`"previous_response_id":"` + long + `"`, "previous_response_id"},
		{`"truncation":"some"`, "truncation"},
		{`"metadata":7`, "metadata"},
		{`"metadata":{"a":1}`, "metadata.a"},
		{`"metadata":{"a":"` + long + `"}`, "metadata"},
		{`"include":7`, "include"},
		{`"include":[7]`, "include[0]"},
		{`"reasoning":7`, "reasoning"},
		{`"reasoning":{"effort":"some"}`, "reasoning.effort"},
		{`"reasoning":{"summary":"long"}`, "reasoning.summary"},
		{`"text":7`, "text"},
		{`"text":{"verbosity":"some"}`, "text.verbosity"},
		{`"text":{"format":7}`, "text.format"},
		{`"text":{"format":{"type":"yaml"}}`, "text.format.type"},
		{`"text":{"format":{"type":"json_schema"}}`, "text.format.schema"},
		{`"text":{"format":{"type":"json_schema","schema":7}}`, "text.format.schema"},
		{`"user":7`, "user"},
		{`"service_tier":7`, "service_tier"},
	} {
		body := `{` + c.fields
		if !strings.HasPrefix(c.fields, `"model"`) {
			body += `,"model":"puppet"`
		}
		if !strings.HasPrefix(c.fields, `"input"`) {
			body += `,"input":"x"`
		}
		status, e := s.refused("/v1/responses", body+`}`)
		if status != http.StatusBadRequest || e.Error.Param == nil || *e.Error.Param != c.param {
			t.Errorf("%.80s: %d %+v, want an error about %s", c.fields, status, e, c.param)
		}
	}
	for _, c := range []struct{ body, param, code string }{
		{`{"model":"no-such","input":"x"}`, "model", "model_not_found"},
		{`{"model":"puppet","input":"x","previous_response_id":"resp_none"}`, "previous_response_id", "previous_response_not_found"},
		{`{"model":"puppet","input":[{"type":"item_reference","id":"msg_none"}]}`, "input", ""},
	} {
		status, e := s.refused("/v1/responses", c.body)
		if status != http.StatusNotFound || e.Error.Param == nil || *e.Error.Param != c.param || c.code != "" && (e.Error.Code == nil || *e.Error.Code != c.code) {
			t.Errorf("%s: %d %+v, want 404 about %s", c.body, status, e, c.param)
		}
	}
}

// What is null, empty or unknown is as if it were not there, and what changes no answer
// is taken.
func TestResponsesTake(t *testing.T) {
	s := newKeeping(t, t.TempDir())
	for _, more := range []string{
		`"stream":null`, `"store":null`, `"tools":[]`, `"tools":null,"tool_choice":"auto"`, `"tool_choice":null`, `"instructions":""`, `"instructions":null`, `"metadata":{}`, `"metadata":null`,
		`"previous_response_id":null`, `"reasoning":null`, `"reasoning":{}`, `"reasoning":{"effort":null,"summary":null}`, `"text":{}`, `"text":{"format":{"type":"text"}}`, `"text":{"format":null}`,
		`"include":[]`, `"include":null`, `"truncation":"auto"`, `"background":false`, `"conversation":null`, `"max_output_tokens":null`, `"parallel_tool_calls":null`, `"service_tier":"auto"`,
		`"prompt_cache_key":"k"`, `"safety_identifier":"s"`, `"user":"u"`, `"stream_options":{"include_obfuscation":false}`, `"something_new":{"x":1}`, `"context_management":[{"type":"compaction"}]`,
		`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"get_weather"}]},"tools":[` + forecast + `]`,
	} {
		if a := s.respond(`{"model":"puppet","input":"play hello",` + more + `}`); a.text() != puppet.Text("hello") || a.Status != "completed" {
			t.Errorf("%s: %+v", more, a)
		}
	}
}
