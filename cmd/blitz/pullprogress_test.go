package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/hub"
)

// Progress for programs is a line of JSON each, with names as they are.
func TestEvents(t *testing.T) {
	var out bytes.Buffer
	e := &events{w: &out}
	e.report(hub.Progress{Stage: hub.Asking, What: "hf.co/a/b"})
	e.report(hub.Progress{Stage: hub.Fetching, What: "x\n.gguf", Item: 1, Items: 2, Done: 10, Total: 30, Speed: 9.6, Left: 2080 * time.Millisecond, Version: "c0ffee"})
	const want = `{"stage":"asking","what":"hf.co/a/b","done":0}
{"stage":"fetching","what":"x\n.gguf","item":1,"items":2,"done":10,"total":30,"bytes_per_s":10,"seconds_left":2.1,"version":"c0ffee"}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// What a source has is a table: what to pull, what it takes, what is wrong with it.
func TestWriteOffers(t *testing.T) {
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	yes, no := true, false
	err := writeOffers(cmd, offered{Models: []offeredModel{
		{Offer: hub.Offer{Source: "hf.co/a/b:Q4_K_M", Files: 1, Size: 4_000_000_000, Default: true}, Memory: 5 << 30, Fits: &yes},
		{Offer: hub.Offer{Source: "hf.co/a/b:F32", Files: 3, Size: 32_000_000_000}, Memory: 33 << 30, Fits: &no},
		{Offer: hub.Offer{Source: "hf.co/a/b:Q6_K", Files: 1, Missing: "part 2 \x1b[31mis missing"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"hf.co/a/b:Q4_K_M   4.0 GB    1       yes", "taken by default", "32.0 GB   3       no, takes about 33", "hf.co/a/b:Q6_K     -         1       -", "not whole: part 2"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("an escape went to the terminal")
	}
}
