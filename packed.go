package blitz

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/packed"
)

// Packed is a folder in which the packed weights of models are kept, so that a model that
// was opened before is mapped into memory and not packed again: it starts in a fraction
// of the time, and processes that run the same model have its weights in memory once.
//
// What is mapped is checked first, against damage; what is not what it should be is
// removed, and the model is packed anew. It may be removed at any time, also while a model
// runs; it must not be written to. It takes about as much disk as the models' own files,
// which are needed as before.
type Packed struct{ images model.Images }

// ErrPackedFull is packed weights for which the disk, or what all may take, has no room.
var ErrPackedFull = packed.ErrFull

// leastPacked is how many bytes of weights are worth keeping: fewer are packed as fast as
// they are found.
const leastPacked = 16 << 20

// NewPacked returns the packed weights in a folder, which take at most limit bytes; those
// that were used longest ago make way. The folder is made when it is first written to.
// digests is a folder in which the digests of models' files are remembered, by which what
// is kept is found again; it may be the same.
func NewPacked(folder, digests string, limit int64) *Packed {
	store := packed.New(packed.Options{Folder: folder, Limit: limit, Free: machine.FreeDisk})
	return &Packed{model.Images{Store: store, Digests: digests, Least: leastPacked}}
}

// Clear removes all that is kept, and returns how many models that were and their bytes.
func (p *Packed) Clear() (models int, bytes int64, err error) { return p.images.Store.Clear() }

// Size returns of how many models weights are kept, and their bytes.
func (p *Packed) Size() (models int, bytes int64, err error) { return p.images.Store.Bytes() }

// KeepOptions say how weights are written down. The zero value of each field is its
// default.
type KeepOptions struct {
	// Quiet is asked again and again whether others need the machine: while they do, the
	// work has the lowest priority and a bound on its rate. nil: they do not.
	Quiet func() bool
	// Progress is told again and again how far that is. nil: nobody is.
	Progress func(done, total int64)
}

// quietRate is how many bytes a second are written beside other work.
const quietRate = 256 << 20

// limit returns how many bytes they may take; 0 of none.
func (p *Packed) limit() int64 {
	if p == nil {
		return 0
	}
	return p.images.Store.Limit()
}

// HasRoomFor says whether weights of so many bytes may be kept, where others make way; no
// where p is nil.
func (p *Packed) HasRoomFor(weights int64) bool { return weights <= p.limit() }

// IsUnkept says whether the model's weights were packed and are not kept yet, though
// Options.Packed says where.
func (m *Model) IsUnkept() bool { return m.net != nil && m.net.IsUnkept() }

// KeepPacked writes the packed weights down, where Options.Packed said, for the next time
// that the model is opened. The model's files are read once for their digest, unless that
// is remembered. It takes a while, and is for a moment when nobody waits: Open has done
// without. It does nothing where the weights are kept already, or are just being written
// by another process. o may be nil. The error says why they cannot be kept; it wraps
// ErrPackedFull where the disk or the limit has no room for them, and ErrClosed where the
// model is closed.
func (m *Model) KeepPacked(ctx context.Context, o *KeepOptions) error {
	if !m.IsUnkept() {
		return nil
	}
	if err := m.lease.join(); err != nil {
		return err
	}
	defer m.lease.leave(m.free)
	if o == nil {
		o = &KeepOptions{}
	}
	kept := make(chan error, 1)
	go func() {
		if o.Quiet != nil {
			runtime.LockOSThread() // for good: the thread ends with its low priority
			machine.LowPriority()
		}
		kept <- m.net.Keep(ctx, packed.Watch{Progress: paced(ctx, o)})
	}()
	err := <-kept
	if errors.Is(err, packed.ErrBusy) {
		return nil
	}
	return err
}

// paced returns a report that waits where others need the machine.
func paced(ctx context.Context, o *KeepOptions) func(done, total int64) {
	last, before := time.Now(), int64(0)
	return func(done, total int64) {
		if o.Progress != nil {
			o.Progress(done, total)
		}
		if o.Quiet != nil && o.Quiet() {
			due := time.Duration(float64(done-before) / quietRate * float64(time.Second))
			select {
			case <-time.After(due - time.Since(last)):
			case <-ctx.Done():
			}
		}
		last, before = time.Now(), done
	}
}

// MappedBytes returns how many bytes of the weights systems count as available memory,
// though they are not: those that are mapped from what was kept, and those that were
// promised to experts and not taken yet.
func (m *Model) MappedBytes() int64 {
	if m.net == nil {
		return 0
	}
	return m.net.Mapped() + m.net.Untaken()
}
