package policy

import (
	"math"
	"testing"
)

// TestRLOO compares with the formula: -(1/G) sum (r_i - mean of the others) log p of the answer.
func TestRLOO(t *testing.T) {
	b := &Batch{
		Groups: []int{3}, Rewards: []float64{1, 0.25, 0}, LogpNew: [][]float64{{-1, -0.5}, {-2}, {-0.1, -0.2, -0.3}}, LogpOld: [][]float64{{-1, -0.5}, {-2}, {-0.1, -0.2, -0.3}},
	}
	l := RLOO()
	r, err := l.Compute(b)
	if err != nil {
		t.Fatal(err)
	}
	advantages, sums := []float64{1 - 0.125, 0.25 - 0.5, 0 - 0.625}, []float64{-1.5, -2, -0.6}
	want := 0.0
	for i, a := range advantages {
		want -= a * sums[i] / 3
		if math.Abs(r.Advantages[i]-a) > 1e-15 {
			t.Errorf("advantage %d is %v, want %v", i, r.Advantages[i], a)
		}
		for k, d := range r.DLogp[i] {
			if math.Abs(d+a/3) > 1e-15 {
				t.Errorf("gradient of sequence %d, token %d is %v, want %v", i, k, d, -a/3)
			}
		}
	}
	if math.Abs(r.Loss-want) > 1e-15 {
		t.Errorf("the loss is %v, want %v", r.Loss, want)
	}
}

// TestDistill holds that the gradient, over all tokens that a policy may draw and by their
// probabilities, is that of its divergence from the teacher.
func TestDistill(t *testing.T) {
	theta, teacher := []float64{0.3, -1, 0.8, 0}, softmax([]float64{1, 0.5, -0.4, 0.2})
	p := softmax(theta)
	divergence := func(theta []float64) (sum float64) {
		for i, p := range softmax(theta) {
			sum += p * math.Log(p/teacher[i])
		}
		return sum
	}
	got := make([]float64, len(theta))
	for a := range p {
		l := Distill()
		logp := [][]float64{{math.Log(p[a])}}
		r, err := l.Compute(&Batch{Groups: []int{1}, Rewards: []float64{5}, LogpNew: logp, LogpOld: logp, LogpRef: [][]float64{{math.Log(teacher[a])}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range theta { // the derivative of log p of a by theta i
			d := -p[i]
			if i == a {
				d++
			}
			got[i] += p[a] * r.DLogp[0][0] * d
		}
	}
	const h = 1e-6
	for i := range theta {
		theta[i] += h
		right := divergence(theta)
		theta[i] -= 2 * h
		left := divergence(theta)
		theta[i] += h
		if want := (right - left) / (2 * h); math.Abs(got[i]-want) > 1e-8 {
			t.Errorf("the derivative by theta %d is %v, want %v", i, got[i], want)
		}
	}
}

func softmax(x []float64) []float64 {
	p, sum := make([]float64, len(x)), 0.0
	for i, v := range x {
		p[i] = math.Exp(v)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}
