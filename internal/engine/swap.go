package engine

import (
	"context"
	"errors"
	"fmt"
)

// ErrShelf is Swap of an engine whose pages are kept on a shelf, as those of a model that does
// not change.
var ErrShelf = errors.New("pages that are kept belong to weights that do not change")

// swap is a change of weights that waits for the sequences that run.
type swap struct {
	ctx    context.Context
	change func() error
	done   chan struct{}
	err    error
}

// Swap has weights of the engine's model changed, where they are: nothing is copied. What
// runs is computed to its end with those of before; what waits, and what comes, begins with
// the new ones. Between the two the engine forgets all that it has computed, and calls change,
// during which nothing reads the weights. The error is change's, or wraps ErrClosed or
// ErrShelf, or says that ctx is done, and change was not called then.
func (e *Engine) Swap(ctx context.Context, change func() error) error {
	s := &swap{ctx: ctx, change: change, done: make(chan struct{})}
	if err := e.do(ctx, func() { e.swaps = append(e.swaps, s) }); err != nil {
		return err
	}
	<-s.done
	return s.err
}

// exchange makes the next change of weights, if nothing runs that began before it, and says
// whether there was one to make.
func (e *Engine) exchange() bool {
	if len(e.swaps) == 0 {
		return false
	}
	s := e.swaps[0]
	switch {
	case s.ctx.Err() != nil:
		s.err = context.Cause(s.ctx)
	case e.keeper != nil || e.options.Keep:
		s.err = fmt.Errorf("engine: %w", ErrShelf)
	case e.underway():
		return false
	default:
		e.cache.Drop()
		s.err = s.change()
	}
	e.swaps = e.swaps[1:]
	close(s.done)
	return true
}

// underway says whether a sequence was begun that is not over.
func (e *Engine) underway() bool {
	for _, s := range e.waiting {
		if s.begun {
			return true
		}
	}
	return len(e.running) > 0
}

// holds says whether a sequence that waits has to go on waiting, for weights that are about to
// be changed.
func (e *Engine) holds(s *sequence) bool { return len(e.swaps) > 0 && !s.begun }

// abortSwaps ends all changes that were not made.
func (e *Engine) abortSwaps() {
	for _, s := range e.swaps {
		s.err = fmt.Errorf("engine: %w", ErrClosed)
		close(s.done)
	}
	e.swaps = nil
}
