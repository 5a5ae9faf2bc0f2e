package experts

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// ErrMemory is a bound that is too small for the experts that one token needs of a layer.
var ErrMemory = errors.New("too little memory for experts")

// Source is what experts are read from. Any goroutine may call it.
type Source interface {
	// ReadPieces reads what is checked piece by piece: from is a multiple of the length of a
	// piece, and so is that of b, which begins at a page and may reach beyond the end.
	ReadPieces(b []byte, from int64) error
}

// Region is where an expert lies in the source.
type Region struct{ At, Bytes int64 }

// span returns the whole pieces that hold a region.
func (r Region) span(piece int64) (from, n int64) {
	from = r.At / piece * piece
	return from, (r.At+r.Bytes+piece-1)/piece*piece - from
}

// Options say what a Cache keeps, and in how much memory.
type Options struct {
	Layers  [][]Region // of each expert of each layer that has some
	Numbers []int      // of these layers, for messages
	Source  Source
	Piece   int64 // bytes that are read and checked as a whole
	Memory  int64 // bytes of all slots
	AtOnce  int   // experts of a token in a layer: at least so many have room
	Readers int   // reads under way at once; 0: DefaultReaders
}

// DefaultReaders is how many reads are under way at once: as many as disks want to have at
// hand to give all that they can.
const DefaultReaders = 16

// runBytes is how much one read takes at most.
const runBytes = 1 << 20

// Cache is the experts of a model of which some are in memory. Any goroutine may use it, by
// a Visit of its own.
type Cache struct {
	o       Options
	classes []class
	layers  [][]expert
	weight  []float32 // of all visits of each layer, as heat counts them
	ahead   int       // experts that are asked for at once, at most

	mu      sync.Mutex
	work    sync.Cond // there is something to read, or the cache is closed
	news    sync.Cond // an expert was read, or a slot let go
	demands queue
	guesses queue
	closed  bool
	// undecided is how many slots hold what was guessed of a layer whose turn has not come.
	undecided int
	trust     float32 // in what share guesses were right, of late
	declined  int     // times that none was made since they were not
	readers   sync.WaitGroup
	stats     Stats
}

// class is the slots of experts of one size.
type class struct {
	memory tensor.Memory
	bytes  int64 // of a slot
	slots  []slot
	fresh  int // slots before this one were used once
}

// expert is what is known of an expert, in memory or not.
type expert struct {
	region Region
	class  int
	slot   *slot   // nil: it is not in memory
	heat   float32 // how often it was needed: each visit of its layer counts less than the next
}

// slot is the memory of one expert.
type slot struct {
	data    []byte
	layer   int
	expert  int // -1: none
	pins    int // who uses it, or waits for it
	runs    int // that it is read in
	left    int // of them, those that are not done; 0: it is there
	guessed bool
	sure    bool  // as guesses go
	err     error // of a read
}

// heatKept is how much of what an expert was needed counts at the next visit of its layer.
const heatKept = 0.98

// New returns a cache without experts. The error wraps ErrMemory where the bound is too
// small, or tensor.ErrNoMemory.
func New(o Options) (*Cache, error) {
	if o.Readers == 0 {
		o.Readers = DefaultReaders
	}
	c := &Cache{o: o, trust: firstTrust}
	c.work.L, c.news.L = &c.mu, &c.mu
	c.classify()
	if err := c.allocate(); err != nil {
		c.free()
		return nil, err
	}
	c.lookAhead()
	c.readers.Add(o.Readers)
	for range o.Readers {
		go c.read()
	}
	return c, nil
}

// Least returns the smallest bound of experts that lie so.
func Least(layers [][]Region, piece int64, atOnce int) (bytes int64) {
	c := &Cache{o: Options{Layers: layers, Piece: piece, AtOnce: atOnce}}
	c.classify()
	for i := range c.classes {
		bytes += c.classes[i].bytes * int64(c.least(i))
	}
	return bytes
}

// classify sorts the experts by size.
func (c *Cache) classify() {
	of := map[int64]int{}
	c.layers, c.weight = make([][]expert, len(c.o.Layers)), make([]float32, len(c.o.Layers))
	for l, regions := range c.o.Layers {
		c.layers[l] = make([]expert, len(regions))
		for e, r := range regions {
			i, ok := of[r.Bytes]
			if !ok {
				i = len(c.classes)
				of[r.Bytes] = i
				c.classes = append(c.classes, class{})
			}
			_, n := r.span(c.o.Piece)
			c.classes[i].bytes = max(c.classes[i].bytes, n)
			c.layers[l][e] = expert{region: r, class: i}
		}
	}
}

