package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
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
	at, end, err := t.admit(ctx, r, from, to, first)
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

// admit checks the head of an answer against what is there already, and
// returns the bytes that its body has: those from at to before end.
func (t *transfer) admit(ctx context.Context, r *http.Response, from, to int64, first bool) (at, end int64, err error) {
	where := Shown(r.Request.URL.String())
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusPartialContent {
		if err := checkEncoding(r); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", where, err)
		}
	}
	switch r.StatusCode {
	case http.StatusOK:
		end, err = t.admitWhole(r)
	case http.StatusPartialContent:
		at, end, err = t.admitRange(r, from, to)
	case http.StatusRequestedRangeNotSatisfiable:
		err = t.admitNothing(r)
	case http.StatusUnauthorized, http.StatusForbidden:
		err = t.statusError(ctx, r)
		if !first { // a signed address that has expired: the next try gets another
			err = &againError{err: err}
		}
	default:
		err = t.statusError(ctx, r)
	}
	var again *againError
	var status *StatusError
	if err != nil && !errors.As(err, &status) && !errors.As(err, &again) {
		err = fmt.Errorf("%s: %w", where, err)
	}
	return at, end, err
}

// admitWhole takes an answer that begins at the first byte: bytes that are
// there are passed over if they are of the same file, so that a cut on the way
// loses none.
func (t *transfer) admitWhole(r *http.Response) (end int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.single = true
	id := identityOf(r.Header)
	if t.Size > 0 && r.ContentLength >= 0 && r.ContentLength != t.Size {
		return 0, t.expect(r.ContentLength, id) // whatever it is, what came before is as good as it was
	}
	if len(t.have) > 0 && !(t.trusted() || t.mark.same(id)) || r.ContentLength >= 0 && r.ContentLength < t.have.end() {
		if err := t.restart(errChanged); err != nil {
			return 0, err
		}
	}
	endless := r.ContentLength < 0 && r.ProtoMajor == 1 && len(r.TransferEncoding) == 0
	if endless && t.Size == 0 && !t.trusted() {
		return 0, fmt.Errorf("the server does not say how long the file is, so that its end could not be told from a cut: %w", ErrFormat)
	}
	if t.Size == 0 {
		t.total = -1 // what was known before was of the file that is begun anew, or a hint
	}
	return allBytes, t.expect(r.ContentLength, id)
}

// rangeForm is the value of Content-Range. RFC 9110, section 14.4.
var rangeForm = regexp.MustCompile(`^bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18}|\*)$`)

// contentRange reads which bytes of how many an answer has; from is -1 if it
// has none, total -1 if it does not say.
func contentRange(value string) (from, to, total int64, ok bool) {
	m := rangeForm.FindStringSubmatch(value)
	if m == nil {
		return -1, -1, -1, false
	}
	number := func(digits string) int64 {
		n, err := strconv.ParseInt(digits, 10, 64) // at most 18 digits
		if err != nil {
			return -1
		}
		return n
	}
	from, to, total = number(m[1]), number(m[2]), number(m[3])
	if from >= 0 {
		to++
	}
	return from, to, total, from < to && (total < 0 || to <= total) || from < 0
}

// admitRange takes an answer with a part of the file.
func (t *transfer) admitRange(r *http.Response, from, to int64) (at, end int64, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	value := r.Header.Get("Content-Range")
	at, end, total, ok := contentRange(value)
	if !ok || at != from || to >= 0 && end > to || r.ContentLength >= 0 && r.ContentLength != end-at {
		return 0, 0, fmt.Errorf("content range %q of %d bytes, want bytes from %d on: %w", clip(Printable(value)), r.ContentLength, from, ErrFormat)
	}
	id := identityOf(r.Header)
	other := t.mark.known() && id.known() && !t.mark.same(id) || t.Size == 0 && t.mark.known() && total >= 0 && total != t.total && t.total >= 0
	if len(t.have) > 0 && !t.trusted() && (other || !t.mark.known()) {
		if err := t.restart(errChanged); err != nil {
			return 0, 0, err
		}
		return 0, 0, &againError{err: errChanged}
	}
	if t.Size == 0 && !t.mark.known() {
		t.total = total
	}
	return at, end, t.expect(total, id)
}

