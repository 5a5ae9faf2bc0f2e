package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// admit checks the head of an answer against what is there already, and
// returns the bytes that its body has: those from at to before end.
func (t *transfer) admit(r *http.Response, from, to int64, first bool) (at, end int64, err error) {
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
		err = t.statusError(r)
		if !first { // a signed address that has expired: the next try gets another
			err = &againError{err: err}
		}
	default:
		err = t.statusError(r)
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
		return 0, 0, fmt.Errorf("content range %q of %d bytes, want bytes from %d on: %w", clip(printable(value)), r.ContentLength, from, ErrFormat)
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
