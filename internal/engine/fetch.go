package engine

import (
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// fetch is the pages that are read for a sequence that waits. They come to be in the cache
// like others that were computed before; no sequence holds them.
type fetch struct {
	sequence *sequence
	put      int     // pages of the sequence's tokens that are in the cache
	asked    int     // pages that the reader was asked for, or that are in the cache
	ready    []*slot // that arrived
	moved    time.Time
}

// slot is the memory of a page that is read.
type slot struct {
	fetch  *fetch
	sum    pagestore.Sum
	groups [][]byte
	err    error
}

// read is the goroutine that reads.
func (k *keeper) read() {
	for s := range k.wanted {
		k.readOne(s)
	}
}

func (k *keeper) readOne(s *slot) {
	if s.groups == nil {
		s.groups = k.groups()
	}
	s.err = k.shelf.Read(s.sum, s.groups)
	k.arrived <- s
}

// fetching says whether a sequence that waits is to wait for its pages to be read, or for
// those of others before it, and begins with that.
func (k *keeper) fetching(s *sequence) bool {
	if k == nil || s.fetched || s.private {
		return false
	}
	prefix := s.prefix()
	if s.sums == nil {
		s.sums = sums(s.owner.salt(), prefix)
	}
	if len(s.sums) == 0 || !k.shelf.Has(pagestore.Sum(s.sums[0])) {
		s.fetched = true
		return false
	}
	if k.fetch != nil {
		return true
	}
	if k.cache.Positions(s.owner.salt(), prefix) == len(prefix) {
		s.fetched, s.sums = true, nil
		return false
	}
	n := k.cache.WholePages(s.owner.salt(), prefix)
	k.fetch = &fetch{sequence: s, put: n, asked: n, moved: time.Now()}
	if k.hangs {
		k.endFetch()
	}
	k.ask()
	return k.fetch != nil
}

// sums returns the sums of the pages of a prefix, its tail included where that is kept.
func sums(salt string, prefix []int32) []kvcache.Sum {
	all := kvcache.Sums(salt, prefix)
	if rest := prefix[len(all)*kvcache.PagePositions:]; len(rest) > 0 && len(all) >= tailFrom {
		all = append(all, all[len(all)-1].Next(rest))
	}
	return all
}

// prefix returns the tokens whose pages a sequence can begin with.
func (s *sequence) prefix() []int32 { return s.tokens[:min(s.from, len(s.tokens))] }

// ask asks for the next pages, as far as there is memory for them, and ends the fetch
// where nothing is to come any more.
func (k *keeper) ask() {
	f := k.fetch
	if f == nil {
		return
	}
	for sums := f.sequence.sums; f.asked < len(sums) && k.shelf.Has(pagestore.Sum(sums[f.asked])); f.asked++ {
		if len(k.slots) == 0 {
			return // one comes back
		}
		s := k.slots[len(k.slots)-1]
		k.slots = k.slots[:len(k.slots)-1]
		s.fetch, s.sum = f, pagestore.Sum(sums[f.asked])
		k.reading++
		k.wanted <- s
	}
	if f.put == f.asked {
		k.endFetch()
	}
}

// receive takes a page that was read.
func (k *keeper) receive(s *slot) {
	k.reading--
	k.hangs = k.hangs && k.reading > 0
	f := k.fetch
	switch {
	case s.fetch != f || f == nil:
		k.free(s)
	case s.err != nil:
		k.free(s)
		k.putReady()
		k.endFetch()
	default:
		f.moved = time.Now()
		f.ready = append(f.ready, s)
	}
}

func (k *keeper) free(s *slot) {
	if s.fetch = nil; k.fetch == nil {
		s.groups = nil
	}
	k.slots = append(k.slots, s)
}

// putReady puts the pages that arrived into the cache, and says whether they had room.
func (k *keeper) putReady() bool {
	f := k.fetch
	var pages [][][]byte
	for _, s := range f.ready {
		pages = append(pages, s.groups)
	}
	s := f.sequence
	prefix := s.prefix()
	n, err := k.cache.Restore(s.owner.salt(), prefix[:min((f.put+len(pages))*kvcache.PagePositions, len(prefix))], pages...)
	f.put += n
	for _, s := range f.ready {
		k.free(s)
	}
	f.ready = f.ready[:0]
	return err == nil
}

// endFetch lets the sequence begin with what is there. What the reader still has comes
// back some time.
func (k *keeper) endFetch() {
	for _, s := range k.fetch.ready {
		k.free(s)
	}
	k.fetch.sequence.fetched, k.fetch.sequence.sums = true, nil
	k.fetch = nil
	for _, s := range k.slots {
		s.groups = nil // what is not needed all the time is not kept
	}
}

// turn is what the engine does for pages between two steps.
func (k *keeper) turn() {
	if k == nil {
		return
	}
	for more := true; more; {
		select {
		case s := <-k.arrived:
			k.receive(s)
		default:
			more = false
		}
	}
	if f := k.fetch; f != nil {
		late := time.Since(f.moved) > k.patience
		k.hangs = k.hangs || late
		if len(f.ready) > 0 && !k.putReady() || late || f.sequence.ctx.Err() != nil {
			k.endFetch()
		}
		k.ask()
	}
	k.offer()
}

// rest waits until there is something to do. It returns false when the engine is to be
// closed.
func (e *Engine) rest() bool {
	var arrived chan *slot
	var blank chan *pagestore.Page
	var late, look <-chan time.Time
	var gone <-chan struct{}
	if k := e.keeper; k != nil {
		arrived = k.arrived
		if k.offers() {
			blank = k.blank
		}
		if f := k.fetch; f != nil {
			late, gone = time.After(k.patience-time.Since(f.moved)+1), f.sequence.ctx.Done()
		}
	}
	if e.headroom.spare() > 0 {
		look = time.After(lookEvery)
	}
	select {
	case f := <-e.incoming:
		f()
	case s := <-arrived:
		e.keeper.receive(s)
	case p := <-blank:
		e.keeper.fill(p)
	case <-late:
	case <-look: // others may need memory while nothing runs
	case <-gone:
	case <-e.closing:
		return false
	}
	return true
}
