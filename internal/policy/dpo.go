package policy

import "fmt"

// DPO is direct preference optimisation. Of a pair of answers to a prompt, w preferred to l,
//
//	u = beta ((log new/ref of w) - (log new/ref of l))
//	loss = -(1-ε) log σ(u) - ε log σ(-u), the mean over pairs
//
// Rafailov et al. 2023, equation 7; with ε the share of pairs that are the wrong way round,
// Mitchell 2023, "A note on DPO with noisy preferences", equation 3. TRL's DPOTrainer has it
// as loss_type "sigmoid" with beta and label_smoothing.
type DPO struct {
	Beta           float64 // the less, the farther the model may go from the reference
	LabelSmoothing float64 // ε, 0 to less than 1/2
}

// Check says what of the loss means nothing. The error wraps ErrPreference.
func (l *DPO) Check() error {
	switch {
	case !(l.Beta > 0 && isFinite(l.Beta)):
		return fmt.Errorf("beta is %g, want more than 0: %w", l.Beta, ErrPreference)
	case !(l.LabelSmoothing >= 0 && l.LabelSmoothing < 0.5):
		return fmt.Errorf("label smoothing is %g, want 0 to less than 0.5: %w", l.LabelSmoothing, ErrPreference)
	}
	return nil
}

// DPOResult is what DPO says of pairs.
type DPOResult struct {
	Loss             float64
	DChosen, DReject []float64 // ∂loss/∂log new of each answer
	Rewards          Rewards
}

// Compute returns the loss of pairs: chosen[i] is preferred to rejected[i]. The error wraps
// ErrPreference, ErrShape or ErrNotFinite.
func (l *DPO) Compute(chosen, rejected *Answers) (*DPOResult, error) {
	n := len(chosen.New)
	if err := l.Check(); err != nil {
		return nil, err
	}
	if err := chosen.check("chosen", n); err != nil {
		return nil, err
	}
	if err := rejected.check("rejected", n); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, fmt.Errorf("%w: no pairs", ErrShape)
	}
	r := &DPOResult{DChosen: make([]float64, n), DReject: make([]float64, n), Rewards: Rewards{Preferreds: n, Others: n}}
	right := 0
	for i := range n {
		w, other := float64(l.Beta*chosen.ratio(i)), float64(l.Beta*rejected.ratio(i))
		u := w - other
		is, logIs := sigmoid(u)
		not, logNot := sigmoid(-u)
		r.Loss -= (float64((1-l.LabelSmoothing)*logIs) + float64(l.LabelSmoothing*logNot)) / float64(n)
		du := float64(l.LabelSmoothing*is) - float64((1-l.LabelSmoothing)*not)
		r.DChosen[i] = float64(l.Beta*du) / float64(n)
		r.DReject[i] = -r.DChosen[i]
		r.Rewards.Preferred += w
		r.Rewards.Other += other
		if w > other {
			right++
		}
	}
	r.Rewards.mean(right, n)
	if !isFinite(r.Loss) {
		return nil, fmt.Errorf("the loss is %g: %w", r.Loss, ErrNotFinite)
	}
	return r, nil
}
