package train

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// ErrNoRoom says that a step does not fit into memory.
var ErrNoRoom = errors.New("not enough memory")

// measured is what a step takes: some memory, and more for each token. All but logits and
// the scratch of threads grows evenly.
type measured struct{ fixed, perToken float64 }

// The steps that are measured: samples of so many tokens, of which few are predicted.
const (
	probeTokens  = 32
	probeTargets = kernel.Tile
)

// measure runs two small steps, once, and finds how memory grows between them.
func (t *Trainer) measure(ctx context.Context) error {
	if t.measured != nil {
		return nil
	}
	var held [2]float64
	t.probing = true
	defer func() { t.probing = false }()
	for i := range held {
		n := (i + 1) * probeTokens
		b := &Batch{Rows: 1, Cols: n, IDs: make([]int32, n), Segments: make([]int32, n), Weights: make([]float32, n), Divisor: 1}
		for k := range n {
			b.IDs[k], b.Segments[k], b.Weights[k] = int32(k*7919%t.model.Config.VocabSize), 1, 1
		}
		if _, err := t.accumulate(ctx, b, 1, 1); err != nil {
			return err
		}
		held[i] = float64(t.step.Bytes() + t.tape.Bytes())
	}
	t.gradients.Reset()
	perToken := (held[1] - held[0]) / probeTokens
	t.measured = &measured{fixed: max(0, held[0]-probeTokens*perToken), perToken: perToken}
	return nil
}

// margin is what may be taken beyond what is measured: sizes are rounded up, memory that was
// given back waits for who comes next.
const margin = 1.2

// Memory returns the bytes that a step on a batch takes beside the weights: gradients and
// moments, activations, keys and values, logits. It is computed before the step.
func (t *Trainer) Memory(ctx context.Context, b *Batch) (int64, error) {
	if err := t.Check(b); err != nil {
		return 0, err
	}
	if err := t.measure(ctx); err != nil {
		return 0, err
	}
	tokens, longest := 0, 0
	total := int64(0)
	for _, s := range b.samples() {
		tokens, longest = tokens+len(s.ids), max(longest, len(s.ids))
		total += int64(t.cache.Bytes(len(s.ids), len(s.ids)))
	}
	for _, g := range t.gradients.All {
		total += 3 * 4 * int64(len(g.X))
	}
	// Of each logit there are itself, once more behind a soft cap, its gradient, and that in
	// the order of either product.
	rows := min(tokens, t.logitRows())
	logits := 5 * 4 * float64(rows) * float64(t.model.Config.VocabSize)
	activations := margin * (t.measured.fixed + float64(tokens)*t.measured.perToken)
	if t.tape.Recompute { // what goes into layers stays, and all else is not there at the same time
		kept := 4 * float64(tokens) * float64(t.model.Config.NumHiddenLayers*t.model.Config.HiddenSize)
		logits = max(0, logits-max(0, activations-margin*kept))
	}
	total += int64(activations + logits)
	total += int64(t.workers.Threads()) * t.model.ScratchBytes(longest)
	return total, nil
}

// CheckRoom returns an error that wraps ErrNoRoom where a step on a batch takes more than
// limit bytes; 0: any are there.
func (t *Trainer) CheckRoom(ctx context.Context, b *Batch, limit int64) error {
	n, err := t.Memory(ctx, b)
	if err == nil && limit > 0 && n > limit {
		return fmt.Errorf("train: a step of %d rows of %d takes %d MiB, there are %d MiB free: %w", b.Rows, b.Cols, n>>20, limit>>20, ErrNoRoom)
	}
	return err
}
