package experts

// run is a part of an expert that is read at once.
type run struct {
	slot *slot
	b    []byte
	from int64 // of the source
}

// queue is runs in the order in which they are read.
type queue struct {
	runs []run
	head int
}

func (q *queue) empty() bool { return q.head == len(q.runs) }

func (q *queue) put(r run) {
	if q.head > len(q.runs)/2 {
		q.runs, q.head = append(q.runs[:0], q.runs[q.head:]...), 0
	}
	q.runs = append(q.runs, r)
}

func (q *queue) take() run {
	r := q.runs[q.head]
	q.head++
	if q.empty() {
		q.runs, q.head = q.runs[:0], 0
	}
	return r
}

// count returns how many runs of a slot there are.
func (q *queue) count(s *slot) (n int) {
	for _, r := range q.runs[q.head:] {
		if r.slot == s {
			n++
		}
	}
	return n
}

// move moves the runs of a slot behind those of another queue; to nil: nowhere.
func (q *queue) move(s *slot, to *queue) {
	kept := q.runs[:q.head]
	for _, r := range q.runs[q.head:] {
		if r.slot != s {
			kept = append(kept, r)
			continue
		}
		if to != nil {
			to.put(r)
		}
	}
	q.runs = kept
	if q.empty() {
		q.runs, q.head = q.runs[:0], 0
	}
}

// start has an expert read into a slot.
func (c *Cache) start(s *slot, layer, id int, q *queue) {
	x := &c.layers[layer][id]
	x.slot = s
	from, n := x.region.span(c.o.Piece)
	run1 := max(runBytes/c.o.Piece, 1) * c.o.Piece
	*s = slot{data: s.data, layer: layer, expert: id}
	for at := int64(0); at < n; at += run1 {
		q.put(run{s, s.data[at:min(at+run1, n)], from + at})
		s.left++
	}
	s.runs = s.left
	c.stats.Reads++
	c.work.Broadcast()
}

// read is the life of a reader: it reads what is needed, and what is guessed where nothing
// is needed.
func (c *Cache) read() {
	defer c.readers.Done()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for !c.closed && c.demands.empty() && c.guesses.empty() {
			c.work.Wait()
		}
		if c.closed {
			return
		}
		q := &c.demands
		if q.empty() {
			q = &c.guesses
		}
		r := q.take()
		c.mu.Unlock()
		err := c.o.Source.ReadPieces(r.b, r.from)
		c.mu.Lock()
		c.stats.ReadBytes += uint64(len(r.b))
		if err != nil && r.slot.err == nil {
			r.slot.err = err
		}
		if r.slot.left--; r.slot.left == 0 {
			if r.slot.err != nil && r.slot.pins == 0 {
				c.empty(r.slot)
			}
			c.news.Broadcast()
		}
	}
}

// empty takes the expert out of a slot.
func (c *Cache) empty(s *slot) {
	if s.expert >= 0 {
		c.layers[s.layer][s.expert].slot = nil
	}
	if s.guessed {
		c.decided(s, false)
	}
	*s = slot{data: s.data, expert: -1}
}

// room returns a slot for an expert of a layer, whose turn it is or comes next, in which no
// expert is any more; nil where all are in use. A guess does not take the place of another.
func (c *Cache) room(class, turn int, guess bool) *slot {
	x := &c.classes[class]
	if x.fresh < len(x.slots) {
		x.fresh++
		return &x.slots[x.fresh-1]
	}
	var best *slot
	for i := range x.slots {
		s := &x.slots[i]
		if s.pins > 0 || s.left > 0 || guess && s.guessed {
			continue
		}
		if s.expert < 0 {
			return s
		}
		if best == nil || c.leaves(s, best, turn) {
			best = s
		}
	}
	if best != nil {
		c.empty(best)
	}
	return best
}

// leaves says whether the expert of a leaves before that of b, where it is some layer's
// turn.
func (c *Cache) leaves(a, b *slot, turn int) bool {
	if a.guessed != b.guessed {
		return b.guessed
	}
	if x, y := c.share(a), c.share(b); x != y {
		return x < y
	}
	return c.until(a.layer, turn) > c.until(b.layer, turn)
}

// share returns in what share of the visits of its layer the expert of a slot was needed.
func (c *Cache) share(s *slot) float32 {
	if c.weight[s.layer] == 0 {
		return 0
	}
	return c.layers[s.layer][s.expert].heat / c.weight[s.layer]
}

// until returns how many turns there are until that of a layer comes again.
func (c *Cache) until(layer, turn int) int {
	if n := (layer - turn + len(c.layers)) % len(c.layers); n > 0 {
		return n
	}
	return len(c.layers)
}
