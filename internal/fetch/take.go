package fetch

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

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
