package policy

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// Answers are the log-probabilities of whole answers, of each the sum over its tokens: of the
// model that is trained, and of the reference, which is what it was before.
type Answers struct {
	New, Ref []float64 // [answers]
}

// ratio returns log new/ref of an answer. Times beta it is what the answer is worth by what
// was learned, but for a number that depends on the prompt alone: Rafailov et al. 2023,
// equation 5.
func (a *Answers) ratio(i int) float64 { return a.New[i] - a.Ref[i] }

// check says whether there are n answers, all of them numbers.
func (a *Answers) check(name string, n int) error {
	if len(a.New) != n || len(a.Ref) != n {
		return fmt.Errorf("%w: %s has %d answers and %d of the reference, want %d", ErrShape, name, len(a.New), len(a.Ref), n)
	}
	for i := range a.New {
		if !isFinite(a.New[i]) || !isFinite(a.Ref[i]) {
			return fmt.Errorf("%s[%d] is %g, of the reference %g: %w", name, i, a.New[i], a.Ref[i], ErrNotFinite)
		}
	}
	return nil
}

// ErrPreference: a loss of preferences that means nothing.
var ErrPreference = errors.New("refused loss of preferences")

// Rewards are means over answers of what they are worth by what was learned: beta log
// new/ref.
type Rewards struct {
	Preferred, Other float64 // of each kind; 0 where there is none
	Preferreds       int     // how many
	Others           int
	// Accuracy is the share of pairs whose preferred answer is worth more, or of answers that
	// lie on their side of the reference point.
	Accuracy float64
	KL       float64 // the reference point: the distance from the reference, in nats; KTO only
}

// Margin is how much more preferred answers are worth.
func (r *Rewards) Margin() float64 { return r.Preferred - r.Other }

// mean makes means of what was added up, of which right were as they should be.
func (r *Rewards) mean(right, of int) {
	if r.Preferreds > 0 {
		r.Preferred /= float64(r.Preferreds)
	}
	if r.Others > 0 {
		r.Other /= float64(r.Others)
	}
	r.Accuracy = float64(right) / float64(of)
}

// sigmoid returns 1/(1+e^-x) and the logarithm of it.
func sigmoid(x float64) (s, log float64) {
	e := 0.0
	if size := max(x, -x); size < mostExponent {
		e = kernel.Exp64(-size)
	}
	if s = 1 / (1 + e); x < 0 {
		return e / (1 + e), x - log1p(e)
	}
	return s, -log1p(e)
}

// mostExponent is from where on e^-x is less than the least float64.
const mostExponent = 746

// log1p returns log(1+x) of 0 <= x <= 1: that of y = 1+x, times what rounding it changed of x
// (Kahan, as the manual of the HP-15C has it).
func log1p(x float64) float64 {
	y := 1 + x
	if y == 1 {
		return x
	}
	return float64(kernel.Log64(y)*x) / (y - 1)
}
