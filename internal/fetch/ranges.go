package fetch

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// worthRanges reports whether a file is large, and its pieces are sure to be of
// one file.
func (t *transfer) worthRanges() bool {
	return t.Size >= parallelFrom && t.trusted() || t.Hint >= parallelFrom && (t.trusted() || len(t.have) == 0 || t.mark.known())
}

// fetchRanges asks for several ranges at once. It returns nil before the file
// is whole if the server knows no ranges, or takes no more than one request.
func (t *transfer) fetchRanges(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.mu.Lock()
	t.sparse = true
	if t.total < 0 {
		t.total = t.Hint // until an answer says better
	}
	total := t.total
	t.mu.Unlock()
	if err := t.save(false); err != nil {
		return err
	}
	segment := min(max(total/(8*connections), minSegment), maxSegment)
	var group sync.WaitGroup
	var active atomic.Int32
	active.Store(connections)
	first := make(chan struct{}) // closed when it is known whether there are ranges
	var once sync.Once
	for i := range connections {
		group.Go(func() {
			defer active.Add(-1)
			if i > 0 {
				select {
				case <-first:
				case <-ctx.Done():
					return
				}
			}
			for {
				from, to, ok := t.claim(segment)
				if !ok {
					break
				}
				err := t.fillKnown(ctx, from, to, func() { once.Do(func() { close(first) }) })
				t.mu.Lock()
				t.claimed = t.claimed.remove(from, to)
				t.mu.Unlock()
				if err != nil {
					// A server may want fewer connections: the others go on.
					if active.Load() == 1 || !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrDenied) {
						cancel(err)
					}
					break
				}
			}
			once.Do(func() { close(first) })
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

// claim returns the first stretch that nobody asks for yet.
func (t *transfer) claim(most int64) (from, to int64, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.single {
		return 0, 0, false
	}
	taken := append(spans{}, t.have...)
	for _, c := range t.claimed {
		taken = taken.add(c[0], c[1])
	}
	from, to = taken.gap(0)
	if to < 0 || to > t.total {
		to = t.total
	}
	to = min(to, from+most)
	if from >= to {
		return 0, 0, false
	}
	t.claimed = t.claimed.add(from, to)
	return from, to, true
}
