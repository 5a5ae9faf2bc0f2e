package experts

import (
	"fmt"
	"slices"
	"time"
)

// Visit is the turn of a layer. The zero value is ready to Begin; what was begun is used up
// by Next, or ended by End. One goroutine uses it.
type Visit struct {
	c     *Cache
	layer int
	used  []int32 // experts that the layer needs, in the order in which they are handed out
	slots []*slot // of the first of them, pinned
	from  int     // used before this one were handed out
	to    int     // and those before this one are in use
}

// Begin begins the turn of a layer that needs some experts, and has those read that are
// missing, as far as there is room. It reorders used: first what is in memory, then what is
// being read, then the others.
func (v *Visit) Begin(c *Cache, layer int, used []int32) {
	*v = Visit{c: c, layer: layer, used: used, slots: v.slots[:0]}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle(layer, used)
	list := c.layers[layer]
	slices.SortStableFunc(used, func(a, b int32) int { return list[a].stage() - list[b].stage() })
	for _, id := range used {
		switch x := &list[id]; x.stage() {
		case inMemory:
			c.stats.Hits++
		case underWay:
			c.stats.Late++
			c.guesses.move(x.slot, &c.demands)
			c.work.Broadcast()
		}
	}
	c.stats.Needed += uint64(len(used))
	for _, id := range used { // what is there stays there
		if list[id].slot == nil {
			break
		}
		v.pin(list[id].slot)
	}
	v.ask()
}

// The stages of an expert on its way to memory.
const (
	inMemory = iota
	underWay
	missing
)

func (x *expert) stage() int {
	switch {
	case x.slot == nil:
		return missing
	case x.slot.left > 0:
		return underWay
	}
	return inMemory
}

// settle notes what a layer needs, and what of it was guessed. What was guessed wrongly and
// is not being read yet is not read.
func (c *Cache) settle(layer int, used []int32) {
	list := c.layers[layer]
	c.weight[layer] = c.weight[layer]*heatKept + 1
	for i := range list {
		list[i].heat *= heatKept
	}
	for _, id := range used {
		x := &list[id]
		x.heat++
		if x.slot != nil && x.slot.guessed {
			c.stats.Confirmed++
			c.decided(x.slot, true)
		}
	}
	for i := range list {
		s := list[i].slot
		if s == nil || !s.guessed {
			continue
		}
		c.decided(s, false)
		if s.pins == 0 && c.guesses.count(s) == s.runs { // nothing of it is read or being read
			c.guesses.move(s, nil)
			c.empty(s)
		}
	}
}

// decided notes that a guess was right or wrong.
func (c *Cache) decided(s *slot, right bool) {
	s.guessed = false
	c.undecided--
	if s.sure {
		return
	}
	c.trust *= trustKept
	if right {
		c.trust += 1 - trustKept
	}
}

// How guesses are trusted: in what share of them were right, of late. Below leastTrust they
// take more of the disk's time than they save, and one in a while is made to find out.
const (
	firstTrust = 0.75
	trustKept  = 0.98
	leastTrust = 0.5
	probeEvery = 32
)

// Trusts says whether a guess is worth making, this time.
func (c *Cache) Trusts() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trust >= leastTrust {
		return true
	}
	c.declined++
	return c.declined%probeEvery == 0
}

func (v *Visit) pin(s *slot) {
	s.pins++
	v.slots = append(v.slots, s)
}

// ask finds room for the experts that have none, in order, and has them read: no more at a
// time than keep the disk busy, so that they take each other's places when they were used,
// and not those of all other layers.
func (v *Visit) ask() {
	coming := 0
	for _, s := range v.slots[v.to:] {
		coming += min(s.left, 1)
	}
	for ; len(v.slots) < len(v.used) && coming < v.c.ahead; coming++ {
		id := v.used[len(v.slots)]
		x := &v.c.layers[v.layer][id]
		if x.slot != nil { // another visit had it read meanwhile
			v.pin(x.slot)
			continue
		}
		s := v.c.room(x.class, v.layer, false)
		if s == nil {
			return
		}
		v.c.start(s, v.layer, int(id), &v.c.demands)
		v.pin(s)
	}
}

// Next lets what it handed out before go, and hands the next experts out as soon as there is
// one: used[from:to], which stay in memory until it is called again. At the end from is to.
// The error says which expert could not be read, and why; the visit is over then.
func (v *Visit) Next() (from, to int, err error) {
	c := v.c
	c.mu.Lock()
	defer c.mu.Unlock()
	v.letGo(v.from, v.to)
	v.from = v.to
	if v.from == len(v.used) {
		return v.from, v.from, nil
	}
	began := time.Now()
	for v.ask(); v.from == len(v.slots) || v.slots[v.from].left > 0; v.ask() {
		c.news.Wait()
	}
	c.stats.Waited += time.Since(began)
	for v.to < len(v.slots) && v.slots[v.to].left == 0 && v.slots[v.to].err == nil {
		v.to++
	}
	if v.to == v.from {
		err := fmt.Errorf("experts: layer %d, expert %d: %w", c.o.Numbers[v.layer], v.used[v.from], v.slots[v.from].err)
		v.end()
		return v.from, v.from, err
	}
	return v.from, v.to, nil
}

// Data returns the bytes of the expert used[i], which Next has handed out.
func (v *Visit) Data(i int) []byte {
	r := v.c.layers[v.layer][v.used[i]].region
	from, _ := r.span(v.c.o.Piece)
	return v.slots[i].data[r.At-from:][:r.Bytes:r.Bytes]
}

// End lets everything go.
func (v *Visit) End() {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	v.end()
}

func (v *Visit) end() {
	v.letGo(v.from, len(v.slots))
	v.used, v.slots, v.from, v.to = nil, v.slots[:0], 0, 0
}

// letGo unpins slots. What could not be read is tried anew by who needs it next.
func (v *Visit) letGo(from, to int) {
	for _, s := range v.slots[from:to] {
		if s.pins--; s.pins == 0 && s.left == 0 && s.err != nil {
			v.c.empty(s)
		}
	}
	if from < to {
		v.c.news.Broadcast()
	}
}

// Guess has experts of a layer read that will probably be needed at its next turn, where
// nothing else is to be read: no more at a time than keep the disk busy, and not in the
// places of those that were guessed before. turn is the layer whose turn it is.
// sure says that most of them will be needed, so that whether they are tells nothing about
// guesses.
func (c *Cache) Guess(turn, layer int, ids []int32, sure bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		x := &c.layers[layer][id]
		if x.slot != nil {
			continue
		}
		if c.undecided >= c.ahead {
			return
		}
		s := c.room(x.class, turn, true)
		if s == nil {
			return
		}
		c.start(s, layer, int(id), &c.guesses)
		s.guessed, s.sure = true, sure
		c.undecided++
		c.stats.Guessed++
	}
}
