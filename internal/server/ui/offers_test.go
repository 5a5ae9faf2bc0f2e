package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Every machine is offered two to eight models, none with too few bits. The first is one
// that is here soon, and behind it come the best that fit.
func TestOffers(t *testing.T) {
	c := catalogue.Builtin()
	for _, room := range []int64{1, 1 << 30, 2 << 30, 4 << 30, 8 << 30, 16 << 30, 64 << 30, 1 << 40} {
		list := offersOf(c, room)
		if len(list) < fewestOffers || len(list) > mostOffers {
			t.Fatalf("%d bytes: %d offers", room, len(list))
		}
		for i, o := range list {
			if o.Name == "" || o.Title == "" || o.Size == 0 || o.GoodAt == "" {
				t.Errorf("%d bytes: %+v", room, o)
			}
			if !o.Fits && (i > 0 && list[i-1].Fits && i >= fewestOffers || o.Size > 2<<30) {
				t.Errorf("%d bytes: %+v does not fit", room, o)
			}
			if o.Fits && o.Size > room {
				t.Errorf("%d bytes: %+v fits", room, o)
			}
			if slices.ContainsFunc(list[:i], func(x Offer) bool { return x.Name == o.Name }) {
				t.Errorf("%s twice", o.Name)
			}
		}
		if room >= 4<<30 && (!list[0].Fits || list[0].Size > firstBytes || list[0].Size < firstBytes/2) {
			t.Errorf("%d bytes: the first is %+v", room, list[0])
		}
		if room >= 16<<30 && list[1].Size < 4<<30 {
			t.Errorf("%d bytes: the best is %+v", room, list[1])
		}
	}
}

// An offer whose first source does not fit names another.
func TestOfferOfAnotherSource(t *testing.T) {
	c, err := catalogue.Parse([]byte(`{"version": 1, "models": [
		{"name": "large", "parameters": 7000000000, "good_at": "chat", "sources": [{"source": "hf.co/a/b:Q8_0", "size": 8000000000}, {"source": "hf.co/a/b:Q2_K", "size": 2000000000}, {"source": "hf.co/a/b:Q4_K_M", "size": 4000000000}]},
		{"name": "unknown", "parameters": 1, "good_at": "chat", "sources": [{"source": "hf.co/a/c:Q8_0"}]},
		{"name": "small", "parameters": 1000000000, "good_at": "chat", "sources": [{"source": "hf.co/a/d:Q4_K_M", "size": 600000000}]},
		{"name": "tiny", "parameters": 100000000, "good_at": "trying", "sources": [{"source": "hf.co/a/e:Q4_K_M", "size": 60000000}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range offersOf(c, 5<<30) {
		names = append(names, o.Name)
	}
	if want := []string{"small", "hf.co/a/b:Q4_K_M", "tiny"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// A body that is too large is a file that cannot be read, too, and is named.
func TestTooLarge(t *testing.T) {
	var e *wire.Error
	if err := unreadable("huge.txt", &wire.Error{Kind: wire.TooLarge, Message: "the body"}); !errors.As(err, &e) || e.Code != Unreadable || !strings.HasPrefix(e.Message, "huge.txt: ") {
		t.Errorf("%+v", e)
	}
}

func TestAttachedName(t *testing.T) {
	for name, want := range map[string]string{
		"a.txt": "a.txt", "/etc/passwd": "passwd", `C:\x\y.md`: "y.md", "": "file", "..": "..", ".": "file", "a\x00\nb\xff": "ab",
		strings.Repeat("ä", 200) + ".csv": strings.Repeat("ä", 98) + ".csv",
	} {
		if got := attachedName(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

// The rate is that of all engines together, and a model that was loaded anew begins at 0.
func TestRate(t *testing.T) {
	r := &rate{last: map[string]uint64{}}
	note := func(seconds int, tokens ...uint64) {
		var all []host.Running
		for i, n := range tokens {
			digest := string(rune('a' + i))
			x := host.Running{Name: digest, Digest: digest, Load: blitz.Load{AnswerTokens: n}}
			all = append(all, x, x) // a second name of the same
		}
		all = append(all, host.Running{Name: "coming", Loading: true})
		r.note(all, time.Duration(seconds)*time.Second)
	}
	if r.perSecond() != 0 {
		t.Error("a rate before there is one")
	}
	note(5, 100)
	note(5, 200, 50)
	note(5, 10, 50) // the first was loaded anew
	if got, want := r.perSecond(), float64(100+100+50+10)/15; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	for range ratePieces {
		note(5, 10, 50)
	}
	if got := r.perSecond(); got != 0 {
		t.Errorf("%v behind a quiet minute", got)
	}
}
