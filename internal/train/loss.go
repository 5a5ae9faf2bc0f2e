package train

import (
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Losses says what is added to the loss of the next tokens.
type Losses struct {
	MTPWeight    float64 // of the module of multi-token prediction; DeepSeek-V3, eq. 25
	BalanceAlpha float64 // of the balance loss; DeepSeek-V3, eq. 17
	// LabelSmoothing is the share of the target that all tokens have alike; Szegedy et al.
	// 2016, section 7. 0: the next token has all of it.
	LabelSmoothing float64
	// ZLoss is what the square of the logarithm of Σ exp(logit) counts; Chowdhery et al. 2022,
	// section 5. 0: nothing.
	ZLoss float64
}

// hasMTP says whether the module of multi-token prediction is learned, or what is balanced has its
// experts.
func (l *Losses) hasMTP() bool { return l.MTPWeight != 0 || l.BalanceAlpha != 0 }

// DefaultMTPWeight is the usual weight of the loss of the module: DeepSeek-V3, section 4.2.
const DefaultMTPWeight = 0.3

// Check returns an error that names a weight that cannot be.
func (l *Losses) Check() error {
	switch {
	case !(l.MTPWeight >= 0 && l.MTPWeight <= math.MaxFloat32):
		return wrongSetting("mtp_weight", l.MTPWeight, "0 or more")
	case !(l.BalanceAlpha >= 0 && l.BalanceAlpha <= math.MaxFloat32):
		return wrongSetting("balance_alpha", l.BalanceAlpha, "0 or more")
	case !(l.LabelSmoothing >= 0 && l.LabelSmoothing < 1):
		return wrongSetting("label_smoothing", l.LabelSmoothing, "0 or more, less than 1")
	case !(l.ZLoss >= 0 && l.ZLoss <= math.MaxFloat32):
		return wrongSetting("z_loss", l.ZLoss, "0 or more")
	}
	return nil
}

// Result is what a batch gave.
type Result struct {
	Loss, Main, MTP, Balance float64 // Loss is the sum of the others
	LogP                     []float32
	Loads                    map[int][]int32 // rows of each expert, by layer
}

// add adds what another batch of the step gave.
func (r *Result) add(o *Result) {
	r.Main, r.MTP, r.Balance = r.Main+o.Main, r.MTP+o.MTP, r.Balance+o.Balance
	r.Loss = r.Main + r.MTP + r.Balance
	r.LogP = append(r.LogP, o.LogP...)
	for layer, load := range o.Loads {
		sum := r.Loads[layer]
		if sum == nil {
			sum = make([]int32, len(load))
			r.Loads[layer] = sum
		}
		for i, n := range load {
			sum[i] += n
		}
	}
}

// target is a prediction: the row of hidden states that it is made from, the id that it
// should be, and what its log-probability counts.
type target struct {
	row, id int32
	weight  float32
	at      int // in the batch
}

// logitNumbers is how many logits are computed at once: a large vocabulary has more of them
// than a layer has activations.
const logitNumbers = 16 << 20

// crossEntropy computes the loss of predictions, -Σ weight·log p unless it is smoothed or has
// a z-loss, and leaves its gradient in
// that of hidden. logits computes those of rows from … to-1 of what it is given.
//
//	hidden [T, D]   logp [len(targets)] log-probabilities, CANON section 7
func (t *Trainer) crossEntropy(hidden *model.Act, targets []target, scale float64, logp []float32,
	logits func(rows *model.Act, from, to int) *model.Act,
) (loss float64) {
	which := make([]int32, len(targets))
	for i := range targets {
		which[i] = targets[i].row
	}
	rows := t.step.Rows(hidden, which)
	chunk := t.logitRows()
	losses := make([]float64, len(targets))
	for from := 0; from < len(targets); from += chunk {
		mark := t.step.Mark()
		to := min(from+chunk, len(targets))
		x := logits(rows, from, to)
		d := t.tape.Grad(x)
		t.workers.Run(&lossRows{x, d, targets[from:to], logp[from:to], losses[from:to], scale, t.Losses}, to-from)
		t.tape.Back(mark)
	}
	for i, v := range losses {
		loss += float64(float64(targets[i].weight) * v)
	}
	return loss * scale
}

// logitRows returns how many rows of logits are computed at once.
func (t *Trainer) logitRows() int {
	return max(1, logitNumbers/t.model.Config.VocabSize/kernel.Tile) * kernel.Tile
}

// lossRows are the predictions of some rows of logits.
type lossRows struct {
	x, d    *model.Act // [T, V]
	targets []target
	logp    []float32
	losses  []float64 // of each, not weighted
	scale   float64
	Losses
}

// Do does one row: log p = (x - max) - log(Σ exp(x - max)), and of -weight·log p the
// gradient weight·(p - 1 at the target).
func (l *lossRows) Do(i int, _ *kernel.Thread) {
	x, d, to := l.x.Row(i), l.d.Row(i), l.targets[i]
	top := kernel.Max(x)
	sum := kernel.ExpSum(d, x, top)
	log := kernel.Log(sum)
	l.logp[i] = (x[to.id] - top) - log
	l.losses[i] = -float64(l.logp[i])
	weight := float32(float64(to.weight) * l.scale)
	if weight == 0 {
		clear(d)
		return
	}
	if l.LabelSmoothing == 0 && l.ZLoss == 0 {
		kernel.Scale(d, d, weight/sum)
		d[to.id] -= weight
		return
	}
	l.smooth(i, x, d, float64(top)+float64(log), weight, sum)
}

// smooth is the rest of Do where the target is smoothed or there is a z-loss: with z the
// logarithm of Σ exp(logit) and V tokens, (1-ε)·-log p + ε·(z - mean logit) + ζ·z², whose
// gradient is p·(1 + 2ζz) - (1-ε at the target) - ε/V.
func (l *lossRows) smooth(i int, x, d []float32, z float64, weight, sum float32) {
	share, V := l.LabelSmoothing, float64(len(x))
	mean := float64(kernel.LaneSum(x)) / V
	l.losses[i] = float64((1-share)*l.losses[i]) + float64(share*(z-mean)) + float64(l.ZLoss*float64(z*z))
	kernel.Scale(d, d, weight/sum*float32(1+float64(2*l.ZLoss*z)))
	all := float32(float64(weight) * share / V)
	for v := range d {
		d[v] -= all
	}
	d[l.targets[i].id] -= float32(float64(weight) * (1 - share))
}
