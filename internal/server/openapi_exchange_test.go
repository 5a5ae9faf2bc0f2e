package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// described is the document as it is read.
type described struct{ *openapi3.T }

func readDocument(t *testing.T) described {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	return described{d}
}

func TestDocumentIsValid(t *testing.T) {
	d := readDocument(t)
	if err := d.Validate(t.Context(), openapi3.EnableSchemaPatternValidation()); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" || len(op.Tags) == 0 {
				t.Errorf("%s %s: operation %q, summary %q, tags %v", method, path, op.OperationID, op.Summary, op.Tags)
			}
			ids[op.OperationID] = true
		}
	}
	if got, want := len(ids), len(documented()); got != want {
		t.Errorf("%d operations were read, want %d: its lines are not those that other tests look for", got, want)
	}
}

// operation returns what the document says of a request.
func (d described) operation(t *testing.T, method, target string) *openapi3.Operation {
	t.Helper()
	target, _, _ = strings.Cut(target, "?")
	var found *openapi3.PathItem
	for path, item := range d.Paths.Map() {
		switch {
		case path == target:
			found = item
		case found == nil && matches(path, target):
			found = item
		}
	}
	if found == nil || found.GetOperation(method) == nil {
		t.Fatalf("%s %s is not in the document", method, target)
	}
	return found.GetOperation(method)
}

// matches says whether a target is one of a path with variables. A model may have slashes.
func matches(path, target string) bool {
	pattern := regexp.QuoteMeta(path)
	pattern = strings.ReplaceAll(pattern, `\{model\}`, ".+")
	pattern = regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(pattern, "[^/]+")
	return regexp.MustCompile("^" + pattern + "$").MatchString(target)
}

// check holds values against a schema, all at once: to read the schema takes most of the
// time.
func (d described) check(schema *openapi3.SchemaRef, side openapi3.SchemaValidationOption, texts ...[]byte) error {
	values := make([]any, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal(text, &values[i]); err != nil {
			return fmt.Errorf("%w: %.300s", err, text)
		}
	}
	list := openapi3.NewArraySchema()
	list.Items = schema
	return d.ValidateSchemaJSON(list, values, openapi3.EnableJSONSchema2020(), openapi3.EnableFormatValidation(), side)
}

// request holds bodies against what the document says of the request. An empty one is
// none.
func (d described) request(t *testing.T, method, target string, bodies ...[]byte) {
	t.Helper()
	op := d.operation(t, method, target)
	bodies = slices.DeleteFunc(slices.Clone(bodies), func(body []byte) bool { return len(body) == 0 })
	switch wanted := op.RequestBody; {
	case wanted == nil && len(bodies) > 0:
		t.Errorf("%s %s: there is a body, and the document knows none", method, target)
	case wanted == nil:
	case len(bodies) == 0:
		t.Errorf("%s %s: there is no body, and the document wants one", method, target)
	default:
		if err := d.check(wanted.Value.Content["application/json"].Schema, openapi3.VisitAsRequest(), bodies...); err != nil {
			t.Errorf("%s %s: %.2000v", method, target, err)
		}
	}
}

// answer holds an answer against what the document says of it. kind is its Content-Type.
func (d described) answer(t *testing.T, method, target string, status int, kind string, body []byte) {
	t.Helper()
	what := method + " " + target + ": " + strconv.Itoa(status)
	known := d.operation(t, method, target).Responses.Value(strconv.Itoa(status))
	if known == nil {
		t.Errorf("%s is not in the document", what)
		return
	}
	if method == http.MethodHead { // whose body does not go over the wire
		return
	}
	if len(body) == 0 {
		if len(known.Value.Content) > 0 {
			t.Errorf("%s has no body, and the document says it has one", what)
		}
		return
	}
	kind, _, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	form := known.Value.Content[kind]
	if form == nil {
		t.Errorf("%s: %s is not in the document: %.200s", what, kind, body)
		return
	}
	if form.Schema == nil {
		return
	}
	list := pieces(kind, body)
	if len(list) == 0 {
		t.Errorf("%s: there is nothing in the body: %.200s", what, body)
	}
	if err := d.check(form.Schema, openapi3.VisitAsResponse(), list...); err != nil {
		t.Errorf("%s: %.2000v", what, err)
	}
}

