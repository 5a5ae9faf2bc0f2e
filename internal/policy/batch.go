package policy

import (
	"errors"
	"fmt"
	"math"
)

// A Batch is what was sampled: sequences, group by group in their order. The values of
// tokens are [sequence][token].
type Batch struct {
	Groups  []int     // sequences of each
	Rewards []float64 // [sequence]
	Skipped []bool    // [sequence]: it counts as never sampled; nil: none
	LogpNew [][]float64
	LogpOld [][]float64 // when it was sampled
	LogpRef [][]float64 // of the reference; nil: there is none
	Mask    [][]bool    // which tokens count; nil: all

	Correct   []bool // [sequence]; nil: where the reward is above 0
	Truncated []bool // [sequence]: it was cut at its longest; nil: none was
}

// The errors of a batch, which tell the place.
var (
	ErrShape     = errors.New("lists do not fit each other")
	ErrNotFinite = errors.New("not finite")
	ErrReference = errors.New("logp_ref is missing, and beta is not 0")
	ErrTruncated = errors.New("truncated is missing, and filter_truncated is set")
)

// check says whether lists fit each other.
func (b *Batch) check() error {
	n := 0
	for g, size := range b.Groups {
		if size < 0 || size > len(b.LogpNew)-n {
			return fmt.Errorf("%w: group %d has %d sequences, %d are left", ErrShape, g, size, len(b.LogpNew)-n)
		}
		n += size
	}
	if n != len(b.LogpNew) {
		return fmt.Errorf("%w: groups have %d sequences, logp_new %d", ErrShape, n, len(b.LogpNew))
	}
	lengths := func(name string, got int, is bool) error {
		if is && got != n {
			return fmt.Errorf("%w: %s has %d sequences, logp_new %d", ErrShape, name, got, n)
		}
		return nil
	}
	return errors.Join(
		lengths("rewards", len(b.Rewards), true), lengths("skipped", len(b.Skipped), b.Skipped != nil),
		lengths("correct", len(b.Correct), b.Correct != nil), lengths("truncated", len(b.Truncated), b.Truncated != nil),
		fits(b, "logp_old", b.LogpOld, true), fits(b, "logp_ref", b.LogpRef, b.LogpRef != nil), fits(b, "mask", b.Mask, b.Mask != nil),
	)
}

// fits says whether rows are as many and as long as those of logp_new.
func fits[T any](b *Batch, name string, rows [][]T, is bool) error {
	if !is {
		return nil
	}
	if len(rows) != len(b.LogpNew) {
		return fmt.Errorf("%w: %s has %d sequences, logp_new %d", ErrShape, name, len(rows), len(b.LogpNew))
	}
	for i, row := range rows {
		if len(row) != len(b.LogpNew[i]) {
			return fmt.Errorf("%w: %s[%d] has %d tokens, logp_new %d", ErrShape, name, i, len(row), len(b.LogpNew[i]))
		}
	}
	return nil
}

// skipped says whether a sequence counts as never sampled.
func (b *Batch) skipped(i int) bool { return b.Skipped != nil && b.Skipped[i] }

// right says whether a sequence was right, by its reward before anything is taken off.
func (b *Batch) right(i int) bool {
	if b.Correct != nil {
		return b.Correct[i]
	}
	return b.Rewards[i] > 0
}

// counted appends the tokens of a sequence that count. The error names one whose values are
// not finite.
func (b *Batch) counted(dst []int, i int, reference bool) ([]int, error) {
	for t := range b.LogpNew[i] {
		if b.Mask != nil && !b.Mask[i][t] {
			continue
		}
		if err := errors.Join(finite("logp_new", b.LogpNew[i][t], i, t), finite("logp_old", b.LogpOld[i][t], i, t)); err != nil {
			return dst, err
		}
		if reference {
			if err := finite("logp_ref", b.LogpRef[i][t], i, t); err != nil {
				return dst, err
			}
		}
		dst = append(dst, t)
	}
	return dst, nil
}

func finite(name string, v float64, i, t int) error {
	if !isFinite(v) {
		return fmt.Errorf("%s[%d][%d] is %g: %w", name, i, t, v, ErrNotFinite)
	}
	return nil
}

func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
