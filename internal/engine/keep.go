package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// Shelf keeps the pages of an engine beyond its life. Has returns at once; the others may
// take as long as a disk takes, or longer. Several goroutines may call them.
type Shelf interface {
	// Has says whether the page that ends the tokens of a sum may be there.
	Has(sum pagestore.Sum) bool
	// Read reads it into groups, of the right lengths, and checks it.
	Read(sum pagestore.Sum, groups [][]byte) error
	// Write keeps a page.
	Write(p *pagestore.Page) error
	// Touch says that the page, and all before it, were used.
	Touch(sum pagestore.Sum)
}

const (
	// patience is how long a sequence waits for the next of its pages, beside what a slow
	// disk takes to read it, before it is computed instead: nothing hangs on a disk.
	patience = 2 * time.Second
	slowDisk = 10 << 20 // bytes a second
	// parting is how long an engine that is closed goes on to keep pages.
	parting = 2 * time.Second
	// writeAhead is how many pages are copied to be written.
	writeAhead = 2
	// readAhead is how many bytes are read before the engine takes them, between
	// minReadAhead and maxReadAhead pages.
	readAhead                  = 32 << 20
	minReadAhead, maxReadAhead = 2, 16
	// tailFrom is how many whole pages a prompt has whose last one, which is not whole, is
	// kept too: where it takes long to compute, and adds little to what is written.
	tailFrom = 8
	// mostTails bounds those that are yet to be written.
	mostTails = 16
)

// keeper brings pages to a shelf, and back. The engine's goroutine owns it and never waits
// for it: pages to be written are copied to memory that goes round between the engine and
// a goroutine that writes, and pages that are read come in memory that goes round with one
// that reads.
type keeper struct {
	shelf Shelf
	cache *kvcache.Cache
	sizes []int // bytes of a page's groups

	blank chan *pagestore.Page // what may be filled
	full  chan *pagestore.Page // what is to be written
	used  chan pagestore.Sum   // what was found in the cache
	tails []*sequence          // whose prompts' last pages are to be written

	wanted  chan *slot
	arrived chan *slot
	slots   []*slot // that nobody has
	reading int     // slots that the reader has
	hangs   bool    // it did not give them back in time
	fetch   *fetch  // nil: none is under way

	patience, parting time.Duration
	left              chan struct{} // the writer is gone
}

// Keep makes the engine keep its pages, and find those that are kept: Options.Keep was
// set. The error wraps ErrClosed or ErrOption, or is that of ctx.
func (e *Engine) Keep(ctx context.Context, shelf Shelf) error {
	if !e.options.Keep {
		return fmt.Errorf("engine: a shelf, and Keep is not set: %w", ErrOption)
	}
	return e.do(ctx, func() {
		if e.keeper == nil {
			e.keeper = newKeeper(shelf, e.cache)
			go e.keeper.write()
			go e.keeper.read()
		}
	})
}

// newKeeper returns a keeper whose goroutines do not run.
func newKeeper(shelf Shelf, cache *kvcache.Cache) *keeper {
	k := &keeper{shelf: shelf, cache: cache, sizes: cache.GroupBytes(), parting: parting, left: make(chan struct{})}
	bytes := 0
	for _, n := range k.sizes {
		bytes += n
	}
	k.patience = patience + time.Duration(float64(bytes)/slowDisk*float64(time.Second))
	ahead := min(max(readAhead/bytes, minReadAhead), maxReadAhead)
	k.wanted, k.arrived = make(chan *slot, ahead), make(chan *slot, ahead)
	for range ahead {
		k.slots = append(k.slots, new(slot))
	}
	k.blank, k.full, k.used = make(chan *pagestore.Page, writeAhead), make(chan *pagestore.Page, writeAhead), make(chan pagestore.Sum, 64)
	for range writeAhead {
		k.blank <- new(pagestore.Page)
	}
	return k
}

// groups returns memory for a page.
func (k *keeper) groups() [][]byte {
	all := make([][]byte, len(k.sizes))
	for g, n := range k.sizes {
		all[g] = make([]byte, n)
	}
	return all
}

// write is the goroutine that writes.
func (k *keeper) write() {
	defer close(k.left)
	for {
		select {
		case p, ok := <-k.full:
			if !ok {
				return
			}
			_ = k.shelf.Write(p) // what is not kept is computed again; the shelf counts it
			k.blank <- p
		case sum := <-k.used:
			k.shelf.Touch(sum)
		}
	}
}

// offer copies what is to be written, as far as there is memory for it.
func (k *keeper) offer() {
	for k.offers() {
		select {
		case p := <-k.blank:
			k.fill(p)
		default:
			return
		}
	}
}

// offers says whether there may be something to be written.
func (k *keeper) offers() bool { return k.cache.Unkept() || len(k.tails) > 0 }

// fill copies the page that has been listed for longest, or the tail of a prompt, and
// gives it to the writer.
func (k *keeper) fill(p *pagestore.Page) {
	w, ok := k.cache.TakeUnkept()
	if !ok {
		w, ok = k.nextTail()
	}
	if !ok {
		k.blank <- p
		return
	}
	if p.Groups == nil {
		p.Groups = k.groups()
	}
	p.Sum, p.Parent, p.Split = pagestore.Sum(w.Sum), pagestore.Sum(w.Parent), w.Split
	for g, b := range w.Groups {
		copy(p.Groups[g], b)
	}
	k.full <- p
}

// promptRead notes that the prompt of a sequence is in the cache.
func (k *keeper) promptRead(s *sequence) {
	if k == nil || s.private || s.drew {
		return
	}
	if n := len(s.prefix()); n < tailFrom*kvcache.PagePositions || n%kvcache.PagePositions == 0 {
		return
	}
	if len(k.tails) == mostTails {
		k.tails = slices.Delete(k.tails, 0, 1)
	}
	k.tails = append(k.tails, s)
}

// nextTail returns the tail of a prompt that is not kept yet.
func (k *keeper) nextTail() (kvcache.Page, bool) {
	for len(k.tails) > 0 {
		s := k.tails[0]
		k.tails = slices.Delete(k.tails, 0, 1)
		var p kvcache.Page
		var ok bool
		if s.cache != nil && s.cache.Len() >= len(s.prefix()) {
			p, ok = s.cache.Tail(len(s.prefix()))
		} else {
			p, ok = k.cache.Tail(s.owner.salt(), s.prefix())
		}
		if ok && !k.shelf.Has(pagestore.Sum(p.Sum)) {
			return p, true
		}
	}
	return kvcache.Page{}, false
}

// touch says that a sequence began with pages of the cache, so that they stay on the
// shelf as well.
func (k *keeper) touch(s *kvcache.Sequence) {
	if k == nil {
		return
	}
	if sum, pages := s.Tip(); pages > 0 {
		select {
		case k.used <- pagestore.Sum(sum):
		default: // the shelf has enough to do
		}
	}
}

// close keeps what is left, for a while, and ends the goroutines: at once, or when the
// disk lets them go.
func (k *keeper) close() {
	if k == nil {
		return
	}
	close(k.wanted)
	late, done := context.WithTimeout(context.Background(), k.parting)
	defer done()
	for k.offers() && late.Err() == nil {
		select {
		case p := <-k.blank:
			k.fill(p)
		case <-late.Done():
		}
	}
	close(k.full)
	select {
	case <-k.left:
	case <-late.Done():
	}
}
