package ui

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"

	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Offer is a model that is worth fetching for this machine.
type Offer struct {
	Name    string `json:"name"` // to pull
	Title   string `json:"title"`
	Size    int64  `json:"size"`    // bytes to fetch, about
	Context int64  `json:"context"` // positions that it was made for; 0: not known
	GoodAt  string `json:"good_at"`
	Licence string `json:"licence"`
	Fits    bool   `json:"fits"` // into the memory that models may take
}

// Bounds of what is offered.
const (
	fewestOffers = 2
	mostOffers   = 8
	smallOffers  = 2 // of these, the smallest that there are

	// quickBytes are those of the weights that one token uses, up to which a usual machine
	// writes as fast as people read: five tokens a second at 30 GB/s.
	quickBytes = 6_000_000_000

	// firstBytes are those of a model to begin with, at most: it is here within minutes, and
	// writes ten tokens a second at 30 GB/s.
	firstBytes = 3_000_000_000
)

func (u *UI) offerRoutes() []wire.Route {
	return []wire.Route{route("GET /ui/api/offers", wire.Models, u.listOffers)}
}

func (u *UI) listOffers(w http.ResponseWriter, _ *http.Request) error {
	room := u.host.Memory().Total
	if room == 0 {
		room = fit.MemoryLimit()
	}
	list := []Offer{}
	if u.o.Catalogue != nil {
		list = offersOf(u.o.Catalogue, room)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"offers": list})
	return nil
}

// candidate is a model that may be offered.
type candidate struct {
	Offer
	parameters int64
	quick      bool
}

// offersOf returns the models that fit so many bytes of memory. The first is one to begin
// with: the largest that is fetched soon. Then come those that are quick, the larger before
// the smaller, and the others. Two small ones are always there, whether they fit or not.
func offersOf(c *catalogue.Catalogue, room int64) []Offer {
	var all []candidate
	for _, m := range c.Models {
		if one, ok := candidateOf(m, room); ok {
			all = append(all, one)
		}
	}
	bySize := slices.Clone(all)
	slices.SortStableFunc(bySize, func(a, b candidate) int { return cmp.Compare(a.Size, b.Size) })
	small := bySize[:min(smallOffers, len(bySize))]
	slices.SortStableFunc(all, func(a, b candidate) int {
		if a.quick != b.quick {
			return map[bool]int{true: -1, false: 1}[a.quick]
		}
		return cmp.Compare(b.parameters, a.parameters)
	})
	list := []Offer{}
	offer := func(one candidate) {
		if !slices.ContainsFunc(list, func(o Offer) bool { return o.Name == one.Name }) {
			list = append(list, one.Offer)
		}
	}
	if i := slices.IndexFunc(all, func(one candidate) bool { return one.Fits && one.Size <= firstBytes }); i >= 0 {
		offer(all[i])
	}
	for _, one := range all {
		isSmall := slices.ContainsFunc(small, func(s candidate) bool { return s.Name == one.Name })
		if one.Fits && !isSmall && len(list) < mostOffers-len(small) {
			offer(one)
		}
	}
	slices.Reverse(small)
	for _, one := range small {
		if one.Fits || len(list) < fewestOffers {
			offer(one)
		}
	}
	return list
}

// weak are quantisations that lose more than they save.
var weak = regexp.MustCompile(`(?i)^(UD-)?I?Q[123]_`)

// candidateOf returns what is offered of a model: the first source of a good quantisation
// that fits, else the first of those. What says neither its size nor what it is good at is
// not offered.
func candidateOf(m *catalogue.Model, room int64) (candidate, bool) {
	chosen, fits := -1, false
	for i, s := range m.Sources {
		if s.Size == 0 || weak.MatchString(s.Quantization()) {
			continue
		}
		if fit.FitsSize(s.Size, room) {
			chosen, fits = i, true
			break
		}
		if chosen < 0 {
			chosen = i
		}
	}
	if chosen < 0 || m.GoodAt == "" || m.Parameters == 0 {
		return candidate{}, false
	}
	s := m.Sources[chosen]
	one := candidate{parameters: m.Parameters, Offer: Offer{
		Name: m.Name.Short(), Title: cmp.Or(m.Title, m.Name.Short()), Size: s.Size, Context: m.Context, GoodAt: m.GoodAt, Licence: m.License, Fits: fits,
	}}
	if chosen > 0 { // the name alone means the first
		one.Name = s.Source.String()
	}
	active := float64(cmp.Or(m.Active, m.Parameters)) / float64(m.Parameters)
	one.quick = float64(s.Size)*active <= quickBytes
	return one, true
}
