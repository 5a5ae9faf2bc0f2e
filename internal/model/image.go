package model

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/packed"
)

// Images is where packed weights are kept, so that they are mapped the next time.
type Images struct {
	Store *packed.Store
	// Digests is the folder in which the digests of models' files are remembered; see
	// checkpoint.Checkpoint.Root.
	Digests string
	// Least is how many bytes of weights are worth an image.
	Least int64
}

// unkept is what a model needs to write its image.
type unkept struct {
	files  *checkpoint.Checkpoint
	images *Images
	plan   [sha256.Size]byte
}

// mapped returns the image of the plan, its matrices placed in it; nil where there is none
// that can be used. The error is that of Options.Interrupted.
func (b *binder) mapped(files *checkpoint.Checkpoint, images *Images) (*packed.Image, error) {
	root, ok := files.Remembered(images.Digests)
	if !ok {
		return nil, nil
	}
	o := packed.Watch{Interrupted: b.options.Interrupted, Progress: b.options.Progress}
	m, err := images.Store.Open(imageKey(root, b.digest()), b.bytes(), o)
	if err != nil {
		if o.Interrupted != nil && o.Interrupted() != nil {
			return nil, fmt.Errorf("model: %s: %w", b.src.name(), err)
		}
		if errors.Is(err, packed.ErrDamaged) {
			b.damaged = true
		}
		return nil, nil // it is packed anew
	}
	b.place(m.Bytes())
	return m, nil
}

// place gives the planned matrices their parts of the packed weights, one behind the
// other.
func (b *binder) place(all []byte) {
	for i := range b.plan {
		m := b.plan[i].matrix
		n := m.Bytes()
		m.Data, all = all[:n:n], all[n:]
	}
}

// digest returns a sum over what is packed in which order and how, which other versions
// of the program may do otherwise.
func (b *binder) digest() (sum [sha256.Size]byte) {
	h := sha256.New()
	if s, is := b.src.(draftedSource); is {
		fmt.Fprintf(h, "draft layers of %q\n", s.identity())
	}
	for i := range b.plan {
		p := &b.plan[i]
		m := p.matrix
		fmt.Fprintf(h, "%q from %d: %d %d %s %v turned %v\n", p.name, p.from, m.Rows, m.Cols, m.Float, m.Format, p.src.Turned)
		if p.gather != nil {
			fmt.Fprintf(h, "gathered: %s\n", p.gather.how)
		}
	}
	h.Sum(sum[:0])
	return sum
}

// imageKey returns the key of the image of a plan's weights.
func imageKey(root checkpoint.Digest, plan [sha256.Size]byte) (key packed.Key) {
	h := sha256.New()
	io.WriteString(h, "blitz packed weights\n"+kernel.WeightLayout+"\n")
	h.Write(root[:])
	h.Write(plan[:])
	h.Sum(key[:0])
	return key
}

// Mapped returns how many bytes of the weights are mapped from an image: they are in
// memory as long as the model is open, though the system counts them as available.
func (m *Model) Mapped() int64 {
	if m.image == nil {
		return 0
	}
	return int64(len(m.image.Bytes()))
}

// IsUnkept says whether Keep has something to write.
func (m *Model) IsUnkept() bool { return m.unkept != nil }

// Keep writes the image of the packed weights, so that they are mapped the next time. The
// model's files are read for their digest, unless that is remembered: they need not be
// open, but must be as they were. w.Interrupted ends writing, ctx ends all. The error
// wraps packed.ErrBusy, packed.ErrFull, or those of checkpoint.Checkpoint.Reread, or is that
// of ctx or of the file system. The model must not be closed meanwhile.
func (m *Model) Keep(ctx context.Context, w packed.Watch) error {
	k := m.unkept
	if k == nil {
		return nil
	}
	root, err := k.files.Reread(ctx, k.images.Digests) // a damaged file makes no image of a good one
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	interrupted := w.Interrupted
	w.Interrupted = func() error {
		if err := context.Cause(ctx); err != nil || interrupted == nil {
			return err
		}
		return interrupted()
	}
	return k.images.Store.Write(imageKey(root, k.plan), m.memory.Bytes(), w)
}
