package checkpoint

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzPlainJSON: JSON that everybody reads stays as it is.
func FuzzPlainJSON(f *testing.F) {
	f.Add([]byte(`{"a": NaN, "b": [-Infinity], "NaN": "\"Infinity"}`))
	f.Add([]byte(`{"a": [1, "NaN", "\\"]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		plain := PlainJSON(text)
		var before, after any
		if json.Unmarshal(text, &before) != nil {
			return
		}
		if err := json.Unmarshal(plain, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q: %v", text, plain, err)
		}
	})
}

// FuzzGeneration: whatever a generation_config.json says, the settings are in bounds.
func FuzzGeneration(f *testing.F) {
	f.Add([]byte(`{"temperature": 0.6, "top_k": -1, "top_p": "0.9", "do_sample": false, "eos_token_id": [1, null, 2.0]}`))
	f.Add([]byte(`{"temperature": Infinity, "min_p": [0.5], "repetition_penalty": 1e-400}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, g := &Checkpoint{}, &generation{}
		_ = c.suggestedByConfig(g, text) // an error is a note
		for _, x := range []struct {
			v        *float32
			min, max float32
		}{{g.Temperature, 0, 100}, {g.TopP, 0, 1}, {g.MinP, 0, 1}, {g.RepeatPenalty, 1e-3, 1e3}} {
			if x.v != nil && !(*x.v >= x.min && *x.v <= x.max) {
				t.Errorf("%q: %v is not from %v to %v", text, *x.v, x.min, x.max)
			}
		}
		if g.TopK != nil && (*g.TopK < 0 || *g.TopK > maxTopK) {
			t.Errorf("%q: top_k %d", text, *g.TopK)
		}
	})
}
