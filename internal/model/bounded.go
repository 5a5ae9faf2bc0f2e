package model

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/experts"
	"github.com/blitz-r1/blitz/internal/packed"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// bounded is what a model has whose experts are not all in memory.
type bounded struct {
	image *packed.Reader
	kept  *experts.Cache
}

func (x *bounded) close() {
	if x.kept != nil {
		x.kept.Close()
	}
	_ = x.image.Close() // it was only read
}

// Untaken returns how many bytes of memory are promised to experts and were not taken yet.
func (m *Model) Untaken() int64 {
	if m.bounded == nil {
		return 0
	}
	_, untaken := m.bounded.kept.Memory()
	return untaken
}

// Experts returns what was read of experts so far, and the bytes of memory that they may
// take; false of a model that has all in memory.
func (m *Model) Experts() (s experts.Stats, memory int64, ok bool) {
	if m.bounded == nil {
		return s, 0, false
	}
	memory, _ = m.bounded.kept.Memory()
	return m.bounded.kept.Stats(), memory, true
}

// ErrNoImage says that experts cannot be read when they are needed, since there is no
// place for the packed weights that they are read from.
var ErrNoImage = errors.New("there is no place for packed weights on the disk")

// isBounded says whether some experts are left on the disk.
func (b *binder) isBounded() bool {
	bound := b.options.ExpertMemory
	return bound > 0 && bound < b.expertBytes()
}

// heldBytes returns what the weights take in memory.
func (b *binder) heldBytes() int64 {
	if !b.isBounded() {
		return b.bytes()
	}
	return b.bytes() - b.expertBytes() + b.options.ExpertMemory
}

// leastExperts returns the smallest bound of the experts: those of a token in every layer.
func (b *binder) leastExperts() int64 {
	layers, _ := b.regions()
	return experts.Least(layers, packed.Piece, b.tokenExperts())
}

// fillBounded reads all weights but the experts, of which a bounded number have room in
// memory at once. The image that they are read from is written first where there is none.
func (m *Model) fillBounded(b *binder, files *checkpoint.Checkpoint) (err error) {
	layers, numbers := b.regions()
	bound := b.options.ExpertMemory
	if least := b.leastExperts(); bound < least {
		return fmt.Errorf("model: %s: experts may take %d MiB of memory, those of one token alone take %d MiB: %w",
			b.src.name(), bound>>20, (least+1<<20-1)>>20, ErrNoRoom)
	}
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	if m.memory, err = tensor.Allocate(int(b.bytes() - b.expertBytes())); err != nil {
		return fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrNoRoom)
	}
	x := &bounded{}
	if x.image, err = b.filled(m.memory.Bytes(), files); errors.Is(err, packed.ErrDamaged) { // and is gone
		m.Config.Assumed = append(m.Config.Assumed, damagedNote)
		x.image, err = b.filled(m.memory.Bytes(), files)
	}
	if err != nil {
		return err
	}
	m.bounded = x
	x.kept, err = experts.New(experts.Options{
		Layers: layers, Numbers: numbers, Source: x.image, Piece: packed.Piece, Memory: bound, AtOnce: b.tokenExperts(),
	})
	if err != nil {
		return fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrNoRoom)
	}
	for i := range b.sparse {
		e := b.sparse[i].experts
		e.kept, e.layer = x.kept, i
	}
	return nil
}

// filled opens the image and reads all but the experts into memory.
func (b *binder) filled(memory []byte, files *checkpoint.Checkpoint) (*packed.Reader, error) {
	r, err := b.image(files)
	if err != nil {
		return nil, err
	}
	if err := r.Fill(b.placeOthers(memory), packed.Watch{Interrupted: b.options.Interrupted, Progress: b.options.Progress}); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("model: %s: %w", b.src.name(), err)
	}
	return r, nil
}

