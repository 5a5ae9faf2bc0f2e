package openai

import (
	"errors"
	"testing"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// What is stored of a request is read again as the same conversation.
func FuzzItem(f *testing.F) {
	for _, s := range []string{
		`{"role":"user","content":"x"}`, `{"type":"message","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[]}]}`,
		`{"type":"reasoning","summary":[{"type":"summary_text","text":"a"}],"content":[{"type":"reasoning_text","text":"b"}],"encrypted_content":null}`,
		`{"type":"function_call","call_id":"c","name":"n","arguments":"{}","status":"incomplete"}`, `{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"x"}]}`,
		`{"type":"item_reference","id":"x"}`, `{"role":"developer","content":[]}`,
	} {
		f.Add([]byte(s))
	}
	none := func(string) ([]byte, error) { return nil, errGone("input", "x") }
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := wire.Parse(body)
		if err != nil {
			return
		}
		first := newTalk(none)
		item := first.readItem(o)
		var e *wire.Error
		if o.Err() != nil {
			if !errors.As(o.Err(), &e) || len(e.Message) > 1000 {
				t.Fatalf("%q: %v", body, o.Err())
			}
			return
		}
		if first.err != nil {
			return
		}
		second := newTalk(none)
		if second.again(item); second.err != nil {
			t.Fatalf("%q became %s: %v", body, item.body, second.err)
		}
		a, b := wire.Marshal(first.messages()), wire.Marshal(second.messages())
		if string(a) != string(b) {
			t.Fatalf("%q was stored as %s: %s, want %s", body, item.body, b, a)
		}
	})
}
