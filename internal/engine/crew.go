package engine

import (
	"math/bits"
	"runtime"
	"slices"
	"sync"

	"github.com/blitz-r1/blitz/internal/machine"
)

// DefaultThreads is how many threads compute where nobody says: as many as the machine
// computes best with, as far as GOMAXPROCS goes when it is first asked for.
var DefaultThreads = sync.OnceValue(func() int {
	m := machine.Describe()
	return min(m.ComputeThreads(), runtime.GOMAXPROCS(0), MaxThreads)
})

// crew finds out how many threads decode best. Where reading weights is the bound, a part of
// the cores takes all that the memory gives, and more of them only wait for each other. Two
// numbers are compared at a time, by steps in turns, so that whatever else the machine does
// counts for both.
type crew struct {
	sizes []int // to choose from, the most threads first
	at    int   // index of the one that is used
	other int   // of the one that is tried beside it; -1: none is
	up    bool  // the next one that is tried has more threads
	rest  int   // steps until then
	pause int   // what rest becomes where nothing better was found
	took  [2][]float64
}

const (
	fewestTuned = 8    // threads; fewer take not yet all that memory gives
	trialSteps  = 5    // of each number
	firstRest   = 20   // steps
	mostRest    = 2000 // so that trying takes less than a hundredth of all steps
	worthwhile  = 0.98 // of the time, for another number
)

// newCrew returns a crew of at most n threads.
func newCrew(n int) crew {
	c := crew{sizes: []int{n}, other: -1, rest: firstRest, pause: firstRest}
	for n >= fewestTuned {
		if n = n * 3 / 4; n < fewestTuned/2 {
			break
		}
		c.sizes = append(c.sizes, n)
	}
	return c
}

// size returns how many threads the next step has.
func (c *crew) size() int {
	if c.other < 0 {
		if c.rest--; c.rest > 0 || len(c.sizes) == 1 {
			return c.sizes[c.at]
		}
		c.begin()
	}
	return c.sizes[c.current()]
}

// begin begins a trial of the next number in the direction that is due, or in the other one
// at the ends.
func (c *crew) begin() {
	if c.at == 0 {
		c.up = false
	} else if c.at == len(c.sizes)-1 {
		c.up = true
	}
	c.other = c.at + 1
	if c.up {
		c.other = c.at - 1
	}
	c.took[0], c.took[1] = c.took[0][:0], c.took[1][:0]
}

// current returns the index of the number whose turn it is.
func (c *crew) current() int {
	if c.other >= 0 && len(c.took[0]) > len(c.took[1]) {
		return c.other
	}
	return c.at
}

// note is told what a step of that many threads took.
func (c *crew) note(took float64) {
	if c.other < 0 {
		return
	}
	which := 0
	if c.current() == c.other {
		which = 1
	}
	c.took[which] = append(c.took[which], took)
	if len(c.took[1]) < trialSteps {
		return
	}
	if middle(c.took[1]) < worthwhile*middle(c.took[0]) {
		c.at, c.pause = c.other, firstRest // and on in this direction
	} else {
		c.up, c.pause = !c.up, min(2*c.pause, mostRest)
	}
	c.other, c.rest = -1, c.pause
}

// middle returns the median of some numbers, which it sorts.
func middle(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// crews are those of steps that decode 1, 2 to 3, and 4 to 7 tokens; more of them are
// arithmetic enough for all threads.
type crews [3]crew

func newCrews(n int) *crews {
	var all crews
	for i := range all {
		all[i] = newCrew(n)
	}
	return &all
}

// of returns the crew of a step that decodes so many tokens; nil: all threads.
func (c *crews) of(tokens int) *crew {
	if i := bits.Len(uint(tokens)) - 1; c != nil && i >= 0 && i < len(c) {
		return &c[i]
	}
	return nil
}

// muster has as many threads take part in the next step, of so many tokens, as it is best
// computed by. The crew that it returns is told what the step took; nil: nobody is.
func (e *Engine) muster(tokens int, reads bool) *crew {
	var c *crew
	size := e.threads.Count()
	if !reads {
		if c = e.crews.of(tokens); c != nil {
			size = c.size()
		}
	}
	e.threads.workers.Limit(size)
	return c
}
