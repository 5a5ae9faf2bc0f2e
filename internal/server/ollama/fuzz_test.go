package ollama

import (
	"errors"
	"testing"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// FuzzRequest: whatever a body has, it is read or refused with a short message.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"model":"m","messages":[{"role":"user","content":"x","images":[]},{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":{}}}]},{"role":"tool","tool_name":"f","content":"y"}]}`,
		`{"model":"m","prompt":"x","suffix":"y","raw":true,"context":[1,2],"template":"{{ x }}","system":"s","keep_alive":"1h30m","think":"high","format":{"type":"object"}}`,
		`{"model":"m","options":{"temperature":1,"stop":["a"],"seed":-1,"num_ctx":5,"num_predict":-2,"repeat_last_n":64,"repeat_penalty":1.1,"mirostat":1,"use_mmap":true}}`,
		`{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"logprobs":true,"top_logprobs":3,"keep_alive":-1.5}`,
		`{"model":"m","from":"x","files":{"a":"sha256:0"},"parameters":{"stop":"x"},"license":["l"],"quantize":"q"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, read := range []func(o *wire.Object){
			func(o *wire.Object) { readPrompt(o, readAsked(o), o.Text("prompt"), o.True("raw")) },
			func(o *wire.Object) { readAsked(o); readMessages(o); readTools(o) },
			func(o *wire.Object) { readMade(o) },
			func(o *wire.Object) {
				readEmbedding(o, "input")
				if v, ok := o.Get("input"); ok {
					readInputs(v)
				}
			},
		} {
			o, err := wire.Parse(body)
			if err == nil {
				read(o)
				err = o.Err()
			}
			var e *wire.Error
			if err != nil && (!errors.As(err, &e) || e.Kind != wire.Invalid || len(e.Message) > 1000) {
				t.Fatalf("%q: got %v", body, err)
			}
		}
	})
}

// FuzzDigest: only 32 bytes of a digest come through.
func FuzzDigest(f *testing.F) {
	f.Add("sha256:" + string(make([]byte, 64)))
	f.Add("sha256-0000000000000000000000000000000000000000000000000000000000000000")
	f.Add("../..")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDigest(text)
		if err != nil {
			return
		}
		if again, err := hub.ParseDigest(d.String()); err != nil || again != d || len(text) != len("sha256:")+64 {
			t.Fatalf("%q was taken for %v", text, d)
		}
	})
}
