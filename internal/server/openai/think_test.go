package openai

import (
	"testing"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// TestEffortIsTold: the template of a model reads how much effort is asked for; what a
// client gives it outright counts more.
func TestEffortIsTold(t *testing.T) {
	for more, want := range map[string]string{
		`"reasoning_effort":"high"`:    "high",
		`"reasoning":{"effort":"low"}`: "low",
		`"reasoning_effort":"none"`:    "",
		`"enable_thinking":true`:       "",
		`"reasoning_effort":"high","chat_template_kwargs":{"reasoning_effort":"own"}`: "own",
	} {
		o, err := wire.Parse([]byte(`{"model":"m","messages":[{"role":"user","content":"x"}],` + more + `}`))
		if err != nil {
			t.Fatal(err)
		}
		a, err := readChat(o)
		if err != nil {
			t.Fatalf("%s: %v", more, err)
		}
		got := ""
		if a.Variables != nil {
			v, _ := a.Variables.Get("reasoning_effort")
			got, _ = v.Text()
		}
		if got != want {
			t.Errorf("%s: the template is told %q, want %q", more, got, want)
		}
	}
}
