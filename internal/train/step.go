package train

import (
	"context"
	"fmt"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
)

// Trainer computes gradients of a model's losses and changes its weights. One goroutine
// uses it at a time.
type Trainer struct {
	Losses Losses

	model     *model.Model
	workers   *kernel.Workers
	step      model.Step
	tape      *model.Tape
	gradients *model.Gradients
	cache     *kvcache.Cache
	adapter   *model.Adapter // nil: none
	weights   []*model.Weight
	moments   []moments // of each gradient, from the first step on
	done      int       // steps

	measured *measured // nil: not yet
	probing  bool
}

// Options say how a trainer computes; but for the adapter none changes a bit.
type Options struct {
	Threads   int
	Recompute bool // layers are computed again on the way back: less memory
	// Adapter is what adapts the model, and whose weights are to be trained; nil: nothing.
	Adapter *model.Adapter
}

// New returns a trainer of the weights of m, of which a part may be trained: m.Weights() are
// all of them.
func New(m *model.Model, weights []*model.Weight, o Options) (*Trainer, error) {
	if err := m.CheckTrainable(); err != nil {
		return nil, err
	}
	kind := m.DefaultCache()
	cache, err := kvcache.New(m.CacheLayers(kind), math.MaxInt)
	if err != nil {
		return nil, err
	}
	t := &Trainer{model: m, workers: kernel.NewWorkers(max(1, o.Threads)), cache: cache, adapter: o.Adapter, weights: weights, gradients: model.NewGradients(weights)}
	t.step = model.Step{Workers: t.workers, Kind: kind}
	t.tape = model.NewTape(&t.step, t.gradients)
	t.tape.Recompute = o.Recompute
	return t, nil
}

// Close ends the threads.
func (t *Trainer) Close() { t.workers.Close() }

// Last returns the gradients that were computed last.
func (t *Trainer) Last() *model.Gradients { return t.gradients }

// Check returns an error that wraps ErrBatch for a batch that the model cannot be trained on.
func (t *Trainer) Check(b *Batch) error { return b.check(t.model.Config.VocabSize) }

// Gradients computes losses and gradients of several batches as if they were one: LogP is of
// one behind the other.
func (t *Trainer) Gradients(ctx context.Context, batches ...*Batch) (*Result, error) {
	for _, b := range batches {
		if err := t.Check(b); err != nil {
			return nil, err
		}
	}
	d, samples, err := divisor(batches)
	if err != nil {
		return nil, err
	}
	t.gradients.Reset()
	sum := &Result{Loads: map[int][]int32{}}
	for _, b := range batches {
		r, err := t.accumulate(ctx, b, 1/d, samples)
		if err != nil {
			return nil, err
		}
		sum.add(r)
	}
	return sum, nil
}

// accumulate adds the gradients of a batch whose losses are multiplied by scale, of a step
// with so many samples.
func (t *Trainer) accumulate(ctx context.Context, b *Batch, scale float64, samples int) (*Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	list := b.samples()
	batch, free, err := t.sequences(list, b.Routes)
	defer free()
	if err != nil {
		return nil, err
	}
	t.tape.Balance.Alpha, t.tape.Balance.Samples = t.Losses.BalanceAlpha, samples
	r := &Result{LogP: make([]float32, len(b.IDs))}
	hidden := t.model.Forward(&t.step, batch)
	targets := t.predictions(list, 1)
	logp := make([]float32, len(targets))
	r.Main = t.crossEntropy(hidden, targets, scale, logp, func(rows *model.Act, from, to int) *model.Act {
		return t.model.Logits(&t.step, rows, from, to)
	})
	for i, to := range targets {
		r.LogP[to.at] = logp[i]
	}
	if t.model.HasMTP() && (t.Losses.hasMTP() || t.probing) {
		r.MTP = t.draft(hidden, list, batch, scale)
	}
	t.tape.Back(model.Mark{})
	if err := t.step.Err(); err != nil {
		return nil, err
	}
	r.Balance = t.tape.Balance.Loss()
	r.Loss = r.Main + r.MTP + r.Balance
	r.Loads = map[int][]int32{}
	for layer, n := range t.tape.Loads() {
		r.Loads[layer] = append([]int32(nil), n...)
	}
	return r, nil
}

// sequences returns what the model computes of the samples, each a segment with keys and
// values of its own, and what gives those back.
func (t *Trainer) sequences(list []sample, routes *model.Routes) (b *model.Batch, free func(), err error) {
	b = &model.Batch{Routes: routes}
	free = func() {
		for i := range b.Segments {
			b.Segments[i].Seq.Free()
		}
	}
	for _, s := range list {
		seq := t.cache.Private()
		b.Segments = append(b.Segments, model.Segment{Seq: seq, Tokens: s.ids, Logits: len(s.ids), Adapter: t.adapter, Limit: len(s.ids)})
		if err := seq.Reserve(len(s.ids)); err != nil {
			return b, free, fmt.Errorf("train: keys and values of %d tokens: %w", len(s.ids), err)
		}
	}
	return b, free, nil
}

// predictions returns the predictions of ids that have ahead ids or more before them. Rows
// are counted over what predicts: a sample of n ids has n-ahead+1 of them.
func predictions(list []sample, ahead int) (targets []target) {
	row := 0
	for _, s := range list {
		for i := ahead; i < len(s.ids); i++ {
			targets = append(targets, target{row: int32(row + i - ahead), id: s.ids[i], weight: s.weights[i], at: s.at + i})
		}
		row += max(0, len(s.ids)-ahead+1)
	}
	return targets
}

// predictions is predictions, fewer where only memory is measured.
func (t *Trainer) predictions(list []sample, ahead int) []target {
	targets := predictions(list, ahead)
	if t.probing {
		return targets[:probeTargets]
	}
	return targets
}

// draft computes the loss of the module of multi-token prediction: row t of a sample sees
// the hidden state of t and the id at t+1, and guesses that at t+2.
func (t *Trainer) draft(hidden *model.Act, list []sample, main *model.Batch, scale float64) float64 {
	var which []int32
	b := &model.Batch{}
	row := 0
	for i, s := range list {
		if n := len(s.ids) - 1; n > 0 {
			b.Segments = append(b.Segments, model.Segment{Seq: main.Segments[i].Seq, Tokens: s.ids[1:], Logits: n, Adapter: t.adapter})
			for k := range n {
				which = append(which, int32(row+k))
			}
		}
		row += len(s.ids)
	}
	if len(which) == 0 {
		return 0
	}
	guesses := t.model.Draft(&t.step, b, t.step.Rows(hidden, which))
	targets := t.predictions(list, 2)
	return t.crossEntropy(guesses, targets, scale*t.Losses.MTPWeight, make([]float32, len(targets)), func(rows *model.Act, from, to int) *model.Act {
		return t.model.DraftLogits(&t.step, rows, from, to)
	})
}
