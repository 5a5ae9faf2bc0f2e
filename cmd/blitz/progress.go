package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/clipperhouse/displaywidth"

	"github.com/blitz-r1/blitz/internal/hub"
)

// progress shows how far a pull or an import is: as one bar that is drawn over and over,
// and is gone at the end, where stderr is a terminal, else in plain lines, few of them.
type progress struct {
	w     io.Writer
	bar   bool
	dim   bool
	width func() int // of the terminal
	now   func() time.Time

	stage   string // what the line before was about
	drawn   int    // cells of the bar that stands there
	at      time.Time
	percent int64 // that the last plain line said
	speed   hub.Speed
}

// Plain lines come at most this often, and not before so much more is done.
const (
	plainPause   = time.Second
	plainPercent = 10
)

func newProgress(w io.Writer, getenv func(string) string) *progress {
	p := &progress{w: w, bar: isTerminal(w) && !isPlain(getenv), now: time.Now, width: func() int { return 80 }}
	if f, ok := w.(term.File); ok && p.bar {
		p.width = func() int {
			if w, _, err := term.GetSize(f.Fd()); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return p
}

// report shows what a pull or an import says. It is called often.
func (p *progress) report(r hub.Progress) {
	if r.Stage == hub.Noting {
		p.erase()
		fmt.Fprintln(p.w, "blitz: note: "+printable(r.What))
		return
	}
	now := p.now()
	stage := stageText(r)
	fresh := stage != p.stage
	if fresh {
		p.stage, p.speed, p.percent = stage, hub.Speed{}, 0
	}
	p.speed.Add(now, r.Done)
	if p.bar {
		p.draw(p.line(stage, r, p.width()-1))
		return
	}
	percent := int64(0)
	if r.Total > 0 {
		percent = 100 * min(r.Done, r.Total) / r.Total
	}
	switch {
	case fresh && percent == 0:
		fmt.Fprintln(p.w, stage)
	case percent > p.percent && percent == 100,
		percent >= p.percent+plainPercent && now.Sub(p.at) >= plainPause:
		fmt.Fprintf(p.w, "%s: %d %%, %s\n", stage, percent, amount(r))
	default:
		return
	}
	p.at, p.percent = now, percent
}

// stageText says in words what is being done to what.
func stageText(r hub.Progress) string {
	text := string(r.Stage)
	switch r.Stage {
	case hub.Waiting:
		text = "waiting for another blitz that pulls"
	case hub.Asking:
		text = "asking for"
	case hub.Pausing:
		text = "trying again in"
	}
	if r.What != "" {
		text += " " + printable(r.What)
	}
	if r.Items > 1 {
		text += fmt.Sprintf(" (%d of %d)", r.Item, r.Items)
	}
	return text
}

// amount says how many bytes of how many there are.
func amount(r hub.Progress) string {
	if r.Total <= 0 {
		return hub.FormatBytes(r.Done)
	}
	return hub.FormatBytes(r.Done) + " of " + hub.FormatBytes(r.Total)
}

// barCells is the width of the bar alone.
const barCells = 24

// line returns the line of the bar in so many cells. Where they are few, the bar goes
// first, then the amount, then the name; how much of it is done, speed and time left stay.
func (p *progress) line(stage string, r hub.Progress, cells int) string {
	if r.Done <= 0 && r.Total <= 0 {
		return stage
	}
	percent, bar := "", ""
	if r.Total > 0 {
		share := float64(min(r.Done, r.Total)) / float64(r.Total)
		full := int(share * barCells)
		percent = fmt.Sprintf("%3.0f %%", 100*share)
		bar = fmt.Sprintf("%s [%s%s]", percent, strings.Repeat("=", full), strings.Repeat(" ", barCells-full))
	}
	speed, left := "", ""
	if rate := p.speed.Rate(); rate > 0 {
		speed = hub.FormatBytes(int64(rate)) + "/s"
		if rest := r.Total - r.Done; rest > 0 {
			left = formatLeft(time.Duration(float64(rest) / rate * float64(time.Second)))
		}
	}
	return fitting(cells, [][]string{
		{stage, bar, amount(r), speed, left},
		{stage, percent, amount(r), speed, left},
		{stage, percent, speed, left},
		{string(r.Stage), percent, speed, left},
		{strings.TrimSpace(percent), speed, left},
	})
}

// fitting joins the parts of the first line that fits into so many cells, else of the
// last. Parts that are empty are left out.
func fitting(cells int, lines [][]string) (line string) {
	for _, parts := range lines {
		line = strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "  ")
		if displaywidth.String(line) <= cells {
			return line
		}
	}
	return line
}

// formatLeft writes the time that is left.
func formatLeft(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	switch {
	case s < 100:
		return fmt.Sprintf("%d s left", s)
	case s < 100*60:
		return fmt.Sprintf("%d min left", (s+30)/60)
	}
	return fmt.Sprintf("%d h left", (s+1800)/3600)
}

// draw writes a line over the one that stands there, cut to the terminal's width.
func (p *progress) draw(line string) {
	line = displaywidth.TruncateString(line, max(p.width()-1, 1), "…")
	cells := displaywidth.String(line)
	rest := strings.Repeat(" ", max(0, p.drawn-cells))
	if p.drawn = cells; p.dim && cells > 0 {
		line = styleDim + line + styleNone
	}
	fmt.Fprint(p.w, "\r", line, rest)
}

// erase takes the line away that stands there.
func (p *progress) erase() {
	if p.drawn > 0 {
		p.draw("")
		fmt.Fprint(p.w, "\r")
	}
}

// say shows in words how far a work is: over the line before where stderr is a
// terminal, else in plain lines, few of them.
func (p *progress) say(line string) {
	if p.bar {
		p.draw(line)
		return
	}
	if now := p.now(); now.Sub(p.at) >= plainPause {
		fmt.Fprintln(p.w, line)
		p.at = now
	}
}

// end takes the line away.
func (p *progress) end() { p.erase() }
