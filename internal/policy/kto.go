package policy

import "fmt"

// KTO is Kahneman-Tversky optimisation, of answers that are each desirable or not:
//
//	z = max(0, mean of log new/ref of mismatched answers)
//	loss = λ_D (1 - σ(beta (log new/ref - z))) of a desirable answer
//	       λ_U (1 - σ(beta (z - log new/ref))) of another, the mean over all
//
// Ethayarajh et al. 2024, section 4.1. z, the reference point, is the distance of the
// model from the reference, estimated of prompts with answers to other prompts;
// no gradient flows through it. TRL's KTOTrainer has it as loss_type "kto"
// with beta, desirable_weight and undesirable_weight.
type KTO struct {
	Beta        float64 // the less, the farther the model may go from the reference
	Desirable   float64 // λ_D
	Undesirable float64 // λ_U
}

// Check says what of the loss means nothing. The error wraps ErrPreference.
func (l *KTO) Check() error {
	switch {
	case !(l.Beta > 0 && isFinite(l.Beta)):
		return fmt.Errorf("beta is %g, want more than 0: %w", l.Beta, ErrPreference)
	case !(l.Desirable >= 0 && isFinite(l.Desirable)):
		return fmt.Errorf("desirable weight is %g, want 0 or more: %w", l.Desirable, ErrPreference)
	case !(l.Undesirable >= 0 && isFinite(l.Undesirable)):
		return fmt.Errorf("undesirable weight is %g, want 0 or more: %w", l.Undesirable, ErrPreference)
	case l.Desirable == 0 && l.Undesirable == 0:
		return fmt.Errorf("desirable and undesirable weight are 0: %w", ErrPreference)
	}
	return nil
}

// KTOResult is what KTO says of answers.
type KTOResult struct {
	Loss    float64
	DLogp   []float64 // ∂loss/∂log new of each answer
	Rewards Rewards
}

// point returns the reference point.
func point(mismatched *Answers) (z float64) {
	for i := range mismatched.New {
		z += mismatched.ratio(i)
	}
	return max(0, z/float64(len(mismatched.New)))
}

// Compute returns the loss of answers, and estimates the reference point of mismatched ones,
// of which there is one or more. The error wraps ErrPreference, ErrShape or ErrNotFinite.
func (l *KTO) Compute(answers *Answers, desirable []bool, mismatched *Answers) (*KTOResult, error) {
	n := len(answers.New)
	if err := l.Check(); err != nil {
		return nil, err
	}
	if err := answers.check("answers", n); err != nil {
		return nil, err
	}
	if err := mismatched.check("mismatched", len(mismatched.New)); err != nil {
		return nil, err
	}
	if n == 0 || len(desirable) != n || len(mismatched.New) == 0 {
		return nil, fmt.Errorf("%w: %d answers, %d labels, %d mismatched answers", ErrShape, n, len(desirable), len(mismatched.New))
	}
	r := &KTOResult{DLogp: make([]float64, n)}
	r.Rewards.KL = point(mismatched)
	right := 0
	for i := range n {
		above := answers.ratio(i) - r.Rewards.KL
		weight, sign, sum, count := l.Desirable, 1.0, &r.Rewards.Preferred, &r.Rewards.Preferreds
		if !desirable[i] {
			weight, sign, sum, count = l.Undesirable, -1, &r.Rewards.Other, &r.Rewards.Others
		}
		*sum += float64(l.Beta * answers.ratio(i))
		*count++
		u := float64(sign * float64(l.Beta*above))
		if u > 0 {
			right++
		}
		is, _ := sigmoid(u)
		not, _ := sigmoid(-u)
		r.Loss += float64(weight*not) / float64(n)
		r.DLogp[i] = -float64(sign*float64(float64(weight*l.Beta)*float64(is*not))) / float64(n)
	}
	r.Rewards.mean(right, n)
	if !isFinite(r.Loss) {
		return nil, fmt.Errorf("the loss is %g: %w", r.Loss, ErrNotFinite)
	}
	return r, nil
}