// placeOthers gives the planned matrices that are no experts' their parts of memory, and
// returns where in the image each is.
func (b *binder) placeOthers(memory []byte) (parts []packed.Part) {
	at, sparse := int64(0), b.sparse
	for i := 0; i < len(b.plan); i++ {
		m := b.plan[i].matrix
		n := m.Bytes()
		if len(sparse) > 0 && i >= sparse[0].first {
			if i+1 == sparse[0].first+sparse[0].matrices() {
				sparse = sparse[1:]
			}
		} else {
			m.Data, memory = memory[:n:n], memory[n:]
			parts = append(parts, packed.Part{Data: m.Data, From: at})
		}
		at += int64(n)
	}
	return parts
}

// image opens the image of the plan to be read in parts. Where there is none that can be
// used it is written.
func (b *binder) image(files *checkpoint.Checkpoint) (*packed.Reader, error) {
	images := b.options.Images
	if images == nil {
		return nil, fmt.Errorf("model: %s: its experts do not fit into memory: %w", b.src.name(), ErrNoImage)
	}
	root, ok := files.Remembered(images.Digests)
	if !ok {
		ctx, stop := b.interruptible()
		defer stop()
		var err error
		if root, err = files.Reread(ctx, images.Digests); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
	}
	key := imageKey(root, b.digest())
	r, err := images.Store.Read(key, b.bytes())
	if err == nil {
		return r, nil
	}
	if !errors.Is(err, packed.ErrMissing) {
		return nil, fmt.Errorf("model: %s: %w", b.src.name(), err)
	}
	if err := b.writeImage(images.Store, key); err != nil {
		return nil, err
	}
	if r, err = images.Store.Read(key, b.bytes()); err != nil {
		return nil, fmt.Errorf("model: %s: %w", b.src.name(), err)
	}
	return r, nil
}

// interruptible returns a context that ends when Options.Interrupted says so.
func (b *binder) interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	if b.options.Interrupted == nil {
		return ctx, func() { cancel(nil) }
	}
	go func() {
		for ctx.Err() == nil {
			if err := b.options.Interrupted(); err != nil {
				cancel(err)
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}

// writeImage packs the weights and writes them down as it goes, with a bounded part of them
// in memory at any time.
func (b *binder) writeImage(store *packed.Store, key packed.Key) error {
	w, err := store.Create(key, b.bytes())
	if w == nil {
		return err
	}
	w.Uncached()
	if err = b.packTo(w); err == nil {
		err = w.Finish()
	}
	if err != nil {
		w.Abandon()
		return fmt.Errorf("model: %s: packed weights: %w", b.src.name(), err)
	}
	return nil
}

// stretchBytes is about how much is packed before it is written.
const stretchBytes = 64 << 20

// packTo packs all planned matrices, a stretch of some of them at a time, and writes them.
func (b *binder) packTo(w *packed.Writer) error {
	var memory tensor.Memory
	defer func() { memory.Free() }()
	all := b.plan
	defer func() { b.plan = all }()
	total, done := b.bytes(), int64(0)
	for from, to := 0, 0; from < len(all); from = to {
		size := int64(0)
		for to < len(all) && (size == 0 || size+int64(all[to].matrix.Bytes()) <= stretchBytes) {
			size += int64(all[to].matrix.Bytes())
			to++
		}
		if int64(len(memory.Bytes())) < size {
			memory.Free()
			var err error
			if memory, err = tensor.Allocate(int(max(size, stretchBytes))); err != nil {
				return fmt.Errorf("%w: %w", err, ErrNoRoom)
			}
		}
		b.plan = all[from:to]
		stretch := memory.Bytes()[:size]
		clear(stretch)
		if err := b.packInto(stretch, func(n int64) { b.report(done+n, total) }); err != nil {
			return err
		}
		if _, err := w.Write(stretch); err != nil {
			return err
		}
		done += size
		for i := range b.plan {
			b.plan[i].matrix.Data, b.plan[i].src.Data = nil, nil
		}
	}
	return nil
}