// admitNothing takes the news that there are no bytes where some were asked for.
func (t *transfer) admitNothing(r *http.Response) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _, total, ok := contentRange(r.Header.Get("Content-Range"))
	if ok && total >= 0 && total == t.have.front() && len(t.have) == 1 {
		return t.expect(total, identityOf(r.Header))
	}
	shorter := ok && total >= 0 && total < t.have.end() && t.Size == 0
	err := &againError{err: fmt.Errorf("%s: 416: the server says that the file ends before what is missing of it", t.shown())}
	if t.trusted() && !shorter {
		return err // what is there is as good as before
	}
	if err := t.restart(errChanged); err != nil {
		return err
	}
	return err
}

// expect notes how long the whole file is and whose bytes these are, and looks
// whether they find room. The mutex is held.
func (t *transfer) expect(total int64, id identity) error {
	if t.Size > 0 && total >= 0 && total != t.Size {
		return fmt.Errorf("the server has %d bytes, want %d: %w", total, t.Size, ErrDigest)
	}
	if total > maxSize {
		return fmt.Errorf("a file of %d bytes, %d at most: %w", total, int64(maxSize), ErrFormat)
	}
	if t.Size > 0 {
		total = t.Size
	}
	if total >= 0 {
		t.total = total
	}
	if id.known() {
		t.mark = id
	}
	if t.total < 0 || t.total <= t.roomFor || t.Room == nil {
		return nil
	}
	t.roomFor = t.total
	return t.Room(filepath.Dir(t.Path), t.total-t.have.size())
}

