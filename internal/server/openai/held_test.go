package openai_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// TestFormats: an answer is what the request asks for, in any of the ways to ask, though
// the model would say Hello.
func TestFormats(t *testing.T) {
	s := newSite(t, false)
	const schema = `{"type":"object","properties":{"answer":{"enum":["yes","no"]}},"required":["answer"],"additionalProperties":false}`
	isAnswer := func(text string) bool {
		var x map[string]string
		return json.Unmarshal([]byte(text), &x) == nil && len(x) == 1 && (x["answer"] == "yes" || x["answer"] == "no")
	}
	isWord := func(text string) bool { return text == "yes" || text == "no" }
	for more, holds := range map[string]func(string) bool{
		`"response_format":{"type":"json_schema","json_schema":{"name":"r","strict":true,"schema":` + schema + `}}`: isAnswer,
		`"response_format":{"type":"json_object","schema":` + schema + `}`:                                          isAnswer,
		`"guided_json":` + schema: isAnswer,
		`"guided_json":"{\"properties\":{\"answer\":{\"enum\":[\"yes\",\"no\"]}},\"required\":[\"answer\"],\"additionalProperties\":false,\"type\":\"object\"}"`: isAnswer,
		`"json_schema":` + schema:                      isAnswer,
		`"structured_outputs":{"json":` + schema + `}`: isAnswer,
		`"guided_choice":["yes","no"]`:                 isWord,
		`"structured_outputs":{"choice":["yes","no"]}`: isWord,
		`"guided_regex":"yes|no"`:                      isWord,
		`"guided_grammar":"root ::= \"yes\" | \"no\""`: isWord,
		`"grammar":"root ::= \"yes\" | \"no\""`:        isWord,
	} {
		var x spoken
		s.post(chatPath, ask("hello", `,"max_tokens":400,"reasoning_effort":"none",`+more), &x)
		if c := x.Choices[0]; c.Finish_Reason != "stop" || !holds(c.Message.Content) {
			t.Errorf("%s: %q, %s", more, c.Message.Content, c.Finish_Reason)
		}
	}
	var x spoken
	s.post(chatPath, ask("json", `,"response_format":{"type":"json_object"}`), &x)
	if !isAnswer(x.Choices[0].Message.Content) {
		t.Errorf("an answer that is an object already: %q", x.Choices[0].Message.Content)
	}
	s.post("/v1/completions", `{"model":"puppet","prompt":"x:","max_tokens":20,"guided_choice":["yes","no"]}`, &x)
	if !isWord(x.Choices[0].Text) {
		t.Errorf("a completion: %q", x.Choices[0].Text)
	}
}

// TestCalls: the tools that a request names are called, and as often as it allows.
func TestCalls(t *testing.T) {
	s := newSite(t, false)
	const tools = `"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string","maxLength":12}},"required":["city"],"additionalProperties":false}}},` +
		`{"type":"function","function":{"name":"get_time","parameters":{"type":"object","properties":{"zone":{"enum":["UTC","CET"]}},"required":["zone"],"additionalProperties":false}}}]`
	for _, c := range []struct {
		script, more string
		want         []string // names of what is called; nil: any one
	}{
		{"tools", `"parallel_tool_calls":true`, []string{"get_weather", "get_time"}},
		{"tools", `"parallel_tool_calls":false`, []string{"get_weather"}},
		{"hello", `"tool_choice":{"type":"function","function":{"name":"get_time"}},"reasoning_effort":"none"`, []string{"get_time"}},
		{"hello", `"tool_choice":"required","parallel_tool_calls":false,"reasoning_effort":"none"`, nil},
		{"hello", `"tool_choice":"auto"`, []string{}},
		{"tools", `"tool_choice":"none"`, []string{}},
	} {
		body := ask(c.script, fmt.Sprintf(`,"max_tokens":400,%s,%s`, tools, c.more))
		var x spoken
		s.post(chatPath, body, &x)
		var names []string
		for _, call := range x.Choices[0].Message.Tool_Calls {
			var arguments map[string]string
			if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil || len(arguments) != 1 || call.ID == "" {
				t.Errorf("%s: %+v: %v", c.more, call, err)
			}
			names = append(names, call.Function.Name)
		}
		if c.want == nil && len(names) != 1 || c.want != nil && !slices.Equal(names, c.want) {
			t.Errorf("%s, %s: %v are called, want %v", c.script, c.more, names, c.want)
		}
		if ends := x.Choices[0].Finish_Reason; (ends == "tool_calls") != (len(names) > 0) {
			t.Errorf("%s, %s: %d calls, and the end is %s", c.script, c.more, len(names), ends)
		}
	}
}
