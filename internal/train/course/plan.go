package course

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/dataset"
)

// Plan is which rows each step takes. It depends on the samples and the settings alone, so
// that a run that goes on takes the rows that it would have taken.
type Plan struct {
	Steps  int // of the run
	Warmup int // steps of it
	Rows   int // of a step; the last of an epoch may have less
	AtOnce int // rows that are computed together
	Length int // tokens of a row
	set    *dataset.Set
	s      *Settings
	epoch  int
	packed *dataset.Packing // of epoch

	starts []int // the first step of each epoch that is known
}

// NewPlan lays a run out. The error wraps ErrDoomed where there is nothing to train on.
func NewPlan(set *dataset.Set, s *Settings) (*Plan, error) {
	p := &Plan{set: set, s: s, epoch: -1, starts: []int{0}}
	if set.Train.Len() == 0 {
		return nil, fmt.Errorf("no sample is left to train on: %d rows, %d samples too long, %d to validate: %w",
			set.Counts.Rows, set.Counts.Skipped, set.Validation.Len(), ErrDoomed)
	}
	if s.Validation > 0 && set.Validation.Len() == 0 {
		return nil, fmt.Errorf("validation is %g, and none of %d rows falls into it: a larger share, or 0: %w", s.Validation, set.Counts.Rows, ErrDoomed)
	}
	p.size()
	if p.Steps = s.Steps; p.Steps == 0 {
		for e := range s.Epochs {
			p.open(e)
		}
		p.Steps = p.starts[s.Epochs]
	}
	if p.Warmup = s.Warmup; p.Warmup < 0 {
		p.Warmup = p.Steps / usualWarmup
	}
	if p.Warmup > p.Steps {
		return nil, fmt.Errorf("warmup is %d, and the run has %d steps: the rate would never be reached: %w", s.Warmup, p.Steps, ErrDoomed)
	}
	return p, nil
}

// What is usual where settings leave it open: the share of the steps in which the rate
// grows, the steps of an epoch, the tokens of a step, and of what is computed together.
const (
	usualWarmup = 30
	usualSteps  = 16
	leastStep   = 256
	mostStep    = 8192
	mostAtOnce  = 2048
)

// size finds how long rows are, and how many a step has. Rows are no longer than the longest
// sample, or the longest two of a preference: in shorter ones less is left empty, and steps can be small.
func (p *Plan) size() {
	for _, s := range []*dataset.Samples{&p.set.Train, &p.set.Validation} {
		for i := range s.Units() {
			p.Length = max(p.Length, s.UnitSize(i))
		}
	}
	if p.Rows = p.s.Rows; p.Rows == 0 {
		tokens := min(max(len(p.set.Train.IDs)/usualSteps, leastStep), mostStep)
		p.Rows = (tokens + p.Length - 1) / p.Length
	}
	if p.AtOnce = p.s.RowsAtOnce; p.AtOnce == 0 {
		p.AtOnce = max(1, mostAtOnce/p.Length)
	}
}

// open packs an epoch, to which those before are known.
func (p *Plan) open(epoch int) {
	p.packed = dataset.Pack(&p.set.Train, p.Length, uint64(p.s.Seed), uint64(epoch))
	p.epoch = epoch
	if len(p.starts) == epoch+1 {
		n := (len(p.packed.Rows) + p.Rows - 1) / p.Rows
		p.starts = append(p.starts, p.starts[epoch]+n)
	}
}

// Epoch returns which turn through the examples a step is in, from 0, and how far in it the
// step ends, up to 1.
func (p *Plan) Epoch(step int) (epoch int, share float64) {
	p.find(step)
	first, next := p.starts[p.epoch], p.starts[p.epoch+1]
	return p.epoch, float64(step-first+1) / float64(next-first)
}

// find opens the epoch of a step.
func (p *Plan) find(step int) {
	for e := 0; ; e++ {
		if len(p.starts) == e+1 {
			p.open(e)
		}
		if step < p.starts[e+1] {
			if p.epoch != e {
				p.open(e)
			}
			return
		}
	}
}

// Batches returns what a step takes, from 0: the rows that are computed together, and all of
// them one step.
func (p *Plan) Batches(step int) (list []*dataset.Batch) {
	p.find(step)
	from := (step - p.starts[p.epoch]) * p.Rows
	to := min(from+p.Rows, len(p.packed.Rows))
	for ; from < to; from += p.AtOnce {
		list = append(list, p.packed.Batch(from, min(from+p.AtOnce, to)))
	}
	return list
}

// Validation returns the batches that only measure.
func (p *Plan) Validation() (list []*dataset.Batch) {
	packed := dataset.Pack(&p.set.Validation, p.Length, uint64(p.s.Seed), 0)
	for from := 0; from < len(packed.Rows); from += p.AtOnce {
		list = append(list, packed.Batch(from, min(from+p.AtOnce, len(packed.Rows))))
	}
	return list
}
