package host

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz"
)

// Running is a name that keeps a model in memory, or that waits for one.
type Running struct {
	Name     string     // with its tag
	Digest   string     // see Entry
	Loading  bool       // it is not there yet
	Waits    bool       // Loading, behind another or for memory
	Done     int64      // bytes of the weights in place, while it is loading
	Weights  int64      // bytes of the weights, and of its adapter
	Size     int64      // bytes with what caches may take
	Context  int        // positions of a sequence
	Page     int64      // bytes of a page of its caches, about
	Requests int        // leases, or those who wait
	Load     blitz.Load // of its engine, once it is there
	Experts  *Experts   // of a model that has not all of them in memory
	// Expires is when it is let go if nobody uses it; zero: never.
	Expires time.Time
}

// Experts are what a model read of experts that are not all in memory since it was opened,
// and the bytes of memory that they may take.
type Experts struct {
	blitz.ExpertStats
	Memory int64
}

// Loaded returns what is in memory and what is on its way there, in the order of names.
func (h *Host) Loaded() []Running {
	var list []Running
	h.do(func() {
		for _, r := range h.residents {
			if r.state != going {
				list = append(list, r.running()...)
			}
		}
		if h.loading != nil {
			list = append(list, h.loading.running())
		}
		for _, l := range h.queue {
			list = append(list, l.running())
		}
	})
	slices.SortFunc(list, func(a, b Running) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Progress returns how far a model is that somebody waits for; false: nobody does.
func (h *Host) Progress(name string) (Running, bool) {
	t, err := h.sought(name)
	if err != nil {
		return Running{}, false
	}
	return h.loadProgress(t.key)
}

// loadProgress is Progress of a key.
func (h *Host) loadProgress(key string) (r Running, found bool) {
	h.do(func() {
		if l := h.loadOf(key); l != nil {
			r, found = l.running(), true
		}
	})
	return r, found
}

// loadOf returns the load of a key, nil where there is none.
func (h *Host) loadOf(key string) *load {
	if h.loading != nil && h.loading.key() == key {
		return h.loading
	}
	for _, l := range h.queue {
		if l.key() == key {
			return l
		}
	}
	return nil
}

func (l *load) running() Running {
	return Running{
		Name: l.target.name, Digest: l.target.digest(), Loading: true, Waits: !l.opening, Done: l.done.Load(),
		Weights: l.plan.weights, Size: l.plan.bytes(), Context: l.plan.context, Requests: len(l.claims),
	}
}

// running returns what is said of each name of a resident.
func (r *resident) running() []Running {
	var list []Running
	for _, d := range r.holds {
		x := Running{
			Name: d.target.name, Digest: d.target.digest(), Weights: r.plan.weights, Size: r.plan.bytes(), Context: r.plan.context, Page: r.plan.page,
			Requests: d.leases, Expires: d.until,
		}
		if k := d.adapter.kept; k != nil {
			x.Weights, x.Size = x.Weights+k.bytes, x.Size+k.bytes
		}
		if e := r.opened.engine(); e != nil { // tests have models without one
			x.Load = e.Load()
			if stats, memory, ok := e.Model().Experts(); ok {
				x.Experts = &Experts{stats, memory}
			}
		}
		if d.leases > 0 && d.keep >= 0 {
			x.Expires = time.Now().Add(d.keep)
		}
		list = append(list, x)
	}
	return list
}

// Unload lets a model go, now or after its last lease. The error wraps ErrNotLoaded, or
// is that of a name that means nothing.
func (h *Host) Unload(name string) error {
	t, err := h.resolve(name)
	if err != nil {
		return err
	}
	if !h.unload(t.name) {
		return fmt.Errorf("host: %s: %w", t.name, ErrNotLoaded)
	}
	return nil
}

// unload ends the holds of a name, and reports whether there was one.
func (h *Host) unload(name string) (found bool) {
	h.do(func() {
		for _, r := range h.residents {
			for _, d := range slices.Clone(r.holds) {
				if r.state != going && strings.EqualFold(d.target.name, name) {
					found = true
					d.keep = 0
					h.settle(r, d)
				}
			}
		}
	})
	return found
}
