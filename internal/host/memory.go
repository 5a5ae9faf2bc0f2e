package host

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fit"
)

// needs is what a model takes in memory.
type needs interface {
	// bound returns how many bytes experts may take where the weights may take room, and what
	// these take then, which is more where they do not fit; 0 for experts: they are all in
	// memory.
	bound(room int64) (experts, weights int64)
	context() int                       // positions that it was made for
	cache(positions int) (int64, error) // bytes of a sequence
	longest(room int64) (int, error)    // positions of a sequence in so many bytes
}

// plan is the memory that a model is given.
type plan struct {
	name      string // that it was loaded by
	context   int    // positions of a sequence
	sequences int    // at once; 0: as many as the engine likes
	weights   int64  // bytes in memory
	experts   int64  // of them, for experts that are not all there; 0: they are
	caches    int64  // bytes at most
	page      int64  // bytes of a page of the caches, of 256 positions
}

func (p plan) bytes() int64 { return p.weights + p.caches }

const (
	// usualContext is what other models are let go for, if nobody asks for more.
	usualContext = 8192
	// leastContext is the shortest context that is worth opening a model for: a page.
	leastContext = 256
	// usualSequences bounds the caches of a model whose user does not say how many
	// sequences run at once.
	usualSequences = engine.DefaultSequences
	// anyMemory stands for a system that does not say what it has.
	anyMemory = math.MaxInt64 / 4
)

// room returns the bytes that no model was given, nor its adapters, and all those together.
// Caches grow: what they were given and have not taken yet is not there either, and
// neither is the memory of mapped weights, which the system would take from them.
func (h *Host) room() (free, all int64) {
	free = anyMemory
	var given, untaken int64
	for _, r := range h.residents {
		given += r.bytes()
		untaken += r.arriving + r.plan.caches - min(r.opened.caches(), r.plan.caches) + r.opened.mapped()
	}
	if n := h.opener.available(); n > 0 {
		free = max(n-untaken, 0)
	}
	if limit := h.options.MemoryLimit; limit > 0 {
		free = min(free, max(limit-given, 0))
	}
	return free, free + given
}

// plan says what a load is given, or how many bytes are lacking that other models may
// give back. The error wraps blitz.ErrNoRoom where the model fits not even alone.
func (h *Host) plan(l *load) (p plan, lacking int64, err error) {
	n := l.candidate
	free, all := h.room()
	most := n.context()
	if h.options.Context > 0 {
		most = min(most, h.options.Context)
	}
	least, err := n.cache(min(leastContext, most))
	if err != nil {
		return p, 0, err
	}
	wanted := min(most, max(usualContext, l.context()))
	usual, err := n.cache(wanted)
	if err != nil {
		return p, 0, err
	}
	experts, weights := bounded(n, all, least, usual)
	if weights > all || least > all-weights {
		return p, 0, h.noRoom(l.target.name, weights, min(leastContext, most), least, all)
	}
	if want := min(addBytes(weights, usual), all); want > free {
		return p, want - free, nil
	}
	p, err = h.share(n, weights, most, wanted, free-weights)
	p.name, p.experts = l.target.name, experts
	return p, 0, err
}

// expertReserve is the share of the memory that is left free where a model's experts take
// what there is.
const expertReserve = 16

// bounded returns what experts may take and the weights take, of all that there is: all of
// them where they fit beside the least cache; else the usual one, and a reserve, comes first.
func bounded(n needs, all, least, usual int64) (experts, weights int64) {
	experts, weights = n.bound(all - least)
	if experts > 0 {
		if e, w := n.bound(all - all/expertReserve - usual); e > 0 {
			return e, w
		}
	}
	return experts, weights
}

// share divides the room beside the weights of a model: its caches get half, so that
// others find room, and more only where the wanted context needs it.
func (h *Host) share(n needs, weights int64, most, wanted int, room int64) (plan, error) {
	p := plan{weights: weights, sequences: h.options.Sequences}
	longest, err := n.longest(room / 2)
	if err != nil {
		return p, err
	}
	if p.context = min(most, longest); p.context < wanted {
		if longest, err = n.longest(room); err != nil {
			return p, err
		}
		p.context = min(wanted, longest)
	}
	if p.page, err = n.cache(min(leastContext, n.context())); err != nil {
		return p, err
	}
	one, err := n.cache(p.context)
	if err != nil {
		return p, err
	}
	sequences := int64(cmp.Or(p.sequences, usualSequences))
	p.caches = max(one, room/2)
	if one <= p.caches/sequences {
		p.caches = one * sequences
	}
	return p, nil
}

// addBytes adds up, at most to what there can be.
func addBytes(a, b int64) int64 {
	if a > anyMemory-b {
		return anyMemory
	}
	return a + b
}

// noRoom is the error of a model that does not fit.
func (h *Host) noRoom(name string, weights int64, context int, cache, all int64) error {
	return fmt.Errorf("host: %s: the weights take %s of memory and the cache of %d positions %s, there are %s for models: %w",
		name, fit.FormatMemory(weights), context, fit.FormatMemory(cache), fit.FormatMemory(all), blitz.ErrNoRoom)
}

// makeRoom lets models go until so many bytes come back: those that nobody uses first,
// the least recently used before the others. One in use takes no further claims, and
// goes after its last lease.
func (h *Host) makeRoom(lacking int64) {
	var rest []*resident
	for _, r := range h.residents {
		if r.state == ready {
			rest = append(rest, r)
		} else {
			lacking -= r.bytes()
		}
	}
	slices.SortStableFunc(rest, func(a, b *resident) int {
		return cmp.Or(cmp.Compare(min(a.leases, 1), min(b.leases, 1)), a.used.Compare(b.used))
	})
	for _, r := range rest {
		if lacking <= 0 {
			return
		}
		lacking -= r.bytes()
		if r.leases > 0 {
			r.state = leaving
			continue
		}
		h.evict(r, "another model needs its memory")
	}
}
