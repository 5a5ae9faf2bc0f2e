package engine

import (
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/machine"
)

// Pages that no sequence holds are kept to be found again: at most a quarter of what caches
// may take, or what a sequence of the whole context does, where that is more. Where the
// system is short of memory they go back to it.

// spareShare is the part of the limit that pages may take which no sequence holds.
const spareShare = 4

// headroom is the memory that is to stay free for others.
type headroom struct {
	available func() (bytes int64, ok bool)
	reserve   int64
	asked     time.Time
	caches    []*kvcache.Cache // that give back
}

const (
	lookEvery     = 2 * time.Second // between two looks: one takes some tenths of a millisecond
	reserveShare  = 16              // of what was free when the engine began
	leastReserved = 64 << 20
)

// newHeadroom returns that of this machine.
func newHeadroom() headroom {
	h := headroom{available: machine.AvailableMemory, reserve: leastReserved}
	if free, ok := h.available(); ok {
		h.reserve = max(h.reserve, free/reserveShare)
	}
	return h
}

// spare returns the bytes of pages that no sequence holds.
func (h *headroom) spare() int {
	sum := 0
	for _, c := range h.caches {
		s := c.Stats()
		sum += s.CachedBytes + s.FreeBytes
	}
	return sum
}

// giveBack gives pages that no sequence holds back to the system, as many as it is short of.
func (h *headroom) giveBack(now time.Time) {
	if now.Sub(h.asked) < lookEvery {
		return
	}
	h.asked = now
	if h.spare() == 0 {
		return
	}
	free, ok := h.available()
	if !ok {
		return
	}
	short := h.reserve - free
	for _, c := range h.caches {
		if short <= 0 {
			return
		}
		s := c.Stats()
		before := int64(s.CachedBytes + s.FreeBytes)
		c.Trim(int(max(0, before-short)))
		s = c.Stats()
		short -= before - int64(s.CachedBytes+s.FreeBytes)
	}
}
