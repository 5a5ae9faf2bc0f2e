package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// panel is one picture: a model's rates in one kind of test.
type panel struct {
	title   string
	places  []string // groups of bars: depths and batches
	engines []string
	bars    map[[2]int]measure // [place, engine]
}

// place is where a test stands on the horizontal axis.
type place struct {
	test         string
	depth, batch int
}

// panels sorts measurements by model and kind of test. Several of the same place and engine
// become one: their middle, the least and the most.
func panels(all []measure) []panel {
	kinds := map[string][]measure{}
	for _, m := range all {
		kind := "prefill"
		if strings.HasPrefix(m.test, "tg") {
			kind = "decode"
		}
		title := m.model + ": " + kind
		kinds[title] = append(kinds[title], m)
	}
	var list []panel
	for _, title := range slices.SortedFunc(maps.Keys(kinds), panelOrder) {
		list = append(list, newPanel(title, kinds[title]))
	}
	return list
}

// panelOrder puts prefill in front of decode.
func panelOrder(a, b string) int {
	model := func(s string) string { return s[:strings.LastIndex(s, ": ")] }
	return cmp.Or(cmp.Compare(model(a), model(b)), cmp.Compare(b, a))
}

func newPanel(title string, all []measure) panel {
	p := panel{title: title, bars: map[[2]int]measure{}}
	var places []place
	same := map[[2]int][]measure{}
	for _, m := range all {
		if at := (place{m.test, m.depth, m.batch}); !slices.Contains(places, at) {
			places = append(places, at)
		}
		if !slices.Contains(p.engines, m.engine) {
			p.engines = append(p.engines, m.engine)
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.test, b.test), cmp.Compare(a.depth, b.depth), cmp.Compare(a.batch, b.batch))
	})
	slices.SortFunc(p.engines, func(a, b string) int { // our own first
		return cmp.Or(-cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	for _, m := range all {
		at := [2]int{slices.Index(places, place{m.test, m.depth, m.batch}), slices.Index(p.engines, m.engine)}
		same[at] = append(same[at], m)
	}
	for at, some := range same {
		p.bars[at] = together(some)
	}
	for _, x := range places {
		p.places = append(p.places, x.String())
	}
	return p
}

func rank(engine string) int {
	if engine == "blitz" {
		return 1
	}
	return 0
}

// together returns the middle of several measurements, with the least and the most of all.
func together(some []measure) measure {
	slices.SortFunc(some, func(a, b measure) int { return cmp.Compare(a.rate, b.rate) })
	m := some[len(some)/2]
	for _, x := range some {
		m.least, m.most = min(m.least, x.least), max(m.most, x.most)
	}
	return m
}

func (p place) String() string {
	s := p.test
	if p.depth > 0 {
		s += fmt.Sprintf(" at %d", p.depth)
	}
	if p.batch > 1 {
		s += fmt.Sprintf(" × %d", p.batch)
	}
	return s
}
