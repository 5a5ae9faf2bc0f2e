package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/hub"
)

// TestRunVariant: run takes from a stored name what no flag says.
func TestRunVariant(t *testing.T) {
	home := t.TempDir()
	t.Setenv("BLITZ_HOME", home)
	s, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), path, "puppet", nil); err != nil {
		t.Fatal(err)
	}
	v := hub.Variant{
		System: "Be brief.", Template: "{{ messages[0].content }} {{ messages[-1].content }}:",
		Parameters: hub.Parameters{
			Temperature: new(0.25), TopK: new(int64(-1)), MinP: new(0.0), RepeatPenalty: new(0.0), Seed: new(int64(-2)), Context: new(int64(1 << 20)),
			MaxTokens: new(int64(3)), Stop: []string{"four"}, PresencePenalty: new(0.5),
		},
	}
	if _, err := s.Derive(t.Context(), "puppet", "varied", v); err != nil {
		t.Fatal(err)
	}
	ask := func(flags ...string) (*runFlags, *running) {
		t.Helper()
		f := newRunFlags()
		f.cmd.SetContext(t.Context())
		if err := f.cmd.ParseFlags(flags); err != nil {
			t.Fatal(err)
		}
		o, err := f.open("varied")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(o.close)
		return f, o
	}
	f, o := ask()
	r := f.request(o)
	if m := f.messages(); len(m) != 1 || r.Template == nil || r.MaxTokens != 3 || r.Stop[0] != "four" || o.engine.Context() != o.model.MaxContext() {
		t.Errorf("got %+v with %d messages in %d positions", r, len(m), o.engine.Context())
	}
	if g := r.Sampling; g.Temperature != 0.25 || g.TopK != 0 || g.RepeatPenalty != 1 || g.PresencePenalty != 0.5 || *g.Seed != 1<<64-2 {
		t.Errorf("got %+v and the seed %d", g, *g.Seed)
	}
	r.Messages = append(f.messages(), r.Messages...)
	if text, err := o.model.Render(t.Context(), &r); err != nil || text != "Be brief. Be brief.:" {
		t.Errorf("got %q and %v", text, err)
	}
	f, o = ask("--system", "Be long.", "--temp", "1", "--max-tokens", "9", "--ctx", "64", "--seed", "7")
	r = f.request(o)
	if text, _ := f.messages()[0].Content.Text(); text != "Be long." || r.Sampling.Temperature != 1 || r.MaxTokens != 9 || *r.Sampling.Seed != 7 || o.engine.Context() != 64 {
		t.Errorf("flags do not count: got %+v, %q", r, text)
	}
	f, o = ask("--temp", "0")
	var out strings.Builder
	f.cmd.SetOut(&out)
	if err := f.once(o, prompt{words: "x"}); err != nil || !strings.Contains(out.String(), "one two three") {
		t.Errorf("got %q and %v", out.String(), err)
	}
}