// count returns how many experts a class has.
func (c *Cache) count(class int) (n int) {
	for _, layer := range c.layers {
		for e := range layer {
			if layer[e].class == class {
				n++
			}
		}
	}
	return n
}

// least returns how many slots a class needs.
func (c *Cache) least(class int) int { return min(c.count(class), c.o.AtOnce) }

// allocate shares the memory out: what each class needs, and of the rest the same share of
// every class.
func (c *Cache) allocate() error {
	var needed, wanted int64
	for i := range c.classes {
		x := &c.classes[i]
		needed += x.bytes * int64(c.least(i))
		wanted += x.bytes * int64(c.count(i)-c.least(i))
	}
	if c.o.Memory < needed {
		return fmt.Errorf("experts: they may take %d bytes, want at least %d for those of one token: %w", c.o.Memory, needed, ErrMemory)
	}
	share := float64(c.o.Memory-needed) / float64(max(wanted, 1))
	for i := range c.classes {
		x := &c.classes[i]
		least, all := c.least(i), c.count(i)
		n := min(all, least+int(share*float64(all-least)))
		var err error
		if x.memory, err = tensor.Allocate(n * int(x.bytes)); err != nil {
			return fmt.Errorf("experts: %w", err)
		}
		x.slots = make([]slot, n)
		for k := range x.slots {
			x.slots[k] = slot{data: x.memory.Bytes()[k*int(x.bytes) : (k+1)*int(x.bytes)], expert: -1}
		}
	}
	return nil
}

// lookAhead finds out how many experts at a time give every reader something to do, and one
// thing more to go on with: at least those of a token.
func (c *Cache) lookAhead() {
	largest := int64(1)
	for i := range c.classes {
		largest = max(largest, c.classes[i].bytes)
	}
	runs := (largest + runBytes - 1) / runBytes
	c.ahead = max(c.o.AtOnce, int((2*int64(c.o.Readers)+runs-1)/runs))
}

// Close waits for reads that are under way and gives the memory back. Nobody may use an
// expert any more.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.work.Broadcast()
	c.mu.Unlock()
	c.readers.Wait()
	c.free()
}

func (c *Cache) free() {
	for i := range c.classes {
		c.classes[i].memory.Free()
	}
}

// Memory returns the bytes of all slots, and those of the slots that were never used: the
// system gives memory when it is first written to.
func (c *Cache) Memory() (all, untaken int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.classes {
		x := &c.classes[i]
		all += x.bytes * int64(len(x.slots))
		untaken += x.bytes * int64(len(x.slots)-x.fresh)
	}
	return all, untaken
}

// Stats are counts since the cache began.
type Stats struct {
	Needed    uint64 // experts that visits needed
	Hits      uint64 // of them, those that were in memory when the visit began
	Late      uint64 // of them, those that were being read then, since they were guessed
	Guessed   uint64 // experts that were read, wholly or in part, because they were guessed
	Confirmed uint64 // of them, those that the next visit of their layer needed
	Reads     uint64 // experts that were read
	ReadBytes uint64
	Waited    time.Duration // in which visits had nothing to compute
}

// Sub returns what was counted since an earlier moment.
func (s Stats) Sub(before Stats) Stats {
	return Stats{
		s.Needed - before.Needed, s.Hits - before.Hits, s.Late - before.Late, s.Guessed - before.Guessed,
		s.Confirmed - before.Confirmed, s.Reads - before.Reads, s.ReadBytes - before.ReadBytes, s.Waited - before.Waited,
	}
}

// Add returns what was counted in both.
func (s Stats) Add(other Stats) Stats {
	return Stats{
		s.Needed + other.Needed, s.Hits + other.Hits, s.Late + other.Late, s.Guessed + other.Guessed,
		s.Confirmed + other.Confirmed, s.Reads + other.Reads, s.ReadBytes + other.ReadBytes, s.Waited + other.Waited,
	}
}

// Stats returns the counts of this moment.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}
