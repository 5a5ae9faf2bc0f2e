package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
)

const (
	syncEvery    = 32 << 20  // bytes between two syncs of what no digest vouches for
	trustedEvery = 256 << 20 // bytes between two syncs of what one does
	noteEvery    = 4 << 20   // bytes between two notes of which pieces are there
	parallelFrom = 64 << 20  // bytes of a file that is asked for in several ranges
	minSegment   = 32 << 20  // bytes of a range
	maxSegment   = 1 << 30   // bytes of a range
	connections  = 4         // at once
	maxRestarts  = 5         // of a file that changes while it is fetched, or that nothing identifies
	enough       = 64 << 10  // bytes that a try has to bring, else it was a weak one
	maxSize      = 16 << 40  // bytes of one file
	copyPiece    = 256 << 10 // bytes
	unknownEnd   = int64(-1) // of a range
	allBytes     = int64(1) << 62
)

// transfer is the state of a file that is being fetched.
type transfer struct {
	*Client
	File
	report func(done, total int64)

	file    *os.File
	hasher  *hasher
	resumed bool // some bytes come from an earlier run
	stale   bool // and the digest was wrong: those bytes may be why

	mu       sync.Mutex
	have     spans
	claimed  spans // that a range is being asked for
	total    int64 // bytes of the whole; -1 if not known
	mark     identity
	epoch    int   // counts how often the file was begun anew
	saved    int64 // bytes that the journal knows of
	synced   int64 // of these, that are on the disk for good
	sparse   bool  // bytes come in several places
	single   bool  // or it does not
	roomFor  int64 // bytes of the whole for which there was room
	begun    bool  // the first bytes are what they have to be
	restarts int

	saving sync.Mutex // one journal is written at a time
}

var (
	errBegins  = errors.New("the bytes are of something else")
	errSurplus = errors.New("more bytes than were promised")
	errChanged = errors.New("the file changed on the server while it was fetched")
	errUnknown = errors.New("it was cut, and the server gives neither a strong ETag nor Last-Modified to go on by")
)

func (t *transfer) size() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.have.size()
}

func (t *transfer) whole() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total >= 0 && t.have.front() >= t.total
}

// fetchAll asks until the file is whole.
func (t *transfer) fetchAll(ctx context.Context) error {
	if n := t.size(); n > 0 {
		t.report(n, max(t.total, 0))
	}
	if t.worthRanges() {
		if err := t.fetchRanges(ctx); err != nil && !errors.Is(err, errChanged) {
			return err
		}
	}
	for !t.whole() {
		t.mu.Lock()
		from, to := t.have.gap(0)
		t.mu.Unlock()
		if err := t.fill(ctx, from, to); err != nil && !errors.Is(err, errChanged) {
			return err
		}
	}
	return nil
}

// fill asks again and again until the bytes from from to before to are there;
// to is unknownEnd for the rest of the file.
func (t *transfer) fill(ctx context.Context, from, to int64) error {
	return t.fillKnown(ctx, from, to, func() {})
}

// fillKnown is fill that calls ranged when an answer has told whether the
// server knows ranges.
func (t *transfer) fillKnown(ctx context.Context, from, to int64, ranged func()) error {
	tries, challenged, weak := tries{client: t.Client}, false, 0
	for {
		from, epoch, err := t.next(from)
		if err != nil {
			return err
		}
		if t.whole() || to >= 0 && from >= to {
			return nil
		}
		n, first, err := t.try(ctx, from, to, ranged)
		if err == nil && n == 0 && !t.whole() {
			err = &againError{err: fmt.Errorf("%s: %w", t.shown(), io.ErrUnexpectedEOF)}
		}
		if err == nil {
			continue
		}
		if t.answerChallenge(ctx, err, first, &challenged) {
			continue
		}
		if t.begunAnew(epoch) { // from is of another file
			return errChanged
		}
		if n > 0 {
			tries.progressed()
			challenged = false
		}
		if weak++; n >= enough {
			weak = 0
		}
		if weak >= maxWeak {
			return fmt.Errorf("%w at any speed: %w", ErrUnreachable, err)
		}
		if err := tries.again(ctx, err); err != nil {
			return err
		}
	}
}

// next returns the first byte from a position on that is missing. Bytes that
// neither a digest nor the server can vouch for are dropped before.
func (t *transfer) next(from int64) (at int64, epoch int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.have) > 0 && !t.trusted() && !t.mark.known() && t.have.front() != t.total {
		if err := t.restart(errUnknown); err != nil {
			return 0, 0, err
		}
		return 0, 0, errChanged
	}
	at, _ = t.have.gap(from)
	return at, t.epoch, nil
}

func (t *transfer) begunAnew(epoch int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch != epoch
}

// maxWeak is how many tries in a row may bring next to nothing.
const maxWeak = 50

// try asks once for what is missing and writes it. n is how many bytes were
// missing and came.
func (t *transfer) try(ctx context.Context, from, to int64, ranged func()) (n int64, first bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	address := t.URL
	if t.Address != nil {
		if address, err = t.Address(ctx); err != nil {
			return 0, true, err
		}
	}
	r, first, err := t.send(ctx, http.MethodGet, address, t.rangeHeader(from, to))
	if err != nil {
		return 0, first, mendable(err)
	}
	defer r.Body.Close()
	at, end, err := t.admit(r, from, to, first)
	ranged()
	if err != nil || t.whole() {
		return 0, first, err
	}
	n, err = t.take(ctx, cancel, r, at, end)
	return n, first, err
}

// rangeHeader returns the headers that ask for the bytes from from to before
// to. A whole file is asked for without a range.
func (t *transfer) rangeHeader(from, to int64) http.Header {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	switch {
	case from == 0 && (to < 0 || to >= t.total && len(t.have) == 0 && t.Size > 0):
		return h
	case to < 0 || to == t.total && t.Size > 0:
		h.Set("Range", fmt.Sprintf("bytes=%d-", from))
	default:
		h.Set("Range", fmt.Sprintf("bytes=%d-%d", from, to-1))
	}
	if !t.trusted() && t.mark.known() {
		h.Set("If-Range", t.mark.validator())
	}
	return h
}
