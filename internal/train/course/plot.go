package course

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// Series is a curve of a plot.
type Series struct {
	Name string
	X, Y []float64
}

// Add adds a point. What is no number is none.
func (s *Series) Add(x, y float64) {
	if finite(x) && finite(y) {
		s.X, s.Y = append(s.X, x), append(s.Y, y)
	}
}

// The size of a plot and its margins, and the colours of its curves.
const (
	plotWidth, plotHeight = 760, 280
	plotLeft, plotBottom  = 64, 36
	plotTop               = 28
)

var plotColours = []string{"#9bb8d3", "#1f5f99", "#c2571a", "#3f8f4f", "#8a4f9e", "#b8a200"}

// colourOf returns the colour of curve i of n: one alone has a strong one.
func colourOf(i, n int) string {
	if n == 1 {
		i++
	}
	return plotColours[i]
}

// MaxCurves is how many curves a plot has colours for.
const MaxCurves = 6

// maxPoints is how many points a curve is drawn with.
const maxPoints = 300

// Plot draws up to MaxCurves curves as SVG.
func Plot(title string, curves ...*Series) template.HTML {
	x0, x1, y0, y1 := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for i := range c.X {
			x0, x1 = min(x0, c.X[i]), max(x1, c.X[i])
			y0, y1 = min(y0, c.Y[i]), max(y1, c.Y[i])
		}
	}
	if x0 > x1 {
		return "" // there is no point
	}
	if y0 == 0 && y1 == 0 {
		y1 = 1
	}
	if y0 == y1 {
		y0, y1 = y0-math.Abs(y0)/2-1e-9, y1+math.Abs(y1)/2+1e-9
	}
	x1 = max(x1, x0+1)
	px := func(x float64) float64 { return plotLeft + (x-x0)/(x1-x0)*(plotWidth-plotLeft-12) }
	py := func(y float64) float64 {
		return plotHeight - plotBottom - (y-y0)/(y1-y0)*(plotHeight-plotBottom-plotTop)
	}
	var b strings.Builder
	title = html.EscapeString(title)
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s"><text x="%d" y="18" class="t">%s</text>`, plotWidth, plotHeight, title, plotLeft, title)
	const ticks = 4
	for i := range ticks + 1 {
		share := float64(i) / ticks
		y, x := y0+share*(y1-y0), x0+share*(x1-x0)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="g"/><text x="%d" y="%.1f" class="y">%.4g</text>`, plotLeft, plotWidth-12, py(y), py(y), plotLeft-6, py(y)+4, y)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" class="x">%.0f</text>`, px(x), plotHeight-plotBottom+18, x)
	}
	legend := plotWidth - 12
	for i := len(curves) - 1; i >= 0; i-- {
		c, colour := curves[i], colourOf(i, len(curves))
		if len(c.X) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<text x="%d" y="18" class="l" style="fill:%s">%s</text>`, legend, colour, html.EscapeString(c.Name))
		legend -= 12 + 7*len(c.Name)
	}
	for i, c := range curves {
		if len(c.X) == 0 {
			continue
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="`, colourOf(i, len(curves)))
		step := (len(c.X) + maxPoints - 1) / maxPoints
		for k := 0; k < len(c.X); k += step {
			fmt.Fprintf(&b, "%.1f,%.1f ", px(c.X[k]), py(c.Y[k]))
		}
		end := len(c.X) - 1
		fmt.Fprintf(&b, `%.1f,%.1f"/>`, px(c.X[end]), py(c.Y[end]))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // numbers, and escaped words
}
