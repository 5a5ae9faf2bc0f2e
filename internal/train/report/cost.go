package report

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/message"
)

// Power is what a run's cost is computed with: it is stated, not measured.
type Power struct {
	Watts float64 // of the whole machine while the run computes
	Price float64 // of electricity, USD a kWh
}

// UsualPower is that of a small computer with a busy processor, and a usual price.
var UsualPower = Power{Watts: 65, Price: 0.3}

// Check returns an error where a cost cannot be computed.
func (p *Power) Check() error {
	switch {
	case !(p.Watts > 0 && p.Watts <= 1e9):
		return fmt.Errorf("watts is %g, want more than 0", p.Watts)
	case !(p.Price >= 0 && p.Price <= 1e6):
		return fmt.Errorf("the price of a kWh is %g, want 0 or more", p.Price)
	}
	return nil
}

// Cost is what a part of a run took.
type Cost struct {
	Stage          string
	Steps          int
	Drawn, Trained float64 // tokens
	Drawing        float64 // seconds in which tokens were drawn
	Seconds        float64
	Operations     float64 // of floating point; 0: they were not counted
	KWh, USD       float64
	Active         float64 // numbers that a token is multiplied with
}

// add adds what a step took.
func (c *Cost) add(s *Step, draws bool) {
	c.Steps++
	c.Seconds += s.time()
	c.Operations += s.Operations
	c.Active = max(c.Active, float64(s.Active))
	if draws {
		c.Drawn, c.Trained, c.Drawing = c.Drawn+float64(s.Tokens), c.Trained+float64(s.Trained), c.Drawing+s.RolloutTime
	} else {
		c.Trained += float64(s.Tokens)
	}
}

// sum adds what a stage took.
func (c *Cost) sum(o *Cost) {
	c.Steps += o.Steps
	c.Seconds, c.Operations, c.Active = c.Seconds+o.Seconds, c.Operations+o.Operations, max(c.Active, o.Active)
	c.Drawn, c.Trained, c.Drawing = c.Drawn+o.Drawn, c.Trained+o.Trained, c.Drawing+o.Drawing
}

// price computes energy and its price.
func (c *Cost) price(p Power) {
	c.KWh = c.Seconds * p.Watts / 3.6e6
	c.USD = c.KWh * p.Price
}

// costs returns what each stage took, and all together.
func (r *Run) costs(p Power) (stages []Cost, all Cost) {
	all.Stage = "all"
	for _, s := range r.Stages {
		c := Cost{Stage: s.Title()}
		for i := range s.Steps {
			c.add(&s.Steps[i], s.Draws())
		}
		if c.Operations == 0 {
			c.Operations = s.operations
		}
		all.sum(&c)
		c.price(p)
		stages = append(stages, c)
	}
	all.price(p)
	return stages, all
}

// Price is what a million tokens cost, in USD.
type Price struct {
	Who     string
	In, Out float64
	AtMost  bool // In is a bound
}

// The prices of two services in January 2025, USD for a million tokens: those of their interfaces'
// pages when DeepSeek-R1 was released (deepseek-reasoner, input that is not cached; OpenAI's o1).
var (
	priceR1 = Price{Who: "DeepSeek-R1, the service in January 2025", In: 0.55, Out: 2.19}
	priceO1 = Price{Who: "OpenAI o1, the service in January 2025", In: 15, Out: 60}
)

// activeR1 is how many parameters a token of DeepSeek-R1 is multiplied with: DeepSeek-V3, abstract.
const activeR1 = 37e9

// prices returns what a million tokens cost: of the services, how many times as much the one asks
// as the other, and electricity alone of this run's answers. A token of a prompt is no dearer than
// one that is drawn, which is read too.
func (c *Cost) prices(p Power) (list []Price, times Price) {
	list = []Price{priceO1, priceR1}
	times = Price{Who: "o1 ÷ R1", In: priceO1.In / priceR1.In, Out: priceO1.Out / priceR1.Out}
	if c.Drawn == 0 || c.Drawing == 0 {
		return list, times
	}
	own := c.Drawing / c.Drawn * 1e6 * p.Watts / 3.6e6 * p.Price
	list = append(list, Price{"this run's answers: electricity alone", own, own, true})
	if c.Active > 0 {
		large := own * activeR1 / c.Active
		list = append(list, Price{fmt.Sprintf("the same for each operation, of R1's 37 billion active parameters in place of %s", count(c.Active)), large, large, true})
	}
	return list, times
}

// count writes a number with a unit that a person reads.
func count(v float64) string {
	for _, x := range []struct {
		of   float64
		unit string
	}{{1e18, " · 10¹⁸"}, {1e15, " · 10¹⁵"}, {1e12, " · 10¹²"}, {1e9, " billion"}, {1e6, " million"}} {
		if v >= x.of {
			return fmt.Sprintf("%.3g%s", v/x.of, x.unit)
		}
	}
	return fmt.Sprintf("%.0f", v)
}

// duration writes seconds.
func duration(s float64) string {
	switch {
	case s >= 3600:
		return fmt.Sprintf("%.2f h", s/3600)
	case s >= 60:
		return fmt.Sprintf("%.1f min", s/60)
	}
	return fmt.Sprintf("%.1f s", s)
}

// word is a short text of others, on one line.
func word(text string) string { return message.Line(text, 60) }
