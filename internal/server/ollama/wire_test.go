package ollama_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const (
	weather = `{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}`
	clock   = `{"function":{"name":"get_time"}}`
)

// TestWire: answers and lines are, byte for byte, those that were looked at. The requests
// build on each other.
func TestWire(t *testing.T) {
	s := newSite(t)
	chat := func(script, more string) string {
		return fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play %s"}]%s}`, script, more)
	}
	generate := func(prompt, more string) string {
		return fmt.Sprintf(`{"model":"puppet","prompt":%q%s}`, prompt, more)
	}
	const whole = `,"stream":false`
	for _, c := range []struct{ name, method, path, body string }{
		{"root", "GET", "/", ""},
		{"version", "GET", "/api/version", ""},
		{"tags", "GET", "/api/tags", ""},
		{"ps-none", "GET", "/api/ps", ""},
		{"load", "POST", "/api/generate", `{"model":"puppet","keep_alive":-1}`},
		{"load-chat", "POST", "/api/chat", `{"model":"puppet","messages":[],"stream":false,"keep_alive":"-1"}`},
		{"ps", "GET", "/api/ps", ""},
		{"chat", "POST", "/api/chat", chat("hello", whole)},
		{"chat-stream", "POST", "/api/chat", chat("utf8", "")},
		{"chat-think", "POST", "/api/chat", chat("think", whole+`,"think":true`)},
		{"chat-think-stream", "POST", "/api/chat", chat("think", `,"think":"high"`)},
		{"chat-think-off", "POST", "/api/chat", chat("think", whole+`,"think":false`)},
		{"chat-tools", "POST", "/api/chat", chat("tools", whole+`,"tools":[`+weather+`,`+clock+`]`)},
		{"chat-tools-stream", "POST", "/api/chat", chat("texttool", `,"tools":[`+weather+`]`)},
		{"chat-tools-cut", "POST", "/api/chat", chat("tool", `,"tools":[`+weather+`],"options":{"num_predict":4}`)},
		{
			"chat-result", "POST", "/api/chat",
			`{"model":"puppet","stream":false,"messages":[{"role":"user","content":"play tool"},{"role":"assistant","thinking":"Hm","tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Oslo"}}}]},{"role":"tool","tool_name":"get_weather","content":"18"}],"tools":[` + weather + `]}`,
		},
		{"chat-logprobs", "POST", "/api/chat", chat("utf8", `,"logprobs":true,"top_logprobs":1,"options":{"temperature":0}`)},
		{"chat-stop", "POST", "/api/chat", chat("stop", whole+`,"options":{"stop":["STOP"]}`)},
		{"generate", "POST", "/api/generate", generate("play hello", whole)},
		{"generate-stream", "POST", "/api/generate", generate("play count", `,"options":{"num_predict":3,"num_ctx":2048,"num_thread":2,"mirostat":0,"own":[]}`)},
		{"generate-system", "POST", "/api/generate", generate("play hello", whole+`,"system":"Be brief."`)},
		{"generate-raw", "POST", "/api/generate", generate("x:", whole+`,"raw":true`)},
		{"generate-template", "POST", "/api/generate", generate("x", whole+`,"template":"{{ messages[-1].content }}:"`)},
		{"generate-template-go", "POST", "/api/generate", generate("x", whole+`,"template":"{{ .Prompt }}"`)},
		{"generate-raw-system", "POST", "/api/generate", generate("x", `,"raw":true,"system":"x"`)},
		{"chat-json", "POST", "/api/chat", chat("json", whole+`,"format":"json"`)},
		{"chat-schema", "POST", "/api/chat", chat("hello", whole+`,"format":{"type":"object","properties":{"answer":{"enum":["yes"]}},"required":["answer"],"additionalProperties":false},"think":false,"options":{"temperature":0}`)},
		{"embed", "POST", "/api/embed", `{"model":"puppet","input":["ab","b"],"dimensions":4}`},
		{"embed-empty", "POST", "/api/embed", `{"model":"puppet","input":""}`},
		{"embed-none", "POST", "/api/embed", `{"model":"puppet"}`},
		{"embeddings-none", "POST", "/api/embeddings", `{"model":"puppet"}`},
		{"copy", "POST", "/api/copy", `{"source":"puppet","destination":"other"}`},
		{"create", "POST", "/api/create", `{"model":"brief","from":"other","system":"Be brief.","license":"MIT","parameters":{"temperature":0.5,"stop":["x"],"num_ctx":512}}`},
		{"create-whole", "POST", "/api/create", `{"model":"own","from":"brief","template":"{{ messages[-1].content }}:","stream":false}`},
		{"show", "POST", "/api/show", `{"name":"brief"}`},
		{"generate-own", "POST", "/api/generate", `{"model":"own","prompt":"x","stream":false}`},
		{"delete", "DELETE", "/api/delete", `{"model":"other"}`},
		{"delete-again", "DELETE", "/api/delete", `{"name":"other"}`},
		{"pull-nothing", "POST", "/api/pull", `{"model":"none"}`},
		{"pull-nothing-whole", "POST", "/api/pull", `{"model":"none","stream":false}`},
		{"push", "POST", "/api/push", `{"model":"puppet"}`},
		{"unload", "POST", "/api/generate", `{"model":"puppet","keep_alive":0,"stream":false}`},
		{"no-model", "POST", "/api/chat", `{"model":"no-such","messages":[{"role":"user","content":"x"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			one := &site{t: t, Server: s.Server}
			one.exchange(c.name, c.method, c.path, c.body)
		})
	}
	want := "model.copy other, model.create brief, model.create own, model.delete other, model.unload puppet"
	if got := strings.Join(s.changes, ", "); got != want {
		t.Errorf("audited were %s, want %s", got, want)
	}
}

func TestRoot(t *testing.T) {
	s := newSite(t)
	for _, method := range []string{"GET", "HEAD"} {
		r, _ := s.send(method, "/", "")
		if r.StatusCode != http.StatusOK || r.Header.Get("Vary") != "Accept" {
			t.Errorf("%s: status %d, headers %v", method, r.StatusCode, r.Header)
		}
	}
}

// TestRefused: what cannot be honoured is refused by its name, in a few words.
func TestRefused(t *testing.T) {
	s := newSite(t)
	long := strings.Repeat("x", 10_000)
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		method, path, body string
		status             int
		names              string // that the message has to have
	}{
		{"POST", "/api/chat", `{}`, 400, "model"},
		{"POST", "/api/chat", `[]`, 400, "object"},
		{"POST", "/api/chat", `{"model":5}`, 400, "model"},
		{"POST", "/api/chat", `{"model":"puppet","messages":5}`, 400, "messages"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[5]}`, 400, "messages[0]"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"content":"x"}]}`, 400, "messages[0].role"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"wizard","content":"x"}]}`, 400, "wizard"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"user","content":[]}]}`, 400, "messages[0].content"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"user","content":"x","images":["aGk="]}]}`, 400, "images"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"x","arguments":"{}"}}]}]}`, 400, "arguments"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"assistant","tool_calls":[{}]}]}`, 400, "tool_calls[0].function"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"tools":[{"type":"web_search"}]}`, 400, "web_search"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"tools":[{"function":{}}]}`, 400, "tools[0].function.name"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"stream":"yes"}`, 400, "stream"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"format":"yaml"}`, 400, "format"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"format":5}`, 400, "format"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"think":5}`, 400, "think"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"think":"much"}`, 400, "think"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"top_logprobs":3}`, 400, "logprobs"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"logprobs":true,"top_logprobs":21}`, 400, "top_logprobs"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"keep_alive":"5 parsecs"}`, 400, "keep_alive"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"keep_alive":[1]}`, 400, "keep_alive"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":5}`, 400, "options"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"temperature":"hot"}}`, 400, "options.temperature"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"num_ctx":-1}}`, 400, "options.num_ctx"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"num_ctx":1000000000000}}`, 400, "options.num_ctx"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"num_predict":-7}}`, 400, "options.num_predict"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"seed":1.5}}`, 400, "options.seed"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"stop":[1]}}`, 400, "options.stop[0]"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"mirostat":2}}`, 400, "options.mirostat"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"typical_p":0.5}}`, 400, "options.typical_p"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"repeat_penalty":1.1,"repeat_last_n":64}}`, 400, "options.repeat_last_n"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"use_mmap":"x"}}`, 400, "options.use_mmap"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[],"options":{"num_gpu":"x"}}`, 400, "options.num_gpu"},
		{"POST", "/api/generate", `{"prompt":"x"}`, 400, "model"},
		{"POST", "/api/generate", `{"model":"puppet","prompt":["x"]}`, 400, "prompt"},
		{"POST", "/api/generate", `{"model":"puppet","prompt":"x","images":["x"]}`, 400, "images"},
		{"POST", "/api/generate", `{"model":"puppet","prompt":"x","context":["x"]}`, 400, "context"},
		{"POST", "/api/generate", `{"model":"puppet","prompt":"x","context":[99999999]}`, 400, "99999999"},
		{"POST", "/api/generate", `{"model":"puppet","prompt":"x","suffix":"y"}`, 400, "fill in the middle"},
		{"POST", "/api/chat", `{"model":"puppet","messages":[{"role":"user","content":"x"}],"format":{"$ref":"http://x/y"}}`, 400, "format"},
		{"POST", "/api/generate", `{"model":"` + long + `","prompt":"x"}`, 404, "not found"},
		{"POST", "/api/generate", `{"model":"../puppet","prompt":"x"}`, 404, "not found"},
		{"POST", "/api/generate", `{"model":"puppet\u0000","prompt":"x"}`, 404, "not found"},
		{"POST", "/api/embed", `{"model":"puppet","input":{}}`, 400, "input"},
		{"POST", "/api/embed", `{"model":"puppet","input":"a","dimensions":100000}`, 400, "dimensions"},
		{"POST", "/api/embed", `{"model":"puppet","input":"` + long + `","truncate":false}`, 400, "context length"},
		{"POST", "/api/show", `{}`, 400, "model"},
		{"POST", "/api/show", `{"model":"none"}`, 404, "model 'none' not found"},
		{"POST", "/api/copy", `{"source":"puppet"}`, 400, "destination"},
		{"POST", "/api/copy", `{"source":"none","destination":"x"}`, 404, "model 'none' not found"},
		{"POST", "/api/copy", `{"source":"puppet","destination":"../x"}`, 400, "../x"},
		{"DELETE", "/api/delete", `{"model":"../x"}`, 400, "../x"},
		{"POST", "/api/pull", `{"model":"/etc/passwd","stream":false}`, 400, "path"},
		{"POST", "/api/pull", `{"model":"./puppet.gguf"}`, 400, "path"},
		{"POST", "/api/pull", `{"model":"http://127.0.0.1:1/a.gguf"}`, 400, "no source"},
		{"POST", "/api/pull", `{"model":"https://127.0.0.1:1/a.gguf","stream":false}`, 400, "public"},
		{"POST", "/api/pull", `{"model":"https://[::1]:1/a.gguf","stream":false}`, 400, "public"},
		{"POST", "/api/pull", `{"model":"https://169.254.169.254/a.gguf","stream":false}`, 400, "public"},
		{"POST", "/api/pull", `{"model":"https://10.0.0.1/a.gguf","stream":false}`, 400, "public"},
		{"POST", "/api/create", `{"model":"x","from":"https://127.0.0.1:1/a.gguf","stream":false}`, 400, "public"},
		{"POST", "/api/pull", `{"model":"pip:../x"}`, 400, "no source"},
		{"POST", "/api/pull", `{"model":"puppet","stream":false}`, 400, "no source"},
		{"POST", "/api/create", `{"model":"x"}`, 400, "from"},
		{"POST", "/api/create", `{"model":"x","from":"none"}`, 404, "model 'none' not found"},
		{"POST", "/api/create", `{"model":"../x","from":"puppet"}`, 400, "../x"},
		{"POST", "/api/create", `{"model":"x","from":"puppet","files":{"a":"` + digest + `"}}`, 400, "together"},
		{"POST", "/api/create", `{"model":"x","from":"puppet","quantize":"q4_0"}`, 400, "quantize"},
		{"POST", "/api/create", `{"model":"x","from":"puppet","parameters":{"top_p":2}}`, 400, "parameters.top_p"},
		{"POST", "/api/create", `{"model":"x","from":"puppet","template":"{{ .System }}"}`, 400, "template"},
		{"POST", "/api/create", `{"model":"x","files":{"../a.gguf":"` + digest + `"}}`, 400, "plain name"},
		{"POST", "/api/create", `{"model":"x","files":{"a.gguf":"../../etc/passwd"}}`, 400, "64 hexadecimal"},
		{"POST", "/api/create", `{"model":"x","files":{"` + long + `":"` + digest + `"}}`, 400, "plain name"},
		{"POST", "/api/create", `{"model":"x","files":{"a.gguf":"` + digest + `"}}`, 404, "not sent"},
		{"POST", "/api/blobs/sha256:" + strings.Repeat("A", 64), "x", 400, "64 hexadecimal"},
		{"POST", "/api/blobs/md5:" + strings.Repeat("0", 32), "x", 400, "64 hexadecimal"},
		{"POST", "/api/blobs/..%2f..%2fetc%2fpasswd", "x", 404, "nothing"},
		{"POST", "/api/blobs/" + digest + "%00", "x", 400, "64 hexadecimal"},
		{"POST", "/api/blobs/" + digest, "x", 400, "digest"},
		{"PUT", "/api/chat", "", 405, "method"},
	} {
		r, text := s.send(c.method, c.path, c.body)
		if r.StatusCode != c.status || !strings.HasPrefix(string(text), `{"error":"`) || !strings.Contains(string(text), c.names) || len(text) > 500 {
			t.Errorf("%s %s %.80s: got %d %.300s, want %d and %q", c.method, c.path, c.body, r.StatusCode, text, c.status, c.names)
		}
	}
	if len(s.changes) > 0 {
		t.Errorf("audited were %v", s.changes)
	}
}
