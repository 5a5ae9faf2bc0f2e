package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"

	"github.com/blitz-r1/blitz/internal/hub"
)

// A pull of 100 MB, a report every 100 ms.
func reportAll(p *progress, at *time.Time) {
	const total = 100e6
	p.report(hub.Progress{Stage: hub.Asking, What: "llm-\x1bsmollm2"})
	for done := int64(0); done <= total; done += total / 50 {
		p.report(hub.Progress{Stage: hub.Fetching, What: "llm-\x1bsmollm2", Done: done, Total: total})
		*at = at.Add(100 * time.Millisecond)
	}
	p.report(hub.Progress{Stage: hub.Storing, What: "llm-\x1bsmollm2"})
	p.end()
}

func testProgress(bar bool) (*progress, *bytes.Buffer, *time.Time) {
	at := time.Date(2025, 1, 20, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	return &progress{w: &out, bar: bar, width: func() int { return 60 }, now: func() time.Time { return at }}, &out, &at
}

// Where nobody watches there are few lines, whole ones.
func TestProgressInLines(t *testing.T) {
	p, out, at := testProgress(false)
	reportAll(p, at)
	want := `asking for llm-␛smollm2
fetching llm-␛smollm2
fetching llm-␛smollm2: 20 %, 20.0 MB of 100.0 MB
fetching llm-␛smollm2: 40 %, 40.0 MB of 100.0 MB
fetching llm-␛smollm2: 60 %, 60.0 MB of 100.0 MB
fetching llm-␛smollm2: 80 %, 80.0 MB of 100.0 MB
fetching llm-␛smollm2: 100 %, 100.0 MB of 100.0 MB
storing llm-␛smollm2
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// One bar is drawn over itself for the whole of a pull, within the terminal's width, and
// is gone at the end.
func TestProgressBar(t *testing.T) {
	for _, width := range []int{20, 40, 60, 80, 200} {
		p, out, at := testProgress(true)
		p.width = func() int { return width }
		reportAll(p, at)
		text := out.String()
		if strings.Contains(text, "\n") || !strings.HasSuffix(text, " \r") {
			t.Errorf("width %d: want one line, and none at the end: %q", width, text)
		}
		half := ""
		for drawn := range strings.SplitSeq(text, "\r") {
			if w := displaywidth.String(drawn); w > width-1 {
				t.Errorf("%q takes %d cells of %d", drawn, w, width)
			}
			if strings.Contains(drawn, " 50 %") || strings.HasPrefix(drawn, "50 %") {
				half = strings.TrimRight(drawn, " ")
			}
		}
		if want := map[int]string{
			20:  "50 %  20.0 MB/s  3…",
			40:  "fetching   50 %  20.0 MB/s  3 s left",
			60:  "fetching llm-␛smollm2   50 %  20.0 MB/s  3 s left",
			80:  "fetching llm-␛smollm2   50 %  50.0 MB of 100.0 MB  20.0 MB/s  3 s left",
			200: "fetching llm-␛smollm2   50 % [============            ]  50.0 MB of 100.0 MB  20.0 MB/s  3 s left",
		}[width]; half != want {
			t.Errorf("width %d: half of it is %q, want %q", width, half, want)
		}
		if strings.Contains(text, "\x1b") {
			t.Errorf("an escape sequence of the name was written: %q", text)
		}
	}
}

func TestProgressSaysRateAndTime(t *testing.T) {
	p, _, at := testProgress(true)
	r := hub.Progress{Stage: hub.Fetching, What: "x", Total: 100e6}
	for ; r.Done <= 50e6; r.Done += 1e6 {
		p.report(r)
		*at = at.Add(100 * time.Millisecond)
	}
	if got := p.line("fetching x", r, 200); !strings.Contains(got, "10.0 MB/s  5 s left") {
		t.Errorf("%q, want 10 MB/s and 5 s left", got)
	}
	for d, want := range map[time.Duration]string{
		time.Second: "1 s left", 99 * time.Second: "99 s left", 100 * time.Second: "2 min left", 3 * time.Hour: "3 h left",
	} {
		if got := formatLeft(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestSayInLines(t *testing.T) {
	p, out, at := testProgress(false)
	for _, line := range []string{"first", "at once", "later"} {
		p.say(line)
		if line == "at once" {
			*at = at.Add(2 * time.Second)
		}
	}
	if got := out.String(); got != "first\nlater\n" {
		t.Errorf("got %q, want the first line and the one of later", got)
	}
}
