package openai

import (
	"errors"
	"testing"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// FuzzRead: whatever an object says, it is read within the bounds of a request, or refused
// by a short error of a known kind.
func FuzzRead(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"}],"name":"n"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"y"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true}}],"tool_choice":{"type":"function","function":{"name":"f"}},"n":2,"stop":["a"],"logit_bias":{"5":-1},"logprobs":true,"top_logprobs":3,"seed":-1,"stream":true,"stream_options":{"include_usage":true},"response_format":{"type":"json_schema","json_schema":{"schema":{}}},"chat_template_kwargs":{"enable_thinking":false,"x":[1]},"reasoning":{"max_tokens":5}}`,
		`{"model":"m","messages":[{"role":"assistant","content":"x","prefix":true}],"max_tokens":0,"thinking":{"type":"enabled","budget_tokens":9}}`,
		`{"model":"m","prompt":[[1,2],[3]],"echo":true,"logprobs":1,"max_tokens":0,"structured_outputs":{"choice":["a"]}}`,
		`{"model":"m","prompt":"a","suffix":"b","best_of":1,"ignore_eos":true}`,
		`{"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":3}`,
		`{"input_prefix":"a","input_suffix":"b","input_extra":[{"filename":"x","text":"y"}],"n_predict":-1,"response_fields":["a/b"]}`,
		`{"content":"x","with_pieces":true,"add_special":true,"parse_special":false}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		read := func(what string, f func(o *wire.Object) (*inference.Request, error)) {
			o, err := wire.Parse(body)
			if err != nil {
				return
			}
			r, err := f(o)
			var e *wire.Error
			switch {
			case err != nil && (!errors.As(err, &e) || e.Kind != wire.Invalid || len(e.Message) > 1000):
				t.Errorf("%s: error %v", what, err)
			case err == nil && r != nil:
				check(t, what, r)
			}
		}
		read("chat", func(o *wire.Object) (*inference.Request, error) {
			a, err := readChat(o)
			if err != nil {
				return nil, err
			}
			if len(a.Messages) == 0 {
				t.Error("a conversation without messages")
			}
			return &a.Request, nil
		})
		read("completion", func(o *wire.Object) (*inference.Request, error) {
			a, err := readCompletion(o)
			if err != nil {
				return nil, err
			}
			if len(a.Prompts) == 0 || len(a.Prompts)*max(a.N, 1) > inference.MaxChoices {
				t.Errorf("%d prompts, %d answers each", len(a.Prompts), a.N)
			}
			return &a.Request, nil
		})
		read("infill", func(o *wire.Object) (*inference.Request, error) {
			a, err := readInfill(o)
			if err != nil {
				return nil, err
			}
			return &a.Request, nil
		})
		read("embedding", func(o *wire.Object) (*inference.Request, error) {
			a, err := readEmbedding(o)
			if err == nil && (len(a.Inputs) == 0 || len(a.Inputs) > inference.MaxPrompts) {
				t.Errorf("%d inputs", len(a.Inputs))
			}
			return nil, err
		})
		read("tokenize", func(o *wire.Object) (*inference.Request, error) {
			_, err := readTokenize(o)
			return nil, err
		})
	})
}

// check holds a request to its bounds.
func check(t *testing.T, what string, r *inference.Request) {
	s := r.Sampling
	out := func(x *float64, least, most float64) bool { return x != nil && (*x < least || *x > most || *x != *x) }
	switch {
	case r.N < 0 || r.N > inference.MaxChoices, r.MaxTokens < 0, r.TopTokens < 0 || r.TopTokens > inference.MaxTopTokens:
		t.Errorf("%s: n %d, max tokens %d, top tokens %d", what, r.N, r.MaxTokens, r.TopTokens)
	case out(s.Temperature, 0, 2), out(s.TopP, 0, 1), out(s.MinP, 0, 1), out(s.PresencePenalty, -2, 2), out(s.FrequencyPenalty, -2, 2):
		t.Errorf("%s: sampling %+v", what, s)
	case len(r.Stop) > inference.MaxStops, len(r.Messages) > inference.MaxMessages, len(r.Tools) > inference.MaxTools:
		t.Errorf("%s: %d stops, %d messages, %d tools", what, len(r.Stop), len(r.Messages), len(r.Tools))
	case r.Continue && r.Messages[len(r.Messages)-1].Role != "assistant":
		t.Errorf("%s: a message of the %s is gone on with", what, r.Messages[len(r.Messages)-1].Role)
	case r.Calls.Required && len(r.Tools) == 0:
		t.Errorf("%s: a call is required, and there are no tools", what)
	}
}