// pieces returns what of a body is to be looked at: the data of events, lines, or all.
func pieces(kind string, body []byte) (list [][]byte) {
	switch kind {
	case "text/event-stream":
		for line := range bytes.Lines(body) {
			if text, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: ")); ok && string(text) != "[DONE]" {
				list = append(list, text)
			}
		}
	case "application/x-ndjson":
		for line := range bytes.Lines(body) {
			list = append(list, line)
		}
	case "application/json":
		return [][]byte{body}
	default:
		text, _ := json.Marshal(string(body)) // a string is always one
		return [][]byte{text}
	}
	return list
}

// exchange is what was recorded: "METHOD PATH", a body, an empty line, "STATUS KIND", the
// answer. Some recordings have only the answer.
type exchange struct {
	method, target string
	body           []byte
	status         int
	kind           string
	answer         []byte
}

var (
	requestLine = regexp.MustCompile(`^(GET|HEAD|POST|DELETE) (/\S*)\n`)
	statusLine  = regexp.MustCompile(`(?m)^(\d{3}) ?([a-z].*)?\n`)
	// Counts and times that differ are left out of recordings, or have other words.
	blanked = strings.NewReplacer(`"TIME"`, `"2026-11-29T00:00:00Z"`, `"NEVER"`, `"2226-11-29T00:00:00Z"`, `"timings":{"cached_n"`, `"timings":{"cache_n"`)
	readSum = regexp.MustCompile(`"read":(\d+)`)
)

// readExchange reads a recording of a dialect.
func readExchange(t *testing.T, dialect, path string) exchange {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(blanked.Replace(string(text)))
	text = readSum.ReplaceAll(text, []byte(`"input_tokens":$1,"cache_creation_input_tokens":0,"cache_read_input_tokens":0`))
	name := strings.TrimSuffix(filepath.Base(path), ".txt")
	x := exchange{method: "POST", target: map[string]string{"openai": "/v1/responses", "anthropic": "/v1/messages"}[dialect]}
	if dialect == "anthropic" && strings.HasPrefix(name, "model") {
		x.method, x.target = "GET", "/v1/models"
		if name == "model" {
			x.target = "/v1/models/puppet"
		}
	}
	if m := requestLine.FindSubmatch(text); m != nil {
		x.method, x.target, text = string(m[1]), string(m[2]), text[len(m[0]):]
		if body, rest, ok := bytes.Cut(text, []byte("\n\n")); ok && len(body) > 0 && body[0] == '{' {
			x.body, text = body, rest
		}
	}
	m := statusLine.FindSubmatchIndex(text)
	if m == nil {
		t.Fatalf("%s has no status", path)
	}
	x.status, _ = strconv.Atoi(string(text[m[2]:m[3]]))
	x.answer = bytes.TrimSpace(text[m[1]:])
	switch {
	case m[4] >= 0:
		x.kind = string(text[m[4]:m[5]])
	case bytes.HasPrefix(x.answer, []byte("{")):
		x.kind = "application/json"
	default:
		x.kind = "text/event-stream"
	}
	return x
}

// What tests of the dialects recorded is as the document says.
func TestDocumentHoldsRecordings(t *testing.T) {
	d := readDocument(t)
	for dialect, least := range map[string]int{"openai": 45, "anthropic": 20, "ollama": 40} {
		paths, err := filepath.Glob(filepath.Join(dialect, "testdata", "*.txt"))
		if err != nil || len(paths) < least {
			t.Fatalf("%s: %d recordings, %v", dialect, len(paths), err)
		}
		for _, path := range paths {
			t.Run(dialect+"/"+filepath.Base(path), func(t *testing.T) {
				x := readExchange(t, dialect, path)
				if x.status < 300 && x.body != nil {
					d.request(t, x.method, x.target, x.body)
				}
				d.answer(t, x.method, x.target, x.status, x.kind, x.answer)
			})
		}
	}
}

