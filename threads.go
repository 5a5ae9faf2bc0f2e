package blitz

import "github.com/blitz-r1/blitz/internal/engine"

// Threads compute for several engines, so that several models in one process take
// turns on the machine's processors in place of fighting for them. Engines are served
// a step each, in the order in which they ask.
type Threads struct{ run *engine.Threads }

// NewThreads starts threads for n processors; 0: for as many as suit the machine, one for
// each of its fast cores, of which decoding uses fewer where that is faster. The error wraps
// ErrOption.
func NewThreads(n int) (*Threads, error) {
	t, err := engine.NewThreads(n)
	if err != nil {
		return nil, err
	}
	return &Threads{t}, nil
}

// Count returns how many threads there are.
func (t *Threads) Count() int { return t.run.Count() }

// Close ends the threads, as soon as the engines that use them are closed.
func (t *Threads) Close() { t.run.Close() }
