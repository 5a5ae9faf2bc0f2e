package fetch

import (
	"context"
	"crypto/sha256"
	"hash"
	"sync"
)

// hasher digests a file while it grows: what lies before the first gap, read
// back from the file, so that what is digested is what is on the disk.
type hasher struct {
	of   *transfer
	more *sync.Cond // with the transfer's mutex

	// These are guarded by the transfer's mutex.
	done  int64 // bytes digested
	epoch int   // of the transfer, at which they were
	ended bool
	err   error

	hash hash.Hash // the goroutine's own, until it has ended or sum has seen it idle
	gone chan struct{}
}

func newHasher(t *transfer) *hasher {
	h := &hasher{of: t, more: sync.NewCond(&t.mu), epoch: t.epoch, hash: sha256.New(), gone: make(chan struct{})}
	go h.loop()
	return h
}

const hashPiece = 1 << 20 // bytes

func (h *hasher) loop() {
	defer close(h.gone)
	t, buffer := h.of, make([]byte, hashPiece)
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if h.epoch != t.epoch { // the file was begun anew
			h.hash.Reset()
			h.done, h.epoch = 0, t.epoch
		}
		n := min(t.have.front()-h.done, hashPiece)
		switch {
		case h.ended || h.err != nil:
			return
		case n <= 0:
			h.more.Wait()
			continue
		}
		from, epoch := h.done, h.epoch
		t.mu.Unlock()
		_, err := t.file.ReadAt(buffer[:n], from)
		if err == nil {
			h.hash.Write(buffer[:n])
		}
		t.mu.Lock()
		if epoch == t.epoch {
			h.err = err
			h.done += n
		}
		h.more.Broadcast()
	}
}

// sum waits until all bytes are digested and returns their SHA-256.
func (h *hasher) sum(ctx context.Context, total int64) (sum [sha256.Size]byte, err error) {
	stop := context.AfterFunc(ctx, func() {
		h.of.mu.Lock()
		defer h.of.mu.Unlock()
		h.more.Broadcast()
	})
	defer stop()
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	for h.done < total || h.epoch != h.of.epoch {
		if h.err != nil {
			return sum, h.err
		}
		if ctx.Err() != nil {
			return sum, context.Cause(ctx)
		}
		h.more.Wait()
	}
	return [sha256.Size]byte(h.hash.Sum(nil)), nil
}

// stop ends the goroutine.
func (h *hasher) stop() {
	h.of.mu.Lock()
	h.ended = true
	h.more.Broadcast()
	h.of.mu.Unlock()
	<-h.gone
}
