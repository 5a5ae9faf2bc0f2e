package model

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// ErrNoRoom says that a model does not fit into memory.
var ErrNoRoom = errors.New("not enough memory")

// packChunk is how many row blocks a thread packs at a time.
const packChunk = 64

// bytes returns what all planned matrices take.
func (b *binder) bytes() (total int64) {
	for _, p := range b.plan {
		total += int64(p.matrix.Bytes())
	}
	return total
}

// checkRoom returns an error where the packed weights take more than limit bytes, 0: any.
func (b *binder) checkRoom(limit int64) error {
	if total := b.heldBytes(); limit > 0 && total > limit {
		return fmt.Errorf("model: %s: weights take %d MiB, there are %d MiB free: %w", b.src.name(), total>>20, limit>>20, ErrNoRoom)
	}
	return nil
}

// load packs all planned matrices into memory of their own and gives the pages of
// the file back as it goes, so that there is one copy in the end.
func (b *binder) load() (tensor.Memory, error) {
	total := b.bytes()
	memory, err := tensor.Allocate(int(total))
	if err != nil {
		return memory, fmt.Errorf("model: %s: %w: %w", b.src.name(), err, ErrNoRoom)
	}
	if err := b.packInto(memory.Bytes(), func(done int64) { b.report(done, total) }); err != nil {
		memory.Free()
		return memory, err
	}
	return memory, nil
}

// report tells how many bytes of the weights are in place.
func (b *binder) report(done, total int64) {
	if b.options.Progress != nil {
		b.options.Progress(done, total)
	}
}

// packInto packs all planned matrices into memory that is zero, one behind the other.
// report is told how many bytes are done.
func (b *binder) packInto(memory []byte, report func(done int64)) error {
	b.place(memory)
	for i := range b.plan {
		p := &b.plan[i]
		if p.gather != nil && p.gather.made {
			continue
		}
		data, err := b.src.data(p.name)
		if err != nil {
			return fmt.Errorf("model: %w", err)
		}
		p.src.Data = data[p.from:]
	}
	return b.pack(report)
}

// pack runs the plan on all processors.
func (b *binder) pack(report func(done int64)) error {
	type part struct{ plan, from int }
	var parts []part
	left := make([]atomic.Int32, len(b.plan)) // parts of each matrix still to do
	for i, p := range b.plan {
		for from := 0; from < p.matrix.Blocks(); from += packChunk {
			parts = append(parts, part{i, from})
			left[i].Add(1)
		}
	}
	var next, done atomic.Int64
	last := b.lasts()
	var group sync.WaitGroup
	errs := make([]error, runtime.GOMAXPROCS(0))
	for worker := range errs {
		group.Go(func() {
			errs[worker] = b.src.guard(func() error {
				var packer weights.Packer
				var buffer []byte
				for {
					i := int(next.Add(1)) - 1
					if i >= len(parts) {
						return nil
					}
					if interrupted := b.options.Interrupted; interrupted != nil {
						if err := interrupted(); err != nil {
							return fmt.Errorf("model: %s: %w", b.src.name(), err)
						}
					}
					p := &b.plan[parts[i].plan]
					var err error
					if p.gather != nil && !p.src.Turned {
						buffer, err = p.packGathered(&packer, parts[i].from, buffer)
					} else {
						err = p.pack(&packer, parts[i].from)
					}
					if err != nil {
						return wrongTensor(b.src, p.name, err.Error(), "numbers")
					}
					report(done.Add(p.partBytes(parts[i].from)))
					if left[parts[i].plan].Add(-1) == 0 && last[p.name] == parts[i].plan {
						b.src.release(p.name)
					}
				}
			})
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// pack checks and packs packChunk row blocks, block by block as long as the processor
// has them at hand. What is stored turned is read as a whole for any of its blocks.
func (p *packing) pack(packer *weights.Packer, from int) error {
	to, step, src := min(from+packChunk, p.matrix.Blocks()), 1, p.src
	if src.Turned {
		step = packChunk
	}
	if p.gather != nil { // turned: as many stored rows as the matrix has columns
		src.Data = make([]byte, p.matrix.Cols*src.Type.RowBytes(p.matrix.Rows))
		if err := p.gather.rows(src.Data, nil, 0, p.matrix.Cols); err != nil {
			return err
		}
	}
	for b := from; b < to; b += step {
		end := min(b+step, to)
		if err := weights.Check(p.matrix, src, b, end); err != nil {
			return err
		}
		packer.Pack(p.matrix, src, b, end)
	}
	return nil
}

// partBytes returns the bytes that pack writes at from. The parts of a matrix add up to
// all of it.
func (p *packing) partBytes(from int) int64 {
	blocks, bytes := int64(p.matrix.Blocks()), int64(p.matrix.Bytes())
	to := min(int64(from)+packChunk, blocks)
	return bytes*to/blocks - bytes*int64(from)/blocks
}

// lasts returns which planned matrix is the last one of each tensor.
func (b *binder) lasts() map[string]int {
	last := map[string]int{}
	for i := range b.plan {
		last[b.plan[i].name] = i
	}
	return last
}
