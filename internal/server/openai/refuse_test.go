package openai_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// refusal is an error on the wire.
type refusal struct {
	Error struct {
		Message, Type string
		Param, Code   *string
	}
}

func (s site) refused(path, body string) (int, refusal) {
	s.t.Helper()
	status, text := s.send("POST", path, body)
	var e refusal
	if err := json.Unmarshal(text, &e); err != nil || e.Error.Message == "" || len(text) > 1000 {
		s.t.Fatalf("%s %.200s: %d %.300s, want an error: %v", path, body, status, text, err)
	}
	return status, e
}

// TestRefuses: each field that is wrong, or that cannot be honoured, is refused by its
// path; the error is short.
func TestRefuses(t *testing.T) {
	s := newSite(t, false)
	const user = `"messages":[{"role":"user","content":"x"}]`
	long := strings.Repeat("x", 1<<20)
	for _, c := range []struct{ path, more, param string }{
		{"chat", `"messages":[]`, "messages"},
		{"chat", `"messages":"x"`, "messages"},
		{"chat", `"messages":[1]`, "messages[0]"},
		{"chat", `"messages":[{"content":"x"}]`, "messages[0].role"},
		{"chat", `"messages":[{"role":"wizard","content":"x"}]`, "messages[0].role"},
		{"chat", `"messages":[{"role":"` + long + `","content":"x"}]`, "messages[0].role"},
		{"chat", `"messages":[{"role":"","content":"x"}]`, "messages[0].role"},
		{"chat", `"messages":[{"role":"user"}]`, "messages[0].content"},
		{"chat", `"messages":[{"role":"user","content":null}]`, "messages[0].content"},
		{"chat", `"messages":[{"role":"user","content":5}]`, "messages[0].content"},
		{"chat", `"messages":[{"role":"user","content":[{"text":"x"}]}]`, "messages[0].content[0].type"},
		{"chat", `"messages":[{"role":"user","content":[{"type":"text"}]}]`, "messages[0].content[0].text"},
		{"chat", `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://127.0.0.1/"}}]}]`, "messages[0].content[0].type"},
		{"chat", `"messages":[{"role":"user","content":[{"type":"input_audio"}]}]`, "messages[0].content[0].type"},
		{"chat", `"messages":[{"role":"user","content":"x","name":"` + long + `"}]`, "messages[0].name"},
		{"chat", `"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"function":{}}]}]`, "messages[1].tool_calls[0].function.name"},
		{"chat", `"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"type":"custom"}]}]`, "messages[1].tool_calls[0].type"},
		{"chat", `"messages":[{"role":"user","content":"x"},{"role":"assistant","function_call":{"name":"x"}}]`, "messages[1].function_call"},
		{"chat", `"messages":[{"role":"user","content":"x","prefix":true}]`, "messages[0].prefix"},
		{"chat", `"messages":[{"role":"user","content":"x"}],"continue_final_message":true`, "messages"},
		{"chat", `"messages":[{"role":"assistant","content":"x"}],"continue_final_message":true,"add_generation_prompt":true`, "continue_final_message"},
		{"chat", user + `,"add_generation_prompt":false`, "add_generation_prompt"},
		{"chat", user + `,"n":0`, "n"},
		{"chat", user + `,"n":129`, "n"},
		{"chat", user + `,"n":1.5`, "n"},
		{"chat", user + `,"max_tokens":-2`, "max_tokens"},
		{"chat", user + `,"max_completion_tokens":1e30`, "max_completion_tokens"},
		{"chat", user + `,"temperature":2.1`, "temperature"},
		{"chat", user + `,"temperature":"1"`, "temperature"},
		{"chat", user + `,"top_p":-1`, "top_p"},
		{"chat", user + `,"top_k":-2`, "top_k"},
		{"chat", user + `,"min_p":2`, "min_p"},
		{"chat", user + `,"repetition_penalty":-1`, "repetition_penalty"},
		{"chat", user + `,"presence_penalty":3`, "presence_penalty"},
		{"chat", user + `,"frequency_penalty":-3`, "frequency_penalty"},
		{"chat", user + `,"seed":1.5`, "seed"},
		{"chat", user + `,"logit_bias":{"x":1}`, "logit_bias"},
		{"chat", user + `,"logit_bias":{"-1":1}`, "logit_bias"},
		{"chat", user + `,"logit_bias":{"99999999999":1}`, "logit_bias"},
		{"chat", user + `,"logit_bias":{"999999":1}`, "logit_bias"},
		{"chat", user + `,"logit_bias":{"5":101}`, "logit_bias.5"},
		{"chat", user + `,"logit_bias":[1]`, "logit_bias"},
		{"chat", user + `,"stop":[1]`, "stop[0]"},
		{"chat", user + `,"stop":5`, "stop"},
		{"chat", user + `,"stop":"` + long + `"`, "stop"},
		{"chat", user + `,"logprobs":true,"top_logprobs":21`, "top_logprobs"},
		{"chat", user + `,"top_logprobs":1`, "top_logprobs"},
		{"chat", user + `,"stream":"yes"`, "stream"},
		{"chat", user + `,"stream_options":{"include_usage":1}`, "stream_options.include_usage"},
		{"chat", user + `,"tools":{"a":1}`, "tools"},
		{"chat", user + `,"tools":[{"type":"function"}]`, "tools[0].function"},
		{"chat", user + `,"tools":[{"type":"web_search"}]`, "tools[0].type"},
		{"chat", user + `,"tools":[{"type":"function","function":{"name":""}}]`, "tools[0].function.name"},
		{"chat", user + `,"tools":[{"type":"function","function":{"name":"a b"}}]`, "tools[0].function.name"},
		{"chat", user + `,"tools":[{"type":"function","function":{"name":"a","parameters":[1]}}]`, "tools[0].function.parameters"},
		{"chat", user + `,"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"a"}}]`, "tools[1].function.name"},
		{"chat", user + `,"tool_choice":"sometimes"`, "tool_choice"},
		{"chat", user + `,"tool_choice":"required"`, "tool_choice"},
		{"chat", user + `,"tool_choice":{"type":"function","function":{"name":"x"}}`, "tool_choice.function.name"},
		{"chat", user + `,"tool_choice":{"type":"allowed_tools"}`, "tool_choice.type"},
		{"chat", user + `,"parallel_tool_calls":1`, "parallel_tool_calls"},
		{"chat", user + `,"response_format":{"type":"yaml"}`, "response_format.type"},
		{"chat", user + `,"response_format":"json"`, "response_format"},
		{"chat", user + `,"response_format":{"type":"json_schema"}`, "response_format.json_schema"},
		{"chat", user + `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":7}}`, "response_format.json_schema.schema"},
		{"chat", user + `,"response_format":{"type":"json_object"},"grammar":"root ::= \"a\""`, "grammar"},
		{"chat", user + `,"guided_choice":["a"],"guided_regex":"a"`, "guided_choice"},
		{"chat", user + `,"guided_json":"no"`, "guided_json"},
		{"chat", user + `,"structured_outputs":{"regex":5}`, "structured_outputs.regex"},
		{"chat", user + `,"structured_outputs":{"structural_tag":"x"}`, "structured_outputs.structural_tag"},
		{"chat", user + `,"grammar":"` + long + `"`, "grammar"},
		{"chat", user + `,"reasoning_effort":"enormous"`, "reasoning_effort"},
		{"chat", user + `,"reasoning":{"max_tokens":-5}`, "reasoning.max_tokens"},
		{"chat", user + `,"thinking":{"type":"perhaps"}`, "thinking.type"},
		{"chat", user + `,"thinking_budget":"x"`, "thinking_budget"},
		{"chat", user + `,"chat_template_kwargs":{"messages":[]}`, "chat_template_kwargs.messages"},
		{"chat", user + `,"chat_template_kwargs":{"bos_token":"x"}`, "chat_template_kwargs.bos_token"},
		{"chat", user + `,"chat_template_kwargs":{"enable_thinking":"no"}`, "chat_template_kwargs.enable_thinking"},
		{"chat", user + `,"chat_template_kwargs":{"x":"` + long + `"}`, "chat_template_kwargs"},
		{"chat", user + `,"chat_template":"{{ x }}"`, "chat_template"},
		{"chat", user + `,"modalities":["text","audio"]`, "modalities[1]"},
		{"chat", user + `,"audio":{"voice":"x"}`, "audio"},
		{"chat", user + `,"web_search_options":{"a":1}`, "web_search_options"},
		{"chat", user + `,"functions":[{"name":"x"}]`, "functions"},
		{"chat", user + `,"function_call":{"name":"x"}`, "function_call"},
		{"chat", user + `,"min_tokens":3`, "min_tokens"},
		{"chat", user + `,"mirostat":2`, "mirostat"},
		{"chat", user + `,"echo":true`, "echo"},
		{"completions", `"prompt":null`, "prompt"},
		{"completions", `"prompt":{"a":1}`, "prompt"},
		{"completions", `"prompt":[]`, "prompt"},
		{"completions", `"prompt":""`, "prompt"},
		{"completions", `"prompt":["a",5]`, "prompt[1]"},
		{"completions", `"prompt":["a",[]]`, "prompt[1]"},
		{"completions", `"prompt":[1,"a"]`, "prompt"},
		{"completions", `"prompt":[999999999]`, "prompt"},
		{"completions", `"prompt":["a","b"],"n":65`, "n"},
		{"completions", `"prompt":["` + strings.Repeat(`a","`, 200) + `"]`, "prompt"},
		{"completions", `"prompt":"a","logprobs":21`, "logprobs"},
		{"completions", `"prompt":"a","logprobs":true`, "logprobs"},
		{"completions", `"prompt":"a","best_of":2`, "best_of"},
		{"completions", `"prompt":"a","suffix":"b","echo":true`, "suffix"},
		{"completions", `"prompt":[1],"suffix":"b"`, "suffix"},
		{"completions", `"prompt":"a","suffix":"b"`, "suffix"},
		{"embeddings", `"input":null`, "input"},
		{"embeddings", `"input":[]`, "input"},
		{"embeddings", `"input":""`, "input"},
		{"embeddings", `"input":[999999999]`, "input"},
		{"embeddings", `"input":"x","dimensions":0`, "dimensions"},
		{"embeddings", `"input":"x","dimensions":100000`, "dimensions"},
		{"embeddings", `"input":"x","encoding_format":"hex"`, "encoding_format"},
		{"/infill", `"input_prefix":"a"`, "model"},
		{"/infill", `"prompt":"a"`, "input_prefix"},
		{"/infill", `"input_prefix":"a","input_extra":[{"filename":"x"}]`, "input_extra[0].text"},
		{"/tokenize", `"x":1`, "prompt"},
		{"/tokenize", `"prompt":1`, "prompt"},
		{"/detokenize", `"tokens":[-1]`, "tokens"},
		{"/detokenize", `"tokens":[100000]`, "tokens"},
	} {
		path, at := map[string]string{"chat": "/v1/chat/completions", "completions": "/v1/completions", "embeddings": "/v1/embeddings"}[c.path], c.path
		if path == "" {
			path = at
		}
		status, e := s.refused(path, `{"model":"puppet",`+c.more+`}`)
		if status != http.StatusBadRequest || e.Error.Type != "invalid_request_error" || e.Error.Param == nil || *e.Error.Param != c.param {
			t.Errorf("%s %.120s: %d, %s, param %q, want 400 about %s: %s", path, c.more, status, e.Error.Type, text(e.Error.Param), c.param, e.Error.Message)
		}
	}
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// TestErrors: words and statuses that clients look for.
func TestErrors(t *testing.T) {
	s := newSite(t, false)
	const user = `"messages":[{"role":"user","content":"x"}]`
	for _, c := range []struct {
		path, body  string
		status      int
		param, code string
		says        string
	}{
		{"/v1/chat/completions", `{"model":"no-such",` + user + `}`, 404, "model", "model_not_found", "no-such"},
		{"/v1/chat/completions", `{"model":"no-such","stream":true,` + user + `}`, 404, "model", "model_not_found", "no-such"},
		{"/v1/chat/completions", `{` + user + `}`, 400, "model", "null", "model is missing"},
		{"/v1/chat/completions", `{"model":"",` + user + `}`, 400, "model", "null", "model is empty"},
		{"/v1/chat/completions", `{"model":"puppet"}`, 400, "messages", "null", "messages is missing"},
		{"/v1/chat/completions", `{"model":"../../etc/passwd",` + user + `}`, 404, "model", "model_not_found", "not found"},
		{"/v1/chat/completions", `{"model":"puppet","messages":[{"role":"user","content":"` + strings.Repeat("x", 10_000) + `"}]}`, 400, "null", "context_length_exceeded", "This model's maximum context length is 8192 tokens"},
		{"/v1/chat/completions", `[1]`, 400, "null", "null", "want a JSON object"},
		{"/v1/completions", `{"model":"puppet","prompt":"` + strings.Repeat("x", 10_000) + `"}`, 400, "null", "context_length_exceeded", "maximum context length"},
		{"/v1/embeddings", `{"model":"no-such","input":"x"}`, 404, "model", "model_not_found", "no-such"},
		{"/tokenize", `{"model":"no-such","prompt":"x"}`, 404, "model", "model_not_found", "no-such"},
		{"/v1/nothing", `{}`, 404, "null", "null", "nothing"},
	} {
		status, e := s.refused(c.path, c.body)
		if status != c.status || text(e.Error.Param) != c.param || text(e.Error.Code) != c.code || !strings.Contains(e.Error.Message, c.says) {
			t.Errorf("%s %.80s: %d, param %s, code %s: %s", c.path, c.body, status, text(e.Error.Param), text(e.Error.Code), e.Error.Message)
		}
	}
}
