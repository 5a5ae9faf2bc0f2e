package openai_test

import (
	"fmt"
	"testing"
)

// TestWire: answers and streams are, byte for byte, those that were looked at; dice are
// thrown by a seed, so that they fall alike.
func TestWire(t *testing.T) {
	s := newSite(t, true)
	const (
		weather = `{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}`
		clock   = `{"type":"function","function":{"name":"get_time"}}`
	)
	ask := func(script, more string) string {
		return fmt.Sprintf(`{"model":"puppet","messages":[{"role":"user","content":"play %s"}]%s}`, script, more)
	}
	for _, c := range []struct{ name, path, body string }{
		{"chat", "/v1/chat/completions", ask("hello", "")},
		{"chat-think", "/v1/chat/completions", ask("think", "")},
		{"chat-tools", "/v1/chat/completions", ask("tools", `,"tools":[`+weather+`,`+clock+`]`)},
		{"chat-empty", "/v1/chat/completions", ask("empty", "")},
		{"chat-none", "/v1/chat/completions", ask("hello", `,"max_tokens":0`)},
		{"chat-logprobs", "/v1/chat/completions", ask("utf8", `,"logprobs":true,"top_logprobs":1,"temperature":0`)},
		{"chat-n", "/v1/chat/completions", ask("dice", `,"n":2,"seed":7,"temperature":1`)},
		{"chat-stop", "/v1/chat/completions", ask("stop", `,"stop":["STOP"],"logprobs":true`)},
		{"stream", "/v1/chat/completions", ask("hello", `,"stream":true`)},
		{"stream-usage", "/v1/chat/completions", ask("count", `,"stream":true,"max_tokens":2,"stream_options":{"include_usage":true}`)},
		{"stream-think", "/v1/chat/completions", ask("think", `,"stream":true`)},
		{"stream-hidden", "/v1/chat/completions", ask("think", `,"stream":true,"reasoning":{"exclude":true}`)},
		{"stream-texttool", "/v1/chat/completions", ask("texttool", `,"stream":true,"logprobs":true,"tools":[`+weather+`]`)},
		{"stream-tools", "/v1/chat/completions", ask("tools", `,"stream":true,"tools":[`+weather+`,`+clock+`]`)},
		{"stream-logprobs", "/v1/chat/completions", ask("utf8", `,"stream":true,"logprobs":true`)},
		{"completion", "/v1/completions", `{"model":"puppet","prompt":["x:","y@"],"max_tokens":20}`},
		{"completion-echo", "/v1/completions", `{"model":"puppet","prompt":"2+2=4","echo":true,"logprobs":1,"max_tokens":1}`},
		{"completion-logprobs", "/v1/completions", `{"model":"puppet","prompt":"@","logprobs":2,"max_tokens":4,"temperature":0}`},
		{"completion-stream", "/v1/completions", `{"model":"puppet","prompt":[[37]],"max_tokens":20,"stream":true,"stop":"STOP","echo":true,"stream_options":{"include_usage":true},"n":1}`},
		{"completion-suffix", "/v1/completions", `{"model":"puppet","prompt":"def f():\n","suffix":"\n","max_tokens":20}`},
		{"infill", "/infill", `{"input_prefix":"a","input_suffix":"b","prompt":"c","n_predict":20}`},
		{"infill-stream", "/infill", `{"input_prefix":"a","input_suffix":"b","n_predict":2,"stream":true,"input_extra":[{"filename":"x","text":"y"}]}`},
		{"infill-fields", "/infill", `{"input_prefix":"a","input_suffix":"b","n_predict":2,"response_fields":["content","timings/predicted_n","nothing"]}`},
		{"tokenize", "/tokenize", `{"prompt":"a\u00e9<|im_end|>","return_token_strs":true}`},
		{"tokenize-pieces", "/v1/tokenize", `{"content":"\u00e9<|im_end|>","with_pieces":true,"parse_special":false,"model":"puppet:latest"}`},
		{"tokenize-chat", "/tokenize", `{"model":"puppet","messages":[{"role":"user","content":"<|im_end|>"}]}`},
		{"detokenize", "/detokenize", `{"tokens":[97,195,169,257]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := site{t, s.Server}
			status, got := s.send("POST", c.path, c.body)
			snapshot(t, c.name, fmt.Appendf(nil, "POST %s\n%s\n\n%d\n%s", c.path, c.body, status, got))
		})
	}
	for name, path := range map[string]string{"models": "/v1/models", "model": "/v1/models/puppet:latest", "tokenizer-info": "/tokenizer_info", "no-model": "/v1/models/a/b"} {
		t.Run(name, func(t *testing.T) {
			s := site{t, s.Server}
			status, got := s.send("GET", path, "")
			snapshot(t, name, fmt.Appendf(nil, "GET %s\n\n%d\n%s", path, status, got))
		})
	}
}