// restart drops what has come: it is of another file. The mutex is held.
func (t *transfer) restart(why error) error {
	if t.restarts++; t.restarts > maxRestarts {
		return fmt.Errorf("%s: begun anew %d times: %w: %w", t.shown(), maxRestarts, why, ErrUnreachable)
	}
	t.epoch++
	t.have, t.mark, t.saved, t.synced, t.resumed, t.begun, t.sparse = nil, identity{}, 0, 0, false, false, false
	if t.Size == 0 {
		t.total = -1
	}
	if err := os.Remove(t.journalPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return t.file.Truncate(0)
}

// take reads a body and writes what is missing of the file. The body begins at
// at, and is read to end, or to the end of the file.
func (t *transfer) take(ctx context.Context, cancel context.CancelCauseFunc, r *http.Response, at, end int64) (n int64, err error) {
	body := t.live(r.Body, cancel)
	watch := t.watch(cancel)
	defer watch.stop()
	t.mu.Lock()
	epoch, total := t.epoch, t.total
	t.mu.Unlock()
	if total >= 0 {
		end = min(end, total)
	}
	buffer := make([]byte, copyPiece)
	for at < end {
		got, readErr := body.Read(buffer[:min(int64(len(buffer)), end-at)])
		watch.add(int64(got))
		new, err := t.put(buffer[:got], at, epoch)
		n += new
		at += int64(got)
		if err != nil {
			return n, err
		}
		switch {
		case readErr == nil:
		case readErr == io.EOF && total < 0:
			t.mu.Lock()
			t.total = at // the end of a body of unknown length
			t.mu.Unlock()
			return n, nil
		case readErr == io.EOF && at >= end:
			return n, nil
		case readErr == io.EOF:
			return n, &againError{err: fmt.Errorf("%s: cut after %d of %d bytes", t.shown(), at, end)}
		default:
			return n, mendable(t.networkError(ctx, r.Request.URL, readErr))
		}
	}
	if r.ContentLength >= 0 || end != total {
		return n, nil
	}
	// A body that does not say how long it is ends where the file does.
	if more, _ := body.Read(buffer[:1]); more > 0 {
		return n, fmt.Errorf("%s: %w, %d: %w", t.shown(), errSurplus, total, ErrDigest)
	}
	return n, nil
}

// put writes bytes that came for a place of the file, as far as they are
// missing there, and returns how many were.
func (t *transfer) put(p []byte, at int64, epoch int) (n int64, err error) {
	t.mu.Lock()
	missing := spans{{at, at + int64(len(p))}}
	for _, s := range t.have {
		missing = missing.remove(s[0], s[1])
	}
	t.mu.Unlock()
	for _, m := range missing {
		if m[0] == m[1] {
			continue
		}
		wrote, err := t.WriteAt(t.file, p[m[0]-at:m[1]-at], m[0])
		t.mu.Lock()
		if epoch != t.epoch {
			t.mu.Unlock()
			return n, errChanged
		}
		before := t.have.size()
		t.have = t.have.add(m[0], m[0]+int64(wrote))
		n += t.have.size() - before
		t.report(t.have.size(), max(t.total, 0))
		t.hasher.more.Broadcast()
		t.mu.Unlock()
		if err != nil {
			return n, err
		}
	}
	if err := t.checkBegin(); err != nil {
		return n, err
	}
	return n, t.note()
}

// checkBegin compares the first bytes once they are there.
func (t *transfer) checkBegin() error {
	t.mu.Lock()
	ready := !t.begun && t.have.front() >= int64(len(t.Begins))
	t.begun = t.begun || ready
	t.mu.Unlock()
	if !ready || t.Begins == "" {
		return nil
	}
	head := make([]byte, len(t.Begins))
	if _, err := t.file.ReadAt(head, 0); err != nil {
		return err
	}
	if string(head) != t.Begins {
		return fmt.Errorf("%s: begins with %q, want %q: %w: %w", t.shown(), head, t.Begins, errBegins, ErrFormat)
	}
	return nil
}

// note writes the journal when enough has come since the last time.
func (t *transfer) note() error {
	t.mu.Lock()
	size, every := t.have.size(), int64(syncEvery)
	if t.trusted() {
		every = trustedEvery // a crash of the machine costs more, and is noticed
	}
	sync := size-t.synced >= every
	due := sync || t.sparse && t.trusted() && size-t.saved >= noteEvery
	if due {
		t.saved = size // so that one goroutine writes it
		if sync {
			t.synced = size
		}
	}
	endless := t.total < 0 && t.Room != nil
	t.mu.Unlock()
	if !due {
		return nil
	}
	if sync && endless { // a body without an end stops before the disk is full
		if err := t.Room(filepath.Dir(t.Path), syncEvery); err != nil {
			return err
		}
	}
	return t.save(sync)
}

// save notes in the journal which bytes are there. lasting: they are brought to
// the disk before.
func (t *transfer) save(lasting bool) error {
	t.saving.Lock()
	defer t.saving.Unlock()
	t.mu.Lock()
	j := journal{Key: t.key(), identity: t.mark, Spans: append(spans{}, t.have...), Sparse: t.sparse}
	t.mu.Unlock()
	if lasting {
		if err := t.file.Sync(); err != nil {
			return err
		}
	}
	return j.write(t.journalPath(), lasting)
}

// slowWatch ends a request that brings too little in each window of time.
type slowWatch struct {
	mu    sync.Mutex
	came  int64
	timer *time.Timer
}

func (c *Client) watch(cancel context.CancelCauseFunc) *slowWatch {
	w := &slowWatch{}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(c.limits.window, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.came < c.limits.slow {
			cancel(errSlow)
			return
		}
		w.came = 0
		w.timer.Reset(c.limits.window)
	})
	return w
}

func (w *slowWatch) add(n int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.came += n
}

func (w *slowWatch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer.Stop()
}
