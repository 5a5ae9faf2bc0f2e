package inference

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

func TestReadStops(t *testing.T) {
	for _, c := range []struct {
		body string
		want string // joined by |; "!" for an error
	}{
		{`{}`, ""},
		{`{"stop":null}`, ""},
		{`{"stop":""}`, ""},
		{`{"stop":[]}`, ""},
		{`{"stop":"a"}`, "a"},
		{`{"stop":["a","","b"]}`, "a|b"},
		{`{"stop":1}`, "!"},
		{`{"stop":["a",1]}`, "!"},
		{`{"stop":{}}`, "!"},
		{`{"stop":"` + strings.Repeat("x", MaxStop+1) + `"}`, "!"},
		{`{"stop":[` + strings.Repeat(`"x",`, MaxStops) + `"x"]}`, "!"},
	} {
		o, err := wire.Parse([]byte(c.body))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(ReadStops(o, "stop"), "|")
		var e *wire.Error
		if refused := errors.As(o.Err(), &e); refused != (c.want == "!") || refused && !strings.HasPrefix(e.Param, "stop") || !refused && got != c.want {
			t.Errorf("%.40s: %q, %v; want %q", c.body, got, o.Err(), c.want)
		}
	}
}

func TestEffort(t *testing.T) {
	for word, want := range map[string]blitz.Think{
		"": {}, "none": {Mode: blitz.ThinkOff}, "low": {Mode: blitz.ThinkOn, Budget: 1024}, "high": {Mode: blitz.ThinkOn},
	} {
		if got := Effort(word); got != want {
			t.Errorf("%q: %v, want %v", word, got, want)
		}
	}
	for _, word := range Efforts {
		if (Effort(word) == blitz.Think{}) {
			t.Errorf("%q stands for nothing", word)
		}
	}
}
