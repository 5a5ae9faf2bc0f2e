package host

import (
	"slices"
	"strings"
	"time"
)

// state is how far a resident is on its way.
type state uint8

// The states: a resident takes claims, waits for its last lease, or is being closed.
const (
	ready state = iota
	leaving
	going
)

// resident is a model in memory. Names of the same bytes share it.
type resident struct {
	key    string
	opened opened
	plan   plan
	// adapters is the bytes of those that its names and leases use, arriving what of that is
	// not taken yet.
	adapters, arriving int64
	loaded             time.Duration // that loading took
	state              state
	leases             int
	used               time.Time // last
	holds              []*hold   // names by which it is kept
}

// hold is a name that keeps a resident.
type hold struct {
	target target        // as it was last asked for
	keep   time.Duration // after its last lease; negative: for ever
	leases int
	until  time.Time // where a timer runs
	timer  *time.Timer

	templates templates
	adapter   heldAdapter
}

// ready returns the resident of a key that takes claims, nil where there is none.
func (h *Host) ready(key string) *resident {
	for _, r := range h.residents {
		if r.key == key && r.state == ready {
			return r
		}
	}
	return nil
}

// holdOf returns the hold of a name, a new one where it has none.
func (r *resident) holdOf(t target) *hold {
	for _, d := range r.holds {
		if strings.EqualFold(d.target.name, t.name) {
			d.target = t
			return d
		}
	}
	d := &hold{target: t}
	r.holds = append(r.holds, d)
	return d
}

// stop ends the time that runs.
func (d *hold) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.until = time.Time{}
}

// settle lets the time of a hold run that nobody uses, or ends the hold.
func (h *Host) settle(r *resident, d *hold) {
	d.stop()
	switch {
	case r.state == going || d.leases > 0:
	case d.keep == 0:
		h.drop(r, d)
	case d.keep > 0:
		d.until = time.Now().Add(d.keep)
		var timer *time.Timer
		timer = time.AfterFunc(d.keep, func() {
			h.post(func() {
				if d.timer == timer { // nobody came meanwhile
					h.drop(r, d)
				}
			})
		})
		d.timer = timer
	}
}

// drop ends a hold. A resident without one goes.
func (h *Host) drop(r *resident, d *hold) {
	d.stop()
	r.letGo(d.adapter.kept)
	r.holds = slices.DeleteFunc(r.holds, func(x *hold) bool { return x == d })
	if len(r.holds) == 0 {
		h.evict(r, "it was not used any more")
	}
}

// evict closes a resident, whoever uses it.
func (h *Host) evict(r *resident, why string) {
	if r.state == going {
		return
	}
	r.state = going
	for _, d := range r.holds {
		d.stop()
	}
	h.log.Info("model is let go", "model", r.name(), "reason", why)
	go func() {
		r.opened.close()
		h.post(func() {
			h.residents = slices.DeleteFunc(h.residents, func(x *resident) bool { return x == r })
		})
	}()
}

// name returns what a resident is called.
func (r *resident) name() string {
	if len(r.holds) > 0 {
		return r.holds[len(r.holds)-1].target.name
	}
	return r.plan.name
}
