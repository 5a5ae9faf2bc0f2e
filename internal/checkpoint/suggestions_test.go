package checkpoint

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// shownSuggestions writes suggestions as the tests have them.
func shownSuggestions(s Suggestions) string {
	var b strings.Builder
	add := func(name string, v any, there bool) {
		if there {
			fmt.Fprintf(&b, " %s=%v", name, v)
		}
	}
	value := func(p *float32) float32 {
		if p == nil {
			return 0
		}
		return *p
	}
	add("t", value(s.Temperature), s.Temperature != nil)
	if s.TopK != nil {
		add("k", *s.TopK, true)
	}
	add("p", value(s.TopP), s.TopP != nil)
	add("m", value(s.MinP), s.MinP != nil)
	add("r", value(s.RepeatPenalty), s.RepeatPenalty != nil)
	return strings.TrimSpace(b.String())
}

func TestSuggestionsOfConfig(t *testing.T) {
	for text, c := range map[string]struct {
		want string
		note string // a part of the only note, "": none
	}{
		`{}`: {},
		`{"temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.1, "repetition_penalty": 1.05}`: {want: "t=0.6 k=20 p=0.95 m=0.1 r=1.05"},
		`{"temperature": 0.6, "top_k": -1}`:                       {want: "t=0.6 k=0"},
		`{"top_k": 50.0}`:                                         {want: "k=50"},
		`{"top_k": 0}`:                                            {want: "k=0"},
		`{"top_k": 1e12}`:                                         {want: "k=0"},
		`{"top_k": "40", "temperature": "0.7"}`:                   {want: "t=0.7 k=40"},
		`{"temperature": [0.5]}`:                                  {want: "t=0.5"},
		`{"top_k": 2.5, "top_p": 0.9}`:                            {want: "p=0.9", note: "top_k 2.5 is passed over"},
		`{"top_k": -2}`:                                           {note: "top_k -2 is passed over"},
		`{"top_k": "many"}`:                                       {note: `top_k "many" is passed over`},
		`{"top_k": true}`:                                         {note: "top_k true is passed over"},
		`{"top_k": {}}`:                                           {note: "top_k {} is passed over"},
		`{"temperature": -1, "top_p": 0.5}`:                       {want: "p=0.5", note: "temperature -1 is passed over"},
		`{"temperature": 101}`:                                    {note: "temperature 101 is passed over"},
		`{"temperature": Infinity, "top_p": 1}`:                   {want: "p=1", note: `temperature "Infinity" is passed over`},
		`{"temperature": NaN}`:                                    {note: `temperature "NaN" is passed over`},
		`{"max_length": Infinity, "top_p": 0.5}`:                  {want: "p=0.5"},
		`{"top_p": 1.5}`:                                          {note: "top_p 1.5 is passed over"},
		`{"top_p": 0}`:                                            {want: "p=0"},
		`{"repetition_penalty": 0}`:                               {note: "repetition_penalty 0 is passed over"},
		`{"repetition_penalty": 1.1}`:                             {want: "r=1.1"},
		`{"do_sample": false}`:                                    {want: "t=0"},
		`{"do_sample": false, "repetition_penalty": 1.05}`:        {want: "t=0 r=1.05"},
		`{"do_sample": false, "temperature": 0.6, "top_p": 0.95}`: {want: "t=0 p=0.95"},
		`{"do_sample": true, "temperature": 0.6}`:                 {want: "t=0.6"},
		`{"do_sample": true}`:                                     {},
		`{"do_sample": null, "temperature": null, "top_k": null, "top_p": null, "eos_token_id": null}`: {},
		`{"do_sample": 0}`:         {want: "t=0"},
		`{"do_sample": "False"}`:   {want: "t=0"},
		`{"do_sample": "perhaps"}`: {note: `do_sample "perhaps" is passed over`},
		``:                         {note: "it is empty"},
		"  \n":                     {note: "it is empty"},
		`{`:                        {note: "unexpected EOF"},
		`[]`:                       {note: "it is a JSON array, want an object"},
		`null`:                     {},
		"\uFEFF{\"top_p\": 0.5}":   {want: "p=0.5"},
		strings.Repeat(" ", maxGeneration) + "{}":       {note: "is longer than"},
		`{"top_p": "` + strings.Repeat("x", 999) + `"}`: {note: "…"},
	} {
		folder := hugging(t)
		write(t, folder, generationName, text)
		c1 := mustOpen(t, folder)
		got := shownSuggestions(c1.Suggestions())
		notes := c1.Notes()
		ok := len(notes) == 0
		if c.note != "" {
			ok = len(notes) == 1 && strings.Contains(notes[0], c.note) && strings.Contains(notes[0], generationName) && len(notes[0]) < 300
		}
		if got != c.want || !ok {
			t.Errorf("%.60s: got %q, notes %q, want %q and %q", text, got, notes, c.want, c.note)
		}
	}
}

func TestSuggestionsOfGGUF(t *testing.T) {
	for name, c := range map[string]struct {
		keys map[string]any
		want string
		note string
	}{
		"none":          {},
		"all":           {map[string]any{"temp": 0.5, "top_k": 7, "top_p": 0.25, "min_p": 0.125, "penalty_repeat": 1.5}, "t=0.5 k=7 p=0.25 m=0.125 r=1.5", ""},
		"integers":      {map[string]any{"temp": 1, "penalty_repeat": 1}, "t=1 r=1", ""},
		"off":           {map[string]any{"temp": 0.5, "top_k": -1}, "t=0.5 k=0", ""},
		"a text":        {map[string]any{"temp": "0.5", "top_p": "much"}, "t=0.5", `general.sampling.top_p "much" is passed over`},
		"a list":        {map[string]any{"temp": []int32{1, 2}, "top_k": 9}, "k=9", "general.sampling.temp"},
		"out of bounds": {map[string]any{"temp": -0.5, "top_k": 9}, "k=9", "general.sampling.temp -0.5 is passed over"},
	} {
		keys := map[string]any{}
		for key, v := range c.keys {
			keys["general.sampling."+key] = v
		}
		folder := t.TempDir()
		path := writeGGUF(t, filepath.Join(folder, "m.gguf"), nil, keys)
		write(t, folder, generationName, `{"top_k": 3}`)
		k := mustOpen(t, path)
		got, notes := shownSuggestions(k.Suggestions()), k.Notes()
		if got != c.want || len(notes) > 1 || c.note == "" != (len(notes) == 0) || c.note != "" && !strings.Contains(notes[0], c.note) {
			t.Errorf("%s: got %q, notes %q, want %q and %q", name, got, notes, c.want, c.note)
		}
	}
	folder := t.TempDir()
	writeGGUF(t, filepath.Join(folder, "m.gguf"), nil, nil)
	write(t, folder, generationName, `{"top_k": 3}`)
	if got := shownSuggestions(mustOpen(t, folder).Suggestions()); got != "k=3" {
		t.Errorf("beside a GGUF in a folder: %q, want k=3", got)
	}
}
