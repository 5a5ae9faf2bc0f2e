package task

import (
	"errors"
	"fmt"
	"math"
)

// Samples are the answers to one problem.
type Samples struct {
	N, C    int       // answers, and how many are right
	Correct []bool    // of each answer, in their order; nil: only the counts are known
	Answers []*string // their texts, nil where there is none; nil: unknown
}

// A Score is the mean over problems, with its standard error.
type Score struct {
	Value float64 `json:"value"`
	// StandardError is sqrt(sum (x-mean)² / (m-1) / m) over m problems; nil for one.
	StandardError *float64 `json:"stderr"`
}

// Mean returns the score of problems that have these values, one at least.
func Mean(values []float64) Score {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	m := float64(len(values))
	s := Score{Value: sum / m}
	if len(values) < 2 {
		return s
	}
	square := 0.0
	for _, x := range values {
		d := x - s.Value
		square += float64(d * d)
	}
	e := math.Sqrt(square / (m - 1) / m)
	s.StandardError = &e
	return s
}

// maxWork bounds the factors that are multiplied for one score.
const maxWork = 1 << 30

// The errors of scores. Those of a problem say which one, from 0.
var (
	ErrNoProblems = errors.New("there are no problems")
	ErrSamples    = errors.New("too few answers")
)

// PassAt returns the pass@k of each problem without bias, 1 - C(n-c, k) / C(n, k): Chen et
// al. 2021, section 2.1.
func PassAt(k int, problems []Samples) ([]float64, error) {
	work := 0
	for i, p := range problems {
		if p.C < 0 || p.C > p.N {
			return nil, fmt.Errorf("problem %d: %d of %d answers are right", i, p.C, p.N)
		}
		if err := checkK("pass", k, p.N, i); err != nil {
			return nil, err
		}
		if work += min(k, p.C); work > maxWork {
			return nil, fmt.Errorf("pass@%d: more than %d factors", k, maxWork)
		}
	}
	values := make([]float64, len(problems))
	for i, p := range problems {
		if values[i] = 1 - allWrong(p.N, p.C, k); k == 1 {
			values[i] = float64(p.C) / float64(p.N) // the same, rounded once
		}
	}
	return values, nil
}

// allWrong returns C(n-c, k) / C(n, k), the share of the sets of k answers that hold none
// of the c right ones. It is the same with k and c exchanged.
func allWrong(n, c, k int) float64 {
	if n-c < k {
		return 0
	}
	p := 1.0
	for j := range min(k, c) {
		p *= float64(n-max(k, c)-j) / float64(n-j)
		if p == 0 {
			break
		}
	}
	return p
}

// MajorityAt returns the maj@k of each problem: 1 where the most frequent of the first k
// answers is right, else 0. No answer is no vote; of equally frequent ones the first counts;
// no vote is wrong.
func MajorityAt(k int, problems []Samples) ([]float64, error) {
	values := make([]float64, len(problems))
	for i, p := range problems {
		if err := checkK("maj", k, p.N, i); err != nil {
			return nil, err
		}
		if len(p.Answers) != p.N || len(p.Correct) != p.N {
			return nil, fmt.Errorf("problem %d: maj@%d needs the answers and which are right", i, k)
		}
		if majority(p.Correct[:k], p.Answers[:k]) {
			values[i] = 1
		}
	}
	return values, nil
}

// majority says whether the most frequent answer is right.
func majority(correct []bool, answers []*string) bool {
	votes := make(map[string]int, len(answers))
	most := 0
	for _, a := range answers {
		if a != nil {
			votes[*a]++
			most = max(most, votes[*a])
		}
	}
	for i, a := range answers {
		if a != nil && votes[*a] == most {
			return correct[i]
		}
	}
	return false
}

func checkK(name string, k, n, problem int) error {
	switch {
	case k < 1:
		return fmt.Errorf("%s@%d: want 1 or more", name, k)
	case n < k:
		return fmt.Errorf("problem %d: %w: %d, want %d for %s@%d", problem, ErrSamples, n, k, name, k)
	}
	return nil
}
