package main

import (
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Sizes in pixels.
const (
	panelWidth, panelHeight = 430, 250
	axisLeft, axisBottom    = 56, 40 // room for labels
	axisTop                 = 34
	legendHeight            = 28
)

// colours are those of engines, ours first; they differ in lightness, too.
var colours = []string{"#1f5fa8", "#e08a1e", "#7a9a3a", "#a23b57", "#777777", "#4cb3b3"}

// picture is an SVG that is written.
type picture struct{ strings.Builder }

func (p *picture) addf(format string, args ...any) { fmt.Fprintf(&p.Builder, format+"\n", args...) }

// text writes a text at a place, anchored at start, middle or end of it.
func (p *picture) text(x, y float64, anchor, s string) {
	var escaped strings.Builder
	xml.EscapeText(&escaped, []byte(s)) // to a Builder, which takes all
	p.addf(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, escaped.String())
}

// draw returns an SVG of panels, two a row, with one legend above them.
func draw(all []panel) string {
	var engines []string
	for i := range all {
		for _, e := range all[i].engines {
			if !slices.Contains(engines, e) {
				engines = append(engines, e)
			}
		}
	}
	rows := (len(all) + 1) / 2
	p := &picture{}
	p.addf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`, 2*panelWidth, rows*panelHeight+legendHeight)
	p.addf(`<rect width="100%%" height="100%%" fill="#ffffff"/>`)
	for i, e := range engines {
		x := float64(axisLeft + 150*i)
		p.addf(`<rect x="%.1f" y="9" width="11" height="11" fill="%s"/>`, x, colours[i%len(colours)])
		p.text(x+16, 18, "start", e)
	}
	for i := range all {
		p.addf(`<g transform="translate(%d %d)">`, i%2*panelWidth, i/2*panelHeight+legendHeight)
		p.panel(&all[i], engines)
		p.addf(`</g>`)
	}
	p.addf(`</svg>`)
	return p.String()
}

// panel draws one picture: bars from zero, each with a line from the least to the most.
func (p *picture) panel(x *panel, engines []string) {
	top := 0.0
	for _, m := range x.bars {
		top = max(top, m.most)
	}
	step := stepOf(top)
	top = max(step, math.Ceil(top/step)*step)
	const left, right, bottom = axisLeft, panelWidth - 12, panelHeight - axisBottom
	height := func(rate float64) float64 { return bottom - rate/top*(bottom-axisTop) }
	p.text(left, 18, "start", x.title+", tokens/s")
	for k := range int(math.Round(top/step)) + 1 {
		y := height(float64(k) * step)
		p.addf(`<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#dddddd"/>`, left, right, y, y)
		p.text(left-6, y+4, "end", fmt.Sprintf("%g", math.Round(float64(k)*step*1e6)/1e6))
	}
	group := float64(right-left) / float64(len(x.places))
	width := min(46, group*0.8/float64(len(x.engines)))
	for i, name := range x.places {
		middle := left + group*(float64(i)+0.5)
		p.text(middle, bottom+16, "middle", name)
		for k, engine := range x.engines {
			m, ok := x.bars[[2]int{i, k}]
			if !ok {
				continue
			}
			at := middle + width*(float64(k)-float64(len(x.engines))/2)
			p.addf(`<rect class="bar" x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, at+1, height(m.rate), width-2, bottom-height(m.rate), colours[slices.Index(engines, engine)%len(colours)])
			p.addf(`<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="#222222"/>`, at+width/2, at+width/2, height(m.least), height(m.most))
			p.text(at+width/2, height(m.most)-4, "middle", label(m.rate))
		}
	}
}

// label writes a rate in three digits, or as many as a greater one has.
func label(rate float64) string {
	if rate < 100 {
		return fmt.Sprintf("%.3g", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// stepOf returns a round distance between the lines of an axis that goes up to top.
func stepOf(top float64) float64 {
	if top <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(top)))
	for _, parts := range []float64{0.2, 0.25, 0.5, 1, 2} {
		if top/(unit*parts) <= 6 {
			return unit * parts
		}
	}
	return 2 * unit
}
