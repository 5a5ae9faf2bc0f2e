package ollama

import (
	"fmt"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

func TestReadKeepAlive(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "none", `""`: "none", `0`: "0s", `"0"`: "0s", `300`: "5m0s", `1.5`: "1.5s", `"300"`: "5m0s", `"5m"`: "5m0s", `"1h30m"`: "1h30m0s", `" 2s "`: "2s",
		`-1`: "ever", `"-1"`: "ever", `"-1m"`: "ever", `-0.5`: "ever", `1e20`: "ever", `1e300`: "refused", `"1e300"`: "ever",
		`"x"`: "refused", `"5 parsecs"`: "refused", `[1]`: "refused", `{}`: "refused", `true`: "refused", `"NaN"`: "refused", `"99999999999h"`: "refused",
	} {
		o, err := wire.Parse([]byte(`{"keep_alive":` + text + `}`))
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		d := readKeepAlive(o)
		switch {
		case o.Err() != nil:
			got = "refused"
		case d != nil && *d < 0:
			got = "ever"
		case d != nil:
			got = fmt.Sprint(*d)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestReadOptions(t *testing.T) {
	o, err := wire.Parse([]byte(`{"temperature":0,"top_k":-1,"top_p":1,"min_p":0.1,"repeat_penalty":1.1,"repeat_last_n":0,"presence_penalty":-1.5,"frequency_penalty":2,"seed":-1,"num_ctx":2048,"num_predict":-1,"stop":["a",""],"typical_p":1,"tfs_z":1,"mirostat":0,"mirostat_tau":5,"penalize_newline":true,"unknown":{"a":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	x := readOptions(o)
	if err := o.Err(); err != nil {
		t.Fatal(err)
	}
	s := x.sampling
	if *s.Temperature != 0 || *s.TopK != -1 || *s.TopP != 1 || *s.MinP != 0.1 || *s.RepeatPenalty != 1 || *s.PresencePenalty != -1.5 || *s.FrequencyPenalty != 2 || s.Seed != nil {
		t.Errorf("got %+v", s)
	}
	if *x.context != 2048 || *x.maxTokens != -1 || len(x.stop) != 1 || x.stop[0] != "a" {
		t.Errorf("got %+v", x)
	}
	if x := readOptions(nil); x.sampling.Temperature != nil || x.stop != nil {
		t.Errorf("of nothing: got %+v", x)
	}
}

func TestSeconds(t *testing.T) {
	if got := seconds(1e9); got != 1e9*time.Second {
		t.Errorf("got %v", got)
	}
}