// clientsFolder has what real clients sent, beside the checkout of who has it.
var clientsFolder = filepath.Join("..", "..", "..", "shared", "accept", "server", "wire")

// What real clients send, and is answered, is as the document says.
func TestDocumentHoldsClients(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(clientsFolder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skipf("there are no recordings of clients in %s", clientsFolder)
	}
	d, bodies := readDocument(t), map[string][][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []struct {
			Method, Target string
			Status         int
			JSON           json.RawMessage
			Body           string
		}
		if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
			t.Fatalf("%s: %d requests, %v", path, len(list), err)
		}
		for _, x := range list {
			if x.Status < 300 && x.Body == "" { // a form has a test of its own
				target, _, _ := strings.Cut(x.Target, "?")
				bodies[x.Method+" "+target] = append(bodies[x.Method+" "+target], x.JSON)
			}
		}
	}
	for route, list := range bodies {
		method, target, _ := strings.Cut(route, " ")
		d.request(t, method, target, list...)
	}
}

// What the server refuses, and what it does not answer, is not as the document says.
func TestDocumentRefuses(t *testing.T) {
	d := readDocument(t)
	for _, c := range []struct{ method, target, body string }{
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[]}`},
		{"POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"wizard","content":"x"}]}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user"}]}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":2.5}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"n":0}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"logit_bias":{"x":1}}`},
		{"POST", "/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search"}]}`},
		{"POST", "/v1/completions", `{"model":"m","prompt":[1,"x"]}`},
		{"POST", "/v1/embeddings", `{"model":"m","input":[]}`},
		{"POST", "/infill", `{"prompt":"x"}`},
		{"POST", "/tokenize", `{"model":"m"}`},
		{"POST", "/v1/responses", `{"model":"m","input":"x","background":true}`},
		{"POST", "/v1/responses", `{"model":"m","input":[{"type":"function_call","name":"x"}]}`},
		{"POST", "/v1/batches", `{"input_file_id":"f","endpoint":"/v1/chat/completions","completion_window":"soon"}`},
		{"POST", "/v1/messages", `{"model":"m","messages":[{"role":"user","content":"x"}]}`},
		{"POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image"}]}]}`},
		{"POST", "/v1/messages", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled","budget_tokens":5}}`},
		{"POST", "/api/chat", `{"messages":[]}`},
		{"POST", "/api/chat", `{"model":"m","messages":[{"content":"x"}]}`},
		{"POST", "/api/generate", `{"model":"m","think":"much"}`},
		{"POST", "/api/generate", `{"model":"m","options":{"num_predict":-7}}`},
		{"POST", "/api/create", `{"model":"m","files":{"a":"b"}}`},
		{"POST", "/admin/keys", `{"name":"a","scopes":["all"]}`},
	} {
		form := d.operation(t, c.method, c.target).RequestBody.Value.Content["application/json"]
		if d.check(form.Schema, openapi3.VisitAsRequest(), []byte(c.body)) == nil {
			t.Errorf("%s %s: the document has nothing against %s", c.method, c.target, c.body)
		}
	}
	for name, text := range map[string]string{
		"ChatAnswer":    `{"id":"x","object":"chat.completion","created":0,"model":"m","system_fingerprint":"c","choices":[]}`,
		"ResponseEvent": `{"type":"response.output_text.delta","sequence_number":1,"item_id":"x","output_index":0,"content_index":0,"delta":"x"}`,
		"MessageEvent":  `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}`,
		"GenerateEnd":   `{"model":"m","created_at":"2026-11-29T00:00:00Z","response":"","done":false}`,
		"OpenAIError":   `{"error":"x"}`,
		"InfillAnswer":  `{"index":0,"content":"x","stop":true,"tokens_predicted":1,"tokens_evaluated":1,"timings":5}`,
	} {
		if d.check(d.Components.Schemas[name], openapi3.VisitAsResponse(), []byte(text)) == nil {
			t.Errorf("%s has nothing against %s", name, text)
		}
	}
}
